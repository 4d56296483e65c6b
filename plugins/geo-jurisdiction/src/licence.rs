//! The licence matrix: brand by market by product by time, as data.

use std::collections::BTreeSet;

use policy_kit::{invalid, Brands, ConfigError, EndpointClass, Place, Relation};
use time::format_description::well_known::Rfc3339;
use time::OffsetDateTime;

use crate::config::LicenceConfig;

/// One licence.
#[derive(Debug)]
pub struct Licence {
    brand: String,
    markets: Vec<Place>,
    products: Option<BTreeSet<String>>,
    classes: Option<BTreeSet<EndpointClass>>,
    /// Nanoseconds since the epoch: first moment, and first moment after.
    holds: std::ops::Range<u64>,
}

/// What is asked of the matrix, but for the place.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The brand; a host of no known brand holds no licence.
    pub brand: Option<&'a str>,
    /// The kind of call.
    pub class: EndpointClass,
    /// The product, if the endpoint names one.
    pub product: Option<&'a str>,
    /// Nanoseconds since the epoch.
    pub now: u64,
}

/// What the matrix answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The licence at this place in the configuration covers it.
    Covered(usize),
    /// A licence covers a part of the place, and nobody knows whether that is the part.
    InPart,
    /// The brand is licensed there for this kind of call, but not for this product.
    OtherProduct,
    /// No licence.
    Uncovered,
}

impl Licence {
    /// Compiles entry `i` of the configuration's `licences`.
    ///
    /// # Errors
    /// Names the field of the entry.
    pub fn compile(i: usize, raw: LicenceConfig, brands: &Brands) -> Result<Self, ConfigError> {
        let at = |field: &str| format!("licences[{i}].{field}");
        if !brands.names().any(|b| b == raw.brand) {
            return Err(invalid(at("brand"), "is not a brand of `brands`"));
        }
        if raw.markets.is_empty() {
            return Err(invalid(at("markets"), "must name at least one market"));
        }
        let markets = places(&raw.markets, &at("markets"))?;
        if raw.classes.as_ref().is_some_and(Vec::is_empty) {
            return Err(invalid(at("classes"), "must name at least one; leave it out for all"));
        }
        if raw.products.as_ref().is_some_and(Vec::is_empty) {
            return Err(invalid(at("products"), "must name at least one; leave it out for all"));
        }
        let from = moment(raw.from.as_deref(), &at("from"))?.unwrap_or(0);
        let until = moment(raw.until.as_deref(), &at("until"))?.unwrap_or(u64::MAX);
        if from >= until {
            return Err(invalid(at("until"), "must be later than `from`"));
        }
        Ok(Self {
            brand: raw.brand,
            markets,
            products: raw.products.map(|p| p.into_iter().collect()),
            classes: raw.classes.map(|c| c.into_iter().collect()),
            holds: from..until,
        })
    }

    /// The markets.
    pub fn markets(&self) -> &[Place] {
        &self.markets
    }

    /// Whether it is for this brand, moment and class, whatever the place and product.
    fn is_for(&self, call: &Call<'_>) -> bool {
        call.brand == Some(self.brand.as_str())
            && self.holds.contains(&call.now)
            && self.classes.as_ref().is_none_or(|c| c.contains(&call.class))
    }

    /// Whether the place lies in one of its markets.
    fn reaches(&self, place: &Place) -> Relation {
        let mut most = Relation::Outside;
        for market in &self.markets {
            most = most.max(place.relation(market));
            if most == Relation::Inside {
                break;
            }
        }
        most
    }

    fn covers_product(&self, q: &Call<'_>) -> bool {
        match (&self.products, q.product) {
            (None, _) => true,
            (Some(products), Some(product)) => products.contains(product),
            // A deposit is for no product in particular; a call that nobody knows may be for any.
            (Some(_), None) => q.class != EndpointClass::Unclassified,
        }
    }
}

/// Asks all licences. Only what surely lies in a market is covered.
pub fn ask(licences: &[Licence], call: &Call<'_>, place: &Place) -> Answer {
    let mut answer = Answer::Uncovered;
    for (i, licence) in licences.iter().enumerate() {
        if !licence.is_for(call) {
            continue;
        }
        match (licence.reaches(place), licence.covers_product(call)) {
            (Relation::Inside, true) => return Answer::Covered(i),
            (Relation::MayBe, true) => answer = Answer::InPart,
            (Relation::Inside, false) if answer == Answer::Uncovered => {
                answer = Answer::OtherProduct;
            }
            _ => {}
        }
    }
    answer
}

/// Whether any place in the country of `place` is covered: the address tells the country better than where
/// in it a device is.
pub fn anywhere(licences: &[Licence], call: &Call<'_>, place: &Place) -> bool {
    let home = |licence: &Licence| licence.markets.iter().any(|it| it.same_root(place));
    licences.iter().any(|it| it.is_for(call) && home(it) && it.covers_product(call))
}

/// Asks all licences about a call whose place nobody asks for.
pub fn ask_wherever(licences: &[Licence], call: &Call<'_>) -> Answer {
    let mut answer = Answer::Uncovered;
    for (i, licence) in licences.iter().enumerate().filter(|(_, it)| it.is_for(call)) {
        if licence.covers_product(call) {
            return Answer::Covered(i);
        }
        answer = Answer::OtherProduct;
    }
    answer
}

/// Reads a list of places at path `at`.
pub(crate) fn places(codes: &[String], at: &str) -> Result<Vec<Place>, ConfigError> {
    let read = |(j, code): (usize, &String)| {
        let place = Place::parse(code.as_bytes());
        place.ok_or_else(|| invalid(format!("{at}[{j}]"), Place::EXPECTED))
    };
    codes.iter().enumerate().map(read).collect()
}

fn moment(text: Option<&str>, at: &str) -> Result<Option<u64>, ConfigError> {
    let Some(text) = text else { return Ok(None) };
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok();
    let nanos = moment.and_then(|m| u64::try_from(m.unix_timestamp_nanos()).ok());
    let problem = "expected a moment such as `2026-01-01T00:00:00Z` (RFC 3339), 1970 to 2554";
    nanos.map(Some).ok_or_else(|| invalid(at, problem))
}

#[cfg(test)]
#[path = "licence_tests.rs"]
mod tests;

//! The licence matrix: brand by market by product by time, as data.

use policy_kit::{invalid, Brands, ConfigError, EndpointClass, Place, Relation};
use time::format_description::well_known::Rfc3339;
use time::OffsetDateTime;

use crate::config::licence::LicenceConfig;

/// One licence.
#[derive(Debug)]
pub struct Licence {
    brand: String,
    markets: Vec<Place>,
    products: Option<Vec<String>>,
    classes: Option<Vec<EndpointClass>>,
    /// Nanoseconds since the epoch: first moment, and first moment after.
    holds: std::ops::Range<u64>,
}

/// A request to look up in the licence matrix, without its place.
#[derive(Clone, Copy, Debug)]
pub struct LicenceQuery<'a> {
    /// The brand; a host of no known brand holds no licence.
    pub brand: Option<&'a str>,
    /// The endpoint class.
    pub class: EndpointClass,
    /// The product, if the endpoint names one.
    pub product: Option<&'a str>,
    /// Nanoseconds since the epoch.
    pub now: u64,
}

/// What the matrix has for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LicenceMatch {
    /// The licence at this position in the configuration covers it.
    Covered(usize),
    /// A licence covers a part of the place; whether the request comes from that part is unknown.
    InPart,
    /// The brand is licensed there for this class, but not for this product.
    OtherProduct,
    /// No licence covers it.
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
            products: raw.products,
            classes: raw.classes,
            holds: from..until,
        })
    }

    /// Its markets.
    pub fn markets(&self) -> &[Place] {
        &self.markets
    }

    /// Whether it covers brand, moment and class, whatever the place and product.
    fn is_for(&self, query: &LicenceQuery<'_>) -> bool {
        query.brand == Some(self.brand.as_str())
            && self.holds.contains(&query.now)
            && self.classes.as_ref().is_none_or(|c| c.contains(&query.class))
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

    fn covers_product(&self, query: &LicenceQuery<'_>) -> bool {
        match (&self.products, query.product) {
            (None, _) => true,
            (Some(products), Some(product)) => products.iter().any(|it| it == product),
            // A deposit is for no product in particular; an unclassified request may be for any.
            (Some(_), None) => query.class != EndpointClass::Unclassified,
        }
    }
}

/// Looks a request from `place` up in all licences. Only a place that certainly lies in a market is covered.
pub fn lookup(licences: &[Licence], query: &LicenceQuery<'_>, place: &Place) -> LicenceMatch {
    let mut best = LicenceMatch::Uncovered;
    for (i, licence) in licences.iter().enumerate() {
        if !licence.is_for(query) {
            continue;
        }
        match (licence.reaches(place), licence.covers_product(query)) {
            (Relation::Inside, true) => return LicenceMatch::Covered(i),
            (Relation::MayBe, true) => best = LicenceMatch::InPart,
            (Relation::Inside, false) if best == LicenceMatch::Uncovered => {
                best = LicenceMatch::OtherProduct;
            }
            _ => {}
        }
    }
    best
}

/// Whether any place in the country of `place` is covered: an address locates a country better than a
/// subdivision.
pub fn is_licensed_in_country(
    licences: &[Licence],
    query: &LicenceQuery<'_>,
    place: &Place,
) -> bool {
    let home = |licence: &Licence| licence.markets.iter().any(|it| it.same_root(place));
    licences.iter().any(|it| it.is_for(query) && home(it) && it.covers_product(query))
}

/// Looks a request up whose place does not matter.
pub fn lookup_anywhere(licences: &[Licence], query: &LicenceQuery<'_>) -> LicenceMatch {
    let mut best = LicenceMatch::Uncovered;
    for (i, licence) in licences.iter().enumerate().filter(|(_, it)| it.is_for(query)) {
        if licence.covers_product(query) {
            return LicenceMatch::Covered(i);
        }
        best = LicenceMatch::OtherProduct;
    }
    best
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

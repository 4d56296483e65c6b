//! Pure core: facts in, verdict out. No clock, no host, no log.

use std::collections::{BTreeMap, BTreeSet};

use policy_kit::{
    invalid, Brands, ConfigError, Denial, EndpointClass, Endpoints, Location, Match, One, Profile,
};

use crate::config::{Config, Licence, Mode, OnError, Treatment, Unclassified};
use crate::place::Place;

/// No readable place reached us, so where the player is cannot be told: fail closed.
pub const UNKNOWN: Denial = Denial {
    status: 403,
    code: "jurisdiction_unknown",
    title: "Your location could not be determined.",
};
/// A known place that is not on the licence list of this brand (RFC 7725).
pub const UNLICENSED: Denial = Denial {
    status: 451,
    code: "jurisdiction_unlicensed",
    title: "This service is not licensed where you are.",
};

/// What this policy needs to know of a request. Bytes: clients need not send UTF-8.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// `:method`.
    pub method: &'a [u8],
    /// `:path`, as it came.
    pub target: &'a [u8],
    /// `:authority`.
    pub authority: &'a [u8],
    /// The trusted country header.
    pub country: One<'a>,
    /// The trusted region header.
    pub region: One<'a>,
}

/// What the policy makes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// The endpoint it is for.
    pub endpoint: Match<'a>,
    /// The brand of the host it was sent to.
    pub brand: Option<&'a str>,
    /// Where it came from.
    pub place: Option<Place>,
    /// Why it may not pass; `None` if it may.
    pub refusal: Option<Denial>,
}

/// A validated configuration, immutable for the life of the VM.
#[derive(Debug)]
pub struct Policy {
    profile: Profile,
    mode: Mode,
    on_error: OnError,
    unclassified: Unclassified,
    country_header: String,
    region_header: Option<String>,
    brands: Brands,
    licences: Vec<Compiled>,
    treatments: BTreeMap<EndpointClass, Treatment>,
    blocked_by: String,
    endpoints: Endpoints,
}

#[derive(Debug)]
struct Compiled {
    brand: String,
    markets: Vec<Place>,
    classes: Option<BTreeSet<EndpointClass>>,
}

impl TryFrom<Config> for Policy {
    type Error = ConfigError;

    fn try_from(raw: Config) -> Result<Self, ConfigError> {
        let country_header = header_name("source.country_header", &raw.source.country_header)?;
        let region = raw.source.region_header.as_deref();
        let region_header = region.map(|r| header_name("source.region_header", r)).transpose()?;
        let brands = Brands::compile(raw.brands)?;
        if raw.licences.is_empty() {
            return Err(invalid("licences", "must name at least one licence"));
        }
        let licences = raw.licences.into_iter().enumerate();
        let licences =
            licences.map(|(i, raw)| licence(i, raw, &brands)).collect::<Result<_, _>>()?;
        for (class, treatment) in &raw.classes {
            if class.defaults().location == Location::Never && *treatment != Treatment::Pass {
                return Err(invalid(format!("classes.{class}"), "is never blocked by location"));
            }
        }
        if !is_uri(&raw.blocked_by) {
            return Err(invalid("blocked_by", "expected an https:// or http:// URI"));
        }
        Ok(Self {
            profile: raw.host,
            mode: raw.mode,
            on_error: raw.on_error,
            unclassified: raw.unclassified,
            country_header,
            region_header,
            brands,
            licences,
            treatments: raw.classes,
            blocked_by: raw.blocked_by,
            endpoints: Endpoints::compile(raw.endpoints)?,
        })
    }
}

impl Policy {
    /// The gateway the operator named.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Whether refusals take effect.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What happens when the gateway fails the policy.
    pub fn on_error(&self) -> OnError {
        self.on_error
    }

    /// The header that [`Facts::country`] is read from.
    pub fn country_header(&self) -> &str {
        &self.country_header
    }

    /// The header that [`Facts::region`] is read from, if there is one.
    pub fn region_header(&self) -> Option<&str> {
        self.region_header.as_deref()
    }

    /// Who blocks, for the `Link` of a 451.
    pub fn blocked_by(&self) -> &str {
        &self.blocked_by
    }

    /// Decides one request.
    pub fn decide(&self, facts: &Facts<'_>) -> Verdict<'_> {
        let endpoint = self.endpoints.classify(facts.method, facts.target);
        let brand = self.brands.of(facts.authority);
        let place = Place::from_headers(facts.country, facts.region);
        let refusal = self.refusal(endpoint.class, brand, place.as_ref());
        Verdict { endpoint, brand, place, refusal }
    }

    fn refusal(
        &self,
        class: EndpointClass,
        brand: Option<&str>,
        place: Option<&Place>,
    ) -> Option<Denial> {
        if class == EndpointClass::Unclassified && self.unclassified == Unclassified::Refuse {
            return Some(Denial::UNCLASSIFIED);
        }
        if self.treatment(class) == Treatment::Pass {
            return None;
        }
        let Some(place) = place else { return Some(UNKNOWN) };
        // A host of no known brand holds no licence anywhere.
        let licensed = brand.is_some_and(|brand| {
            self.licences.iter().any(|l| l.brand == brand && l.covers(class, place))
        });
        (!licensed).then_some(UNLICENSED)
    }

    fn treatment(&self, class: EndpointClass) -> Treatment {
        let default = match class.defaults().location {
            Location::Fresh | Location::Configurable => Treatment::Licensed,
            Location::NotNeeded | Location::Never => Treatment::Pass,
        };
        self.treatments.get(&class).copied().unwrap_or(default)
    }
}

impl Compiled {
    fn covers(&self, class: EndpointClass, place: &Place) -> bool {
        self.classes.as_ref().is_none_or(|c| c.contains(&class))
            && self.markets.iter().any(|market| place.within(market))
    }
}

fn licence(i: usize, raw: Licence, brands: &Brands) -> Result<Compiled, ConfigError> {
    if !brands.names().any(|b| b == raw.brand) {
        return Err(invalid(format!("licences[{i}].brand"), "is not a brand of `brands`"));
    }
    if raw.markets.is_empty() {
        return Err(invalid(format!("licences[{i}].markets"), "must name at least one market"));
    }
    let mut markets = Vec::with_capacity(raw.markets.len());
    for (j, market) in raw.markets.iter().enumerate() {
        let problem = "expected an assigned ISO 3166-1 code such as `MT`, or an ISO 3166-2 code \
                       such as `US-NJ`";
        let at = || invalid(format!("licences[{i}].markets[{j}]"), problem);
        markets.push(Place::parse(market.as_bytes()).ok_or_else(at)?);
    }
    if raw.classes.as_ref().is_some_and(Vec::is_empty) {
        let problem = "must name at least one class; leave it out for all";
        return Err(invalid(format!("licences[{i}].classes"), problem));
    }
    let classes = raw.classes.map(|c| c.into_iter().collect());
    Ok(Compiled { brand: raw.brand, markets, classes })
}

fn header_name(field: &str, name: &str) -> Result<String, ConfigError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if name.is_empty() || !name.bytes().all(allowed) {
        return Err(invalid(field, "expected a header name in lower case"));
    }
    Ok(name.to_owned())
}

fn is_uri(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let safe = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'\\');
    rest.is_some_and(|r| !r.is_empty() && r.bytes().all(safe))
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;

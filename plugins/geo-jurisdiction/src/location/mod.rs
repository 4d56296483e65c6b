//! Signed location tokens: what a geolocation provider has found out about a player's device, and
//! whether it still counts for the request at hand.
//!
//! A token is proven once ([`check`]) and judged for every request ([`judge`]): it is one player's, in one
//! session, at one address, and for a while.

pub mod check;
pub mod config;
pub mod fix;
pub mod intervals;
pub mod judge;
#[cfg(test)]
pub(crate) mod testing;

use policy_kit::{
    header_name, invalid, stripped_by, ConfigError, EndpointClass, FailuresConfig, Headers, Host,
    Location as Needed, One, Plugin, Profile, SortedMap,
};
use policy_token::{algorithms, audiences, IssuerKeys};

use crate::config::Treatment;
use crate::location::config::{LocationConfig, Need, OnDown};
use crate::location::fix::Mapping;
use crate::location::intervals::Intervals;
use crate::names::{is_uri, PARTNER_HEADER, PLAYER_HEADER, SESSION_HEADER};
use crate::plugin::GeoJurisdiction;
use crate::policy::treatment;

/// Headers that mean something else to somebody else.
const TAKEN: [&str; 7] = [
    "authorization",
    "cookie",
    "host",
    "x-forwarded-for",
    PLAYER_HEADER,
    SESSION_HEADER,
    PARTNER_HEADER,
];

/// The tokens of one provider, and who needs one.
#[derive(Debug)]
pub struct Location {
    header: String,
    issuer: String,
    audiences: Option<Vec<String>>,
    types: Vec<String>,
    skew: u64,
    /// The provider's keys.
    pub keys: IssuerKeys,
    mapping: Mapping,
    intervals: Intervals,
    /// Where a client has its location checked anew.
    pub recheck: Option<String>,
    needs: SortedMap<EndpointClass, Need>,
    on_error: SortedMap<EndpointClass, OnDown>,
    /// Failed checks that one source may cause.
    pub failures: FailuresConfig,
    /// Verified tokens kept per worker.
    pub cache_tokens: usize,
}

/// What a request brings in the token's header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sent {
    /// Nothing.
    #[default]
    Nothing,
    /// This, once.
    Token(Vec<u8>),
    /// More than one: two readers may take different ones.
    Many,
}

impl Location {
    /// Compiles the configuration's `location`. `treatments` are its `classes`; `players_unique` says that no
    /// two players have one id.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(
        raw: LocationConfig,
        treatments: &SortedMap<EndpointClass, Treatment>,
        players_unique: bool,
        profile: Profile,
        host: &mut dyn Host,
    ) -> Result<Self, ConfigError> {
        let header = header_name("location.header", &raw.header)?;
        if TAKEN.contains(&header.as_str()) {
            return Err(invalid("location.header", "is a header with a meaning of its own"));
        }
        if raw.issuer.is_empty() {
            return Err(invalid("location.issuer", "is empty"));
        }
        if raw.skew_s > 600 {
            return Err(invalid("location.skew_s", "expected at most 600"));
        }
        let recheck = |text: &String| is_uri(text) || text.starts_with('/');
        if !raw.recheck.as_ref().is_none_or(recheck) {
            return Err(invalid("location.recheck", "expected a URI or a path"));
        }
        if raw.cache_tokens > 100_000 {
            return Err(invalid("location.cache_tokens", "expected at most 100000"));
        }
        raw.failures.check("location.failures")?;
        if !players_unique && raw.claims.brand.is_none() {
            // Else one player's location would be that of another brand's who has the same id.
            let problem =
                "required where there are several brands; or say with `players_unique` that no \
                           two players have one id";
            return Err(invalid("location.claims.brand", problem));
        }
        let stripper = raw.identity.as_ref().map(|it| it.headers_stripped_by.as_str());
        let at = ("location.identity", "headers_stripped_by");
        stripped_by(profile, at, "players and sessions", stripper)?;
        let intervals = Intervals::compile(&raw)?;
        let algorithms = algorithms(&raw.algorithms, "location.algorithms")?;
        let whose = (GeoJurisdiction::NAME, raw.issuer.as_str());
        let keys = IssuerKeys::compile(&raw.keys, whose, algorithms, "location.keys", host)?;
        let location = Self {
            header,
            keys,
            intervals,
            issuer: raw.issuer,
            audiences: audiences(raw.audiences, raw.any_audience, "location")?,
            types: raw.types,
            skew: raw.skew_s,
            mapping: Mapping::compile(raw.claims, raw.reasons)?,
            recheck: raw.recheck,
            needs: raw.classes,
            on_error: raw.on_error,
            failures: raw.failures,
            cache_tokens: raw.cache_tokens,
        };
        location.check_classes(treatments)?;
        Ok(location)
    }

    /// What would never be asked is a mistake.
    fn check_classes(
        &self,
        treatments: &SortedMap<EndpointClass, Treatment>,
    ) -> Result<(), ConfigError> {
        for (class, need) in self.needs.iter() {
            let at = format!("location.classes.{class}");
            if *need == Need::Fresh && class.defaults().location == Needed::Never {
                return Err(invalid(at, "is never blocked by location"));
            }
            if *need == Need::Fresh && treatment(treatments, *class) == Treatment::Pass {
                return Err(invalid(at, "has no effect: the class passes from anywhere"));
            }
        }
        match self.on_error.keys().find(|class| !self.needed(**class)) {
            Some(class) => {
                let problem = "has no effect: the class needs no fresh location";
                Err(invalid(format!("location.on_error.{class}"), problem))
            }
            None => Ok(()),
        }
    }

    /// Whether a class needs a fresh location, where it needs a licence.
    pub fn needed(&self, class: EndpointClass) -> bool {
        match self.needs.get(&class) {
            Some(need) => *need == Need::Fresh,
            None => class.defaults().location == Needed::Fresh,
        }
    }

    /// What happens to a class while the provider's keys are not to be had.
    pub fn on_down(&self, class: EndpointClass) -> OnDown {
        let default = match class {
            EndpointClass::Wager | EndpointClass::Launch | EndpointClass::Unclassified => {
                OnDown::Refuse
            }
            _ => OnDown::Pass,
        };
        self.on_error.get(&class).copied().unwrap_or(default)
    }

    /// The header with the token; never sent on.
    pub fn header(&self) -> &str {
        &self.header
    }

    /// Reads the token's header.
    pub fn sent(&self, headers: &Headers) -> Sent {
        match headers.one(&self.header) {
            One::Absent | One::Value(b"") => Sent::Nothing,
            One::Value(token) => Sent::Token(token.to_vec()),
            One::Many => Sent::Many,
        }
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;

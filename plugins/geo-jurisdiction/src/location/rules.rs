//! The compiled `location`: one provider's tokens, and which classes need one.

use policy_kit::{
    header_name, invalid, stripped_by, ConfigError, EndpointClass, FailuresConfig, Host, Location,
    Profile, SortedMap,
};
use policy_token::{algorithms, audiences, IssuerKeys};

use crate::config::classes::Treatment;
use crate::config::location::{LocationConfig, Need, OnDown};
use crate::config::uri::is_uri;
use crate::location::claims::ClaimMapping;
use crate::location::intervals::Intervals;
use crate::names::{NAME, PARTNER_HEADER, PLAYER_HEADER, SESSION_HEADER};

/// Headers that have a meaning of their own.
const TAKEN: [&str; 7] = [
    "authorization",
    "cookie",
    "host",
    "x-forwarded-for",
    PLAYER_HEADER,
    SESSION_HEADER,
    PARTNER_HEADER,
];

/// The tokens of one provider, how long they count, and which classes need one.
#[derive(Debug)]
pub struct LocationRules {
    /// The header with the token; stripped from every request.
    pub(crate) header: String,
    pub(super) issuer: String,
    pub(super) audiences: Option<Vec<String>>,
    pub(super) types: Vec<String>,
    pub(super) skew: u64,
    /// The provider's keys.
    pub keys: IssuerKeys,
    pub(super) mapping: ClaimMapping,
    pub(super) intervals: Intervals,
    /// Where a client has its location checked again.
    pub recheck: Option<String>,
    needs: SortedMap<EndpointClass, Need>,
    on_error: SortedMap<EndpointClass, OnDown>,
    /// Failed checks that one source may cause.
    pub failures: FailuresConfig,
    /// Verified tokens kept per worker.
    pub cache_tokens: usize,
}

impl LocationRules {
    /// Compiles the configuration's `location`. `treatments` are its `classes`; `players_unique` states that
    /// players' ids are unique across brands.
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
            // Else one player's location would count for another brand's player of the same id.
            let problem =
                "required where there are several brands; or say with `players_unique` that \
                           no two players have one id";
            return Err(invalid("location.claims.brand", problem));
        }
        let filter = raw.identity.as_ref().map(|it| it.headers_stripped_by.as_str());
        let at = ("location.identity", "headers_stripped_by");
        stripped_by(profile, at, "players and sessions", filter)?;
        let intervals = Intervals::compile(&raw)?;
        let algorithms = algorithms(&raw.algorithms, "location.algorithms")?;
        let owner = (NAME, raw.issuer.as_str());
        let keys = IssuerKeys::compile(&raw.keys, owner, algorithms, "location.keys", host)?;
        let rules = Self {
            header,
            keys,
            intervals,
            issuer: raw.issuer,
            audiences: audiences(raw.audiences, raw.any_audience, "location")?,
            types: raw.types,
            skew: raw.skew_s,
            mapping: ClaimMapping::compile(raw.claims, raw.reasons)?,
            recheck: raw.recheck,
            needs: raw.classes,
            on_error: raw.on_error,
            failures: raw.failures,
            cache_tokens: raw.cache_tokens,
        };
        rules.check_classes(treatments)?;
        Ok(rules)
    }

    /// A class that would never be checked is a mistake.
    fn check_classes(
        &self,
        treatments: &SortedMap<EndpointClass, Treatment>,
    ) -> Result<(), ConfigError> {
        for (class, need) in self.needs.iter() {
            let at = format!("location.classes.{class}");
            if *need == Need::Fresh && class.defaults().location == Location::Never {
                return Err(invalid(at, "is never blocked by location"));
            }
            if *need == Need::Fresh && Treatment::of(treatments, *class) == Treatment::Pass {
                return Err(invalid(at, "has no effect: the class passes from anywhere"));
            }
        }
        match self.on_error.keys().find(|class| !self.is_needed(**class)) {
            Some(class) => {
                let problem = "has no effect: the class needs no fresh location";
                Err(invalid(format!("location.on_error.{class}"), problem))
            }
            None => Ok(()),
        }
    }

    /// Whether a class that needs a licence needs a fresh location, too.
    pub fn is_needed(&self, class: EndpointClass) -> bool {
        match self.needs.get(&class) {
            Some(need) => *need == Need::Fresh,
            None => class.defaults().location == Location::Fresh,
        }
    }

    /// What happens to a class while the provider's keys are unavailable.
    pub fn on_down(&self, class: EndpointClass) -> OnDown {
        let default = match class {
            EndpointClass::Wager | EndpointClass::Launch | EndpointClass::Unclassified => {
                OnDown::Refuse
            }
            _ => OnDown::Pass,
        };
        self.on_error.get(&class).copied().unwrap_or(default)
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;

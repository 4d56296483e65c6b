//! Pure core: facts in, ruling out. No clock, no host, no log.

use std::net::IpAddr;

use policy_kit::{
    invalid, Brands, ConfigError, Denial, EndpointClass, Endpoints, Envelopes, Headers, Location,
    Match, Profile, SortedMap, Trust, Unclassified, FORWARDED_HEADERS, MEANING_HEADERS,
};

use crate::anonymous::Anonymous;
use crate::config::{Config, Mode, OnError, OnUnknown, Treatment};
use crate::denials::{ANONYMOUS, CONFLICT, PRODUCT_UNLICENSED, UNKNOWN, UNLICENSED};
use crate::licence::{self, ask, Answer, Licence, Question};
use crate::locate::{Located, Sources};
use crate::names::OURS;
use crate::place::Place;

/// What this policy needs to know of a request. Headers as bytes: clients need not send UTF-8.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// All request headers.
    pub headers: &'a Headers,
    /// Address of the connection.
    pub peer: Option<IpAddr>,
    /// Nanoseconds since the epoch; 0 where [`Policy::needs_clock`] says that nobody asks.
    pub now: u64,
}

/// The facts, weighed: all that is decided about a request but for what its body says.
#[derive(Clone, Debug, Default)]
pub struct Case {
    method: Vec<u8>,
    target: Vec<u8>,
    /// The brand of the host it was sent to.
    pub brand: Option<String>,
    /// Where it comes from.
    pub located: Located,
    /// Whether headers about the client count.
    pub trusted_peer: bool,
    /// Whether the body is sent as JSON.
    pub json: bool,
    anonymous: Vec<String>,
    now: u64,
}

/// A decision and the rule behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Why it may not pass; `None` if it may.
    pub refusal: Option<Denial>,
    /// The rule, as evidence: `licences[2]`, `class`, `blocked`, `anonymous:vpn`, ...
    pub rule: String,
}

/// A validated configuration, immutable for the life of the VM.
#[derive(Debug)]
pub struct Policy {
    profile: Profile,
    version: String,
    mode: Mode,
    on_error: OnError,
    unclassified: Unclassified,
    trust: Trust,
    sources: Sources,
    anonymous: Anonymous,
    ours: Vec<String>,
    edge_headers: Vec<String>,
    brands: Brands,
    licences: Vec<Licence>,
    dated: bool,
    blocked: Vec<Place>,
    treatments: SortedMap<EndpointClass, Treatment>,
    on_unknown: SortedMap<EndpointClass, OnUnknown>,
    blocked_by: String,
    envelopes: Envelopes,
    endpoints: Endpoints,
}

impl TryFrom<Config> for Policy {
    type Error = ConfigError;

    fn try_from(raw: Config) -> Result<Self, ConfigError> {
        policy_kit::version(&raw.version)?;
        let brands = Brands::compile(raw.brands)?;
        if raw.licences.is_empty() {
            return Err(invalid("licences", "must name at least one licence"));
        }
        let dated = raw.licences.iter().any(|l| l.from.is_some() || l.until.is_some());
        let licences = raw.licences.into_iter().enumerate();
        let licences = licences.map(|(i, raw)| Licence::compile(i, raw, &brands));
        let licences = licences.collect::<Result<_, _>>()?;
        for (class, treatment) in raw.classes.iter() {
            if class.defaults().location == Location::Never && *treatment != Treatment::Pass {
                return Err(invalid(format!("classes.{class}"), "is never blocked by location"));
            }
        }
        for class in raw.on_unknown.keys() {
            if treatment(&raw.classes, *class) == Treatment::Pass {
                let problem = "has no effect: the class passes from anywhere";
                return Err(invalid(format!("on_unknown.{class}"), problem));
            }
        }
        let trust = Trust::compile(&raw.address, "address")?;
        if trust.is_empty() && raw.place.header.is_some() {
            let problem = "must name the edge, as its headers are a source of the place";
            return Err(invalid("address.trusted", problem));
        }
        if !is_uri(&raw.blocked_by) {
            return Err(invalid("blocked_by", "expected an https:// or http:// URI"));
        }
        let sources = Sources::compile(raw.place)?;
        let told = raw.anonymous.iter().flat_map(|a| a.headers.keys().map(String::as_str));
        let edge_headers = sources.headers().chain(told).chain(FORWARDED_HEADERS);
        let edge_headers = edge_headers.map(str::to_owned).collect();
        let ours = MEANING_HEADERS.into_iter().chain(OURS).map(str::to_owned).collect();
        let envelopes = Envelopes::compile(raw.envelopes)?;
        let endpoints = Endpoints::compile(raw.endpoints)?;
        envelopes.check(&endpoints)?;
        Ok(Self {
            profile: raw.host,
            version: raw.version,
            mode: raw.mode,
            on_error: raw.on_error,
            unclassified: raw.unclassified,
            trust,
            sources,
            anonymous: raw.anonymous.map(Anonymous::compile).transpose()?.unwrap_or_default(),
            ours,
            edge_headers,
            brands,
            licences,
            dated,
            blocked: licence::places(&raw.blocked, "blocked")?,
            treatments: raw.classes,
            on_unknown: raw.on_unknown,
            blocked_by: raw.blocked_by,
            envelopes,
            endpoints,
        })
    }
}

impl Policy {
    /// The gateway the operator named.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The operator's name for this state of the document; may be empty.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The digest of the endpoint catalogue.
    pub fn catalogue(&self) -> &str {
        self.endpoints.digest()
    }

    /// Whether refusals take effect.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What happens when the gateway fails the policy.
    pub fn on_error(&self) -> OnError {
        self.on_error
    }

    /// Whether a licence begins or ends, so that the time matters.
    pub fn needs_clock(&self) -> bool {
        self.dated
    }

    /// Who blocks, for the `Link` of a 451.
    pub fn blocked_by(&self) -> &str {
        &self.blocked_by
    }

    /// Refusals in partners' words.
    pub fn envelopes(&self) -> &Envelopes {
        &self.envelopes
    }

    /// Headers that only we may set, and those that would change the call's meaning.
    pub fn ours(&self) -> &[String] {
        &self.ours
    }

    /// Headers that only a trusted proxy may set.
    pub fn edge_headers(&self) -> &[String] {
        &self.edge_headers
    }

    /// Weighs the facts.
    pub fn weigh(&self, facts: &Facts<'_>) -> Case {
        let headers = facts.headers;
        let origin = self.trust.origin(facts.peer, headers);
        let authority = headers.single(":authority").unwrap_or_default();
        let kinds = self.anonymous.kinds(headers).filter(|_| origin.trusted_peer);
        Case {
            method: headers.single(":method").unwrap_or_default().to_vec(),
            target: headers.single(":path").unwrap_or_default().to_vec(),
            brand: self.brands.of(authority).map(str::to_owned),
            located: self.sources.locate(&origin, headers),
            trusted_peer: origin.trusted_peer,
            json: headers.is_json(),
            anonymous: kinds.map(str::to_owned).collect(),
            now: facts.now,
        }
    }

    /// The endpoint of a case.
    pub fn classify(&self, case: &Case) -> Match<'_> {
        self.endpoints.classify(&case.method, &case.target)
    }

    /// Decides a case as a call to `endpoint`.
    pub fn rule(&self, endpoint: &Match<'_>, case: &Case) -> Ruling {
        let class = endpoint.class;
        if class == EndpointClass::Unclassified && self.unclassified == Unclassified::Refuse {
            return refuse(Denial::UNCLASSIFIED, "unclassified");
        }
        if class.defaults().location == Location::Never {
            return pass("class");
        }
        let mut places = case.located.place.iter().chain(&case.located.other);
        if places.any(|p| self.blocked.iter().any(|b| p.within(b))) {
            return refuse(UNLICENSED, "blocked");
        }
        let licensed = treatment(&self.treatments, class) == Treatment::Licensed;
        let hidden = case.anonymous.iter().find(|k| self.anonymous.refuses(class, k, licensed));
        if let Some(kind) = hidden {
            return refuse(ANONYMOUS, &format!("anonymous:{kind}"));
        }
        if !licensed {
            return pass("class");
        }
        if case.located.conflict {
            return refuse(CONFLICT, "place.on_conflict");
        }
        let Some(place) = &case.located.place else {
            return match self.on_unknown.get(&class) {
                Some(OnUnknown::Pass) => pass("on_unknown"),
                Some(OnUnknown::Refuse) | None => refuse(UNKNOWN, "on_unknown"),
            };
        };
        if case.brand.is_none() {
            // A host of no known brand holds no licence anywhere.
            return refuse(UNLICENSED, "brands");
        }
        let (brand, product, now) = (case.brand.as_deref(), endpoint.product, case.now);
        match ask(&self.licences, &Question { brand, place, class, product, now }) {
            Answer::Covered(i) => pass(&format!("licences[{i}]")),
            Answer::OtherProduct => refuse(PRODUCT_UNLICENSED, "licences"),
            Answer::Uncovered => refuse(UNLICENSED, "licences"),
        }
    }
}

/// What a class needs: what the operator says, else what the catalogue does.
fn treatment(overrides: &SortedMap<EndpointClass, Treatment>, class: EndpointClass) -> Treatment {
    let default = match class.defaults().location {
        Location::Fresh | Location::Configurable => Treatment::Licensed,
        Location::NotNeeded | Location::Never => Treatment::Pass,
    };
    overrides.get(&class).copied().unwrap_or(default)
}

fn pass(rule: &str) -> Ruling {
    Ruling { refusal: None, rule: rule.to_owned() }
}

fn refuse(denial: Denial, rule: &str) -> Ruling {
    Ruling { refusal: Some(denial), rule: rule.to_owned() }
}

fn is_uri(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let safe = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'\\');
    rest.is_some_and(|r| !r.is_empty() && r.bytes().all(safe))
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;

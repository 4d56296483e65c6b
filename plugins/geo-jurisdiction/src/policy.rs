//! Pure core: facts in, ruling out. No clock, no host, no log.

use std::net::IpAddr;
use std::rc::Rc;

use policy_kit::{
    invalid, Brands, Classified, ConfigError, Denial, EndpointClass, Endpoints, Envelopes,
    HeaderNames, Headers, Host, Location as Needed, Match, Profile, SortedMap, Trust, Unclassified,
    FORWARDED_HEADERS, MEANING_HEADERS,
};

use crate::anonymous::Anonymous;
use crate::config::{Config, Mode, OnError, OnUnknown, Treatment};
use crate::denials::{ANONYMOUS, CONFLICT, PRODUCT_UNLICENSED, UNKNOWN, UNLICENSED};
use crate::licence::{self, ask, Answer, Licence, Question};
use crate::locate::{Located, Sources};
use crate::location::check::Verdict;
use crate::location::Location;
use crate::names::{is_uri, OURS};
use crate::place::Place;
use crate::ruling::{Ruling, Told};

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
    classified: Classified,
    /// The brand of the host it was sent to.
    pub brand: Option<Rc<str>>,
    /// Where it comes from.
    pub located: Located,
    /// Whether headers about the client count.
    pub trusted_peer: bool,
    /// How the body is sent.
    pub sent: policy_kit::Sent,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// Nanoseconds since the epoch, or 0.
    pub now: u64,
    /// What is known of the location token.
    pub location: Verdict,
    /// The player, as the filter that checked the login says.
    pub player: Option<Vec<u8>>,
    /// The session, likewise.
    pub session: Option<Vec<u8>>,
    /// Whether that filter names a partner that calls: proven, or claimed until the body is there.
    pub partner: bool,
    anonymous: Vec<String>,
}

/// A validated configuration, immutable for the life of the VM.
#[derive(Debug)]
pub struct Policy {
    profile: Profile,
    version: String,
    mode: Mode,
    on_error: OnError,
    pub(crate) unclassified: Unclassified,
    trust: Trust,
    pub(crate) sources: Sources,
    anonymous: Anonymous,
    ours: HeaderNames,
    edge_headers: HeaderNames,
    brands: Brands,
    pub(crate) licences: Vec<Licence>,
    dated: bool,
    blocked: Vec<Place>,
    /// Signed location tokens.
    pub location: Option<Location>,
    pub(crate) treatments: SortedMap<EndpointClass, Treatment>,
    on_unknown: SortedMap<EndpointClass, OnUnknown>,
    blocked_by: String,
    envelopes: Envelopes,
    endpoints: Endpoints,
}

impl Policy {
    /// Compiles a configuration. The host is asked for the environment only.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(raw: Config, host: &mut dyn Host) -> Result<Self, ConfigError> {
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
            if class.defaults().location == Needed::Never && *treatment != Treatment::Pass {
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
        let edge_headers = HeaderNames::new(edge_headers);
        let mut ours = HeaderNames::new(MEANING_HEADERS.into_iter().chain(OURS));
        let location = raw.location.map(|l| Location::compile(l, &raw.classes, raw.host, host));
        let location = location.transpose()?;
        if let Some(header) = location.as_ref().map(|location| location.header()) {
            if ours.contains(header) || edge_headers.contains(header) {
                return Err(invalid("location.header", "is a header with a meaning of its own"));
            }
            ours.insert(header);
        }
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
            location,
            treatments: raw.classes,
            on_unknown: raw.on_unknown,
            blocked_by: raw.blocked_by,
            envelopes,
            endpoints,
        })
    }

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

    /// Whether the time matters: a licence begins or ends, or a location grows old.
    pub fn needs_clock(&self) -> bool {
        self.dated || self.location.is_some()
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
    pub fn ours(&self) -> &HeaderNames {
        &self.ours
    }

    /// Headers that only a trusted proxy may set.
    pub fn edge_headers(&self) -> &HeaderNames {
        &self.edge_headers
    }

    /// Weighs the facts.
    pub fn weigh(&self, facts: &Facts<'_>) -> Case {
        let headers = facts.headers;
        let origin = self.trust.origin(facts.peer, headers);
        let one = |name| headers.single(name).unwrap_or_default();
        let kinds = self.anonymous.kinds(headers).filter(|_| origin.trusted_peer);
        let classified = self.endpoints.classify(one(":method"), one(":path"));
        // Only a body that tells the class is read.
        let sent = match self.endpoints.found(classified).needs_body() {
            true => policy_kit::Sent::by(headers),
            false => policy_kit::Sent::default(),
        };
        Case {
            classified,
            brand: self.brands.of(one(":authority")).cloned(),
            located: self.sources.locate(&origin, headers),
            trusted_peer: origin.trusted_peer,
            sent,
            client: origin.client,
            location: Verdict::default(),
            player: None,
            session: None,
            partner: false,
            anonymous: kinds.map(str::to_owned).collect(),
            now: facts.now,
        }
    }

    /// The endpoint of a case.
    pub fn endpoint(&self, case: &Case) -> Match<'_> {
        self.endpoints.found(case.classified)
    }

    /// Decides a case as a call to `endpoint`.
    pub fn rule(&self, endpoint: &Match<'_>, case: &Case) -> Ruling {
        let class = endpoint.class;
        if class == EndpointClass::Unclassified && self.unclassified == Unclassified::Refuse {
            return Ruling::refuse(Denial::UNCLASSIFIED, "unclassified");
        }
        if class.defaults().location == Needed::Never {
            return Ruling::pass("class");
        }
        let mut places = case.located.place.iter().chain(&case.located.other);
        if places.any(|place| self.is_blocked(place)) {
            return Ruling::refuse(UNLICENSED, "blocked");
        }
        let licensed = treatment(&self.treatments, class) == Treatment::Licensed;
        let hidden = case.anonymous.iter().find(|k| self.anonymous.refuses(class, k, licensed));
        if let Some(kind) = hidden {
            return Ruling::refuse(ANONYMOUS, format!("anonymous:{kind}"));
        }
        if !licensed {
            return Ruling::pass("class");
        }
        if case.located.conflict {
            return Ruling::refuse(CONFLICT, "place.on_conflict");
        }
        // Who hides where they are is not found by a device that may be made to lie as well.
        if case.located.hidden && !self.passes_unknown(class) {
            return Ruling::refuse(UNKNOWN, "on_unknown");
        }
        let told = match self.locator(endpoint, class, case).map(|l| self.locate(l, endpoint, case))
        {
            None => Told::Nothing,
            Some(Ok(told)) => told,
            Some(Err(ruling)) => return *ruling,
        };
        self.licensed(endpoint, case, told.place().or(case.located.place.as_ref()))
            .with(told.clone())
    }

    /// Whether next to nothing passes from a place.
    pub(crate) fn is_blocked(&self, place: &Place) -> bool {
        self.blocked.iter().any(|blocked| place.within(blocked))
    }

    fn passes_unknown(&self, class: EndpointClass) -> bool {
        self.on_unknown.get(&class) == Some(&OnUnknown::Pass)
    }

    /// What the licences are asked about a call from `place`.
    pub(crate) fn question<'a>(
        endpoint: &Match<'a>,
        case: &'a Case,
        place: &'a Place,
    ) -> Question<'a> {
        let (class, product) = (endpoint.class, endpoint.product);
        Question { brand: case.brand.as_deref(), place, class, product, now: case.now }
    }

    /// Asks the licences about a call from `place`.
    pub(crate) fn licensed(
        &self,
        endpoint: &Match<'_>,
        case: &Case,
        place: Option<&Place>,
    ) -> Ruling {
        let Some(place) = place else {
            return match self.passes_unknown(endpoint.class) {
                true => Ruling::pass("on_unknown"),
                false => Ruling::refuse(UNKNOWN, "on_unknown"),
            };
        };
        if case.brand.is_none() {
            // A host of no known brand holds no licence anywhere.
            return Ruling::refuse(UNLICENSED, "brands");
        }
        match ask(&self.licences, &Self::question(endpoint, case, place)) {
            Answer::Covered(i) => Ruling::pass(format!("licences[{i}]")),
            Answer::OtherProduct => Ruling::refuse(PRODUCT_UNLICENSED, "licences"),
            Answer::Uncovered => Ruling::refuse(UNLICENSED, "licences"),
        }
    }
}

/// What a class needs: what the operator says, else what the catalogue does.
pub(crate) fn treatment(
    overrides: &SortedMap<EndpointClass, Treatment>,
    class: EndpointClass,
) -> Treatment {
    let default = match class.defaults().location {
        Needed::Fresh | Needed::Configurable => Treatment::Licensed,
        Needed::NotNeeded | Needed::Never => Treatment::Pass,
    };
    overrides.get(&class).copied().unwrap_or(default)
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;

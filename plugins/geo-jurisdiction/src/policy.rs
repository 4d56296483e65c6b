//! Pure core: facts in, ruling out. No clock, no host, no log.

use std::net::IpAddr;
use std::rc::Rc;

use policy_kit::{
    invalid, stripped_by, Brands, CallerKind, Classified, ConfigError, Denial, EndpointClass,
    Endpoints, Envelopes, HeaderNames, Headers, Host, Location as Needed, Match, Place, Profile,
    Relation, SortedMap, Trust, Unclassified, FORWARDED_HEADERS, MEANING_HEADERS,
};

use crate::anonymous::Anonymous;
use crate::blocked::Blocked;
use crate::config::{Config, Mode, OnError, OnUnknown, Treatment};
use crate::denials::{ANONYMOUS, CONFLICT, PRODUCT_UNLICENSED, UNKNOWN, UNLICENSED};
use crate::licence::{ask, ask_wherever, places, Answer, Call, Licence};
use crate::locate::{Located, Sources};
use crate::location::check::Verdict;
use crate::location::Location;
use crate::names::{is_uri, OURS};
use crate::ruling::{Ruling, Told};

/// Why a place is not known well enough: a part of it is blocked.
pub(crate) const BLOCKED_IN_PART: &str = "blocked_in_part";
/// Likewise: only a part of it is licensed.
const LICENSED_IN_PART: &str = "licensed_in_part";
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
    pub sent: policy_kit::BodyFormat,
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
    pub(crate) blocked: Blocked,
    /// Signed location tokens.
    pub location: Option<Location>,
    knows_partners: bool,
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
        let licences = licences.collect::<Result<Vec<_>, _>>()?;
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
        let unique = raw.players_unique || brands.is_one();
        let location =
            raw.location.map(|l| Location::compile(l, &raw.classes, unique, raw.host, host));
        let location = location.transpose()?;
        if let Some(header) = location.as_ref().map(|location| location.header()) {
            if ours.contains(header) || edge_headers.contains(header) {
                return Err(invalid("location.header", "is a header with a meaning of its own"));
            }
            ours.insert(header);
        }
        // What the edge says it spells as it is: another spelling is a client's.
        edge_headers.names().for_each(|name| ours.insert_spelt(name));
        let blocked = places(&raw.blocked, "blocked")?;
        // A device's location tells a subdivision, too, though not for every class.
        let markets = licences.iter().enumerate().filter(|_| location.is_none());
        for (i, licence) in markets {
            sources.check(licence.markets(), &format!("licences[{i}].markets"))?;
        }
        sources.check(&blocked, "blocked")?;
        if let Some(identity) = &raw.identity {
            let (at, name) = (("identity", "headers_stripped_by"), &identity.headers_stripped_by);
            stripped_by(raw.host, at, "partners", Some(name))?;
        }
        let envelopes = Envelopes::compile(raw.envelopes)?;
        let endpoints = Endpoints::compile_with(raw.endpoints, raw.head_as_get)?;
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
            dated,
            blocked: Blocked::compile(blocked, &licences),
            knows_partners: location.is_some() || raw.identity.is_some(),
            location,
            licences,
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

    /// WasmX: whether the header that names a partner can be believed.
    pub fn knows_partners(&self) -> bool {
        self.knows_partners
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
            true => policy_kit::BodyFormat::by(headers),
            false => policy_kit::BodyFormat::default(),
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
        if of_partner(endpoint, class, case) {
            return Ruling { partner: true, ..self.wherever(endpoint, case) };
        }
        let blocked = self.blocked.of(&case.located, None);
        if blocked == Relation::Inside {
            return Ruling::refuse(UNLICENSED, "blocked");
        }
        let locator = self.locator(endpoint, class, case);
        // Where a device says where it is, that may clear the doubt.
        if blocked == Relation::MayBe && locator.is_none() {
            return Ruling::doubt("blocked", BLOCKED_IN_PART);
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
        let told = match locator.map(|location| self.locate(location, endpoint, case)) {
            None => Told::Nothing,
            Some(Ok(told)) => told,
            Some(Err(ruling)) => return *ruling,
        };
        self.licensed(endpoint, case, told.place().or(case.located.place.as_ref()))
            .with(told.clone())
    }

    fn passes_unknown(&self, class: EndpointClass) -> bool {
        self.on_unknown.get(&class) == Some(&OnUnknown::Pass)
    }

    /// What the licences are asked about a call to `endpoint`.
    pub(crate) fn call<'a>(endpoint: &Match<'a>, case: &'a Case) -> Call<'a> {
        let (class, product) = (endpoint.class, endpoint.product);
        Call { brand: case.brand.as_deref(), class, product, now: case.now }
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
        match ask(&self.licences, &Self::call(endpoint, case), place) {
            Answer::Covered(i) => Ruling::pass(format!("licences[{i}]")),
            Answer::InPart => Ruling::doubt("licences", LICENSED_IN_PART),
            Answer::OtherProduct => Ruling::refuse(PRODUCT_UNLICENSED, "licences"),
            Answer::Uncovered => Ruling::refuse(UNLICENSED, "licences"),
        }
    }

    /// Asks about a call of a partner's: where its server is says nothing of where the player is. What no
    /// licence covers anywhere does not pass all the same.
    fn wherever(&self, endpoint: &Match<'_>, case: &Case) -> Ruling {
        if treatment(&self.treatments, endpoint.class) == Treatment::Pass {
            return Ruling::pass("class");
        }
        if case.brand.is_none() {
            return Ruling::refuse(UNLICENSED, "brands");
        }
        match ask_wherever(&self.licences, &Self::call(endpoint, case)) {
            Answer::Covered(_) => Ruling::pass("partner"),
            Answer::OtherProduct => Ruling::refuse(PRODUCT_UNLICENSED, "licences"),
            Answer::Uncovered | Answer::InPart => Ruling::refuse(UNLICENSED, "licences"),
        }
    }
}

/// Whether a call is a partner's, so that nobody asks for the place of the partner's server. A launch is
/// where the player's own place is asked, and what nobody classified may be one.
fn of_partner(endpoint: &Match<'_>, class: EndpointClass, case: &Case) -> bool {
    let asks = matches!(class, EndpointClass::Launch | EndpointClass::Unclassified);
    endpoint.caller == CallerKind::Partner && case.partner && !asks
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

#[cfg(test)]
#[path = "doubt_tests.rs"]
mod doubt_tests;

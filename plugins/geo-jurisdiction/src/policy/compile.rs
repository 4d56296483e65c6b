//! The compiled policy.

use policy_kit::{
    invalid, stripped_by, BodyFormat, Brands, ConfigError, DecisionRecorder, EndpointClass,
    Endpoints, Envelopes, HeaderNames, Host, Location, Match, Mode, Profile, SortedMap, Trust,
    Unclassified, FORWARDED_HEADERS, MEANING_HEADERS,
};

use crate::config::classes::{OnUnknown, Treatment};
use crate::config::document::{Config, OnError};
use crate::config::uri::is_uri;
use crate::location::check::TokenCheck;
use crate::location::rules::LocationRules;
use crate::names::{NAME, OURS};
use crate::place::anonymous::Anonymous;
use crate::place::sources::Sources;
use crate::policy::blocked::Blocked;
use crate::policy::case::{Case, Facts};
use crate::policy::licence::{places, Licence};

/// A compiled configuration, immutable for the life of the VM.
#[derive(Debug)]
pub struct Policy {
    pub(crate) profile: Profile,
    /// The operator's name for the document; may be empty.
    pub(crate) version: String,
    pub(crate) mode: Mode,
    pub(crate) on_error: OnError,
    pub(super) unclassified: Unclassified,
    trust: Trust,
    pub(super) sources: Sources,
    pub(super) anonymous: Anonymous,
    /// Headers that only this plugin may set, and those that change a request's meaning.
    pub(crate) ours: HeaderNames,
    /// Headers that only a trusted proxy may set.
    pub(crate) edge_headers: HeaderNames,
    brands: Brands,
    pub(super) licences: Vec<Licence>,
    /// Whether decisions depend on the time: licences have dates, or locations are configured.
    pub(crate) needs_clock: bool,
    pub(super) blocked: Blocked,
    /// Signed location tokens, where they are configured.
    pub(crate) location: Option<LocationRules>,
    /// WasmX: whether the header that names a partner is stripped from what clients send.
    pub(crate) knows_partners: bool,
    pub(super) treatments: SortedMap<EndpointClass, Treatment>,
    pub(super) on_unknown: SortedMap<EndpointClass, OnUnknown>,
    /// The entity that blocks, for the `Link` of a 451.
    pub(crate) blocked_by: String,
    pub(crate) envelopes: Envelopes,
    pub(crate) endpoints: Endpoints,
    pub(crate) recorder: DecisionRecorder,
}

impl Policy {
    /// Compiles a configuration. Only the environment of the host is read.
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
            if class.defaults().location == Location::Never && *treatment != Treatment::Pass {
                return Err(invalid(format!("classes.{class}"), "is never blocked by location"));
            }
        }
        for class in raw.on_unknown.keys() {
            if Treatment::of(&raw.classes, *class) == Treatment::Pass {
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
        let reported = raw.anonymous.iter().flat_map(|a| a.headers.keys().map(String::as_str));
        let edge_headers = sources.headers().chain(reported).chain(FORWARDED_HEADERS);
        let edge_headers = HeaderNames::new(edge_headers);
        let mut ours = HeaderNames::new(MEANING_HEADERS.into_iter().chain(OURS));
        let unique = raw.players_unique || brands.is_one();
        let location =
            raw.location.map(|l| LocationRules::compile(l, &raw.classes, unique, raw.host, host));
        let location = location.transpose()?;
        if let Some(header) = location.as_ref().map(|location| location.header.as_str()) {
            if ours.contains(header) || edge_headers.contains(header) {
                return Err(invalid("location.header", "is a header with a meaning of its own"));
            }
            ours.insert(header);
        }
        // The edge spells its headers as configured: another spelling is a client's.
        edge_headers.names().for_each(|name| ours.insert_spelt(name));
        let blocked = places(&raw.blocked, "blocked")?;
        // Location tokens report a subdivision, too, though not for every class.
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
            needs_clock: dated || location.is_some(),
            blocked: Blocked::compile(blocked, &licences),
            knows_partners: location.is_some() || raw.identity.is_some(),
            location,
            licences,
            treatments: raw.classes,
            on_unknown: raw.on_unknown,
            blocked_by: raw.blocked_by,
            envelopes,
            endpoints,
            recorder: DecisionRecorder::new(NAME),
        })
    }

    /// Describes a request by its facts.
    pub fn case(&self, facts: &Facts<'_>) -> Case {
        let headers = facts.headers;
        let origin = self.trust.origin(facts.peer, headers);
        let one = |name| headers.single(name).unwrap_or_default();
        let kinds = self.anonymous.kinds(headers).filter(|_| origin.trusted_peer);
        let classified = self.endpoints.classify(one(":method"), one(":path"));
        // Only a body that tells the class will be read.
        let body_format = match self.endpoints.found(classified).needs_body() {
            true => BodyFormat::by(headers),
            false => BodyFormat::default(),
        };
        Case {
            classified,
            brand: self.brands.of(one(":authority")).cloned(),
            located: self.sources.locate(&origin, headers),
            trusted_peer: origin.trusted_peer,
            body_format,
            client: origin.client,
            location: TokenCheck::default(),
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
}

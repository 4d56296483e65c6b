//! Pure core: facts in, ruling out. No clock, no host, no log.

use std::net::IpAddr;
use std::rc::Rc;

use policy_kit::metrics::PerClass;
use policy_kit::{
    invalid, Brands, Classified, ConfigError, Denial, Details, Endpoint, Endpoints, Envelopes,
    HeaderNames, Headers, Host, Match, Plugin, Profile, Reply, Trust, Unclassified,
    FORWARDED_HEADERS, MEANING_HEADERS,
};
use serde_json::Value;

use crate::check::Verdict;
use crate::config::{Config, IssuerConfig, TokenRule};
use crate::credential::{Place, Places};
use crate::denials;
use crate::identity::OURS;
use crate::introspection::{self, Introspection};
use crate::issuer::Issuer;
use crate::pam::Answer;
use crate::partner::config::UnverifiedConfig;
use crate::partner::{read, Partners};
use crate::plugin::PlayerAuth;
use crate::revocation::feed::Feed;
use crate::revocation::{Owners, Status};
use crate::rules::Rules;
use crate::standing::judge::Standing;

mod ruling;

/// Most issuers: each one costs a fetch.
const MAX_ISSUERS: usize = 32;

/// A validated configuration, immutable for the life of the VM.
#[derive(Debug)]
pub struct Policy {
    /// The gateway the operator named.
    pub profile: Profile,
    /// The operator's name for this state of the document; may be empty.
    pub version: String,
    /// Whose tokens count.
    pub issuers: Vec<Issuer>,
    /// Who is asked about tokens that are not JWTs.
    pub introspection: Option<Introspection>,
    /// Whose state stops what, where anybody's does.
    pub standing: Option<Standing>,
    /// The feed of revocations, where there is one.
    pub revocations: Option<Feed>,
    /// Where tokens are.
    pub places: Places,
    /// Whether credentials go on.
    pub forward_credential: bool,
    /// Headers that only we may set for the upstream, and those that would change the call's meaning.
    pub ours: HeaderNames,
    /// Who may make the calls of partners; `None` where they are not asked.
    pub partners: Option<Partners>,
    /// What callers may cause that claim to be partners.
    pub unverified: UnverifiedConfig,
    /// Counters of requests that pass.
    pub passes: PerClass,
    trust: Trust,
    brands: Brands,
    realm: String,
    rules: Rules,
    unclassified: Unclassified,
    envelopes: Envelopes,
    endpoints: Endpoints,
}

/// The facts, weighed: all that is decided about a request but for its token and its body.
#[derive(Clone, Debug, Default)]
pub struct Case {
    classified: Classified,
    /// The brand of the host it was sent to.
    pub brand: Option<Rc<str>>,
    /// The client's address, once somebody asked for it.
    pub source: Option<IpAddr>,
    /// How the body is sent.
    pub sent: policy_kit::BodyFormat,
    /// Whether it asks for another protocol on this connection.
    upgrade: bool,
    /// Whether a browser asks if it may ask.
    pub preflight: bool,
    /// What the feed of revocations says of the token.
    pub revocation: Status,
    /// What the PAM says of the player, once it was asked.
    pub pam: Option<Answer>,
}

/// What is known of who calls.
#[derive(Clone, Debug, Default)]
pub enum Who {
    /// There was no credential.
    #[default]
    Nobody,
    /// There was, and this is known of it.
    Token(Verdict),
    /// There was more than one, or one that cannot be read.
    Unreadable(Denial),
}

/// A decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruling {
    /// Why the call may not pass; `None` if it may.
    pub refusal: Option<Denial>,
    /// For the operator, what exactly was wrong; the code where there is no more to say.
    pub detail: &'static str,
    /// Seconds after which it is worth another try.
    pub retry: Option<u64>,
}

impl Policy {
    /// Compiles a configuration. The host is asked for the environment only.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(mut raw: Config, host: &mut dyn Host) -> Result<Self, ConfigError> {
        check(&raw)?;
        let mut issuers = issuers(std::mem::take(&mut raw.issuers), host)?;
        let introspection = raw.introspection.map(|raw| Introspection::compile(raw, host));
        let mut introspection = introspection.transpose()?;
        let brands = Brands::compile(raw.brands)?;
        let mut mappings: Vec<_> = issuers.iter_mut().map(|issuer| &mut issuer.mapping).collect();
        mappings.extend(introspection.iter_mut().map(Introspection::mapping));
        let state = raw.player_state;
        let standing =
            Standing::compile(state, mappings, &brands, &raw.endpoints, raw.players_unique, host)?;
        let rules = || issuers.iter().map(|issuer| &issuer.rules);
        let lifetimes: Vec<_> = rules().map(|rules| rules.max_lifetime).collect();
        let skew = rules().map(|rules| rules.skew).max().unwrap_or(0).max(introspection::SKEW);
        let owners = Owners::new(brands.names(), rules().map(|rules| rules.issuer.as_str()));
        let feed = raw.revocations.map(|raw| Feed::compile(raw, &lifetimes, skew, owners, host));
        let envelopes = Envelopes::compile(raw.envelopes)?;
        let endpoints = endpoints(std::mem::take(&mut raw.endpoints), raw.head_as_get)?;
        envelopes.check(&endpoints)?;
        let unverified = raw.unverified.as_ref().map(read::unverified).transpose()?;
        let unverified = unverified.unwrap_or_default();
        let written = (raw.partners.as_ref(), raw.environment.as_ref());
        let partners = partners(written, unverified.max_body_bytes, raw.host, host)?;
        Partners::check(partners.as_ref(), &endpoints, &envelopes, &brands)?;
        let mapped = issuers.iter().flat_map(|issuer| issuer.mapping.headers());
        let mapped = mapped.chain(introspection.iter().flat_map(|i| i.headers()));
        let mut ours = HeaderNames::new(MEANING_HEADERS.into_iter().chain(OURS).chain(mapped));
        let places = Places::compile(raw.credentials)?;
        // What is read, or believed of a proxy, is so in its own spelling: no upstream may read another.
        let of_players = places.all().iter().filter_map(Place::header);
        let of_partners = partners.iter().flat_map(Partners::headers);
        for name in of_players.chain(of_partners).chain(FORWARDED_HEADERS) {
            ours.insert_spelt(name);
        }
        Ok(Self {
            profile: raw.host,
            version: raw.version,
            issuers,
            introspection,
            standing,
            revocations: feed.transpose()?,
            places,
            forward_credential: raw.forward_credential,
            ours,
            partners,
            unverified,
            passes: PerClass::requests(PlayerAuth::NAME, "allow"),
            trust: Trust::compile(&raw.address, "address")?,
            brands,
            realm: raw.realm,
            rules: Rules::compile(raw.classes, &raw.on_error)?,
            unclassified: raw.unclassified,
            envelopes,
            endpoints,
        })
    }

    /// The digest of the endpoint catalogue.
    pub fn catalogue(&self) -> &str {
        self.endpoints.digest()
    }

    /// Weighs the facts, but for the source.
    pub fn weigh(&self, headers: &Headers, bodiless: bool) -> Case {
        let authority = headers.single(":authority").unwrap_or_default();
        let asked = headers.single("access-control-request-method");
        let method = headers.single(":method").unwrap_or_default();
        let credential = || !matches!(self.places.find(headers), Ok(None));
        let preflight =
            method == b"OPTIONS" && bodiless && is_preflight(headers, asked) && !credential();
        // What a preflight asks about is the call that would follow it.
        let means = if preflight { asked.unwrap_or_default() } else { method };
        let target = headers.single(":path").unwrap_or_default();
        let classified = self.endpoints.classify(means, target);
        // Only a body that tells the class is read.
        let sent = match self.endpoints.found(classified).needs_body() {
            true => policy_kit::BodyFormat::by(headers),
            false => policy_kit::BodyFormat::default(),
        };
        Case {
            classified,
            brand: self.brands.of(authority).cloned(),
            source: None,
            sent,
            upgrade: headers.has("upgrade") || method == b"CONNECT",
            preflight,
            revocation: Status::Clear,
            pam: None,
        }
    }

    /// Who sent a request. Asked for only where it matters: it costs a call, and most tokens are known.
    pub fn source(&self, headers: &Headers, peer: Option<IpAddr>) -> Option<IpAddr> {
        self.trust.origin(peer, headers).client
    }

    /// Whether the peer is a proxy of the operator's.
    pub fn trusts(&self, headers: &Headers, peer: Option<IpAddr>) -> bool {
        self.trust.origin(peer, headers).trusted_peer
    }

    /// The endpoint of a case.
    pub fn endpoint(&self, case: &Case) -> Match<'_> {
        self.endpoints.found(case.classified)
    }

    /// Partners, if this call must be one's.
    pub fn partners_for(&self, endpoint: &Match<'_>, case: &Case) -> Option<&Partners> {
        self.partners.as_ref().filter(|_| endpoint.is_partners() && !case.preflight)
    }

    /// Whether a call to `endpoint`, or one that it may turn out to be, is asked for its credential at
    /// all. Where none is, the credential is somebody else's business and stays where it is.
    pub fn asks(&self, endpoint: &Match<'_>, case: &Case) -> bool {
        let asks = |class| {
            let rule = self.rules.by(endpoint.caller, class);
            rule.is_none_or(|rule| rule.token != TokenRule::None)
        };
        !case.preflight && endpoint.candidates().any(asks)
    }

    /// The refusal as an answer: in the endpoint's envelope, with the challenge that belongs to it.
    pub fn reply(
        &self,
        endpoint: &Match<'_>,
        ruling: &Ruling,
        denial: Denial,
        details: &Details,
    ) -> Reply {
        let heard = denials::told(denial, endpoint.may_settle());
        let retry = ruling.retry.or((heard != denial).then_some(denials::UNTIL_MENDED));
        let mut reply = self.envelopes.reply(endpoint.envelope, heard, details);
        // An envelope is the partner's own contract, of which challenges are no part.
        if endpoint.envelope.is_none() {
            if let Some(challenge) = self.challenge(endpoint, heard) {
                reply = reply.with_header("www-authenticate", challenge);
            }
        }
        // Also in a partner's words: its own status may say less.
        match retry {
            Some(seconds) => reply.with_header("retry-after", seconds.max(1).to_string()),
            None => reply,
        }
    }

    /// What would do instead (RFC 9110 section 11.6.1), if anything.
    fn challenge(&self, endpoint: &Match<'_>, denial: Denial) -> Option<String> {
        let realm = &self.realm;
        if endpoint.is_partners() {
            // A 401 needs a challenge, and no registered scheme says this.
            return (denial.status == 401).then(|| format!("Partner realm=\"{realm}\""));
        }
        let error = denials::error(denial)?;
        let rule = self.rules.of(endpoint);
        let more = rule.map(|rule| rule.challenge(denial)).unwrap_or_default();
        Some(format!("Bearer realm=\"{realm}\", error=\"{error}\"{more}"))
    }
}

/// Checks what needs no compiling.
#[inline(never)]
fn check(raw: &Config) -> Result<(), ConfigError> {
    policy_kit::version(&raw.version)?;
    if raw.issuers.is_empty() && raw.introspection.is_none() {
        let problem = "must name at least one, or there must be an `introspection`";
        return Err(invalid("issuers", problem));
    }
    if raw.issuers.len() > MAX_ISSUERS {
        return Err(invalid("issuers", "expected at most 32"));
    }
    let realm = |b: u8| (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\';
    if raw.realm.is_empty() || !raw.realm.bytes().all(realm) {
        return Err(invalid("realm", "expected printable ASCII without quotes"));
    }
    if raw.cache_tokens > 100_000 {
        return Err(invalid("cache_tokens", "expected at most 100000"));
    }
    raw.failures.check("failures")
}

#[inline(never)]
fn issuers(raw: Vec<IssuerConfig>, host: &mut dyn Host) -> Result<Vec<Issuer>, ConfigError> {
    let mut issuers: Vec<Issuer> = Vec::with_capacity(raw.len());
    for (i, issuer) in raw.into_iter().enumerate() {
        let at = format!("issuers[{i}]");
        if issuers.iter().any(|other| other.rules.issuer == issuer.issuer) {
            return Err(invalid(format!("{at}.issuer"), "is given twice"));
        }
        issuers.push(Issuer::compile(issuer, &at, host)?);
    }
    Ok(issuers)
}

#[inline(never)]
fn endpoints(raw: Vec<Endpoint>, head_as_get: bool) -> Result<Endpoints, ConfigError> {
    Endpoints::compile_with(raw, head_as_get)
}

#[inline(never)]
fn partners(
    (partners, environment): (Option<&Value>, Option<&Value>),
    max_body: usize,
    profile: Profile,
    host: &mut dyn Host,
) -> Result<Option<Partners>, ConfigError> {
    let environment = environment.map(read::environment).transpose()?.unwrap_or_default();
    let Some(partners) = partners else { return Ok(None) };
    let partners = read::partners(partners)?;
    Partners::compile(partners, environment, max_body, profile, host).map(Some)
}

/// A browser's question before a call of another origin (Fetch standard, section 4.8): it has an
/// origin, names a method, and carries neither body nor credential.
fn is_preflight(headers: &Headers, asked: Option<&[u8]>) -> bool {
    let method = asked.is_some_and(|m| !m.is_empty() && m.iter().all(u8::is_ascii_uppercase));
    let origin = headers.single("origin").is_some_and(|origin| !origin.is_empty());
    let length = headers.all("content-length").all(|length| length == b"0");
    let body = headers.has("transfer-encoding") || !length;
    // Nor may it turn into something else, or carry what a browser never sends with it.
    let other = ["authorization", "cookie", "upgrade"].iter().any(|name| headers.has(name));
    method && origin && !body && !other
}

#[cfg(test)]
#[path = "policy_tests.rs"]
pub(crate) mod tests;

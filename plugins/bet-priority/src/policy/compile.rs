//! The compiled policy.

use std::net::IpAddr;

use policy_kit::{
    header_name, invalid, keyed_hash, peer, stripped_by, within, BodyFormat, Brands, ConfigError,
    DecisionRecorder, EndpointClass, Endpoints, Envelopes, Fault, HashKey, HeaderNames, Headers,
    Host, Match, Mode, Profile, Trust, Unclassified, MEANING_HEADERS, SECOND,
};

use crate::abuse::rules::AbuseRules;
use crate::config::{Config, OnError};
use crate::market::rules::MarketRules;
use crate::names::{CLASS_HEADER, NAME, PRIORITY_HEADER};
use crate::policy::case::{Case, Proof};
use crate::policy::metrics::RuleMetrics;
use crate::policy::reads::Reads;
use crate::queue::groups::Groups;
use crate::rate::descriptors::Descriptors;
use crate::rate::lease::fleet::Fleet;
use crate::rate::limits::Limits;
use crate::rate::rule::CompileContext;
use crate::surge::rules::SurgeRules;

/// The name of the secret that all workers share.
const SECRET: &str = "pitboss.bet-priority.secret";

/// A compiled configuration, immutable for the life of the VM.
#[derive(Debug)]
pub struct Policy {
    pub(crate) profile: Profile,
    /// The operator's name for the document; may be empty.
    pub(crate) version: String,
    pub(crate) mode: Mode,
    on_error: OnError,
    unclassified: Unclassified,
    trust: Trust,
    brands: Option<Brands>,
    /// WasmX: whether the headers that name callers are stripped from what clients send.
    pub(crate) knows_callers: bool,
    /// Headers that only this plugin may set, and those that change a request's meaning.
    pub(crate) ours: HeaderNames,
    /// The header with the idempotency key.
    pub(crate) retry_header: String,
    /// How long an admitted key is remembered, in nanoseconds.
    pub(crate) remember: u64,
    secret: HashKey,
    /// What has to be known of callers, by class.
    reads: [Reads; EndpointClass::ALL.len()],
    /// Rate limits.
    pub(crate) limits: Limits,
    /// Counters of what rules do.
    pub(crate) rules: RuleMetrics,
    /// Request headers for Envoy's own rate limit service.
    pub(crate) descriptors: Descriptors,
    /// Failed logins and deposits, and bots.
    pub(crate) abuse: Option<AbuseRules>,
    /// When the surge profile is on.
    pub(crate) surge: Option<SurgeRules>,
    /// Suspended markets, and the cap on requests for one.
    pub(crate) market: Option<MarketRules>,
    /// The groups of requests in flight, and the evidence of each.
    pub(crate) groups: Groups,
    group_rules: Vec<String>,
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
        let knows_callers = raw.host == Profile::Envoy || raw.identity.is_some();
        let workers = raw.workers;
        if let Some(workers) = workers {
            within(workers.into(), (1, 1_024), || "workers".into())?;
        }
        let fleet = raw.fleet.as_ref().map(|raw| Fleet::compile(raw, host)).transpose()?;
        let context = CompileContext {
            endpoints: &raw.endpoints,
            workers,
            identities: knows_callers,
            fleet: fleet.as_ref(),
        };
        let limits = Limits::compile(raw.limits, &context)?;
        let descriptors = Descriptors::compile(raw.descriptors.clone(), knows_callers)?;
        let endpoints = Endpoints::compile_with(raw.endpoints, raw.head_as_get)?;
        let envelopes = Envelopes::compile(raw.envelopes)?;
        envelopes.check(&endpoints)?;
        if let Some(identity) = &raw.identity {
            let (at, name) = (("identity", "headers_stripped_by"), &identity.headers_stripped_by);
            stripped_by(raw.host, at, "callers", Some(name))?;
        }
        let surge = raw.surge.as_ref().map(|raw| SurgeRules::compile(raw, host)).transpose()?;
        let has_switch = surge.as_ref().is_some_and(SurgeRules::has_switch);
        let market = raw.market.map(|raw| MarketRules::compile(raw, &endpoints, has_switch));
        let can_wait = raw.host == Profile::Envoy;
        let groups = Groups::compile(raw.concurrency, "concurrency", (can_wait, surge.is_some()))?;
        let group_rules =
            groups.rules.iter().map(|rules| ["concurrency.", &rules.name].concat()).collect();
        let retry_header = header_name("retries.header", &raw.retries.header)?;
        let remember = within(raw.retries.remember_s, (0, 3_600), || "retries.remember_s".into())?;
        let brands = (!raw.brands.is_empty()).then(|| Brands::compile(raw.brands)).transpose()?;
        let secret = secret(host)?;
        let abuse =
            raw.abuse.map(|raw| AbuseRules::compile(raw, &endpoints, keyed_hash(secret, b"abuse")));
        let own = [CLASS_HEADER, PRIORITY_HEADER].into_iter();
        let own = own.chain(raw.descriptors.iter().map(|it| it.header.as_str()));
        let abuse = abuse.transpose()?;
        let deposits = abuse.as_ref().is_some_and(|abuse| abuse.deposits.is_some());
        let reads = |class: EndpointClass| {
            let mut reads = Reads::of(&limits, &descriptors, class);
            // The owner of an idempotency key.
            let is_keyed = remember > 0 && class.defaults().idempotency;
            reads.player |= is_keyed && groups.of(class).is_some();
            reads.player |= deposits && class == EndpointClass::Deposit;
            reads
        };
        let reads = EndpointClass::ALL.map(reads);
        let ours = HeaderNames::new(MEANING_HEADERS.into_iter().chain(own));
        Ok(Self {
            profile: raw.host,
            version: raw.version,
            mode: raw.mode,
            on_error: raw.on_error,
            unclassified: raw.unclassified,
            trust: Trust::compile(&raw.address, "address")?,
            brands,
            knows_callers,
            ours,
            secret,
            reads,
            rules: RuleMetrics::new(&limits),
            limits,
            descriptors,
            abuse,
            surge,
            market: market.transpose()?,
            retry_header,
            remember: remember.saturating_mul(SECOND),
            groups,
            group_rules,
            envelopes,
            endpoints,
            recorder: DecisionRecorder::new(NAME),
        })
    }

    /// Describes a request by its headers. No host call can fail before the class is known.
    pub fn case(&self, headers: &Headers) -> Case {
        let one = |name| headers.single(name).unwrap_or_default();
        let classified = self.endpoints.classify(one(":method"), one(":path"));
        let bot = self.abuse.as_ref().and_then(|abuse| abuse.bot.as_ref());
        Case {
            classified,
            body_format: BodyFormat::by(headers),
            brand: self.brands.as_ref().and_then(|brands| brands.of(one(":authority"))).cloned(),
            factor: bot.map_or(1, |bot| bot.factor(headers)),
            ..Case::default()
        }
    }

    /// The client's address.
    ///
    /// # Errors
    /// The gateway does not say who its peer is.
    pub(crate) fn client(
        &self,
        host: &mut dyn Host,
        headers: &Headers,
    ) -> Result<Option<IpAddr>, Fault> {
        Ok(self.trust.origin(peer(host)?, headers).client)
    }

    /// The endpoint of a case.
    pub fn endpoint(&self, case: &Case) -> Match<'_> {
        self.endpoints.found(case.classified)
    }

    /// What has to be known of the caller of a request.
    pub(crate) fn reads(&self, endpoint: &Match<'_>) -> Reads {
        let of = |class| self.reads.get(class as usize).copied().unwrap_or_default();
        match endpoint.needs_body() {
            false => of(endpoint.class),
            true => endpoint.candidates().fold(Reads::default(), |all, class| all.or(of(class))),
        }
    }

    /// Whether the body of a request is needed: for its class, its login's account, or the key of a limit; or because
    /// its partner is proven by the body.
    pub(crate) fn needs_body(&self, endpoint: &Match<'_>, case: &Case, headers: &Headers) -> bool {
        let method = headers.single(":method").unwrap_or_default();
        let login = self.abuse.as_ref().and_then(|abuse| abuse.login.as_ref());
        endpoint.needs_body()
            || self.limits.needs_body(endpoint, method)
            || login.is_some_and(|login| login.is_login(endpoint))
            || self.market.as_ref().is_some_and(|market| market.needs_body(endpoint, method))
            || (case.proof == Proof::Claimed && !self.limits.is_empty())
    }

    /// Number of endpoints where players log in.
    pub(crate) fn login_endpoints(&self) -> usize {
        let login = self.abuse.as_ref().and_then(|abuse| abuse.login.as_ref());
        login.map_or(0, |login| login.endpoints())
    }

    /// The group that limits a class.
    pub(crate) fn group_of(&self, class: EndpointClass) -> Option<usize> {
        self.groups.of(class)
    }

    /// Whether the request is refused because no endpoint matches.
    pub(crate) fn refuses(&self, endpoint: &Match<'_>) -> bool {
        endpoint.class == EndpointClass::Unclassified && self.unclassified == Unclassified::Refuse
    }

    /// The evidence of a group.
    pub(crate) fn group_rule(&self, group: usize) -> &str {
        self.group_rules.get(group).map(String::as_str).unwrap_or_default()
    }

    /// Whether a request passes that nothing is known about because a host call failed: a settlement and safer
    /// gambling always, what moves no money where the operator says so.
    pub(crate) fn passes_unchecked(&self, endpoint: &Match<'_>) -> bool {
        use EndpointClass as C;
        let moves_money = |class| {
            matches!(
                class,
                C::Wager | C::Round | C::Cashout | C::Deposit | C::Withdrawal | C::Unclassified
            )
        };
        match endpoint.class {
            _ if self.mode == Mode::Shadow => true,
            C::Settlement | C::SaferGambling if !endpoint.needs_body() => true,
            _ => self.on_error == OnError::Forward && !endpoint.candidates().any(moves_money),
        }
    }

    /// What tells an idempotency key of an owner from others.
    pub(crate) fn retry_digest(&self, owner: &[u8], key: &[u8]) -> u64 {
        let owner = keyed_hash(self.secret, owner).to_le_bytes();
        keyed_hash(self.secret, &[&owner, key].concat())
    }
}

/// The secret by which this gateway's workers tell keys apart; one of this worker where they cannot share one.
fn secret(host: &mut dyn Host) -> Result<HashKey, ConfigError> {
    match HashKey::shared(host, SECRET) {
        Ok(secret) => Ok(secret),
        Err(_) => HashKey::local(host).map_err(|fault| invalid("host", fault.to_string())),
    }
}

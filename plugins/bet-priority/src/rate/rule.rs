//! One compiled rate limit.

use policy_kit::{
    header_name, invalid, is_label, is_pointer, member_within, shared_name, variable_place,
    ConfigError, Endpoint, Gcra, SECOND,
};

use crate::names::NAME;
use crate::rate::config::limit::{Absent, Fields, LimitConfig, LimitMode, OnError, Scope};
use crate::rate::config::part::KeyPart;
use crate::rate::lease::book::batch;
use crate::rate::lease::fleet::Fleet;
use crate::rate::matching::Matching;

/// Most parts of a key.
const MOST_PARTS: usize = 4;
/// Longest time in which a burst is paid off, in seconds.
const LONGEST: u64 = 366 * 86_400;

/// What rules are checked against.
#[derive(Clone, Copy, Debug)]
pub struct CompileContext<'a> {
    /// The document's endpoints.
    pub endpoints: &'a [Endpoint],
    /// Workers of the gateway, if the document tells.
    pub workers: Option<u32>,
    /// The service of rules with `scope: fleet`.
    pub fleet: Option<&'a Fleet>,
    /// Whether players, sessions, partners and brands are known: on WasmX only where a filter strips their headers.
    pub identities: bool,
}

/// A compiled rate limit.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) matching: Matching,
    pub(crate) key: Vec<KeyPart>,
    pub(crate) absent: Absent,
    /// The limit of the scope.
    pub(crate) limit: Gcra,
    /// The share of one worker, where it is the scope or what is left when shared counters cannot be reached.
    pub(crate) share: Option<Gcra>,
    pub(crate) cost: u32,
    /// The most that a request can cost.
    pub(crate) burst: u32,
    pub(crate) enforced: bool,
    pub(crate) scope: Scope,
    pub(crate) fields: Fields,
    pub(crate) legacy: bool,
    pub(crate) slots: u32,
    pub(crate) jitter: u32,
    /// Most tokens that a worker leases at once.
    pub(crate) batch: u32,
    /// The name of its table in shared data. A rule with another key, rate, burst or size has another table.
    pub(crate) table: String,
    /// Requests that pass at once, for fields.
    pub(crate) quota: u32,
    /// Its item of `RateLimit-Policy`.
    pub(crate) policy: String,
}

impl Rule {
    /// Compiles the rule at `at`, `limits[2]`.
    ///
    /// # Errors
    /// Names the field.
    pub(crate) fn compile(
        raw: LimitConfig,
        at: &str,
        context: &CompileContext<'_>,
    ) -> Result<Self, ConfigError> {
        let field = |name: &str| format!("{at}.{name}");
        if !is_label(&raw.name) {
            let problem = "expected up to 64 lower-case letters, digits and `-`";
            return Err(invalid(field("name"), problem));
        }
        let matching = Matching::compile(&raw.matching, &field("match"), context.endpoints)?;
        check_key(&raw.key, &field("key"), &matching, context)?;
        let requests = member_within(raw.requests.into(), (1, 1_000_000), at, "requests")?;
        let per = member_within(raw.per.seconds, (1, 2_592_000), at, "per")?;
        let burst = raw.burst.unwrap_or(raw.requests);
        member_within(burst.into(), (1, 1_000_000), at, "burst")?;
        member_within(raw.cost.into(), (1, burst.into()), at, "cost")?;
        member_within(raw.jitter.into(), (0, 100), at, "jitter")?;
        member_within(raw.slots.into(), (16, 1 << 20), at, "slots")?;
        // Rounded up: the rate is never more than what is written.
        let emission = (per * SECOND).div_ceil(requests);
        if emission.saturating_mul(burst.into()) > LONGEST * SECOND {
            let problem = "takes more than 366 days to be paid off at this rate";
            return Err(invalid(field("burst"), problem));
        }
        let gateways = match (raw.scope, context.fleet) {
            (Scope::Fleet, Some(fleet)) => fleet.gateways,
            (Scope::Fleet, None) => {
                return Err(invalid(field("scope"), "`fleet` needs the document's `fleet`"));
            }
            _ => 1,
        };
        let share = context.workers.map(|workers| {
            let workers = workers.max(1).saturating_mul(gateways);
            let burst = (burst / workers).max(raw.cost);
            (Gcra::new(emission.saturating_mul(workers.into()), burst), burst)
        });
        let (mut limit, mut quota) = (Gcra::new(emission, burst), burst);
        if raw.scope == Scope::Worker {
            let problem = "`worker` needs `workers`, by which the rate is divided";
            (limit, quota) = share.ok_or_else(|| invalid(field("scope"), problem))?;
            if raw.on_error.is_some() {
                let problem = "has no effect: a worker's own counters cannot fail";
                return Err(invalid(field("on_error"), problem));
            }
        }
        let mut leased = 0;
        if raw.scope == Scope::Fleet {
            let problem = "`fleet` needs `workers`, by which tokens are shared out";
            let (share, _) = share.ok_or_else(|| invalid(field("scope"), problem))?;
            leased = context.fleet.map_or(0, |fleet| batch(&share, fleet, raw.cost));
        }
        if raw.on_error == Some(OnError::Local) && share.is_none() {
            let problem = "`local` needs `workers`, by which the rate is divided";
            return Err(invalid(field("on_error"), problem));
        }
        let share = share.map(|(limit, _)| limit).filter(|_| raw.on_error != Some(OnError::Refuse));
        let (most, quota) = (quota, quota / raw.cost);
        let window = limit.full().div_ceil(SECOND);
        let numbers = format!("{requests} {per} {burst} {}", raw.slots);
        let key: String = raw.key.iter().map(KeyPart::written).collect();
        Ok(Self {
            batch: leased,
            policy: format!("\"{}\";q={quota};w={window}", raw.name),
            table: shared_name(NAME, "limit", &[&raw.name, &key, &numbers]),
            // One counter for all needs no table.
            slots: if raw.key.is_empty() { 1 } else { raw.slots },
            name: raw.name,
            matching,
            key: raw.key,
            absent: raw.absent,
            limit,
            share,
            cost: raw.cost,
            burst: most,
            enforced: raw.mode == LimitMode::Enforce,
            scope: raw.scope,
            fields: raw.fields,
            legacy: raw.legacy_fields,
            jitter: raw.jitter,
            quota,
        })
    }

    /// Whether its key is in the body.
    pub(crate) fn needs_body(&self) -> bool {
        self.key.iter().any(|part| matches!(part, KeyPart::Pointer(_)))
    }
}

/// Checks that somebody provides every part of a key.
fn check_key(
    key: &[KeyPart],
    at: &str,
    matching: &Matching,
    context: &CompileContext<'_>,
) -> Result<(), ConfigError> {
    if key.len() > MOST_PARTS {
        return Err(invalid(at, "has more than four parts"));
    }
    let endpoints = context.endpoints;
    for (i, part) in key.iter().enumerate() {
        let at = format!("{at}[{i}]");
        if key.iter().take(i).any(|other| other == part) {
            return Err(invalid(at, "is given twice"));
        }
        check_part(part, &at, context.identities)?;
        let problem = match part {
            KeyPart::Player | KeyPart::Session if !matching.has_players(endpoints) => {
                "is never known: no request of the rule has a player's token checked"
            }
            KeyPart::Partner if !matching.has_partners(endpoints) => {
                "is never known: no partner calls an endpoint of the rule"
            }
            KeyPart::Pointer(_) if !matching.has_bodies(endpoints) => {
                "is never known: no request of the rule has a body"
            }
            KeyPart::Variable(name) => {
                let has = |e: &Endpoint| {
                    let template = e.template.as_deref().unwrap_or_default();
                    variable_place(template, name).is_some()
                };
                if matching.meant(endpoints).any(has) {
                    continue;
                }
                "is never known: no endpoint of the rule has a template with this variable"
            }
            _ => continue,
        };
        return Err(invalid(at, problem));
    }
    Ok(())
}

/// Checks one part by itself. `at` is the part's field.
pub(crate) fn check_part(part: &KeyPart, at: &str, identities: bool) -> Result<(), ConfigError> {
    match part {
        KeyPart::Header(name) => header_name(&format!("{at}.header"), name).map(|_| ()),
        KeyPart::Pointer(pointer) if !is_pointer(pointer) => {
            Err(invalid(format!("{at}.pointer"), "expected a JSON pointer: `/market`"))
        }
        KeyPart::Player | KeyPart::Session | KeyPart::Partner | KeyPart::Brand if !identities => {
            let problem = "is in a header on `wasmx`, which clients could send: name the filter that strips it \
                           in `identity.headers_stripped_by`";
            Err(invalid(at, problem))
        }
        _ => Ok(()),
    }
}

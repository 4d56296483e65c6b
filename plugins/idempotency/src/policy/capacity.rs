//! How much the store may hold, and the memory that it takes.
//!
//! | each | bytes |
//! |---|---|
//! | slot | 160: scope, fingerprint, fence, two times, status and digest, and a share of a count |
//! | owner | 96 |
//! | recent bet | 128 |
//!
//! and the answers themselves. On Envoy the process takes this memory as the store fills. On WasmX it is a
//! zone of fixed size, which evicts the least recently used value when it is full, expired or not: the zone
//! must be large enough never to be full. It rounds every value up to a power of two, hence twice the size.
//!
//! The configuration states a rate of new keys and how long each is kept. A store that cannot hold them
//! would refuse bets one day, so such a configuration is rejected, with the arithmetic.

use std::rc::Rc;

use policy_kit::{invalid, ConfigError, Profile};

use crate::config::checks::{within, MOST};
use crate::config::document::{QuotaConfig, RateConfig, StoreConfig};
use crate::names::SECOND;
use crate::policy::identity::{Part, PerPart};
use crate::policy::matching::RequestMatcher;
use crate::policy::rule::{Retention, Rule, MOST_RATE};

/// Slots of one bucket. More slots fill more evenly, and cost more bytes to read and write. With a third of
/// all slots in use, one new key in ten million finds its bucket full; with half of them, one in 3,600. (With
/// 16 slots it would be one in 7,000, and one in 120.)
pub(crate) const BUCKET_SLOTS: usize = 32;
/// Slots for each key: buckets fill unevenly, see [`BUCKET_SLOTS`].
const SPARE: u64 = 3;
/// Bytes of one slot without its answer.
const SLOT: u64 = 160;
/// Bytes of one owner.
const OWNER: u64 = 96;
/// Bytes of one bet.
const BET: u64 = 128;
/// Bytes of kept headers that an answer may have besides its body.
const HEADERS: usize = 8 << 10;
/// Bytes of answers by default; memory is taken as it fills.
const DEFAULT_BYTES: u64 = 2 << 30;
/// Most bytes of answers.
const MOST_BYTES: u64 = 64 << 30;
/// Keys of one player by default: at least so many, and one each so many seconds.
const PLAYER: (u64, u64) = (1_000, 2);
/// Keys of one player for refused requests by default, and as many of unknown outcome.
const FAILED: u64 = 32;

/// What a part of the store may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Keys, rounded up to whole buckets of 32.
    pub slots: usize,
    /// Bytes of answers in all. Each bucket has a share, and room for one of the longest answers.
    pub bytes: u64,
    /// Bytes of one answer, headers included.
    pub answer: usize,
}

/// How many keys one owner may hold. Times are nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Keys in all.
    pub keys: u32,
    /// Keys of requests that the upstream refused, and as many of unknown outcome; no limit if `None`.
    pub failed: Option<u32>,
    /// The longest that any key is kept.
    pub kept: u64,
    /// The longest that keys of refused requests are kept.
    pub refused: u64,
}

/// What the store may hold, and one owner in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// The store's name.
    pub name: String,
    /// The limits of its parts. An answer may have 8 KiB of headers besides its body.
    pub limits: PerPart<Limits>,
    /// Keys of one owner.
    pub allowance: PerPart<Allowance>,
    /// Owners that are counted separately.
    pub owners: PerPart<usize>,
    /// Memory of the full store, in bytes.
    pub bytes: u64,
}

impl Capacity {
    /// Compiles `store` and `quota`. `answer` is the longest body that is kept, in bytes; `bets` is the
    /// number of bets that are remembered.
    ///
    /// # Errors
    /// Names the field.
    pub(crate) fn compile(
        store: StoreConfig,
        quota: &QuotaConfig,
        demand: &Demand,
        profile: Profile,
        answer: usize,
        bets: usize,
    ) -> Result<Self, ConfigError> {
        if !store.single_node {
            let problem =
                "must be `true`, to confirm that all requests of one key reach this node: \
                           nodes do not share the store";
            return Err(invalid("store.single_node", problem));
        }
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=32).contains(&store.name.len()) || !store.name.bytes().all(letter) {
            let problem = "expected 1 to 32 lower-case letters, digits and `-`";
            return Err(invalid("store.name", problem));
        }
        let slots = demand.slots;
        let all = slots.players + slots.partners;
        let longest = answer.saturating_add(HEADERS);
        // The buckets of each part, rounded up as the store does.
        let buckets =
            Part::ALL.into_iter().map(|part| slots.of(part).div_ceil(BUCKET_SLOTS as u64).max(1));
        let bytes =
            bytes(store.bytes, buckets.sum::<u64>() * longest as u64, longest as u64, profile)?;
        let owners = quota.owners.map(|owners| owners as u64);
        let owners = within(owners, all.max(16), (16, MOST), || "quota.owners".to_owned())?;
        let capacity = Self {
            name: store.name,
            limits: PerPart::new(|part| Limits {
                slots: whole(*slots.of(part)),
                bytes: share(bytes, *slots.of(part), all),
                answer: longest,
            }),
            allowance: allowances(quota, demand)?,
            owners: PerPart::new(|part| whole(share(owners, *slots.of(part), all))),
            bytes: bytes + all * SLOT + owners * OWNER + bets as u64 * BET,
        };
        capacity.check_zone(store.zone_bytes, profile)?;
        Ok(capacity)
    }

    fn check_zone(&self, zone: Option<u64>, profile: Profile) -> Result<(), ConfigError> {
        let least = self.bytes * 2;
        let at = "store.zone_bytes";
        match (zone, profile) {
            (None, Profile::Envoy) => Ok(()),
            (Some(_), Profile::Envoy) => Err(invalid(at, "is for `wasmx`: there is no such zone")),
            (Some(zone), Profile::Wasmx) if zone >= least => Ok(()),
            (_, Profile::Wasmx) => {
                let problem = format!(
                    "expected the size of `nginx_wasm_shm_kv`, at least {least}: a full zone would \
                     forget keys that have not expired; with a lower `store.rate` or `store.slots` it needs \
                     less"
                );
                Err(invalid(at, problem))
            }
        }
    }
}

fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The share `part / all` of at most 2^36 bytes or 2^24 slots.
fn share(whole: u64, part: u64, all: u64) -> u64 {
    whole.saturating_mul(part) / all.max(1)
}

fn allowances(quota: &QuotaConfig, demand: &Demand) -> Result<PerPart<Allowance>, ConfigError> {
    let quotas = |given: Option<usize>, default: u64, most: u64, name: &str| {
        let given = given.map(|number| number as u64);
        let number = within(given, default.clamp(1, most), (1, most), || format!("quota.{name}"))?;
        Ok::<u32, ConfigError>(u32::try_from(number).unwrap_or(u32::MAX))
    };
    let slots = demand.slots;
    let (least, each) = PLAYER;
    let half = (slots.players / 2).max(1);
    let spins = demand.of(Part::Players).kept / SECOND / each;
    let player = quotas(quota.player, spins.max(least).min(half), half, "player")?;
    let failed = quotas(quota.failed, FAILED.min(slots.players / 8), half, "failed")?;
    let partners = slots.partners.max(1);
    let partner = quotas(quota.partner, partners / 2, partners, "partner")?;
    let of = |part: Part, keys, failed| {
        let PartDemand { kept, refused, .. } = *demand.of(part);
        Allowance { keys, failed, kept, refused }
    };
    Ok(PerPart {
        players: of(Part::Players, player, Some(failed)),
        partners: of(Part::Partners, partner, None),
    })
}

/// Bytes of answers. On WasmX each bucket has room for one of the longest, so that the zone never fills.
fn bytes(given: Option<u64>, all: u64, longest: u64, profile: Profile) -> Result<u64, ConfigError> {
    let (least, default) = match profile {
        Profile::Wasmx => (all, all),
        Profile::Envoy => (longest, all.min(DEFAULT_BYTES)),
    };
    let bytes = given.unwrap_or(default);
    if (least..=MOST_BYTES.max(least)).contains(&bytes) {
        return Ok(bytes);
    }
    let problem = format!(
        "expected {least} to {MOST_BYTES}: there must be room for one of the longest answers, on WasmX \
         for each 32 slots; with less in `answers.max_bytes` they need less"
    );
    Err(invalid("store.bytes", problem))
}

/// The keys of one part that the configuration states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartDemand {
    /// Keys at once.
    keys: u64,
    /// The longest that keys are kept, in nanoseconds.
    kept: u64,
    /// The longest that keys of refused requests are kept.
    refused: u64,
    /// The arithmetic: `500 new keys a second of players for 3600 s`.
    sums: Vec<String>,
}

/// The keys that the configuration states.
#[derive(Clone, Debug)]
pub(crate) struct Demand {
    parts: PerPart<PartDemand>,
    rate: u64,
    /// Slots that they take.
    slots: PerPart<u64>,
}

impl Demand {
    /// Calculates the demand of `store.rate`, `store.slots` and the rules.
    ///
    /// # Errors
    /// Names the field and shows the arithmetic.
    pub(crate) fn new(
        rate: Option<RateConfig>,
        slots: Option<usize>,
        rules: &[(RequestMatcher, Rc<Rule>)],
    ) -> Result<Self, ConfigError> {
        let stated = rate.or_else(|| slots.is_none().then(RateConfig::default));
        let rates = stated.map(|rate| PerPart {
            players: u64::from(rate.players),
            partners: u64::from(rate.partners),
        });
        for part in Part::ALL {
            if rates.is_some_and(|rates| *rates.of(part) > MOST_RATE) {
                let problem = format!("expected 0 to {MOST_RATE}");
                return Err(invalid(format!("store.rate.{}", part.name()), problem));
            }
        }
        let parts =
            PerPart::new(|part| part_demand(part, rates.as_ref().map(|it| *it.of(part)), rules));
        let needed = PerPart::new(|part| parts.of(part).keys.saturating_mul(SPARE).max(32));
        let all = needed.players.saturating_add(needed.partners);
        let problem = |most: u64| {
            let sums: Vec<_> =
                Part::ALL.into_iter().flat_map(|p| &parts.of(p).sums).cloned().collect();
            let keys = parts.players.keys.saturating_add(parts.partners.keys);
            format!(
                "{} are {keys} keys at once; with a third of the slots in use, which come in buckets that \
                 fill unevenly, that takes {all}, and there are {most}: lower `store.rate` or `retention_s`",
                sums.join(" and ")
            )
        };
        let slots = match slots.map(|slots| slots as u64) {
            None if all > MOST => return Err(invalid("store.rate", problem(MOST))),
            None => needed,
            Some(slots) if !(16..=MOST).contains(&slots) => {
                return Err(invalid("store.slots", format!("expected 16 to {MOST}")));
            }
            Some(slots) if rates.is_some() && all > slots => {
                return Err(invalid("store.slots", problem(slots)));
            }
            // By default a quarter is for partners.
            Some(slots) if rates.is_none() => {
                PerPart { players: slots - slots / 4, partners: slots / 4 }
            }
            Some(slots) => {
                let players = share(slots, needed.players, all);
                PerPart { players, partners: slots - players }
            }
        };
        Ok(Self { rate: rates.map_or(0, |rates| rates.players), parts, slots })
    }

    /// New keys a second of players; 0 if the configuration states none.
    pub(crate) fn players_rate(&self) -> u64 {
        self.rate
    }

    fn of(&self, part: Part) -> &PartDemand {
        self.parts.of(part)
    }
}

fn part_demand(part: Part, rate: Option<u64>, rules: &[(RequestMatcher, Rc<Rule>)]) -> PartDemand {
    let mut demand = PartDemand::default();
    let mut longest = 0;
    for (matcher, rule) in rules.iter().filter(|(_, rule)| rule.uses_keys()) {
        let partners = matcher.is_partners_only();
        if partners && part == Part::Players {
            continue;
        }
        let Retention { kept, refused } = *rule.retention.of(part);
        demand.kept = demand.kept.max(kept);
        demand.refused = demand.refused.max(refused);
        // A rule's own rate is of the part that its requests are of.
        match rule.rate {
            Some(own) if partners == (part == Part::Partners) => demand.add(own, kept, &rule.name),
            Some(_) => {}
            None => longest = longest.max(kept),
        }
    }
    if let Some(rate) = rate {
        demand.add(rate, longest, part.name());
    }
    demand
}

impl PartDemand {
    fn add(&mut self, rate: u64, kept: u64, whose: &str) {
        let seconds = kept / SECOND;
        self.keys = self.keys.saturating_add(rate.saturating_mul(seconds));
        self.sums.push(format!("{rate} new keys a second of {whose} for {seconds} s"));
    }
}

#[cfg(test)]
#[path = "capacity_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "demand_tests.rs"]
mod demand_tests;

//! How much may be remembered: keys, answers, owners, and the memory that this takes.
//!
//! | each | bytes |
//! |---|---|
//! | slot | 160: a scope, a fingerprint, a fence, two times, a status and a digest, and its part of a count |
//! | owner | 96 |
//! | bet of the last seconds | 128 |
//!
//! and the bytes of the answers themselves. On Envoy this is taken from the process as it fills. On WasmX
//! it lies in a zone of a fixed size that gives up what was used least recently when it is full, be it
//! expired or not: the zone must be so large that it never is. It rounds every value up to a power of
//! two, hence twice as much.

use policy_kit::{invalid, ConfigError, Profile};

use crate::bucket::WAYS;
use crate::config::{QuotaConfig, StoreConfig};
use crate::policy_promise::Promise;
use crate::quota::Allowance;
use crate::rule::{within, SECOND};
use crate::{Limits, Part, PerPart};

/// Bytes of one slot without its answer.
const SLOT: u64 = 160;
/// Bytes of one owner.
const OWNER: u64 = 96;
/// Bytes of one bet.
const BET: u64 = 128;
/// Bytes of kept headers that an answer may have besides its body.
const HEADERS: usize = 8 << 10;
/// Most slots, owners or bets: 2.5 GiB of slots where all are in use, a third of it as they should be.
pub(crate) const MOST: u64 = 1 << 24;
/// Bytes of answers, where nothing is said: they take memory as they come.
const DEFAULT_BYTES: u64 = 2 << 30;
/// Most bytes of answers.
const MOST_BYTES: u64 = 64 << 30;
/// Keys of one player, where nothing is said: at least so many, and one each so many seconds.
const PLAYER: (u64, u64) = (1_000, 2);
/// Keys of one player whose calls were refused, and as many of unknown outcome.
const FAILED: u64 = 32;

/// What one store may hold, and one owner in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// The store's name.
    pub name: String,
    /// The limits of its parts. An answer may have 8 KiB of headers besides its body.
    pub limits: PerPart<Limits>,
    /// Keys of one owner.
    pub allowance: PerPart<Allowance>,
    /// Owners that are told apart.
    pub owners: PerPart<usize>,
    /// Memory that all this takes when it is full, in bytes.
    pub bytes: u64,
}

impl Room {
    /// Compiles `store` and `quota`. `answer` is the longest body that is kept, `bets` how many bets
    /// are remembered.
    ///
    /// # Errors
    /// Names the field.
    pub(crate) fn compile(
        store: StoreConfig,
        quota: &QuotaConfig,
        promise: &Promise,
        profile: Profile,
        answer: usize,
        bets: usize,
    ) -> Result<Self, ConfigError> {
        if !store.single_node {
            let problem =
                "must be `true`: the store is this node's alone, and for money it has to \
                           be said that all calls of one key reach this node";
            return Err(invalid("store.single_node", problem));
        }
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=32).contains(&store.name.len()) || !store.name.bytes().all(letter) {
            let problem = "expected 1 to 32 lower-case letters, digits and `-`";
            return Err(invalid("store.name", problem));
        }
        let slots = promise.slots;
        let all = slots.players + slots.partners;
        let longest = answer.saturating_add(HEADERS);
        // Each part's own buckets, rounded up as the store does.
        let buckets = Part::ALL.into_iter().map(|part| slots.of(part).div_ceil(WAYS as u64).max(1));
        let bytes =
            bytes(store.bytes, buckets.sum::<u64>() * longest as u64, longest as u64, profile)?;
        let owners = quota.owners.map(|owners| owners as u64);
        let owners = within(owners, all.max(16), (16, MOST), || "quota.owners".to_owned())?;
        let room = Self {
            name: store.name,
            limits: PerPart::new(|part| Limits {
                slots: whole(*slots.of(part)),
                bytes: share(bytes, *slots.of(part), all),
                answer: longest,
            }),
            allowance: allowances(quota, promise)?,
            owners: PerPart::new(|part| whole(share(owners, *slots.of(part), all))),
            bytes: bytes + all * SLOT + owners * OWNER + bets as u64 * BET,
        };
        room.check_zone(store.zone_bytes, profile)?;
        Ok(room)
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

/// A part of something, in proportion: of at most 2^36 bytes and 2^24 slots.
pub(crate) fn share(whole: u64, part: u64, all: u64) -> u64 {
    whole.saturating_mul(part) / all.max(1)
}

fn allowances(quota: &QuotaConfig, promise: &Promise) -> Result<PerPart<Allowance>, ConfigError> {
    let quotas = |given: Option<usize>, default: u64, most: u64, name: &str| {
        let given = given.map(|number| number as u64);
        let number = within(given, default.clamp(1, most), (1, most), || format!("quota.{name}"))?;
        Ok::<u32, ConfigError>(u32::try_from(number).unwrap_or(u32::MAX))
    };
    let slots = promise.slots;
    let (least, each) = PLAYER;
    let half = (slots.players / 2).max(1);
    let spins = promise.of(Part::Players).kept / SECOND / each;
    let player = quotas(quota.player, spins.max(least).min(half), half, "player")?;
    let failed = quotas(quota.failed, FAILED.min(slots.players / 8), half, "failed")?;
    let partners = slots.partners.max(1);
    let partner = quotas(quota.partner, partners / 2, partners, "partner")?;
    let of = |part: Part, keys, failed| {
        let kind = promise.of(part);
        Allowance { keys, failed, kept: kind.kept, refused: kind.refused }
    };
    Ok(PerPart {
        players: of(Part::Players, player, Some(failed)),
        partners: of(Part::Partners, partner, None),
    })
}

/// Bytes of answers. On WasmX each 32 slots share room for one of the longest, so that the zone never
/// fills; elsewhere they take memory as they come, up to so much.
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

#[cfg(test)]
#[path = "policy_room_tests.rs"]
mod tests;

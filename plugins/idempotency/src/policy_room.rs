//! How much may be remembered: keys, answers, owners, and the memory that this takes.
//!
//! | each | bytes |
//! |---|---|
//! | slot | 160: a scope, a fingerprint, a fence, two times, a status and a digest, and its part of a count |
//! | owner | 64 |
//! | bet of the last seconds | 128 |
//!
//! and the bytes of the answers themselves. On Envoy this is taken from the process as it fills. On WasmX
//! it lies in a zone of a fixed size that gives up what was used least recently when it is full, be it
//! expired or not: the zone must be so large that it never is. It rounds every value up to a power of
//! two, hence twice as much.

use policy_kit::{invalid, ConfigError, Profile};

use crate::bucket::WAYS;
use crate::config::{QuotaConfig, StoreConfig};
use crate::rule::within;
use crate::Limits;

/// Bytes of one slot without its answer.
const SLOT: u64 = 160;
/// Bytes of one owner.
const OWNER: u64 = 64;
/// Bytes of one bet.
const BET: u64 = 128;
/// Bytes of kept headers that an answer may have besides its body.
const HEADERS: usize = 8 << 10;
/// Most slots, owners or bets.
pub(crate) const MOST: u64 = 1 << 20;
/// Most bytes of answers.
const MOST_BYTES: u64 = 1 << 30;

/// What one store may hold, and one owner in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// The store's name.
    pub name: String,
    /// The store's limits. An answer may have 8 KiB of headers besides its body.
    pub limits: Limits,
    /// Keys of one player.
    pub player: u32,
    /// Keys of one partner.
    pub partner: u32,
    /// Owners that are told apart, 16 in each bucket of [`crate::Quota`].
    pub owners: usize,
    /// Memory that all this takes when it is full, in bytes.
    pub bytes: u64,
}

impl Room {
    /// Compiles `store` and `quota`. `answer` is the longest body that is kept, `bets` how many bets
    /// are remembered.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(
        store: StoreConfig,
        quota: &QuotaConfig,
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
        let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let given = |number: Option<usize>| number.map(|number| number as u64);
        let slots = within(given(Some(store.slots)), 0, (16, MOST), || "store.slots".to_owned())?;
        let longest = answer.saturating_add(HEADERS);
        let bytes = bytes(given(store.bytes), slots.div_ceil(WAYS as u64) * longest as u64)?;
        let quotas = |given, default, most, name: &str| {
            let number = within(given, default, (1, most), || format!("quota.{name}"))?;
            Ok::<u32, ConfigError>(u32::try_from(number).unwrap_or(u32::MAX))
        };
        let half = slots / 2;
        let player = quotas(given(quota.player), half.min(1_000), half, "player")?;
        let partner = quotas(given(quota.partner), half, slots, "partner")?;
        let owners = within(given(quota.owners), slots, (16, MOST), || "quota.owners".to_owned())?;
        let room = Self {
            name: store.name,
            limits: Limits { slots: whole(slots), bytes: whole(bytes), answer: longest },
            player,
            partner,
            owners: whole(owners),
            bytes: bytes + slots * SLOT + owners * OWNER + bets as u64 * BET,
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
                     forget keys that have not expired"
                );
                Err(invalid(at, problem))
            }
        }
    }
}

/// Bytes of answers: each 32 slots share room for at least one of the longest, so that none is too long
/// to be kept when it is alone.
fn bytes(given: Option<u64>, least: u64) -> Result<u64, ConfigError> {
    let bytes = given.unwrap_or(least);
    if (least..=MOST_BYTES).contains(&bytes) {
        return Ok(bytes);
    }
    let problem = format!(
        "expected {least} to {MOST_BYTES}: each 32 slots share room for one of the longest answers; \
         with less in `answers.max_bytes` they need less"
    );
    Err(invalid("store.bytes", problem))
}

#[cfg(test)]
#[path = "policy_room_tests.rs"]
mod tests;

//! How much of something a source may cause: a generic cell rate algorithm per source, in a table
//! that cannot be flooded.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;

use crate::{invalid, ConfigError};

/// Failed checks that one source may cause before its tokens are refused unlooked-at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailuresConfig {
    /// In the long run.
    #[serde(default = "default_rate")]
    pub per_minute: u32,
    /// At once.
    #[serde(default = "default_burst")]
    pub burst: u32,
}

impl Default for FailuresConfig {
    fn default() -> Self {
        Self { per_minute: default_rate(), burst: default_burst() }
    }
}

fn default_rate() -> u32 {
    30
}

fn default_burst() -> u32 {
    10
}

impl FailuresConfig {
    /// Checks what is written at path `at`.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(&self, at: &str) -> Result<(), ConfigError> {
        if !(1..=60_000).contains(&self.per_minute) {
            return Err(invalid(format!("{at}.per_minute"), "expected 1 to 60000"));
        }
        if !(1..=10_000).contains(&self.burst) {
            return Err(invalid(format!("{at}.burst"), "expected 1 to 10000"));
        }
        Ok(())
    }
}

/// Budgets per source. Times are nanoseconds since the epoch.
#[derive(Clone, Debug)]
pub struct Budgets {
    /// One charge takes this long to be forgotten.
    emission: u64,
    /// How far a source may run ahead.
    tolerance: u64,
    capacity: usize,
    /// For each source that owes anything, when it will owe nothing.
    owing: BTreeMap<u64, u64>,
    /// The debt of all sources that found no room, together.
    rest: u64,
    /// When paid debts were last cleared away.
    swept: u64,
}

/// How often a full table is searched for debts that are paid.
const SWEEP_EVERY: u64 = 1_000_000_000;

impl Budgets {
    /// `burst` charges at once and `per_minute` in the long run, for at most `capacity` sources.
    pub fn new(per_minute: u32, burst: u32, capacity: usize) -> Self {
        let emission = 60_000_000_000 / u64::from(per_minute.max(1));
        let tolerance = emission.saturating_mul(u64::from(burst.saturating_sub(1)));
        Self { emission, tolerance, capacity, owing: BTreeMap::new(), rest: 0, swept: 0 }
    }

    /// Whether the source has anything left.
    ///
    /// # Errors
    /// How many nanoseconds it has to wait.
    pub fn allows(&self, source: Option<IpAddr>, now: u64) -> Result<(), u64> {
        let owed_until = match self.owing.get(&source_key(source)) {
            Some(until) => *until,
            // Whoever has no place shares one: pushing others out must not buy a fresh budget.
            None if self.owing.len() >= self.capacity => self.rest,
            None => 0,
        };
        match owed_until.saturating_sub(now.saturating_add(self.tolerance)) {
            0 => Ok(()),
            // No charge goes this far: the clock was set back, and old debts mean nothing now.
            wait if wait > self.emission => Ok(()),
            wait => Err(wait),
        }
    }

    /// When a source that owed until `until` is even, with one more charge: never more than one
    /// beyond the burst, however many were under way when the last was allowed.
    fn owing_one_more(&self, until: u64, now: u64) -> u64 {
        let most = now.saturating_add(self.tolerance).saturating_add(self.emission);
        until.max(now).saturating_add(self.emission).min(most)
    }

    /// Takes one charge back, of something that was charged before it was known for what it is.
    pub fn refund(&mut self, source: Option<IpAddr>) {
        let full = self.owing.len() >= self.capacity;
        let until = match self.owing.get_mut(&source_key(source)) {
            Some(until) => until,
            None if full => &mut self.rest,
            // Paid in the meantime, and forgotten.
            None => return,
        };
        *until = until.saturating_sub(self.emission);
    }

    /// Charges the source with one.
    pub fn charge(&mut self, source: Option<IpAddr>, now: u64) {
        let key = source_key(source);
        if !self.owing.contains_key(&key) && self.owing.len() >= self.capacity {
            if now.abs_diff(self.swept) >= SWEEP_EVERY {
                self.swept = now;
                self.owing.retain(|_, until| *until > now);
            }
            if self.owing.len() >= self.capacity {
                self.rest = self.owing_one_more(self.rest, now);
                return;
            }
        }
        let until = self.owing.get(&key).copied().unwrap_or_default();
        self.owing.insert(key, self.owing_one_more(until, now));
    }
}

/// What stands for a source: whoever has one IPv6 address has 2^64 of them. Unknown sources are one source. The kind of address
/// is in the lowest bits, where no assigned IPv6 network has any.
pub fn source_key(source: Option<IpAddr>) -> u64 {
    match source.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => u64::from(u32::from(address)) << 2 | 1,
        Some(IpAddr::V6(address)) => {
            let network = u64::try_from(u128::from(address) >> 64).unwrap_or(0);
            network.rotate_left(2) ^ 2
        }
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn from(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let (mut budgets, source) = (Budgets::new(60, 3, 10), from("192.0.2.1"));
        let now = 1_000 * SECOND;
        for _ in 0..3 {
            assert_eq!(budgets.allows(source, now), Ok(()));
            budgets.charge(source, now);
        }
        assert_eq!(budgets.allows(source, now), Err(SECOND));
        assert_eq!(budgets.allows(source, now + SECOND / 2), Err(SECOND / 2));
        assert_eq!(budgets.allows(source, now + SECOND), Ok(()));
        budgets.charge(source, now + SECOND);
        assert!(budgets.allows(source, now + SECOND).is_err());
        assert_eq!(budgets.allows(from("192.0.2.2"), now), Ok(()), "another source");
    }

    #[test]
    fn what_is_given_back_can_be_spent_again() {
        let (mut budgets, source) = (Budgets::new(60, 2, 1), from("192.0.2.1"));
        let (other, now) = (from("192.0.2.2"), 1_000 * SECOND);
        for source in [source, other] {
            for _ in 0..100 {
                assert_eq!(budgets.allows(source, now), Ok(()));
                budgets.charge(source, now);
                budgets.refund(source);
            }
            for left in [true, true, false] {
                assert_eq!(budgets.allows(source, now).is_ok(), left);
                budgets.charge(source, now);
            }
        }
    }

    #[test]
    fn who_is_one_source() {
        for (one, other, same) in [
            ("2001:db8::1", "2001:db8::2", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("0.0.0.0", "::", false),
        ] {
            assert_eq!(source_key(from(one)) == source_key(from(other)), same, "{one} {other}");
        }
        assert_ne!(source_key(None), source_key(from("::")));
        assert_ne!(source_key(None), source_key(from("0.0.0.0")));
    }

    #[test]
    fn a_flood_of_sources_neither_grows_the_table_nor_frees_anybody() {
        let (mut budgets, now) = (Budgets::new(60, 1, 4), 1_000 * SECOND);
        let source = |n: u8| Some(IpAddr::from([10, 0, 0, n]));
        for n in 0..100 {
            budgets.charge(source(n), now);
        }
        assert_eq!(budgets.owing.len(), 4);
        assert!(budgets.allows(source(0), now).is_err(), "the first is not forgotten");
        assert!(budgets.allows(source(99), now).is_err(), "the last shares a budget");
        let later = now + 200 * SECOND;
        budgets.charge(source(100), later);
        assert_eq!(budgets.owing.len(), 1, "who owes nothing needs no place");
        assert!(budgets.allows(source(0), later).is_ok());
    }

    #[test]
    fn debts_are_bounded_and_a_clock_set_back_voids_them() {
        let (mut budgets, source) = (Budgets::new(60, 1, 4), from("192.0.2.1"));
        for _ in 0..100 {
            budgets.charge(source, 500 * SECOND);
        }
        assert_eq!(budgets.allows(source, 500 * SECOND), Err(SECOND));
        assert_eq!(budgets.allows(source, SECOND), Ok(()));
    }
}

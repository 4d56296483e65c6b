//! How much of something a source may cause: a generic cell rate algorithm per source, in a table
//! that cannot be flooded.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::source::WIDTHS;
use crate::{invalid, ConfigError, Source};

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
///
/// A source that owes nothing is never refused for what others owe, unless the table is full and it is
/// in a network of which many others owe: then that network counts as one source. Sources that something
/// good is known of stay apart from such networks.
#[derive(Clone, Debug)]
pub struct Budgets {
    /// One charge takes this long to be forgotten.
    emission: u64,
    /// How far a source may run ahead.
    tolerance: u64,
    capacity: usize,
    /// For each source, when it will owe nothing. Two tables are of sources that something good is known
    /// of, whether they owe anything or not: those that were heard of lately, and those that were before.
    /// The others are of sources that owe anything, by how wide the network is.
    tables: [BTreeMap<u64, u64>; KNOWN + WIDTHS.len()],
    /// What the failures of all sources together come to.
    load: u64,
    /// When a full table was last searched for room.
    searched: u64,
}

/// How often a full table is searched for room.
const SEARCH_EVERY: u64 = 1_000_000_000;
/// Of how many sources in one network, as a part of all that are told apart (a shift), the network
/// becomes one. By how wide it is; the wider, the more others it may hold.
const CROWD: [u32; WIDTHS.len()] = [0, 11, 9, 6];
/// Tables of known sources, and how many one holds.
const KNOWN: usize = 2;
const MOST_KNOWN: usize = 2048;
/// As many sources as may use up their budgets, in the long run and at once, before failures cost more.
const MANY: u64 = 200;
const MANY_AT_ONCE: u64 = 50;

impl Budgets {
    /// `burst` charges at once and `per_minute` in the long run, for at most `capacity` sources.
    pub fn new(per_minute: u32, burst: u32, capacity: usize) -> Self {
        let emission = 60_000_000_000 / u64::from(per_minute.max(1));
        let tolerance = emission.saturating_mul(u64::from(burst.saturating_sub(1)));
        let tables = Default::default();
        Self { emission, tolerance, capacity, tables, load: 0, searched: 0 }
    }

    /// Whether the source has anything left.
    ///
    /// # Errors
    /// How many nanoseconds it has to wait.
    pub fn allows(&self, source: Source, now: u64) -> Result<(), u64> {
        match self.owed(source, now).saturating_sub(now.saturating_add(self.tolerance)) {
            0 => Ok(()),
            wait => Err(wait),
        }
    }

    /// Whether it still has something left if all of so many that are under way are charged to it.
    pub fn spares(&self, source: Source, under_way: usize, now: u64) -> bool {
        let more = self.emission.saturating_mul(under_way as u64);
        let then = self.owed(source, now).max(now).saturating_add(more);
        then <= now.saturating_add(self.tolerance)
    }

    /// Whether it owes nothing.
    pub fn is_even(&self, source: Source, now: u64) -> bool {
        self.owed(source, now) <= now
    }

    /// Whether something good is known of it.
    pub fn knows(&self, source: Source) -> bool {
        self.find(source).is_some_and(|(table, _)| table < KNOWN)
    }

    /// Something good is known of the source: it pays for no others of its network.
    pub fn vouch(&mut self, source: Source) {
        let found = self.find(source);
        let [lately, before, narrowest, ..] = &mut self.tables;
        if !source.is_known() || matches!(found, Some((0, _))) {
            return;
        }
        // What it owes itself, and not what its network owes.
        let owed = before.remove(&source.0).or_else(|| narrowest.remove(&source.0));
        if lately.len() >= MOST_KNOWN {
            *before = std::mem::take(lately);
        }
        lately.insert(source.0, owed.unwrap_or_default());
    }

    /// Charges the source with one.
    pub fn charge(&mut self, source: Source, now: u64) {
        self.charge_with(source, self.emission, now);
    }

    /// Charges the source with a failure. Where all together fail too often, those that do are charged
    /// with half of what they may owe: nobody pays for it who does not fail.
    pub fn fail(&mut self, source: Source, now: u64) {
        let burst = self.tolerance / self.emission + 1;
        let one = (self.emission / MANY).max(1);
        let most = now.saturating_add(one.saturating_mul(burst).saturating_mul(MANY_AT_ONCE));
        // A load that far ahead is from before the clock was set back.
        let behind = self.load > most.saturating_add(one);
        let load = if behind { now } else { self.load.max(now) };
        let strained = load > most;
        self.load = load.saturating_add(one).min(most.saturating_add(one));
        let dear = strained && !self.knows(source);
        self.charge_with(source, if dear { self.dear() } else { self.emission }, now);
    }

    /// Takes one charge back, of something that was charged before it was known for what it is.
    pub fn refund(&mut self, source: Source) {
        if let Some((table, until)) = self.find(source) {
            self.set(source, table, until.saturating_sub(self.emission));
        }
    }

    /// What a failure costs where all together fail too often: half of the burst.
    fn dear(&self) -> u64 {
        let burst = self.tolerance / self.emission + 1;
        self.emission.saturating_mul((burst / 2).max(1))
    }

    #[inline(never)]
    fn charge_with(&mut self, source: Source, charge: u64, now: u64) {
        if self.find(source).is_none() && self.len() >= self.capacity {
            self.search_room(now);
        }
        // Never more than one beyond the burst, however many were under way when the last was allowed.
        let most = now.saturating_add(self.tolerance).saturating_add(charge);
        let until = self.owed(source, now).max(now).saturating_add(charge).min(most);
        match self.find(source) {
            Some((table, _)) => self.set(source, table, until),
            // Where there is no room nobody else pays for it.
            None if self.len() >= self.capacity => {}
            None => self.set(source, KNOWN, until),
        }
    }

    /// Until when the source owes something.
    fn owed(&self, source: Source, now: u64) -> u64 {
        let until = self.find(source).map_or(0, |(_, until)| until);
        // No charge goes further: the clock was set back, and old debts mean nothing now.
        let most = now.saturating_add(self.tolerance).saturating_add(self.dear());
        if until > most {
            return 0;
        }
        until
    }

    /// The table that has the source or its network, and until when that owes something.
    #[inline(never)]
    fn find(&self, source: Source) -> Option<(usize, u64)> {
        let found = |(table, owing): (usize, &BTreeMap<u64, u64>)| {
            let until = owing.get(&source.within(table.saturating_sub(KNOWN)).0)?;
            Some((table, *until))
        };
        self.tables.iter().enumerate().find_map(found)
    }

    #[inline(never)]
    fn set(&mut self, source: Source, table: usize, until: u64) {
        if let Some(owing) = self.tables.get_mut(table) {
            owing.insert(source.within(table.saturating_sub(KNOWN)).0, until);
        }
    }

    /// How many sources owe anything.
    fn len(&self) -> usize {
        self.tables.iter().skip(KNOWN).map(BTreeMap::len).sum()
    }

    /// Makes room in a full table: debts that are paid go, then the sources of crowded networks become
    /// one each, the narrowest first, and at last the smallest debts go.
    #[inline(never)]
    fn search_room(&mut self, now: u64) {
        if now.abs_diff(self.searched) < SEARCH_EVERY {
            return;
        }
        self.searched = now;
        let enough = self.capacity - (self.capacity / 8).max(1).min(self.capacity);
        let span = self.tolerance.saturating_add(self.dear());
        let most = now.saturating_add(span);
        self.forgive(now, most);
        for width in 1..WIDTHS.len() {
            if self.len() > enough {
                self.fold(width);
            }
        }
        for eighth in 1..=8 {
            if self.len() > enough {
                self.forgive(now.saturating_add(span / 8 * eighth), most);
            }
        }
    }

    /// Forgets debts that end by then, and those beyond the most that anybody can owe: they are from before
    /// the clock was set back.
    fn forgive(&mut self, then: u64, most: u64) {
        self.thin(WIDTHS.len(), (then, most), &BTreeMap::new());
    }

    /// Makes one source of each crowded network that is so wide. It owes as much as the one of them that
    /// owes most.
    fn fold(&mut self, width: usize) {
        let mut sources = BTreeMap::new();
        for source in self.tables.iter().skip(KNOWN).take(width).flat_map(BTreeMap::keys) {
            let network = Source(*source).within(width).0;
            let others = sources.get(&network).copied().unwrap_or(0);
            sources.insert(network, others + 1);
        }
        self.thin(width, (0, u64::MAX), &sources);
    }

    /// Drops what is narrower than a width: debts that end by one time or beyond another, and those of
    /// networks of that width with a crowd of `sources`, which the network owes from now on.
    #[inline(never)]
    fn thin(&mut self, width: usize, (then, most): (u64, u64), sources: &BTreeMap<u64, u64>) {
        let crowd = CROWD.get(width).map_or(0, |shift| self.capacity >> shift).max(2);
        let (narrower, rest) = self.tables.split_at_mut(KNOWN + width);
        let mut wide = rest.first_mut();
        for owing in narrower.iter_mut().skip(KNOWN) {
            owing.retain(|source, until| {
                let network = Source(*source).within(width).0;
                let crowded = sources.get(&network).is_some_and(|many| *many >= crowd as u64);
                if let (true, Some(wide)) = (crowded, &mut wide) {
                    let other = wide.get(&network).copied().unwrap_or(0);
                    wide.insert(network, other.max(*until));
                    return false;
                }
                (then < *until) & (*until <= most)
            });
        }
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "budget_starvation_tests.rs"]
mod starvation;

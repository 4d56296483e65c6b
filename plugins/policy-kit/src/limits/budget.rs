//! Rate limits per source: a generic cell rate algorithm (GCRA), in a table that cannot be flooded.

use std::collections::BTreeMap;

use crate::clock::SECOND;
use crate::limits::source::{Source, WIDTHS};

/// Budgets per source. Times are nanoseconds since the epoch.
///
/// A source without debt is never refused for the debts of others, unless the table is full and many sources of
/// its network are in debt: then that network counts as one source. Trusted sources, from which a valid
/// credential came, stay apart from such networks.
#[derive(Clone, Debug)]
pub struct Budgets {
    /// Time in which one charge is paid off.
    emission: u64,
    /// How far a source may be ahead of its rate.
    tolerance: u64,
    capacity: usize,
    /// For each source, when its debt is paid off. Two tables hold trusted sources, in debt or not: those of
    /// lately, and those of before. The others hold sources in debt, by the width of their network.
    tables: [BTreeMap<u64, u64>; KNOWN + WIDTHS.len()],
    /// The debt of the failures of all sources together.
    load: u64,
    /// When a full table was last searched for entries to drop.
    searched: u64,
}

/// Time between two searches of a full table.
const SEARCH_EVERY: u64 = SECOND;
/// From how many sources on, as a part of the capacity (a shift), a network counts as one source. By its width:
/// the wider it is, the more unrelated sources it may hold.
const CROWD: [u32; WIDTHS.len()] = [0, 11, 9, 6];
/// Tables of trusted sources, and how many one holds.
const KNOWN: usize = 2;
const MOST_KNOWN: usize = 2048;
/// How many sources may use up their budgets, in the long run and at once, before failures cost more.
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

    /// Whether the source has budget left.
    ///
    /// # Errors
    /// Nanoseconds to wait.
    pub fn allows(&self, source: Source, now: u64) -> Result<(), u64> {
        match self.owed(source, now).saturating_sub(now.saturating_add(self.tolerance)) {
            0 => Ok(()),
            wait => Err(wait),
        }
    }

    /// Whether the source still has budget left if all pending checks are charged to it.
    pub fn spares(&self, source: Source, pending: usize, now: u64) -> bool {
        let more = self.emission.saturating_mul(pending as u64);
        let then = self.owed(source, now).max(now).saturating_add(more);
        then <= now.saturating_add(self.tolerance)
    }

    /// Whether the source has no debt.
    pub fn is_even(&self, source: Source, now: u64) -> bool {
        self.owed(source, now) <= now
    }

    /// Whether the source is trusted.
    pub fn knows(&self, source: Source) -> bool {
        self.find(source).is_some_and(|(table, _)| table < KNOWN)
    }

    /// A valid credential came from the source: it pays for no others of its network from now on.
    pub fn vouch(&mut self, source: Source) {
        let found = self.find(source);
        let [lately, before, narrowest, ..] = &mut self.tables;
        if !source.is_known() || matches!(found, Some((0, _))) {
            return;
        }
        // Its own debt, and not that of its network.
        let owed = before.remove(&source.0).or_else(|| narrowest.remove(&source.0));
        if lately.len() >= MOST_KNOWN {
            *before = std::mem::take(lately);
        }
        lately.insert(source.0, owed.unwrap_or_default());
    }

    /// Charges the source with one check.
    pub fn charge(&mut self, source: Source, now: u64) {
        self.charge_with(source, self.emission, now);
    }

    /// Charges the source with a failure. Where all sources together fail too often, each failure costs half of
    /// a burst: only sources that fail pay for it.
    pub fn fail(&mut self, source: Source, now: u64) {
        let burst = self.tolerance / self.emission + 1;
        let one = (self.emission / MANY).max(1);
        let most = now.saturating_add(one.saturating_mul(burst).saturating_mul(MANY_AT_ONCE));
        // A load that far ahead is older than a step of the clock backwards.
        let behind = self.load > most.saturating_add(one);
        let load = if behind { now } else { self.load.max(now) };
        let strained = load > most;
        self.load = load.saturating_add(one).min(most.saturating_add(one));
        let dear = strained && !self.knows(source);
        self.charge_with(source, if dear { self.dear() } else { self.emission }, now);
    }

    /// Takes one charge back.
    pub fn refund(&mut self, source: Source) {
        if let Some((table, until)) = self.find(source) {
            self.set(source, table, until.saturating_sub(self.emission));
        }
    }

    /// Cost of a failure where all sources together fail too often: half of the burst.
    fn dear(&self) -> u64 {
        let burst = self.tolerance / self.emission + 1;
        self.emission.saturating_mul((burst / 2).max(1))
    }

    #[inline(never)]
    fn charge_with(&mut self, source: Source, charge: u64, now: u64) {
        if self.find(source).is_none() && self.len() >= self.capacity {
            self.drop_entries(now);
        }
        // Never more than one beyond the burst, however many checks were pending when the last was allowed.
        let most = now.saturating_add(self.tolerance).saturating_add(charge);
        let until = self.owed(source, now).max(now).saturating_add(charge).min(most);
        match self.find(source) {
            Some((table, _)) => self.set(source, table, until),
            // A full table is no reason to charge another source.
            None if self.len() >= self.capacity => {}
            None => self.set(source, KNOWN, until),
        }
    }

    /// Until when the source is in debt.
    fn owed(&self, source: Source, now: u64) -> u64 {
        let until = self.find(source).map_or(0, |(_, until)| until);
        // No charge goes further: the clock was set back, and older debts are void.
        let most = now.saturating_add(self.tolerance).saturating_add(self.dear());
        if until > most {
            return 0;
        }
        until
    }

    /// The table that holds the source or its network, and until when that is in debt.
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

    /// Number of sources in debt.
    fn len(&self) -> usize {
        self.tables.iter().skip(KNOWN).map(BTreeMap::len).sum()
    }

    /// Drops entries of a full table: first paid debts, then the sources of crowded networks become one each,
    /// the narrowest first, and at last the smallest debts go.
    #[inline(never)]
    fn drop_entries(&mut self, now: u64) {
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

    /// Drops debts that end by `then`, and those beyond the largest possible one: they are older than a step of
    /// the clock backwards.
    fn forgive(&mut self, then: u64, most: u64) {
        self.thin(WIDTHS.len(), (then, most), &BTreeMap::new());
    }

    /// Makes one source of each crowded network of a width. Its debt is the largest of theirs.
    fn fold(&mut self, width: usize) {
        let mut sources = BTreeMap::new();
        for source in self.tables.iter().skip(KNOWN).take(width).flat_map(BTreeMap::keys) {
            let network = Source(*source).within(width).0;
            let others = sources.get(&network).copied().unwrap_or(0);
            sources.insert(network, others + 1);
        }
        self.thin(width, (0, u64::MAX), &sources);
    }

    /// Drops entries that are narrower than a width: debts that end by one time or beyond another, and those of
    /// networks of that width with a crowd of `sources`, whose debt the network takes over.
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

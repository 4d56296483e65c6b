//! When the limit is lowered for a moment, to see the upstream without a queue.

use policy_kit::{MILLI, SECOND};

/// While the baseline is not found, a probe may start so often, in nanoseconds.
const SEARCH: u64 = 250 * MILLI;

/// A moment at three quarters of the limit.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// The limit meanwhile.
    pub limit: u32,
    /// When it began.
    pub began: u64,
    /// Whether all workers probe now.
    pub together: bool,
    /// Since when so few are in flight: only answers to later requests count.
    pub since: Option<u64>,
}

/// A moment at which a probe starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// All workers probe.
    OfAll,
    /// Those do that search their baseline.
    Own,
}

/// The moments at which probes start: a function of the host's clock alone, so that all workers, and gateways with
/// synchronised clocks, probe at once. One that probes while the others queue sees their queue.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moments {
    seen: Option<(u64, u64)>,
}

impl Moments {
    /// Which moment passed since the last call. `search`: one of the frequent moments counts, too.
    pub fn pass(&mut self, now: u64, period_s: u64, search: bool) -> Option<Moment> {
        let period = period_s.saturating_mul(SECOND).max(SECOND);
        let (n, within) = (now / period, now % period);
        // Not always at the same phase, so that a client's own rhythm does not distort every probe.
        let offset = scatter(n) % (period / 2);
        let slots = (n.wrapping_mul(2) + u64::from(within >= offset), now / SEARCH);
        let (periodic, frequent) = self.seen.replace(slots)?;
        // The change at the end of a period is no moment.
        match (slots.0 != periodic && slots.0 % 2 == 1, slots.1 != frequent && search) {
            (true, _) => Some(Moment::OfAll),
            (false, true) => Some(Moment::Own),
            (false, false) => None,
        }
    }
}

/// A number without visible relation to its neighbours' (the finalizer of SplitMix64).
pub fn scatter(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_one_moment_and_all_workers_the_same() {
        let mut one = Moments::default();
        let mut moments = Vec::new();
        for now in (0..150 * SECOND).step_by(10_000_000) {
            if one.pass(now, 15, false).is_some() {
                moments.push(now);
            }
        }
        assert!((9..=10).contains(&moments.len()), "{moments:?}");
        let mut other = Moments::default();
        for now in (20 * SECOND..150 * SECOND).step_by(17_000_000) {
            if other.pass(now, 15, false).is_some() {
                assert!(moments.iter().any(|it| now - it.min(&now) < 20_000_000), "{now}");
            }
        }
        let mut searching = Moments::default();
        let count = (0..5 * SECOND)
            .step_by(10_000_000)
            .filter(|now| searching.pass(*now, 300, true).is_some());
        assert_eq!(count.count(), 19);
    }
}

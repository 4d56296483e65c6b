//! A clock for lengths of time within one worker, made of the gateway's, which may jump.

use policy_kit::SECOND;

/// More than the time between two looks of a worker that is full, in nanoseconds.
pub(crate) const LATE: u64 = 5 * SECOND;

/// Time that has passed, in nanoseconds, as far as it was looked at. A clock that steps backwards counts as standing
/// still, and a step forwards as at most `MOST` nanoseconds: what waits for a time to pass may wait longer, never much
/// shorter. It must be looked at once in `MOST`, else its times are longer than they are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Steady<const MOST: u64> {
    seen: Option<u64>,
    time: u64,
}

impl<const MOST: u64> Steady<MOST> {
    /// The time at `now`, in nanoseconds since the epoch.
    pub(crate) fn at(&mut self, now: u64) -> u64 {
        let step = now.saturating_sub(self.seen.unwrap_or(now)).min(MOST);
        self.seen = Some(now);
        self.time = self.time.saturating_add(step);
        self.time
    }

    /// The time when the clock was last seen.
    #[cfg(test)]
    pub(crate) fn time(&self) -> u64 {
        self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn jumps_count_as_little() {
        let mut clock = Steady::<LATE>::default();
        for (now, want) in [
            (1_000 * SECOND, 0),
            (1_001 * SECOND, SECOND),
            (1_001 * SECOND, SECOND),
            // Back by a minute, and on from there.
            (941 * SECOND, SECOND),
            (942 * SECOND, 2 * SECOND),
            // Forward by hours.
            (9_000 * SECOND, 7 * SECOND),
            (u64::MAX, 12 * SECOND),
            (0, 12 * SECOND),
        ] {
            assert_eq!(clock.at(now), want, "{now}");
            assert_eq!(clock.time(), want);
        }
    }

    #[test]
    fn jumps_count_as_at_most_a_second() {
        let mut timeline = Steady::<SECOND>::default();
        let cases = [
            (5 * SECOND, 0),
            (5 * SECOND + 7, 7),
            (SECOND, 7),
            (SECOND + 1, 8),
            (u64::MAX, SECOND + 8),
            (u64::MAX, SECOND + 8),
            (0, SECOND + 8),
            (SECOND, 2 * SECOND + 8),
        ];
        for (now, expected) in cases {
            assert_eq!(timeline.at(now), expected, "at {now}");
        }
    }

    proptest! {
        #[test]
        fn it_never_goes_back_nor_jumps(times in prop::collection::vec(any::<u64>(), 0..50)) {
            let (mut clock, mut last) = (Steady::<LATE>::default(), 0);
            for now in times {
                let at = clock.at(now);
                prop_assert!(at >= last && at - last <= LATE);
                last = at;
            }
        }
    }
}

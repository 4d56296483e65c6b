//! A clock for lengths of time within one worker: it never goes back, and a jump of the gateway's clock moves it by
//! little.

use policy_kit::SECOND;

/// The most by which it moves from one look to the next, in nanoseconds: more than the time between two ticks of a
/// worker that is full.
const STEP: u64 = 5 * SECOND;

/// Time that has passed, as far as it was looked at. While nobody looks, it stands: what waits for a time to pass
/// waits longer, never shorter.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Steady {
    last: Option<u64>,
    elapsed: u64,
}

impl Steady {
    /// The time that has passed since the first look, in nanoseconds; `now` is the gateway's time.
    pub(crate) fn at(&mut self, now: u64) -> u64 {
        let step = self.last.map_or(0, |last| now.saturating_sub(last)).min(STEP);
        self.last = Some(now);
        self.elapsed = self.elapsed.saturating_add(step);
        self.elapsed
    }

    /// The same without moving the clock: the time at the last look.
    #[cfg(test)]
    pub(crate) fn last(&self) -> u64 {
        self.elapsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn jumps_count_as_little() {
        let mut clock = Steady::default();
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
            assert_eq!(clock.last(), want);
        }
    }

    proptest! {
        #[test]
        fn it_never_goes_back_nor_jumps(times in prop::collection::vec(any::<u64>(), 0..50)) {
            let (mut clock, mut last) = (Steady::default(), 0);
            for now in times {
                let at = clock.at(now);
                prop_assert!(at >= last && at - last <= STEP);
                last = at;
            }
        }
    }
}

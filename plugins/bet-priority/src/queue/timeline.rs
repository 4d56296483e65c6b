//! Time that only goes on, made of a clock that may jump.

use policy_kit::SECOND;

/// Time since a group was made, in nanoseconds. A clock that steps backwards, or forwards by more than a second,
/// counts as at most one second: no jump ends the waiting of all requests or recovers permits that are in use.
///
/// A group must see the clock at least once a second, else its times are longer than configured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timeline {
    seen: Option<u64>,
    time: u64,
}

impl Timeline {
    /// The time at `now`, in nanoseconds since the epoch.
    pub fn at(&mut self, now: u64) -> u64 {
        let step = now.saturating_sub(self.seen.unwrap_or(now)).min(SECOND);
        self.seen = Some(now);
        self.time = self.time.saturating_add(step);
        self.time
    }

    /// The time when the clock was last seen.
    pub fn time(&self) -> u64 {
        self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_count_as_at_most_a_second() {
        let mut timeline = Timeline::default();
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
}

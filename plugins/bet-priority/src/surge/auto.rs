//! The surge profile by itself: it begins when requests have been shed for a while, and ends when none has been for
//! longer. The two times differ, so that it does not flicker.

use policy_kit::{member_within, ConfigError, MILLI, SECOND};

use crate::steady::{Steady, LATE};
use crate::surge::config::AutoConfig;

/// Longest pause between two requests that are shed, for shedding that goes on, in nanoseconds.
const PAUSE: u64 = SECOND;

/// The compiled `surge.auto`, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AutoRules {
    after: u64,
    calm: u64,
}

impl AutoRules {
    /// Compiles the configuration at path `at`.
    ///
    /// # Errors
    /// Names the field.
    pub(crate) fn compile(raw: &AutoConfig, at: &str) -> Result<Self, ConfigError> {
        member_within(raw.after_ms, (100, 60_000), at, "after_ms")?;
        let least = raw.after_ms.max(1_000);
        member_within(raw.calm_ms, (least, 3_600_000), at, "calm_ms")?;
        Ok(Self { after: raw.after_ms * MILLI, calm: raw.calm_ms * MILLI })
    }
}

/// Whether one worker sheds, and has for long.
#[derive(Debug, Default)]
pub(crate) struct Auto {
    clock: Steady<LATE>,
    /// Since when requests are shed without a pause, and when the last one was.
    shedding: Option<(u64, u64)>,
    on: bool,
}

impl Auto {
    /// A request was shed at `now`, in nanoseconds since the epoch.
    pub(crate) fn shed(&mut self, rules: AutoRules, now: u64) {
        let now = self.clock.at(now);
        let since = match self.shedding {
            Some((since, last)) if now.saturating_sub(last) <= PAUSE => since,
            _ => now,
        };
        self.shedding = Some((since, now));
        self.on |= now.saturating_sub(since) >= rules.after;
    }

    /// Time passes.
    pub(crate) fn tick(&mut self, rules: AutoRules, now: u64) {
        let now = self.clock.at(now);
        let calm = |(_, last): (u64, u64)| now.saturating_sub(last) >= rules.calm;
        if self.shedding.is_none_or(calm) {
            (self.on, self.shedding) = (false, None);
        }
    }

    /// Whether the profile is on by itself.
    pub(crate) fn is_on(&self) -> bool {
        self.on
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: AutoRules = AutoRules { after: 2 * SECOND, calm: 30 * SECOND };
    const T0: u64 = 1_790_000_000 * SECOND;

    #[test]
    fn it_begins_after_shedding_and_ends_after_calm() {
        let mut auto = Auto::default();
        // Milliseconds, whether a request is shed or time passes, whether it is on then.
        for (at, shed, want) in [
            (0, true, false),
            (900, true, false),
            (1_900, true, false),
            // A pause of more than a second: it begins again.
            (2_950, true, false),
            (3_900, true, false),
            (4_800, true, false),
            (4_949, true, false),
            (4_950, true, true),
            (9_000, false, true),
            (12_000, false, true),
            (15_000, true, true),
            (20_000, false, true),
            (25_000, false, true),
            (30_000, false, true),
            (35_000, false, true),
            (40_000, false, true),
            (44_999, false, true),
            (45_000, false, false),
            (45_100, true, false),
        ] {
            let now = T0 + at * MILLI;
            match shed {
                true => auto.shed(RULES, now),
                false => auto.tick(RULES, now),
            }
            assert_eq!(auto.is_on(), want, "{at}");
        }
    }

    /// A single request that is shed in each second is shedding; one in each minute is not.
    #[test]
    fn rare_shedding_does_not_begin_it() {
        for (every, want) in [(SECOND, true), (SECOND + 1, false), (60 * SECOND, false)] {
            let mut auto = Auto::default();
            (0..10).for_each(|n| auto.shed(RULES, T0 + n * every));
            assert_eq!(auto.is_on(), want, "{every}");
        }
    }

    #[test]
    fn jumps_of_the_clock_neither_begin_nor_end_it() {
        let mut auto = Auto::default();
        auto.shed(RULES, T0);
        auto.shed(RULES, T0 + 3_600 * SECOND);
        assert!(!auto.is_on());
        let mut auto = Auto::default();
        (0..=20).for_each(|n| auto.shed(RULES, T0 + n * 100 * MILLI));
        assert!(auto.is_on());
        auto.tick(RULES, T0 + 86_400 * SECOND);
        auto.tick(RULES, T0);
        auto.tick(RULES, 0);
        assert!(auto.is_on());
    }

    proptest! {
        /// Whatever the clock does, calm ends it.
        #[test]
        fn it_ends(steps in prop::collection::vec((any::<u64>(), any::<bool>()), 0..50)) {
            let mut auto = Auto::default();
            for (now, shed) in steps {
                match shed {
                    true => auto.shed(RULES, now),
                    false => auto.tick(RULES, now),
                }
            }
            (0..=31).for_each(|n| auto.tick(RULES, T0 + n * SECOND));
            prop_assert!(!auto.is_on());
        }
    }

    #[test]
    fn rejects_invalid_configurations() {
        for (after_ms, calm_ms, want) in [
            (2_000, 30_000, None),
            (100, 1_000, None),
            (99, 30_000, Some("surge.auto.after_ms")),
            (60_001, 90_000, Some("surge.auto.after_ms")),
            (2_000, 999, Some("surge.auto.calm_ms")),
            (2_000, 1_999, Some("surge.auto.calm_ms")),
            (2_000, 3_600_001, Some("surge.auto.calm_ms")),
        ] {
            let got = AutoRules::compile(&AutoConfig { after_ms, calm_ms }, "surge.auto");
            assert_eq!(got.err().map(|error| error.field).as_deref(), want);
        }
    }
}

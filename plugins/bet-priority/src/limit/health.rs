//! Sheds a growing part of what may be shed while the upstream fails, what is shed first first.

use policy_kit::SECOND;

use crate::limit::config::HealthRules;
use crate::queue::lane::WAITING_LANES;

/// Answers of so many seconds count.
const SECONDS: usize = 10;
/// One request in so many goes on nevertheless, or nobody would notice that the upstream is well again.
const TRICKLE: u32 = 10;
/// Shedding ends so many points above where it starts.
const MARGIN: u64 = 10;
/// All lanes but unproven settlement.
const MOST: u8 = WAITING_LANES as u8 - 1;

/// How well the upstream answers.
#[derive(Clone, Copy, Debug)]
pub struct Health {
    rules: HealthRules,
    /// Good answers and all answers of each second.
    seconds: [(u32, u32); SECONDS],
    second: u64,
    /// Positions of the shedding order that are shed.
    level: u8,
    shed: u32,
}

impl Health {
    /// Well.
    pub fn new(rules: HealthRules) -> Self {
        Self { rules, seconds: [(0, 0); SECONDS], second: 0, level: 0, shed: 0 }
    }

    /// The upstream answered, well or not.
    pub fn learn(&mut self, good: bool) {
        let [current, ..] = &mut self.seconds;
        current.0 = current.0.saturating_add(good.into());
        current.1 = current.1.saturating_add(1);
    }

    /// Time goes on. Once a second, more or less is shed.
    pub fn advance(&mut self, time: u64) {
        let second = time / SECOND;
        if second == self.second {
            return;
        }
        self.second = second;
        let (good, all) = self.seconds.iter().fold((0u64, 0u64), |(good, all), second| {
            (good + u64::from(second.0), all + u64::from(second.1))
        });
        self.seconds.rotate_right(1);
        let [current, ..] = &mut self.seconds;
        *current = (0, 0);
        let start = u64::from(self.rules.good_percent);
        if all < self.rules.answers.into() || good * 100 >= all * (start + MARGIN) {
            self.level = self.level.saturating_sub(1);
        } else if good * 100 < all * start {
            self.level = (self.level + 1).min(MOST);
        }
    }

    /// Whether a request at this position of the shedding order is shed; 1 is shed first.
    pub fn sheds(&mut self, order: u8) -> bool {
        if order > self.level {
            return false;
        }
        self.shed = self.shed.wrapping_add(1);
        !self.shed.is_multiple_of(TRICKLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_shed_while_the_upstream_fails_and_less_when_it_is_well() {
        let mut health = Health::new(HealthRules { good_percent: 50, answers: 20 });
        let mut levels = Vec::new();
        for second in 1..80u64 {
            // 20 answers a second: all good, then 40 % good, then 55 %, then all good.
            let good = match second {
                0..=9 => 20,
                10..=29 => 8,
                30..=49 => 11,
                _ => 20,
            };
            (0..20).for_each(|n| health.learn(n < good));
            health.advance(second * SECOND);
            levels.push(health.level);
        }
        let at = |second: usize| levels[second - 1];
        assert_eq!(at(9), 0);
        assert!(at(20) > 0 && at(29) > at(20), "{levels:?}");
        assert_eq!(at(49), at(40), "between the two, nothing changes: {levels:?}");
        assert_eq!(at(79), 0, "{levels:?}");
    }

    #[test]
    fn some_requests_go_on_and_silence_ends_it() {
        let mut health = Health::new(HealthRules { good_percent: 50, answers: 20 });
        for second in 1..30u64 {
            (0..20).for_each(|_| health.learn(false));
            health.advance(second * SECOND);
        }
        assert!(!health.sheds(12), "unproven settlement");
        let passed = (0..1000).filter(|_| !health.sheds(11)).count();
        assert_eq!(passed, 100);
        (30..60u64).for_each(|second| health.advance(second * SECOND));
        assert!(!health.sheds(1));
    }
}

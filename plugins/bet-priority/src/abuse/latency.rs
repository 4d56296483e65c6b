//! How long the upstream takes to refuse a wrong password: a locked login waits as long.

use policy_kit::MILLI;

/// Samples that are kept of each endpoint.
const SAMPLES: usize = 32;
/// Samples from which on they are used: fewer would make a pattern.
const ENOUGH: usize = 8;
/// Longest time that is imitated, in milliseconds.
const LONGEST: u64 = 10_000;

/// The last times of one endpoint, in milliseconds.
#[derive(Clone, Debug, Default)]
pub struct LatencyRing {
    samples: Vec<u64>,
    next: usize,
}

impl LatencyRing {
    /// Notes a time in nanoseconds: that of a response by which the upstream refused a wrong password.
    pub fn observe(&mut self, latency: u64) {
        // Rounded, as gateways report it.
        let latency = (latency.saturating_add(MILLI / 2) / MILLI).min(LONGEST);
        match self.samples.get_mut(self.next) {
            Some(oldest) => *oldest = latency,
            None => self.samples.push(latency),
        }
        self.next = (self.next + 1) % SAMPLES;
    }

    /// A wait in milliseconds, by a number that no client can guess: one of the last times, or `fallback` up to a
    /// quarter shorter or longer.
    pub fn delay(&self, random: u64, fallback: u64) -> u64 {
        if self.samples.len() >= ENOUGH {
            let at = usize::try_from(random % self.samples.len() as u64).unwrap_or(0);
            return self.samples.get(at).copied().unwrap_or(fallback);
        }
        let quarter = fallback / 4;
        let spread = random % (quarter * 2 + 1);
        (fallback - quarter).saturating_add(spread)
    }
}

/// The times of all endpoints, of one worker.
#[derive(Clone, Debug, Default)]
pub struct LoginLatencies(Vec<LatencyRing>);

impl LoginLatencies {
    /// For so many endpoints.
    pub fn new(endpoints: usize) -> Self {
        Self(vec![LatencyRing::default(); endpoints])
    }

    /// Notes a time of an endpoint, as [`LatencyRing::observe`].
    pub fn observe(&mut self, endpoint: usize, latency: u64) {
        if let Some(ring) = self.0.get_mut(endpoint) {
            ring.observe(latency);
        }
    }

    /// A wait for an endpoint, as [`LatencyRing::delay`].
    pub fn delay(&self, endpoint: usize, random: u64, fallback: u64) -> u64 {
        self.0.get(endpoint).map_or(fallback, |ring| ring.delay(random, fallback))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_are_those_of_the_last_samples() {
        let mut all = LoginLatencies::new(2);
        for n in 0..100 {
            all.observe(1, n * MILLI);
        }
        let seen = |endpoint| -> std::collections::BTreeSet<u64> {
            (0..1_000).map(|random| all.delay(endpoint, random, 200)).collect()
        };
        assert_eq!(seen(1), (68..100).collect());
        assert_eq!(seen(0), (150..=250).collect(), "no samples: the configured time");
        assert_eq!(seen(2), [200].into(), "no such endpoint");
    }

    #[test]
    fn a_few_samples_are_not_used() {
        let mut ring = LatencyRing::default();
        for n in 0..ENOUGH {
            assert!((150..=250).contains(&ring.delay(n as u64 * 7, 200)), "{n}");
            ring.observe(7 * MILLI);
        }
        assert_eq!(ring.delay(0, 200), 7);
        assert_eq!([ring.delay(1, 0), LatencyRing::default().delay(5, 0)], [7, 0]);
    }

    proptest! {
        #[test]
        fn waits_are_bounded(
            times in prop::collection::vec(any::<u64>(), 0..100),
            random: u64,
            fallback in 0u64..=10_000,
        ) {
            let mut ring = LatencyRing::default();
            times.iter().for_each(|time| ring.observe(*time));
            prop_assert!(ring.delay(random, fallback) <= 12_500);
            prop_assert!(ring.samples.len() <= SAMPLES);
        }
    }
}

//! How fast a lane is served while requests wait in it, and how long the upstream takes.

use policy_kit::{MILLI, SECOND};

/// A rate is updated after so much time in which requests waited.
const WINDOW: u64 = 200 * MILLI;
/// A rate is forgotten when nobody waited for so long.
const FORGOTTEN: u64 = 10 * SECOND;
/// The longest time the upstream is assumed to take.
const MOST_USUAL: u64 = 10 * SECOND;
/// What it is assumed to take while nothing is known.
const UNKNOWN_USUAL: u64 = SECOND;

/// How many requests of a lane get a permit while others of the lane wait.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    updated: u64,
    busy: u64,
    served: u64,
    /// In thousandths of a request per second.
    rate: Option<u64>,
    idle_since: u64,
}

impl Pace {
    /// Time goes on to `time`; until then requests waited, or did not. To be called before that changes.
    pub fn advance(&mut self, time: u64, waiting: bool) {
        let step = time.saturating_sub(self.updated);
        self.updated = time;
        if !waiting {
            if time.saturating_sub(self.idle_since) > FORGOTTEN {
                self.rate = None;
                (self.busy, self.served) = (0, 0);
            }
            return;
        }
        self.idle_since = time;
        self.busy = self.busy.saturating_add(step);
        if self.busy >= WINDOW {
            let fresh = self.served.saturating_mul(1_000 * SECOND) / self.busy;
            self.rate = Some(self.rate.map_or(fresh, |rate| (rate * 3 + fresh) / 4));
            (self.busy, self.served) = (0, 0);
        }
    }

    /// A request that waited got a permit.
    pub fn serve(&mut self) {
        self.served = self.served.saturating_add(1);
    }

    /// Thousandths of a request per second; `None` while nobody waited for long enough.
    pub fn rate(&self) -> Option<u64> {
        self.rate
    }
}

/// How long the upstream usually takes for the requests of a lane.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usual {
    mean: Option<u64>,
}

impl Usual {
    /// An answer took `latency` nanoseconds.
    pub fn learn(&mut self, latency: u64) {
        let latency = latency.min(MOST_USUAL);
        let next = |mean: u64| (mean * 7).saturating_add(latency) / 8;
        self.mean = Some(self.mean.map_or(latency, next));
    }

    /// The mean of late, in nanoseconds.
    pub fn mean(&self) -> Option<u64> {
        self.mean
    }

    /// Nanoseconds after which the upstream has answered, most likely: the mean and a quarter.
    pub fn long_enough(&self) -> u64 {
        self.mean.map_or(UNKNOWN_USUAL, |mean| mean.saturating_add(mean / 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_measured_while_requests_wait() {
        let mut pace = Pace::default();
        let mut time = 0;
        // 50 a second while requests wait, half of the time.
        for n in 0..200 {
            pace.advance(time, n % 2 == 1);
            if n % 2 == 1 {
                pace.serve();
            }
            time += 20 * MILLI;
        }
        let rate = pace.rate().unwrap();
        assert!((45_000..=55_000).contains(&rate), "{rate}");
        pace.advance(time + FORGOTTEN + SECOND, false);
        assert_eq!(pace.rate(), None);
    }

    #[test]
    fn the_usual_time_follows_the_answers() {
        let mut usual = Usual::default();
        assert_eq!(usual.long_enough(), UNKNOWN_USUAL);
        for _ in 0..100 {
            usual.learn(40 * MILLI);
        }
        assert_eq!(usual.long_enough(), 50 * MILLI);
        usual.learn(u64::MAX);
        assert!(usual.long_enough() < 2 * SECOND);
    }
}

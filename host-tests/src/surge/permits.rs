//! The casino's permits and its queue, without a clock of its own.
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A fixed number of permits, a queue in front of them, and the same time for every request.
#[derive(Debug)]
pub(super) struct Permits<T> {
    permits: usize,
    service: Duration,
    busy: usize,
    /// With the time of their arrival, oldest first.
    waiting: VecDeque<(T, Instant)>,
    totals: Totals,
    counted: Instant,
}

/// Sums over time: their differences, divided by that of the time, are means.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Totals {
    /// Permits.
    pub(super) permits: f64,
    /// Permits in use.
    pub(super) busy: f64,
    /// Requests that waited.
    pub(super) waiting: f64,
}

/// A request that is being carried out.
#[derive(Debug, PartialEq)]
pub(super) struct Start<T> {
    /// The request.
    pub(super) ticket: T,
    /// When it is done.
    pub(super) due: Instant,
}

impl<T> Permits<T> {
    pub(super) fn new(permits: usize, service: Duration, now: Instant) -> Self {
        let (waiting, totals) = (VecDeque::new(), Totals::default());
        Self { permits, service, busy: 0, waiting, totals, counted: now }
    }

    /// Takes a request: it starts at once, or waits.
    pub(super) fn arrive(&mut self, ticket: T, now: Instant) -> Option<Start<T>> {
        self.count(now);
        self.waiting.push_back((ticket, now));
        self.start(now)
    }

    /// Frees the permit of a request that was due at `due`, and starts the oldest that waits. Its time
    /// counts from `due`: a late timer of this machine must not make the casino slower.
    pub(super) fn finish(&mut self, due: Instant, now: Instant) -> Option<Start<T>> {
        self.count(now);
        self.busy = self.busy.saturating_sub(1);
        self.start(due)
    }

    /// Changes the number of permits. Requests in progress keep theirs.
    pub(super) fn set(&mut self, permits: usize, now: Instant) -> Vec<Start<T>> {
        self.count(now);
        self.permits = permits;
        std::iter::from_fn(|| self.start(now)).collect()
    }

    /// The sums until now.
    pub(super) fn totals(&mut self, now: Instant) -> Totals {
        self.count(now);
        self.totals
    }

    fn start(&mut self, from: Instant) -> Option<Start<T>> {
        if self.busy >= self.permits {
            return None;
        }
        let (ticket, arrived) = self.waiting.pop_front()?;
        self.busy += 1;
        Some(Start { ticket, due: from.max(arrived) + self.service })
    }

    fn count(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted).as_secs_f64();
        self.totals.permits += passed * self.permits as f64;
        self.totals.busy += passed * self.busy as f64;
        self.totals.waiting += passed * self.waiting.len() as f64;
        self.counted = self.counted.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn requests_wait_in_order_and_no_time_is_lost() {
        let start = Instant::now();
        let at = |ms: u32| start + MS * ms;
        let mut permits = Permits::new(2, MS * 50, start);
        assert_eq!(permits.arrive('a', at(0)), Some(Start { ticket: 'a', due: at(50) }));
        assert_eq!(permits.arrive('b', at(10)), Some(Start { ticket: 'b', due: at(60) }));
        assert_eq!(permits.arrive('c', at(11)), None);
        assert_eq!(permits.arrive('d', at(12)), None);
        // The timer was 3 ms late.
        assert_eq!(permits.finish(at(50), at(53)), Some(Start { ticket: 'c', due: at(100) }));
        assert_eq!(permits.finish(at(60), at(60)), Some(Start { ticket: 'd', due: at(110) }));
        // Nobody waited when the permit came free.
        assert_eq!(permits.arrive('e', at(105)), None);
        assert_eq!(permits.finish(at(100), at(107)), Some(Start { ticket: 'e', due: at(155) }));
        assert_eq!(permits.finish(at(110), at(110)), None);
        assert_eq!(permits.finish(at(155), at(155)), None);
        let totals = permits.totals(at(200));
        for (sum, wanted) in [(totals.permits, 0.4), (totals.busy, 0.255), (totals.waiting, 0.092)]
        {
            assert!((sum - wanted).abs() < 1e-9, "{totals:?}");
        }
    }

    #[test]
    fn permits_change_while_requests_are_in_progress() {
        let start = Instant::now();
        let mut permits = Permits::new(3, MS * 50, start);
        let due = start + MS * 50;
        let started: Vec<_> =
            (0..5).filter_map(|n| permits.arrive(n, start)).map(|it| it.ticket).collect();
        assert_eq!(started, [0, 1, 2]);
        assert!(permits.set(1, start).is_empty());
        // Two leave before one more may start.
        assert_eq!(permits.finish(due, due), None);
        assert_eq!(permits.finish(due, due), None);
        assert_eq!(permits.finish(due, due).map(|it| it.ticket), Some(3));
        let more: Vec<_> = permits.set(4, due).into_iter().map(|it| it.ticket).collect();
        assert_eq!(more, [4]);
    }
}

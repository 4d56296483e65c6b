//! A limit that follows the upstream: as many requests as it works on, and one or two that wait in it.
//!
//! Requests in the upstream's own queue are estimated as in TCP Vegas (Brakmo and Peterson 1995): in flight x
//! (1 - latency without a queue / latency). The limit grows while that is below about one and all permits are taken,
//! and shrinks above about two; both bounds grow with the limit, because chance does.
//!
//! Latency without a queue is measured in short probes at a lower limit, all workers at once. Where fewer requests
//! make the upstream faster, there was a queue: if it is more than was known, the limit stays low and the next probe
//! follows soon. Until a first baseline is found in this way the limit does not grow. Classes whose latency does not
//! count move nothing: a limit that only they reach stays where it is.

use policy_kit::{MILLI, SECOND};

use crate::limit::config::AdaptiveRules;
use crate::limit::measure::{Answer, Measure};
use crate::limit::probe::{Moment, Moments, Probe};

/// A probe of all workers takes at least so long, because they do not begin and end at the same time.
const TOGETHER: u64 = 300 * MILLI;
/// A probe that takes longer is given up.
const PROBE_MOST: u64 = 10 * SECOND;
/// A window with too few answers is closed after so long.
const WINDOW_MOST: u64 = SECOND / 2;
/// A window with fewer answers says nothing.
const WINDOW_LEAST: u32 = 12;
/// So many answers of a window of little traffic are a first baseline.
const CALM_LEAST: u32 = 6;
/// A probe ends with so many answers at the earliest.
const PROBE_LEAST: u32 = 12;
/// After so many windows without growth at the start, a probe follows.
const STALLED: u32 = 4;

/// The state of an adaptive limit.
#[derive(Debug)]
pub struct Adaptive {
    rules: AdaptiveRules,
    limit: u32,
    measure: Measure,
    /// Only answers to later requests count: the limit was another one before, or not reached again yet.
    since: u64,
    began: u64,
    /// The most in flight in this window.
    peak: u32,
    reached: bool,
    /// Whether the last complete window reached the limit.
    was_reached: bool,
    /// Whether the last complete window had this limit and reached it.
    busy: bool,
    outcomes: u32,
    failures: u32,
    /// The limit has never shrunk: it grows fast.
    starting: bool,
    /// The baseline is not certain: no growth, and a probe soon.
    search: bool,
    /// Windows with growth in a row.
    grown: u32,
    /// Windows without growth while it is starting.
    stalled: u32,
    /// The baseline was found once.
    found: bool,
    /// The last probe showed a queue.
    suspect: bool,
    /// Probes in a row that showed none.
    quiet: u32,
    /// The limit when the baseline was last measured.
    measured_at: u32,
    /// A probe is to start as soon as this limit has been measured.
    due: bool,
    probe: Option<Probe>,
    moments: Moments,
}

/// Of such a limit, fewer requests in the upstream's queue are too few.
fn few(limit: f64) -> f64 {
    0.5 + limit / 20.0
}

/// Of such a limit, more requests in the upstream's queue are too many.
fn many(limit: f64) -> f64 {
    1.2 + limit / 10.0
}

/// When a limit that changed at `time` is reached by requests that are measured, unless it is reached before.
fn settled(time: u64) -> u64 {
    time.saturating_add(WINDOW_MOST)
}

impl Adaptive {
    /// At its initial limit.
    pub fn new(rules: AdaptiveRules) -> Self {
        Self {
            rules,
            limit: rules.initial,
            measure: Measure::default(),
            since: 0,
            began: 0,
            peak: 0,
            reached: false,
            was_reached: false,
            busy: false,
            outcomes: 0,
            failures: 0,
            starting: true,
            search: true,
            grown: 0,
            stalled: 0,
            found: false,
            suspect: false,
            quiet: 0,
            measured_at: rules.initial,
            due: false,
            probe: None,
            moments: Moments::default(),
        }
    }

    /// How many may be in flight.
    pub fn current(&self) -> u32 {
        self.probe.map_or(self.limit, |probe| probe.limit)
    }

    /// So many are in flight at `time`.
    pub fn used(&mut self, in_flight: u32, time: u64) {
        self.peak = self.peak.max(in_flight);
        if in_flight >= self.current() {
            self.reached = true;
            self.since = self.since.min(time);
        }
    }

    /// The upstream answered.
    pub fn answered(&mut self, answer: Answer) {
        self.outcomes = self.outcomes.saturating_add(1);
        let since = match self.probe {
            Some(Probe { since: None, .. }) => return,
            Some(Probe { since: Some(since), .. }) => since,
            None => self.since,
        };
        if *self.rules.counts.of(answer.lane) && answer.since > since {
            self.measure.add(answer);
        }
    }

    /// The upstream did not answer, or is overloaded.
    pub fn failed(&mut self) {
        self.outcomes = self.outcomes.saturating_add(1);
        self.failures = self.failures.saturating_add(1);
    }

    /// Time goes on.
    pub fn advance(&mut self, now: u64, time: u64, in_flight: u32) {
        let moment = self.moments.pass(now, self.rules.probe_s, self.search);
        if self.probe.is_some() {
            self.advance_probe(time, in_flight);
            return;
        }
        self.due |= moment == Some(Moment::Own);
        let enough = match self.search {
            true => self.limit.clamp(WINDOW_LEAST, 24),
            false => self.limit.saturating_mul(2).clamp(WINDOW_LEAST, 64),
        };
        let age = time.saturating_sub(self.began);
        let few = self.outcomes >= WINDOW_LEAST && age >= WINDOW_MOST;
        if self.measure.answers() >= enough || self.outcomes >= enough.saturating_mul(4) || few {
            self.close_window(time, in_flight);
        } else if age >= SECOND * 30 {
            self.restart(time, in_flight);
        }
        // All workers probe at once, even where there is no measurement to compare with.
        let together = moment == Some(Moment::OfAll) && self.was_reached;
        if (together || (self.due && self.busy)) && self.limit > 1 {
            self.due = false;
            self.measure.clear();
            let limit = self.probe_limit(together);
            self.probe = Some(Probe { limit, began: time, together, since: None });
            self.advance_probe(time, in_flight);
        }
    }

    /// Low enough to show the queue of all workers together; less low for one alone, and lower at the start, when
    /// the limit may be far off.
    fn probe_limit(&self, together: bool) -> u32 {
        let percent = match (together, self.found || self.limit < 10) {
            (true, _) => 70,
            (false, true) => 80,
            (false, false) => 60,
        };
        (self.limit * percent / 100).max(1)
    }

    /// Ends the window, and changes the limit.
    fn close_window(&mut self, time: u64, in_flight: u32) {
        let before = self.limit;
        let enough = self.measure.answers() >= WINDOW_LEAST;
        // A window of little traffic shows the upstream without a queue, before there ever was a rush.
        let answers = self.measure.answers();
        let is_calm =
            answers >= CALM_LEAST && !self.found && self.peak.saturating_mul(2) <= self.limit;
        let stretch = if is_calm {
            self.measure.close_as_baseline(true);
            (self.found, self.search, self.measured_at) = (true, false, self.limit);
            None
        } else if enough {
            self.measure.close_and_learn()
        } else {
            None
        };
        if self.failures >= 2 && self.failures.saturating_mul(10) >= self.outcomes {
            self.starting = false;
            self.limit = self.limit * 3 / 4;
        } else if let Some(stretch) = stretch.filter(|_| self.found) {
            self.follow(stretch.max(1.0));
        }
        self.limit = self.limit.clamp(self.rules.min, self.rules.max);
        // So much lower, the baseline may be what is wrong.
        self.search |= self.limit < self.measured_at / 4 * 3;
        self.was_reached = self.reached;
        self.busy = stretch.is_some() && self.reached && self.limit == before;
        if self.limit != before {
            self.since = settled(time);
            self.measure.clear();
        }
        self.began = time;
        (self.outcomes, self.failures) = (0, 0);
        (self.peak, self.reached) = (in_flight, in_flight >= self.limit);
    }

    /// Latency is `stretch` times the baseline.
    fn follow(&mut self, stretch: f64) {
        let limit = f64::from(self.limit);
        let queued = f64::from(self.peak) * (1.0 - 1.0 / stretch);
        let (few, many) = (few(limit), many(limit));
        if queued > many {
            let less = ((queued - few) / 2.0) as u32;
            self.limit = self.limit.min(self.peak).saturating_sub(less.max(1));
            self.starting = false;
        } else if queued < few && self.reached && !self.search {
            let more = if self.starting { self.limit / 2 } else { self.grown / 2 };
            self.limit = self.limit.saturating_add(more.max(1));
            self.grown += 1;
            self.stalled = 0;
            return;
        } else if self.starting && self.reached && !self.search {
            // Neither: the baseline may be too low by chance.
            self.stalled += 1;
            self.search |= self.stalled.is_multiple_of(STALLED);
        }
        self.grown = 0;
    }

    /// Begins to measure once so few are in flight, and ends the probe once there are enough answers.
    fn advance_probe(&mut self, time: u64, in_flight: u32) {
        let Some(probe) = &mut self.probe else { return };
        if probe.since.is_none() && in_flight <= probe.limit {
            probe.since = Some(time);
        }
        let (limit, together, age) =
            (probe.limit, probe.together, time.saturating_sub(probe.began));
        let enough = limit.clamp(PROBE_LEAST, 24);
        if age < PROBE_MOST && (self.measure.answers() < enough || (together && age < TOGETHER)) {
            return;
        }
        if self.measure.answers() >= enough {
            self.end_probe(limit, together);
        }
        self.probe = None;
        self.restart(time, in_flight);
    }

    /// Learns the baseline from a probe at `limit`, and lowers the limit where a queue was shown.
    fn end_probe(&mut self, limit: u32, together: bool) {
        let before = self.measure.stretch();
        // One that probes alone may see a queue of the others: it is no baseline.
        let may_raise = together || self.starting || !self.found;
        let Some(stretch) = self.measure.close_as_baseline(may_raise) else { return };
        // With fewer requests the upstream is faster: so much more stood in its queue.
        let at = f64::from(self.limit);
        let queued = if self.busy { at * (1.0 - stretch / before) } else { 0.0 };
        // Nearly as much as the probe can show: there may be more.
        let deeper = queued > 0.75 * (at - f64::from(limit)) && limit >= self.rules.min;
        let lower = deeper && (self.suspect || !self.found);
        if lower || (queued > many(at) && !deeper) {
            let without = ((at - queued + few(at)) as u32).clamp(limit, self.limit);
            let least = ((at - queued + 0.5) as u32).clamp(limit, self.limit);
            self.limit = if lower { least } else { without };
            self.starting = false;
        }
        // The first requests that come in see less of a queue than later ones, and chance shows one where none is:
        // both need a second probe.
        self.quiet = if deeper { 0 } else { self.quiet + 1 };
        let enough = if self.suspect { 1 } else { 2 };
        self.search = deeper || (self.quiet < enough && (!self.found || stretch > 1.15));
        self.found |= !self.search;
        self.suspect = deeper;
        // It does not grow because it need not.
        self.starting &= self.stalled == 0 || stretch > 1.05;
        self.stalled = 0;
        // The probe measured its own limit.
        self.busy = self.limit == limit;
        self.measured_at = self.limit;
    }

    /// Begins a new window.
    fn restart(&mut self, time: u64, in_flight: u32) {
        self.measure.clear();
        (self.since, self.began) = (settled(time), time);
        (self.outcomes, self.failures) = (0, 0);
        (self.peak, self.reached) = (in_flight, false);
    }
}

#[cfg(test)]
#[path = "adaptive_tests.rs"]
mod tests;

//! The upstream's latency in relation to what it is without a queue.

use crate::queue::lane::{Lane, PerLane};

/// Latencies below and above are counted as these, in nanoseconds: no division by zero, no outlier of hours.
const LEAST: f64 = 1_000.0;
const MOST: f64 = 60e9;

/// An answer of the upstream.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The lane of its request.
    pub lane: Lane,
    /// When its request got a permit, on the group's timeline.
    pub since: u64,
    /// Nanoseconds from the permit to the answer.
    pub latency: u64,
}

/// One lane: its latency without a queue, and the answers of this window.
#[derive(Clone, Copy, Debug, Default)]
struct OfLane {
    /// Nanoseconds; 0 while unknown.
    base: f64,
    answers: u32,
    /// Sum of latencies in nanoseconds.
    sum: f64,
}

impl OfLane {
    /// The mean in relation to the baseline.
    fn stretch(&self) -> f64 {
        self.sum / f64::from(self.answers) / self.base
    }
}

/// Latencies by lane, each in relation to the lane's own baseline, so that slow classes and fast ones count alike.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    lanes: PerLane<OfLane>,
    answers: u32,
    /// The mean of the last complete window: 1 for no queue, 2 for twice the baseline.
    stretch: f64,
}

impl Default for Measure {
    fn default() -> Self {
        Self { lanes: PerLane::default(), answers: 0, stretch: 1.0 }
    }
}

impl Measure {
    /// Counts an answer.
    pub fn add(&mut self, answer: Answer) {
        let lane = self.lanes.of_mut(answer.lane);
        lane.answers = lane.answers.saturating_add(1);
        lane.sum += (answer.latency as f64).clamp(LEAST, MOST);
        self.answers = self.answers.saturating_add(1);
    }

    /// Answers of this window.
    pub fn answers(&self) -> u32 {
        self.answers
    }

    /// The mean of the last complete window.
    pub fn stretch(&self) -> f64 {
        self.stretch
    }

    /// Ends the window. A latency that is lower than was known lowers the baseline in part, because some of it is
    /// chance. Returns what [`Measure::close`] does.
    pub fn close_and_learn(&mut self) -> Option<f64> {
        let answers = f64::from(self.answers);
        let mean = self.close()?;
        if mean < 1.0 {
            self.scale(1.0 - (1.0 - mean) * answers / (answers + 64.0));
            self.stretch = 1.0;
        }
        Some(mean)
    }

    /// Ends the window. Returns the mean of all answers in relation to their baselines; `None` without any.
    fn close(&mut self) -> Option<f64> {
        let mean = self.mean()?;
        for lane in self.lanes.iter_mut().filter(|lane| lane.answers > 0) {
            let answers = f64::from(lane.answers);
            if lane.base == 0.0 {
                // As far as the others are stretched now.
                lane.base = lane.sum / answers / mean;
                continue;
            }
            // What a lane's mean differs from the others' is the baseline's error, most likely.
            let error = lane.stretch() / mean - 1.0;
            lane.base = (lane.base * (1.0 + error * answers / (answers + 16.0))).clamp(LEAST, MOST);
        }
        self.stretch = mean;
        self.clear();
        Some(mean)
    }

    /// Ends a window without a queue: its mean is the baseline from now on, unless it is higher and may not raise it.
    pub fn close_as_baseline(&mut self, may_raise: bool) -> Option<f64> {
        let before = self.stretch;
        let mean = self.close()?;
        // Slower with fewer requests: the upstream changed meanwhile, or others use it.
        let baseline = if may_raise && mean <= before * 1.05 { mean } else { mean.min(1.0) };
        self.scale(baseline);
        self.stretch = mean / baseline;
        Some(mean)
    }

    /// Forgets the answers of this window.
    pub fn clear(&mut self) {
        self.lanes.iter_mut().for_each(|lane| (lane.answers, lane.sum) = (0, 0.0));
        self.answers = 0;
    }

    /// The mean of the lanes whose baseline is known; 1 where none is.
    fn mean(&self) -> Option<f64> {
        let known = || self.lanes.iter().filter(|lane| lane.answers > 0 && lane.base > 0.0);
        let answers: u32 = known().map(|lane| lane.answers).sum();
        let sum: f64 = known().map(|lane| lane.stretch() * f64::from(lane.answers)).sum();
        match (answers, self.answers) {
            (0, 0) => None,
            (0, _) => Some(1.0),
            _ => Some(sum / f64::from(answers)),
        }
    }

    fn scale(&mut self, factor: f64) {
        for lane in self.lanes.iter_mut().filter(|lane| lane.base > 0.0) {
            lane.base = (lane.base * factor).clamp(LEAST, MOST);
        }
    }
}

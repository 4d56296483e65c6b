//! The figures of one run.
use super::casino::Counts;
use super::class::Class;
use super::load::{Ending, Sample};
use super::monitor::Moment;
use super::plan::{Phase, Plan};
use super::variant::Variant;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Of so many requests without an answer the figures have the time.
const MOST_TIMES: usize = 20;

/// What one variant made of the surge.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Its name on the command line.
    pub key: &'static str,
    /// Its name in the table.
    pub name: &'static str,
    /// Each class.
    pub classes: Vec<ClassFigures>,
    /// Answers with 200 a second, while requests came.
    pub goodput: f64,
    /// The part of the casino's permits in use while requests came.
    pub busy: f64,
    /// Requests in the casino's own queue, on average.
    pub waiting: f64,
    /// Requests that the casino carried out although their client had left.
    pub wasted: usize,
    /// The 99th percentile of the time that requests left too late, in milliseconds.
    pub late_p99_ms: f64,
    /// The longest time that content may wait in the variant's own queue, in milliseconds.
    pub content_wait_ms: Option<u64>,
    /// The casino's permits.
    pub phases: Vec<Phase>,
    /// The run, a quarter of a second each.
    pub moments: Vec<Moment>,
}

/// What became of one class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassFigures {
    /// The class.
    pub class: Class,
    /// Requests.
    pub sent: usize,
    /// Answered with 200.
    pub answered: usize,
    /// Answered with something else, by status.
    pub refused: BTreeMap<u16, usize>,
    /// Clients that lost patience.
    pub gave_up: usize,
    /// When the first of those requests left, in seconds since the start of the surge.
    pub gave_up_at: Vec<f64>,
    /// Broken connections.
    pub broken: usize,
    /// The median latency of those answered with 200, in milliseconds.
    pub p50_ms: Option<f64>,
    /// The 99th percentile.
    pub p99_ms: Option<f64>,
}

impl Figures {
    pub(super) fn of(
        variant: &Variant,
        plan: &Plan,
        samples: &[Sample],
        moments: Vec<Moment>,
        counts: Counts,
    ) -> Self {
        let in_time =
            |it: &&Sample| it.ending == Ending::Answered && it.at + it.took <= plan.length();
        let seconds = plan.length().as_secs_f64().max(1e-9);
        let sum = |part: fn(&Moment) -> f64| moments.iter().map(part).sum::<f64>();
        let mut late: Vec<Duration> = samples.iter().map(|it| it.late).collect();
        Self {
            key: variant.key,
            name: variant.name,
            classes: Class::ALL.map(|class| ClassFigures::of(class, samples)).to_vec(),
            goodput: samples.iter().filter(in_time).count() as f64 / seconds,
            busy: sum(|it| it.busy) / sum(|it| it.permits).max(1e-9),
            waiting: sum(|it| it.waiting) / (moments.len().max(1) as f64),
            wasted: counts.wasted,
            late_p99_ms: percentile(&mut late, 99).unwrap_or_default(),
            content_wait_ms: variant.content_wait_ms,
            phases: plan.phases(variant.varied),
            moments,
        }
    }

    /// The figures of a class.
    pub fn class(&self, class: Class) -> Option<&ClassFigures> {
        self.classes.iter().find(|it| it.class == class)
    }
}

impl ClassFigures {
    fn of(class: Class, samples: &[Sample]) -> Self {
        let own = || samples.iter().filter(|it| it.class == class);
        let mut refused = BTreeMap::new();
        for sample in own() {
            if let Ending::Refused(status) = sample.ending {
                *refused.entry(status).or_insert(0) += 1;
            }
        }
        let gave_up = own().filter(|it| it.ending == Ending::GaveUp);
        let mut gave_up_at: Vec<Duration> = gave_up.map(|it| it.at).collect();
        gave_up_at.sort_unstable();
        let answered = own().filter(|it| it.ending == Ending::Answered);
        let mut latencies: Vec<Duration> = answered.map(|it| it.took).collect();
        Self {
            class,
            sent: own().count(),
            answered: latencies.len(),
            refused,
            gave_up: gave_up_at.len(),
            gave_up_at: gave_up_at.iter().take(MOST_TIMES).map(Duration::as_secs_f64).collect(),
            broken: own().filter(|it| it.ending == Ending::Broken).count(),
            p50_ms: percentile(&mut latencies, 50),
            p99_ms: percentile(&mut latencies, 99),
        }
    }

    /// The part that was answered with 200.
    pub fn share(&self) -> f64 {
        self.answered as f64 / self.sent.max(1) as f64
    }
}

/// The smallest value that so many percent of all do not exceed, in milliseconds.
fn percentile(values: &mut [Duration], percent: usize) -> Option<f64> {
    values.sort_unstable();
    let rank = (values.len() * percent).div_ceil(100);
    values.get(rank.checked_sub(1)?).map(|it| it.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn percentiles_are_values_that_occurred() {
        let hundred: Vec<Duration> = (1..=100).rev().map(|it| MS * it).collect();
        for (count, p50, p99) in
            [(0, None, None), (1, Some(100.0), Some(100.0)), (100, Some(50.0), Some(99.0))]
        {
            let mut some = hundred[..count].to_vec();
            assert_eq!(percentile(&mut some, 50), p50, "{count}");
            assert_eq!(percentile(&mut some, 99), p99, "{count}");
        }
    }

    #[test]
    fn every_ending_is_counted_once() {
        let sample = |class, at: u32, took: u32, ending| Sample {
            class,
            at: MS * at,
            late: MS,
            took: MS * took,
            ending,
        };
        let (odds, content) = (Class::Odds, Class::Content);
        let samples = [
            sample(odds, 0, 60, Ending::Answered),
            sample(odds, 900, 101, Ending::Answered),
            sample(odds, 10, 5, Ending::Refused(503)),
            sample(odds, 11, 5, Ending::Refused(503)),
            sample(odds, 12, 5, Ending::Refused(429)),
            sample(odds, 13, 2000, Ending::GaveUp),
            sample(odds, 14, 1, Ending::Broken),
            sample(content, 15, 2000, Ending::GaveUp),
        ];
        let plan = Plan { rate: 8, seconds: 1, ..Plan::default() };
        let variant = Variant::new("x", "x");
        let figures = Figures::of(&variant, &plan, &samples, vec![], Counts::default());
        let wanted = ClassFigures {
            class: odds,
            sent: 7,
            answered: 2,
            refused: BTreeMap::from([(429, 1), (503, 2)]),
            gave_up: 1,
            gave_up_at: vec![0.013],
            broken: 1,
            p50_ms: Some(60.0),
            p99_ms: Some(101.0),
        };
        assert_eq!(figures.class(odds), Some(&wanted));
        // The second answer came after the end.
        assert_eq!((figures.goodput, figures.late_p99_ms), (1.0, 1.0));
        let content = figures.class(content).unwrap();
        assert_eq!((content.share(), content.p99_ms), (0.0, None));
    }
}

//! What bet-priority promises about a surge.
use super::class::Class;
use super::figures::{ClassFigures, Figures};
use super::monitor::Moment;
use super::plan::{Phase, Plan};
use super::variants::{CONFIGURED, OURS, OURS_VARIED, OURS_WORKERS};
use serde::Serialize;

/// The 99th percentile of a class whose requests are all answered, over that of configuration alone.
const MOST_OF_P99: f64 = 0.6;
/// The share of odds that is answered, over that of content.
const LEAST_OF_CONTENT: f64 = 2.0;
/// Goodput over that of configuration alone.
const LEAST_OF_GOODPUT: f64 = 0.98;
/// The permits are found if so much of them is in use,
const LEAST_BUSY: f64 = 0.95;
/// and no more requests wait in the casino's own queue, for each permit.
const MOST_WAITING: f64 = 0.5;

/// A promise, and whether it was kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Goal {
    /// The variant that promises it.
    pub variant: &'static str,
    /// What it promises.
    pub promise: String,
    /// What was measured.
    pub measured: String,
    /// Whether it was kept.
    pub met: bool,
}

/// The goals that these figures can show; none without bet-priority.
pub fn goals(plan: &Plan, all: &[Figures]) -> Vec<Goal> {
    let of = |key| all.iter().find(|it| it.key == key);
    let mut goals = Vec::new();
    if let Some(ours) = of(OURS) {
        goals.extend(Class::MONEY.iter().filter_map(|class| answered(ours, *class)));
        if let Some(theirs) = of(CONFIGURED) {
            goals.extend(Class::MONEY.iter().filter_map(|class| sooner(ours, theirs, *class)));
            goals.push(goodput(ours, theirs));
        }
        goals.extend(ranked(ours));
        goals.extend(in_time(ours));
        goals.extend(found(plan, ours));
    }
    for ours in [OURS_VARIED, OURS_WORKERS].into_iter().filter_map(of) {
        goals.extend(Class::MONEY.iter().filter_map(|class| answered(ours, *class)));
        goals.extend(found(plan, ours));
    }
    goals
}

fn goal(of: &Figures, promise: String, measured: String, met: bool) -> Goal {
    Goal { variant: of.key, promise, measured, met }
}

fn answered(ours: &Figures, class: Class) -> Option<Goal> {
    let ClassFigures { sent, answered, .. } = ours.class(class)?;
    let promise = format!("every {} is answered", class.name());
    let met = answered == sent && *sent > 0;
    Some(goal(ours, promise, format!("{answered} of {sent}"), met))
}

fn sooner(ours: &Figures, theirs: &Figures, class: Class) -> Option<Goal> {
    let (own, base) = (ours.class(class)?.p99_ms, theirs.class(class)?.p99_ms);
    let promise = format!("p99 of {} at most {MOST_OF_P99} of route priority's", class.name());
    let ratio = own.zip(base).map(|(own, base)| (own / base, own, base));
    let measured = ratio.map_or("unanswered".to_owned(), |(ratio, own, base)| {
        format!("{ratio:.2}: {own:.0} ms to {base:.0} ms")
    });
    Some(goal(ours, promise, measured, ratio.is_some_and(|(ratio, ..)| ratio <= MOST_OF_P99)))
}

fn goodput(ours: &Figures, theirs: &Figures) -> Goal {
    let ratio = ours.goodput / theirs.goodput.max(1e-9);
    let promise = format!("goodput at least {LEAST_OF_GOODPUT} of route priority's");
    let measured = format!("{ratio:.3}: {:.1}/s to {:.1}/s", ours.goodput, theirs.goodput);
    goal(ours, promise, measured, ratio >= LEAST_OF_GOODPUT)
}

fn ranked(ours: &Figures) -> Option<Goal> {
    let (odds, content) = (ours.class(Class::Odds)?.share(), ours.class(Class::Content)?.share());
    let promise = format!("the answered share of odds at least {LEAST_OF_CONTENT} times content's");
    let measured = format!("{:.1} % to {:.1} %", odds * 100.0, content * 100.0);
    Some(goal(ours, promise, measured, odds > 0.0 && odds >= LEAST_OF_CONTENT * content))
}

fn in_time(ours: &Figures) -> Option<Goal> {
    let p99 = ours.class(Class::Content)?.p99_ms;
    let promise = match ours.content_wait_ms {
        Some(wait) => format!("p99 of content under its longest wait, {wait} ms"),
        None => "p99 of content under its longest wait".to_owned(),
    };
    let measured = p99.map_or("unanswered".to_owned(), |p99| format!("{p99:.0} ms"));
    let (measured, met) = match (p99, ours.content_wait_ms) {
        (_, None) => (format!("{measured}; the example names no longest wait"), false),
        (Some(p99), Some(wait)) => (measured, p99 < wait as f64),
        (None, Some(_)) => (measured, false),
    };
    Some(goal(ours, promise, measured, met))
}

/// Whether the casino is busy without a queue of its own, in the second half of each phase.
fn found(plan: &Plan, ours: &Figures) -> Vec<Goal> {
    let end = plan.length().as_secs_f64();
    let ends = ours.phases.iter().skip(1).map(|it| it.from).chain([end]);
    let judge = |(phase, end): (&Phase, f64)| {
        let from = (phase.from + end) / 2.0;
        let half: Vec<&Moment> =
            ours.moments.iter().filter(|it| it.at > from && it.at <= end).collect();
        let mean = |part: fn(&Moment) -> f64| {
            half.iter().map(|it| part(it)).sum::<f64>() / half.len().max(1) as f64
        };
        let permits = phase.permits as f64;
        let (busy, waiting) = (mean(|it| it.busy), mean(|it| it.waiting));
        let mut limits: Vec<u64> = half.iter().filter_map(|it| it.limit).collect();
        limits.sort_unstable();
        let limit = limits.get(limits.len() / 2);
        let limit = limit.map_or(String::new(), |it| format!(", limit {it}"));
        let promise = format!("finds {permits} permits");
        let measured = format!("{busy:.2} in use, {waiting:.2} waiting in the casino{limit}");
        let met = busy >= LEAST_BUSY * permits && waiting <= MOST_WAITING * permits;
        goal(ours, promise, measured, met)
    };
    ours.phases.iter().zip(ends).map(judge).collect()
}

#[cfg(test)]
#[path = "goals_tests.rs"]
mod tests;

//! The report as Markdown.
use super::class::Class;
use super::figures::ClassFigures;
use super::plan::{Plan, PATIENCE, SERVICE};
use super::report::Report;
use std::fmt::{self, Display};

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { seed, rate, seconds, workers } = self.plan;
        let (service, patience) = (SERVICE.as_millis(), PATIENCE.as_secs());
        writeln!(
            f,
            "{rate} requests a second for {seconds} s (seed {seed}) before a casino of 8 permits x \
             {service} ms; clients leave after {patience} s; Envoy with {workers} worker(s).\n\
             Answered with 200, and the p50/p99 of those in milliseconds.\n"
        )?;
        write!(f, "| in front |")?;
        for class in Class::ALL {
            write!(f, " {} {} % |", class.name(), class.percent())?;
        }
        writeln!(f, " goodput/s | permits in use | waiting in the casino | sent late, p99 |")?;
        writeln!(f, "| --- |{} --- | --- | --- | --- |", " --- |".repeat(Class::ALL.len()))?;
        for one in &self.variants {
            write!(f, "| {} |", one.name)?;
            for class in &one.classes {
                write!(f, " {} |", cell(class))?;
            }
            writeln!(
                f,
                " {:.1} | {:.0} % | {:.1} | {:.1} ms |",
                one.goodput,
                one.busy * 100.0,
                one.waiting,
                one.late_p99_ms
            )?;
        }
        for missing in &self.missing {
            writeln!(f, "\nskipped: {}: {}", missing.key, missing.why)?;
        }
        for one in &self.variants {
            let limits = limits(&one.moments.iter().filter_map(|it| it.limit).collect::<Vec<_>>());
            if !limits.is_empty() {
                writeln!(f, "\nlimit of {}, every second: {limits}", one.key)?;
            }
        }
        for (index, goal) in self.goals.iter().enumerate() {
            let gap = if index == 0 { "\n" } else { "" };
            let verdict = if goal.met { "met" } else { "MISSED" };
            writeln!(f, "{gap}- {verdict}: {}: {}: {}", goal.variant, goal.promise, goal.measured)?;
        }
        Ok(())
    }
}

/// Four moments are a second.
fn limits(moments: &[u64]) -> String {
    moments.iter().step_by(4).map(u64::to_string).collect::<Vec<_>>().join(" ")
}

fn cell(class: &ClassFigures) -> String {
    let latency = match (class.p50_ms, class.p99_ms) {
        (Some(p50), Some(p99)) => format!(" {p50:.0}/{p99:.0}"),
        _ => String::new(),
    };
    format!("{}{latency}", percent(class))
}

/// Only a class without a single loss has 100 %.
pub(super) fn percent(class: &ClassFigures) -> String {
    let percent = class.share() * 100.0;
    match percent {
        99.0.. if class.answered < class.sent => format!("{:.1} %", percent.min(99.9)),
        _ => format!("{percent:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_single_loss_shows() {
        for (answered, sent, wanted) in [
            (960, 960, "100 % 50/200"),
            (9599, 9600, "99.9 % 50/200"),
            (955, 960, "99.5 % 50/200"),
            (32, 960, "3 % 50/200"),
            (0, 960, "0 %"),
        ] {
            let some = answered > 0;
            let class = ClassFigures {
                class: Class::Wager,
                sent,
                answered,
                refused: BTreeMap::new(),
                gave_up: 0,
                gave_up_at: Vec::new(),
                broken: 0,
                p50_ms: some.then_some(50.2),
                p99_ms: some.then_some(199.6),
            };
            assert_eq!(cell(&class), wanted);
        }
    }
}

//! What the casino and the gateway did meanwhile.
use super::casino::Casino;
use super::permits::Totals;
use super::plan::Phase;
use crate::envoy::Admin;
use serde::Serialize;
use std::time::Duration;
use tokio::time::{sleep_until, Instant};

/// Time between two looks.
const EVERY: Duration = Duration::from_millis(250);

/// A quarter of a second of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Moment {
    /// Its end, in seconds since the start of the surge.
    pub at: f64,
    /// The casino's permits, on average.
    pub permits: f64,
    /// Those in use.
    pub busy: f64,
    /// Requests that waited in the casino's own queue.
    pub waiting: f64,
    /// The module's limit of concurrent requests, of all workers together, if it tells one.
    pub limit: Option<u64>,
}

/// Looks at the casino, and at the gauges of the gateway whose names begin with `gauge`, until `end`; and
/// sets the permits of each phase.
pub(super) async fn watch(
    casino: &Casino,
    phases: &[Phase],
    admin: Admin,
    gauge: Option<&str>,
    (start, end): (Instant, Instant),
) -> Vec<Moment> {
    sleep_until(start).await;
    let mut moments = Vec::new();
    let mut phases = phases.iter().filter(|phase| phase.from > 0.0).peekable();
    let (mut before, mut totals) = (start, casino.totals());
    while before < end {
        let next = before + EVERY;
        while let Some(phase) = phases.next_if(|it| start + seconds(it.from) <= next) {
            sleep_until(start + seconds(phase.from)).await;
            casino.set_permits(phase.permits);
        }
        sleep_until(next).await;
        let (now, after) = (Instant::now(), casino.totals());
        let limit = match gauge {
            Some(gauge) => limit(admin, gauge).await,
            None => None,
        };
        moments.push(moment(totals, after, now - before, now - start, limit));
        (before, totals) = (now, after);
    }
    moments
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn moment(
    before: Totals,
    after: Totals,
    length: Duration,
    at: Duration,
    limit: Option<u64>,
) -> Moment {
    let mean = |before: f64, after: f64| (after - before) / length.as_secs_f64().max(1e-9);
    Moment {
        at: at.as_secs_f64(),
        permits: mean(before.permits, after.permits),
        busy: mean(before.busy, after.busy),
        waiting: mean(before.waiting, after.waiting),
        limit,
    }
}

/// The sum of the gauges whose names begin with `gauge`.
async fn limit(admin: Admin, gauge: &str) -> Option<u64> {
    let (_, text) = admin.get("/stats?type=Gauges&filter=wasmcustom").await.ok()?;
    sum(&text, gauge)
}

fn sum(stats: &str, gauge: &str) -> Option<u64> {
    let of = |line: &str| line.strip_prefix(gauge)?.rsplit_once(": ")?.1.trim().parse().ok();
    let values: Vec<u64> = stats.lines().filter_map(of).collect();
    (!values.is_empty()).then(|| values.iter().fold(0_u64, |all, one| all.saturating_add(*one)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_with_labels_are_added_up() {
        let stats = "a.limit.group=bets: 5\na.limit.group=reads: 3\na.queued: 70\nb.limit: 9\n";
        for (gauge, wanted) in [("a.limit", Some(8)), ("b.limit", Some(9)), ("c", None)] {
            assert_eq!(sum(stats, gauge), wanted, "{gauge}");
        }
    }

    #[test]
    fn a_moment_has_means() {
        let (before, after) = (
            Totals { permits: 80.0, busy: 70.0, waiting: 5.0 },
            Totals { permits: 82.0, busy: 71.5, waiting: 6.0 },
        );
        let (length, at) = (Duration::from_millis(250), Duration::from_millis(750));
        let wanted = Moment { at: 0.75, permits: 8.0, busy: 6.0, waiting: 4.0, limit: Some(9) };
        assert_eq!(moment(before, after, length, at, Some(9)), wanted);
    }
}

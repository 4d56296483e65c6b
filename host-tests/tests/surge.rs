//! The surge of `make bench-surge`, small: what it counts. Its figures are for a quiet machine, not for a test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of a test

use std::path::Path;

use host_tests::envoy::find_for_test;
use host_tests::surge::{arrivals, draw, named, run, variants, Class, Figures, Plan, Report};

const PLAN: Plan = Plan { seed: 7, rate: 40, seconds: 2, workers: 1 };

async fn measure(variant: &str, plan: &Plan, binary: &Path) -> Figures {
    let (variants, _) = named(variants().unwrap(), &[variant.to_owned()]).unwrap();
    run(&variants[0], plan, &arrivals(plan), binary).await.unwrap()
}

/// What remains when nothing is too much: every request is answered, after the casino's time at least.
#[tokio::test(flavor = "multi_thread")]
async fn below_capacity_everything_is_answered() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let quiet = measure("nothing", &PLAN, &binary).await;
    let varied = measure("route-priority-varied", &PLAN, &binary).await;
    for figures in [&quiet, &varied] {
        for class in &figures.classes {
            assert_eq!(class.answered, class.sent, "{}: {class:?}", figures.key);
            assert!(class.p50_ms >= Some(50.0) && class.p99_ms >= class.p50_ms, "{class:?}");
        }
        let sent: usize = figures.classes.iter().map(|it| it.sent).sum();
        assert_eq!((sent, figures.wasted), (PLAN.requests(), 0));
        // Requests of the last moment are answered after the end.
        assert!((30.0..=40.0).contains(&figures.goodput), "{}", figures.goodput);
    }
    for (figures, wanted) in [(&quiet, [8.0, 8.0]), (&varied, [8.0, 12.0])] {
        let moments = &figures.moments;
        let ends = [&moments[0], &moments[moments.len() - 1]].map(|it| it.permits);
        let near = ends.iter().zip(wanted).all(|(permits, wanted)| (permits - wanted).abs() < 0.1);
        assert!(near, "{ends:?}");
    }
    let report = Report::new(PLAN, vec![quiet, varied], Vec::new());
    assert!(report.met() && report.goals.is_empty());
    let table = report.to_string();
    let rows: Vec<_> = table.lines().filter(|it| it.matches("| 100 % ").count() == 5).collect();
    assert_eq!(rows.len(), 2, "{table}");
    assert_eq!(draw(&report).matches(">100 %</text>").count(), 11);
}

/// Above it every request ends in one of the ways that are counted, and each refusal has its status.
#[tokio::test(flavor = "multi_thread")]
async fn above_capacity_every_ending_is_counted() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let plan = Plan { rate: 320, ..PLAN };
    for (variant, status) in [("local-ratelimit", 429), ("route-priority", 503)] {
        let figures = measure(variant, &plan, &binary).await;
        for class in &figures.classes {
            let refused: usize = class.refused.values().sum();
            assert_eq!(class.answered + refused + class.gave_up + class.broken, class.sent);
            assert!(class.refused.keys().all(|it| *it == status), "{variant}: {class:?}");
        }
        let content = figures.class(Class::Content).unwrap();
        assert!(content.refused.contains_key(&status) && content.answered > 0, "{content:?}");
        assert!(figures.busy > 0.5, "{variant}: {}", figures.busy);
    }
}

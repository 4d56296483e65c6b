//! The surge of the issue in virtual time, and how the adaptive limit follows its upstream.

use policy_kit::{EndpointClass, MILLI};

use crate::queue::simulation::{group, play, Played, Row, Scene};

const FIXED: &str = r#"{"name": "casino", "limit": {"fixed": 8}}"#;
const ADAPTIVE: &str = r#"{"name": "casino"}"#;

/// Classes in several runs as one.
fn of(played: &[Played], scene: &Scene, classes: &[EndpointClass]) -> Row {
    let mut sum = Row::default();
    for played in played {
        for (row, (class, ..)) in played.rows.iter().zip(scene.mix) {
            if classes.contains(class) {
                sum.arrived += row.arrived;
                sum.answered += row.answered;
                sum.times.extend(&row.times);
            }
        }
    }
    sum
}

/// The demands of the surge run; 138 ms is 0.6 of what the best configuration of the gateway alone needs.
#[test]
fn a_surge_is_served_in_the_order_of_the_catalogue() {
    use EndpointClass::{Cashout, Content, Odds, Settlement, Wager};
    for (json, title) in [(FIXED, "fixed 8"), (ADAPTIVE, "adaptive")] {
        for noise in [0.0, 0.2] {
            let title = format!("{title}, noise {noise}");
            let scene = |seed| Scene { seed, noise, ..Scene::goal(group(json)) };
            let played: Vec<Played> = (1..=8).map(|seed| play(&scene(seed))).collect();
            played[0].print(&title, scene(1).mix);
            let of = |classes: &[EndpointClass]| of(&played, &scene(1), classes);
            for classes in [&[Wager, Cashout][..], &[Settlement]] {
                let row = of(classes);
                let p99 = row.percentile(99);
                println!("  of 8 seeds: {classes:?} p50/p99 {}/{p99} ms", row.percentile(50));
                assert_eq!(row.answered, row.arrived, "{title}: {classes:?}");
                assert!(p99 <= 138, "{title}: {classes:?} p99 {p99}");
            }
            let (content, odds) = (of(&[Content]), of(&[Odds]));
            let p99 = content.percentile(99);
            assert!(p99 < 1_000, "{title}: content p99 {p99}");
            assert!(content.share() > 0.02, "{title}: content starves");
            assert!(odds.share() >= 2.0 * content.share(), "{title}");
            let goodput = played.iter().map(Played::goodput).sum::<f64>() / played.len() as f64;
            println!("  of 8 seeds: goodput {goodput:.1}/s");
            assert!(goodput >= 0.98 * 158.0, "{title}: goodput {goodput}");
            assert!(played.iter().all(|it| it.left_in_flight == 0), "{title}");
        }
    }
}

/// The mean limit and the share of samples below the upstream's servers, between two seconds.
fn limits(played: &Played, (from, to): (usize, usize), servers: u32) -> (f64, f64) {
    let part = &played.limits[from * 10..to * 10];
    let mean = part.iter().sum::<u32>() as f64 / part.len() as f64;
    let below = part.iter().filter(|it| **it < servers).count() as f64 / part.len() as f64;
    (mean, below)
}

#[test]
fn the_limit_is_found_from_above_and_from_below() {
    for initial in [3, 20, 100] {
        for noise in [0.0, 0.2] {
            for servers in [&[(0, 8)], &[(0, 40)]] {
                let adaptive = format!(r#"{{"adaptive": {{"initial": {initial}}}}}"#);
                let json = format!(r#"{{"name": "casino", "limit": {adaptive}}}"#);
                let count = servers[0].1;
                let rate = count as f64 * 60.0;
                for seed in 1..=3 {
                    let scene = Scene { noise, servers, rate, seed, ..Scene::goal(group(&json)) };
                    let played = play(&scene);
                    let title = format!("from {initial} to {count}, noise {noise}, seed {seed}");
                    let (mean, below) = limits(&played, (8, 20), count as u32);
                    let goodput: u64 = played.answers[8..].iter().sum();
                    let goodput = goodput as f64 / 12.0 / (count as f64 * 20.0);
                    println!("{title}: mean {mean:.1}, below {below:.2}, goodput {goodput:.3}");
                    if seed == 1 {
                        played.print(&title, scene.mix);
                    }
                    assert!(
                        mean >= count as f64 * 0.95 && mean < count as f64 * 1.12 + 2.0,
                        "{title}"
                    );
                    assert!(below < 0.15 && goodput > 0.97, "{title}");
                }
            }
        }
    }
}

#[test]
fn the_limit_follows_the_upstream() {
    for (servers, counts) in
        [(&[(0, 8), (15, 5), (30, 8)], [8, 5, 8]), (&[(0, 8), (15, 12), (30, 8)], [8, 12, 8])]
    {
        for noise in [0.0, 0.2] {
            for seed in 1..=5 {
                let scene =
                    Scene { noise, servers, seed, seconds: 45, ..Scene::goal(group(ADAPTIVE)) };
                let played = play(&scene);
                let title = format!("{counts:?}, noise {noise}, seed {seed}");
                if seed == 1 {
                    played.print(&title, scene.mix);
                }
                for (i, count) in counts.into_iter().enumerate() {
                    let from = i * 15 + 4;
                    let (mean, below) = limits(&played, (from, i * 15 + 15), count);
                    println!("{title}: {count} servers, mean {mean:.1}, below {below:.2}");
                    let count = f64::from(count);
                    assert!(mean > count - 0.5 && mean < count + 3.0 && below < 0.2, "{title}");
                }
            }
        }
    }
}

#[test]
fn two_workers_share_an_upstream() {
    for noise in [0.0, 0.2] {
        for seed in 1..=5 {
            let scene =
                Scene { noise, seed, workers: 2, seconds: 60, ..Scene::goal(group(ADAPTIVE)) };
            let played = play(&scene);
            let title = format!("two workers, noise {noise}, seed {seed}");
            if seed == 1 {
                played.print(&title, scene.mix);
            }
            let (mean, below) = limits(&played, (4, 60), 8);
            println!("{title}: mean {mean:.1}, below {below:.2}, {:.1}/s", played.goodput());
            assert!(mean > 8.0 && mean < 14.0 && below < 0.1, "{title}");
            assert!(played.goodput() >= 0.98 * 158.0, "{title}");
        }
    }
}

/// Without permits that are kept for clients that left, the upstream's own queue grows to hundreds.
#[test]
fn clients_that_leave_do_not_flood_the_upstream() {
    // Settlement never waits, so that some of it may stand in the upstream's queue.
    for patience in [40, 80, 200] {
        let scene = Scene { patience: patience * MILLI, ..Scene::goal(group(FIXED)) };
        let played = play(&scene);
        println!("{patience} ms: {} queued, {:.1}/s", played.queued_upstream, played.goodput());
        assert!(played.queued_upstream <= 8, "{patience} ms: {}", played.queued_upstream);
        assert_eq!(played.left_in_flight, 0);
    }
}

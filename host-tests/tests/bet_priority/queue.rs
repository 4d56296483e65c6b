//! Requests that are held and released, across streams: the order, clients that leave, classes that never wait.

use std::time::Duration;

use abi_host::{Ending, StreamId};
use serde_json::json;

use crate::fixture::{
    ask, builder, gauge, is_empty, outcome, settle, start, Casino, PROFILES, TAKES,
};

#[test]
fn a_permit_goes_to_the_class_kept_longest() {
    let mut chain = start(&json!({}));
    let mut casino = Casino::default();
    let paths = ["/lobby", "/lobby", "/odds", "/bets", "/balance", "/bets", "/cashout"];
    let all: Vec<StreamId> = paths.iter().map(|path| chain.open(0, ask(path))).collect();
    chain.run_for(Duration::from_millis(40), &mut casino);
    assert_eq!(casino.came, [all[0]]);
    assert_eq!(
        [gauge(&chain, "in_flight"), gauge(&chain, "queued"), gauge(&chain, "limit")],
        [1, 6, 1]
    );
    let reports: Vec<_> = all.iter().map(|stream| chain.finish(*stream, &mut casino)).collect();
    assert_eq!(casino.came, [0, 6, 3, 5, 4, 2, 1].map(|at: usize| all[at]));
    for report in &reports {
        assert_eq!((outcome(report).as_str(), &report.ending), ("allow", &Ending::Completed));
        assert_eq!(report.traps, []);
    }
    // One by one: never two at a time, and none later than its turn.
    for pair in casino.at.windows(2) {
        assert_eq!(pair[1] - pair[0], TAKES.as_nanos() as u64);
    }
    is_empty(&mut chain, &mut casino);
}

/// The longest wait ends by a tick, when nothing else happens.
#[test]
fn who_waits_too_long_is_refused() {
    let mut chain = start(&json!({}));
    let mut casino = Casino { takes: Some(Duration::from_secs(10)), ..Casino::default() };
    let first = chain.open(0, ask("/bets"));
    let report = chain.run(ask("/bets"), &mut casino);
    assert_eq!((outcome(&report).as_str(), report.status()), ("capacity_reduced", 503));
    let waited = (report.ended - report.started) / 1_000_000;
    assert!((1_500..=1_540).contains(&waited), "{waited} ms");
    assert_eq!(outcome(&chain.finish(first, &mut casino)), "allow");
    is_empty(&mut chain, &mut Casino::default());
}

/// Every second client leaves, at each moment of its request.
#[test]
fn clients_that_leave_lose_no_permit() {
    for leaves in (0..600).step_by(13) {
        let mut chain = start(&json!({}));
        let mut casino = Casino::default();
        let all: Vec<_> = (0..8)
            .map(|n| {
                let bet = ask("/bets");
                let bet =
                    if n % 2 == 1 { bet.leaving_after(Duration::from_millis(leaves)) } else { bet };
                chain.open(0, bet)
            })
            .collect();
        for (n, stream) in all.into_iter().enumerate() {
            let report = chain.finish(stream, &mut casino);
            if n % 2 == 0 {
                assert_eq!(outcome(&report), "allow", "{n} while others leave after {leaves} ms");
            }
        }
        is_empty(&mut chain, &mut casino);
    }
}

#[test]
fn exempt_classes_never_wait() {
    let mut chain = start(&json!({}));
    let mut casino = Casino { takes: Some(Duration::from_millis(600)), ..Casino::default() };
    let first = chain.open(0, ask("/bets"));
    let waits = chain.open(0, ask("/bets"));
    for request in [
        ask("/limits"),
        settle("/wallet", "network", "{}"),
        settle("/wallet", "certificate", "{}"),
        settle("/hub", "network", r#"{"type": "credit"}"#),
    ] {
        let report = chain.run(request, &mut casino);
        assert_eq!(outcome(&report), "allow");
        assert_eq!(report.ended - report.started, 600_000_000, "as long as the upstream takes");
    }
    for stream in [first, waits] {
        chain.finish(stream, &mut casino);
    }
    is_empty(&mut chain, &mut Casino::default());
}

/// A request that waits after its body goes on whole.
#[test]
fn a_body_waits_with_its_request() {
    let mut chain = start(&json!({}));
    let mut casino = Casino::default();
    let first = chain.open(0, ask("/bets"));
    let body = r#"{"type": "debit", "stake": 5}"#;
    for request in [
        settle("/hub", "signature", body),
        settle("/hub", "signature", "").chunk(&body[..10]).chunk(&body[10..]),
    ] {
        let report = chain.run(request, &mut casino);
        assert_eq!(outcome(&report), "allow");
        assert_eq!(report.upstream.unwrap().body, body.as_bytes());
    }
    chain.finish(first, &mut casino);
    is_empty(&mut chain, &mut casino);
}

/// Both gateways: what has no permit and cannot wait is refused, with a time to come again.
#[test]
fn a_refusal_says_when_to_come_again() {
    for profile in PROFILES {
        let queue =
            if profile == abi_host::Profile::Envoy { json!({"length": 0}) } else { json!(null) };
        let group = json!([{"name": "casino", "limit": {"fixed": 1}, "queue": queue}]);
        let mut chain = builder(profile, &json!({"concurrency": group})).start().unwrap();
        let mut casino = Casino::default();
        let first = chain.open(0, ask("/bets"));
        let report = chain.run(ask("/bets"), &mut casino);
        assert_eq!(
            (outcome(&report).as_str(), report.status()),
            ("capacity_reduced", 503),
            "{profile:?}"
        );
        let response = report.response.unwrap();
        assert!(response.headers.text("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
        assert!(response.text().contains("temporary-reduced-capacity"));
        assert_eq!(outcome(&chain.finish(first, &mut casino)), "allow");
        is_empty(&mut chain, &mut casino);
    }
}

//! What is charged, refused, given back, and what happens where the gateway fails.

use super::*;
use crate::rate::fixture::{client, host, limits, limits_of, request, Worker, NOW};
use policy_kit::fake::FakeHost;
use policy_kit::{BodyFormat, Content, Headers, SECOND};

/// How many of ten requests pass.
fn passes(worker: &mut Worker, host: &mut FakeHost, caller: &Caller<'_, '_>) -> usize {
    let allowed = |_: &usize| worker.charge(host, caller, Phase::Body).is_allowed();
    (0..10).filter(allowed).count()
}

#[test]
fn counts_by_key_in_both_scopes() {
    for scope in ["worker", "node"] {
        let rule = format!(
            r#"[{{"name": "a", "scope": "{scope}", "key": ["player"], "requests": 1, "per": "second",
                "burst": 12}}]"#
        );
        let (mut worker, mut host) = (Worker::new(limits(&rule)), host());
        let headers = Headers::default();
        let burst = if scope == "worker" { 3 } else { 10 };
        let bare = request("POST", "/bets", &headers);
        let one = Caller { player: Some(b"p-1"), ..bare };
        let other = Caller { player: Some(b"p-2"), ..bare };
        assert_eq!(passes(&mut worker, &mut host, &one), burst, "{scope}");
        assert_eq!(passes(&mut worker, &mut host, &other), burst, "{scope}");
        let elsewhere = Caller { brand: Some("heron"), ..one };
        assert_eq!(passes(&mut worker, &mut host, &elsewhere), burst, "of another brand");
        // Without a token the address counts, whatever else is sent.
        assert_eq!(passes(&mut worker, &mut host, &bare), burst);
        let next = Caller { session: Some(b"s"), client: Some(client(2)), ..bare };
        assert_eq!(passes(&mut worker, &mut host, &next), burst);
        let nowhere = Caller { client: None, ..bare };
        assert_eq!(passes(&mut worker, &mut host, &nowhere), burst);
        for caller in [one, other, elsewhere, bare, next, nowhere] {
            let more = passes(&mut worker, &mut host, &caller);
            assert!(more <= 2, "{scope} {more}");
            assert_eq!(passes(&mut worker, &mut host, &caller), 0);
        }
        let second = if scope == "worker" { 4 * SECOND } else { SECOND };
        host.now += second;
        assert_eq!(passes(&mut worker, &mut host, &one), 1);
    }
}

/// All enforced rules are asked first, and refused requests do not count.
#[test]
fn refused_requests_count_nowhere() {
    for scope in ["worker", "node"] {
        let rules = format!(
            r#"[{{"name": "wide", "scope": "{scope}", "key": [], "requests": 1, "per": "hour", "burst": 40}},
            {{"name": "narrow", "scope": "{scope}", "key": ["client"], "requests": 1, "per": "hour",
             "burst": 8}},
            {{"name": "quiet", "mode": "shadow", "scope": "{scope}", "key": [], "requests": 1,
             "per": "hour", "burst": 4}}]"#
        );
        let mut worker = Worker::new(limits_of(&rules, Some(1)));
        let (mut host, headers) = (host(), Headers::default());
        let one = request("POST", "/bets", &headers);
        let mut found = Vec::new();
        for _ in 0..50 {
            let charged = worker.charge(&mut host, &one, Phase::Headers);
            found.push((worker.names(charged.refused), worker.names(charged.shadowed)));
        }
        assert!(found[..4].iter().all(|it| *it == (String::new(), String::new())));
        assert!(found[4..8].iter().all(|it| *it == (String::new(), "quiet".to_owned())));
        assert!(found[8..].iter().all(|it| *it == ("narrow".to_owned(), "quiet".to_owned())));
        // 32 are left for others: the refused ones took nothing.
        let others = (2..40).map(client).filter(|client| {
            let caller = Caller { client: Some(*client), ..one };
            worker.charge(&mut host, &caller, Phase::Headers).is_allowed()
        });
        assert_eq!(others.count(), 32, "{scope}");
        let charged = worker.charge(&mut host, &one, Phase::Headers);
        assert_eq!(worker.names(charged.refused), "wide narrow");
        assert_eq!(charged.wait, 3_600 * SECOND);
        assert!(charged.receipt.0.is_empty());
    }
}

#[test]
fn what_is_given_back_can_be_used_again() {
    for scope in ["worker", "node"] {
        let rules = format!(
            r#"[{{"name": "a", "scope": "{scope}", "key": ["client"], "requests": 1, "per": "hour",
             "burst": 2, "cost": 2}}]"#
        );
        let mut worker = Worker::new(limits_of(&rules, Some(1)));
        let (mut host, headers) = (host(), Headers::default());
        let one = request("POST", "/bets", &headers);
        for _ in 0..5 {
            let charged = worker.charge(&mut host, &one, Phase::Headers);
            assert!(charged.is_allowed());
            assert!(!worker.charge(&mut host, &one, Phase::Headers).is_allowed());
            worker.state.give_back(&mut host, &charged.receipt);
        }
        assert!(worker.charge(&mut host, &one, Phase::Headers).is_allowed());
        assert!(!worker.charge(&mut host, &one, Phase::Headers).is_allowed(), "{scope}");
    }
}

#[test]
fn factors_multiply_the_cost() {
    let rules = r#"[{"name": "a", "key": [], "requests": 1, "per": "second", "burst": 10}]"#;
    let headers = Headers::default();
    let one = request("POST", "/bets", &headers);
    for (factor, want) in [(0, 10), (1, 10), (3, 3), (10, 1), (11, 1), (u32::MAX, 1)] {
        let (mut worker, mut host) = (Worker::new(limits(rules)), host());
        let found = worker.endpoints.found(worker.endpoints.classify(b"POST", b"/bets"));
        let passed = (0..20).filter(|_| {
            let (state, limits) = (&mut worker.state, &worker.limits);
            let at = (&found, &one);
            let turn = Turn { phase: Phase::Headers, factor, waited: 0, now: NOW };
            state.charge(&mut host, limits, at, turn).is_allowed()
        });
        assert_eq!(passed.count(), want, "{factor}");
    }
}

/// Nothing is charged before all that counts is known.
#[test]
fn what_the_body_tells_is_charged_with_the_body() {
    let rules = r#"[
        {"name": "market", "key": [{"pointer": "/market"}], "requests": 1, "per": "hour", "burst": 2,
         "match": {"classes": ["wager"]}},
        {"name": "client", "key": ["client"], "requests": 1, "per": "hour", "burst": 3},
        {"name": "wins", "key": ["partner"], "requests": 1, "per": "hour", "burst": 1,
         "match": {"classes": ["settlement"]}}
    ]"#;
    let json = Headers::from_pairs([(&b"content-type"[..], &b"application/json"[..])]);
    let format = BodyFormat::by(&json);
    let (mut worker, mut host) = (Worker::new(limits(rules)), host());
    let bare = request("POST", "/bets", &json);
    let mut send = |worker: &mut Worker, caller: &Caller<'_, '_>, body: &str| {
        let first = worker.charge(&mut host, caller, Phase::Headers);
        if !first.is_allowed() || !first.later {
            return (first.later, worker.names(first.refused));
        }
        assert!(first.receipt.0.is_empty());
        let content = Content::selecting(body.as_bytes(), format);
        let caller = Caller { body: Some(&content), ..*caller };
        let second = worker.charge(&mut host, &caller, Phase::Body);
        assert!(!second.later);
        (true, worker.names(second.refused))
    };
    for (body, want) in [
        (r#"{"market": 7}"#, ""),
        (r#"{"market": "7"}"#, ""),
        (r#"{"market": 7.0}"#, "market"),
        // A body that is not read is the client's own market.
        (r#"{"market": 7"#, ""),
    ] {
        assert_eq!(send(&mut worker, &bare, body), (true, want.to_owned()), "{body}");
    }
    // Refused by its address alone, before its body is read.
    assert_eq!(send(&mut worker, &bare, ""), (true, "client".to_owned()));
    let next = Caller { client: Some(client(2)), ..bare };
    // The class is in the body: a settlement, then a wager.
    let wallet = Caller { target: b"/wallet", partner: Some(b"hub"), ..next };
    assert_eq!(send(&mut worker, &wallet, r#"{"type": "win"}"#), (true, String::new()));
    assert_eq!(send(&mut worker, &wallet, r#"{"type": "win"}"#), (true, "wins".to_owned()));
    let bet = r#"{"type": "bet", "market": 9}"#;
    assert_eq!(send(&mut worker, &wallet, bet), (true, String::new()));
    // A partner that is only claimed is charged once it is proven; one that is not counts by its address.
    let claimed = Caller { target: b"/win", claimed: true, partner: Some(b"hub"), ..next };
    assert_eq!(send(&mut worker, &claimed, ""), (true, String::new()));
    assert_eq!(send(&mut worker, &claimed, ""), (true, "wins".to_owned()));
    let proven = Caller { claimed: false, partner: Some(b"bank"), ..claimed };
    assert_eq!(send(&mut worker, &proven, ""), (false, String::new()));
    let get = Caller { method: b"GET", target: b"/odds/1", ..next };
    assert_eq!(send(&mut worker, &get, ""), (false, String::new()));
}

#[test]
fn rules_may_skip_what_lacks_their_key() {
    let rules = r#"[{"name": "a", "absent": "skip", "key": [{"header": "x-device"}], "requests": 1,
        "per": "hour"}]"#;
    let (mut worker, mut host) = (Worker::new(limits(rules)), host());
    let pairs = |n| Headers::from_pairs(vec![(&b"x-device"[..], &b"d"[..]); n]);
    for (sent, want) in [(0, 10), (1, 1), (1, 0), (2, 10), (0, 10)] {
        let headers = pairs(sent);
        let caller = request("POST", "/bets", &headers);
        assert_eq!(passes(&mut worker, &mut host, &caller), want, "{sent} headers");
    }
}

/// Which requests pass where shared data fails: class, `on_error`, workers.
#[test]
fn a_gateway_that_fails_is_a_named_state() {
    let headers = Headers::default();
    let calls = ["proxy_get_shared_data", "proxy_set_shared_data", "damaged"];
    for call in calls {
        for (on_error, workers, target, allowed, unavailable) in [
            ("", Some(4), "/bets", 2, false),
            ("", None, "/bets", 0, true),
            (r#""on_error": "local","#, Some(4), "/bets", 2, false),
            (r#""on_error": "refuse","#, Some(4), "/bets", 0, true),
            (r#""on_error": "refuse","#, Some(4), "/bets/7/cashout", 0, true),
            // Neither is ever stopped by a failure, and neither is counted.
            ("", Some(4), "/win", 10, false),
            ("", None, "/win", 10, false),
            (r#""on_error": "refuse","#, None, "/limits", 10, false),
            (r#""mode": "shadow", "on_error": "refuse","#, None, "/bets", 10, false),
        ] {
            let rules = format!(
                r#"[{{"name": "a", {on_error} "key": ["client"], "requests": 1, "per": "hour", "burst": 8,
                 "match": {{"classes": ["wager", "cashout", "settlement", "safer-gambling"]}}}}]"#
            );
            let mut worker = Worker::new(limits_of(&rules, workers));
            let mut host = host();
            // One request that is counted, so that the secret and a bucket are there.
            let caller = request("POST", target, &headers);
            assert!(worker.charge(&mut host, &caller, Phase::Headers).is_allowed());
            let case = format!("{call} {on_error} {workers:?} {target}");
            match call {
                "damaged" => {
                    let names: Vec<String> = host.shared.keys().cloned().collect();
                    for name in names.into_iter().filter(|name| !name.ends_with("secret")) {
                        host.shared.insert(name, (b"damaged".to_vec(), 9));
                    }
                }
                call => _ = host.faults.insert(call, 10),
            }
            let mut passed = 0;
            for _ in 0..10 {
                let charged = worker.charge(&mut host, &caller, Phase::Headers);
                passed += usize::from(charged.is_allowed());
                assert_eq!(worker.names(charged.faults), "a", "{case}");
                assert_eq!(charged.unavailable, unavailable, "{case}");
            }
            assert_eq!(passed, allowed, "{case}");
            // It goes on where it was once the gateway works again.
            host.faults.clear();
            host.shared.retain(|_, (value, _)| value != b"damaged");
            let charged = worker.charge(&mut host, &caller, Phase::Headers);
            assert!(charged.is_allowed() && charged.faults.is_empty(), "{case}");
        }
    }
}

/// A rule that falls back after others were charged counts by its own key.
#[test]
fn each_rule_falls_back_by_its_own_key() {
    let rules = r#"[{"name": "a", "key": ["player"], "requests": 1, "per": "hour", "burst": 8},
        {"name": "b", "key": [], "requests": 1, "per": "hour", "burst": 16}]"#;
    let (mut worker, headers) = (Worker::new(limits(rules)), Headers::default());
    let mut host = host().failing("proxy_set_shared_data", 10);
    host.shared.insert(SECRET.to_owned(), (vec![1; 17], 1));
    let caller = request("POST", "/bets", &headers);
    for (player, want) in [(b"p-1", 2), (b"p-2", 2), (b"p-1", 0), (b"p-3", 0)] {
        let caller = Caller { player: Some(player), ..caller };
        assert_eq!(passes(&mut worker, &mut host, &caller), want);
    }
}

#[test]
fn without_a_shared_secret_the_share_counts() {
    let rules = r#"[{"name": "a", "key": ["client"], "requests": 1, "per": "hour", "burst": 8}]"#;
    let (mut worker, headers) = (Worker::new(limits(rules)), Headers::default());
    let caller = request("POST", "/bets", &headers);
    let mut broken = host().failing("proxy_get_current_time_nanoseconds", 10);
    assert_eq!(passes(&mut worker, &mut broken, &caller), 2);
    assert!(LimitState::new(&worker.limits, &mut broken).is_err());
    assert_eq!(passes(&mut worker, &mut host(), &caller), 8);
}

/// Steps of the clock, in both directions.
#[test]
fn a_clock_that_steps_admits_no_more_than_a_burst() {
    for scope in ["worker", "node"] {
        let rules = format!(
            r#"[{{"name": "a", "scope": "{scope}", "key": ["client"], "requests": 1, "per": "second",
             "burst": 5}}]"#
        );
        let mut worker = Worker::new(limits_of(&rules, Some(1)));
        let (mut host, headers) = (host(), Headers::default());
        let caller = request("POST", "/bets", &headers);
        for (now, want) in [
            (NOW, 5),
            (NOW - 3_600 * SECOND, 0),
            // What was owed before the step is owed for a burst's time at most.
            (NOW - 3_599 * SECOND, 1),
            (NOW - 3_600 * SECOND, 0),
            (NOW - 3_590 * SECOND, 5),
            (NOW + 3_600 * SECOND, 5),
            (NOW + 3_600 * SECOND, 0),
            (0, 0),
            (SECOND, 1),
            (u64::MAX, 5),
            (u64::MAX, 0),
            (u64::MAX - SECOND, 0),
            (NOW, 0),
            (NOW + 2 * SECOND, 2),
        ] {
            host.now = now;
            assert_eq!(passes(&mut worker, &mut host, &caller), want, "{scope} {now}");
        }
    }
}

//! What becomes of each class, and of each kind of rule, where Redis is not heard, and where a request cannot wait.

use policy_kit::{CallReply, Fault, Headers, SECOND};

use crate::rate::charged::Charged;
use crate::rate::fixture::{host, limits_of_fleet, request, NOW};
use crate::rate::limits::Limits;
use crate::rate::state::{LimitState, Phase, Turn};

fn state(members: &str) -> (Limits, LimitState) {
    let limits = limits_of_fleet(&format!(
        r#"[{{"name": "a", {members} "scope": "fleet", "key": ["client"], "requests": 40, "per": "minute",
            "burst": 8, "match": {{"classes": ["wager", "cashout", "settlement", "safer-gambling"]}}}}]"#
    ));
    let state = LimitState::new(&limits, &mut host()).unwrap();
    (limits, state)
}

fn charge(state: &mut LimitState, limits: &Limits, target: &str, waited: u8, now: u64) -> Charged {
    let (endpoints, headers) = (crate::rate::fixture::endpoints(), Headers::default());
    let caller = request("POST", target, &headers);
    let found = endpoints.found(endpoints.classify(b"POST", target.as_bytes()));
    let turn = Turn { phase: Phase::Headers, factor: 1, waited, now };
    state.charge(&mut host(), limits, (&found, &caller), turn)
}

#[test]
fn each_class_has_a_state_while_redis_is_away() {
    let failed = CallReply::Failed(Fault { call: "proxy_http_call", status: Some(10) });
    for (members, target, allowed, unavailable) in [
        // Eight at once, for two workers of two gateways.
        ("", "/bets", 2, false),
        (r#""on_error": "local","#, "/bets/7/cashout", 2, false),
        (r#""on_error": "refuse","#, "/bets", 0, true),
        (r#""on_error": "refuse","#, "/win", 10, false),
        ("", "/win", 10, false),
        ("", "/limits", 10, false),
    ] {
        let (limits, mut state) = state(members);
        let lease = charge(&mut state, &limits, target, 0, NOW).lease.unwrap();
        for reply in [&failed, &CallReply::NoResponse] {
            assert_eq!(state.leased(&limits, &lease.key, reply, NOW), *reply != failed);
        }
        assert!(state.is_alone(&limits, NOW), "{members} {target}");
        let mut passed = 0;
        for waited in 0..10 {
            let charged = charge(&mut state, &limits, target, waited, NOW);
            assert!(charged.lease.is_none() && charged.faults.has(0));
            assert_eq!(charged.unavailable, unavailable, "{members} {target}");
            passed += usize::from(charged.is_allowed());
        }
        assert_eq!(passed, allowed, "{members} {target}");
        // After `retry_s` the next request asks again.
        let charged = charge(&mut state, &limits, target, 0, NOW + 2 * SECOND);
        assert!(charged.lease.is_some() && charged.faults.is_empty(), "{members} {target}");
    }
}

#[test]
fn a_request_that_cannot_wait_is_refused() {
    for (target, allowed) in [("/bets", false), ("/win", true)] {
        let (limits, mut state) = state("");
        let lease = charge(&mut state, &limits, target, 0, NOW).lease.unwrap();
        assert!(state.leased(&limits, &lease.key, &CallReply::TooManyWaiting, NOW));
        let charged = charge(&mut state, &limits, target, u8::MAX, NOW);
        assert_eq!(charged.is_allowed(), allowed, "{target}");
        assert_eq!(charged.contended.has(0), !allowed, "{target}");
        assert!(charged.lease.is_none() && !state.is_alone(&limits, NOW));
        // The others wait for the call that is pending.
        assert_eq!(charge(&mut state, &limits, target, 1, NOW).lease, Some(lease));
    }
}

#[test]
fn a_rule_in_shadow_holds_nothing_up() {
    let (limits, mut state) = state(r#""mode": "shadow","#);
    let charged = charge(&mut state, &limits, "/bets", 0, NOW);
    assert!(charged.is_allowed() && charged.lease.is_none());
    let due = state.due(&limits, NOW);
    assert_eq!(due.len(), 1, "it asks at the next tick");
    assert!(!state.leased(&limits, &due[0].key, &CallReply::NoResponse, NOW));
    for n in 0..10 {
        let charged = charge(&mut state, &limits, "/bets", 0, NOW);
        assert!(charged.is_allowed());
        assert_eq!(charged.shadowed.has(0), n >= 2, "{n}");
    }
}

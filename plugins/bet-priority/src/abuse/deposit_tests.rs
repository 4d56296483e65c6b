//! Failed deposits, and the blocks that follow.

use super::*;
use policy_kit::fake::FakeHost;
use policy_kit::SECOND;
use serde_json::{json, Value};

const T0: u64 = 1_790_000_000 * SECOND;

fn endpoints(class: &str) -> Endpoints {
    let raw = json!([{"path": "/deposit", "class": class}, {"path": "/bets", "class": "wager"}]);
    Endpoints::compile(policy_kit::read_settings(raw.to_string().as_bytes()).unwrap()).unwrap()
}

fn try_compile(raw: &Value) -> Result<DepositRules, ConfigError> {
    let raw = policy_kit::read_settings(raw.to_string().as_bytes())?;
    DepositRules::compile(raw, &endpoints("deposit"), Keying::new(7))
}

fn check(
    rules: &DepositRules,
    host: &mut FakeHost,
    path: &str,
    player: &str,
    second: u64,
) -> DepositCheck {
    let endpoints = endpoints("deposit");
    let endpoint = endpoints.found(endpoints.classify(b"POST", path.as_bytes()));
    rules.deposit(host, &endpoint, ("b", Some(player.as_bytes())), T0 + second * SECOND)
}

/// One deposit from its beginning to its end; in one word.
fn deposit(rules: &DepositRules, host: &mut FakeHost, second: u64, status: u16) -> &'static str {
    match check(rules, host, "/deposit", "p1", second) {
        DepositCheck::Allowed(ticket) => {
            let now = T0 + second * SECOND;
            rules.deposit_ended(host, &ticket, Some(status), now).unwrap();
            "allowed"
        }
        DepositCheck::Blocked { until: None, .. } => "pending",
        DepositCheck::Blocked { suspended: false, .. } => "blocked",
        DepositCheck::Blocked { suspended: true, .. } => "suspended",
        _ => "other",
    }
}

/// GLI-19 v3.0 A.3.6(b).
#[test]
fn consecutive_failures_block_and_then_suspend() {
    let (rules, mut host) = (try_compile(&json!({})).unwrap(), FakeHost::default());
    // Second, the upstream's status, what becomes of the deposit.
    for (second, status, want) in [
        (0, 402, "allowed"),
        (60, 402, "allowed"),
        (120, 422, "allowed"),
        (180, 402, "allowed"),
        // A success: they are not consecutive.
        (200, 201, "allowed"),
        (240, 402, "allowed"),
        (300, 402, "allowed"),
        // Neither a failure nor a success.
        (310, 503, "allowed"),
        (320, 400, "allowed"),
        (360, 402, "allowed"),
        (420, 402, "allowed"),
        (480, 402, "allowed"),
        (481, 201, "blocked"),
        (2_279, 201, "blocked"),
        (2_280, 402, "allowed"),
        (2_300, 402, "allowed"),
        (2_320, 402, "allowed"),
        (2_340, 402, "allowed"),
        (2_360, 402, "allowed"),
        (2_361, 201, "suspended"),
        (88_759, 201, "suspended"),
        (88_760, 201, "allowed"),
    ] {
        assert_eq!(deposit(&rules, &mut host, second, status), want, "{second}");
    }
}

#[test]
fn failures_over_a_longer_time_do_not_block() {
    let (rules, mut host) = (try_compile(&json!({})).unwrap(), FakeHost::default());
    for n in 0..50 {
        assert_eq!(deposit(&rules, &mut host, n * 151, 402), "allowed", "{n}");
    }
}

#[test]
fn others_are_not_touched() {
    let (rules, mut host) = (try_compile(&json!({})).unwrap(), FakeHost::default());
    for n in 0..5 {
        deposit(&rules, &mut host, n, 402);
    }
    assert_eq!(deposit(&rules, &mut host, 6, 402), "blocked");
    let mut check = |path, player| check(&rules, &mut host, path, player, 6);
    assert!(matches!(check("/deposit", "p2"), DepositCheck::Allowed(_)));
    assert_eq!(check("/bets", "p1"), DepositCheck::NotADeposit);
    assert_eq!(check("/deposit", ""), DepositCheck::NoPlayer);
    let until = u32::try_from(T0 / SECOND).unwrap() + 4 + 1_800;
    let blocked = DepositCheck::Blocked { until: Some(until), suspended: false };
    assert_eq!(check("/deposit", "p1"), blocked);
    let endpoints = endpoints("deposit");
    let endpoint = endpoints.found(endpoints.classify(b"POST", b"/deposit"));
    let mut of = |brand, player| rules.deposit(&mut host, &endpoint, (brand, player), T0);
    assert!(matches!(of("c", Some(&b"p1"[..])), DepositCheck::Allowed(_)), "another brand's");
    assert_eq!(of("b", None), DepositCheck::NoPlayer);
}

/// Stolen cards tried at once.
#[test]
fn parallel_deposits_are_not_more() {
    let (rules, mut host) = (try_compile(&json!({})).unwrap(), FakeHost::default());
    let checks: Vec<_> = (0..9).map(|_| check(&rules, &mut host, "/deposit", "p1", 0)).collect();
    let tickets: Vec<_> = checks
        .iter()
        .filter_map(|check| match check {
            DepositCheck::Allowed(ticket) => Some(*ticket),
            _ => None,
        })
        .collect();
    assert_eq!(tickets.len(), 5);
    assert_eq!(deposit(&rules, &mut host, 0, 402), "pending");
    let mut ends =
        tickets.iter().map(|it| rules.deposit_ended(&mut host, it, Some(402), T0).unwrap());
    assert!(ends.by_ref().take(4).all(|ended| ended == DepositEnded::Counted));
    assert_eq!(ends.next(), Some(DepositEnded::Blocked { suspended: false }));
}

#[test]
fn every_host_call_may_fail() {
    for call in ["proxy_get_shared_data", "proxy_set_shared_data"] {
        for status in 1..=12 {
            let rules = try_compile(&json!({})).unwrap();
            let mut host = FakeHost::default().failing(call, status);
            let check = check(&rules, &mut host, "/deposit", "p1", 0);
            let DepositCheck::Fault(TableFault::Gateway(_), ticket) = check else {
                panic!("{call} {status}: {check:?}")
            };
            assert!(rules.deposit_ended(&mut host, &ticket, Some(402), T0).is_err());
            assert_eq!(
                rules.deposit_ended(&mut host, &ticket, None, T0),
                Ok(DepositEnded::Counted)
            );
        }
    }
    assert_eq!(try_compile(&json!({})).unwrap().on_error, OnError::Refuse);
    assert_eq!(try_compile(&json!({"on_error": "pass"})).unwrap().on_error, OnError::Pass);
}

#[test]
fn rejects_invalid_configurations() {
    for (raw, want) in [
        (json!({"statuses": [500]}), "abuse.deposits.statuses[0]"),
        (json!({"failures": 0}), "abuse.deposits.failures"),
        (json!({"failures": 21}), "abuse.deposits.failures"),
        (json!({"within_s": 59}), "abuse.deposits.within_s"),
        (json!({"block_s": 59}), "abuse.deposits.block_s"),
        (json!({"block_s": 600, "suspend_s": 599}), "abuse.deposits.suspend_s"),
        (json!({"suspend_s": 2_592_001}), "abuse.deposits.suspend_s"),
        (json!({"slots": 0}), "abuse.deposits.slots"),
        (json!({"on_error": "allow"}), "on_error"),
        (json!({"lock_s": 60}), "lock_s"),
    ] {
        let error = try_compile(&raw).unwrap_err();
        assert_eq!(error.field, want, "{raw}: {error}");
    }
    let raw = policy_kit::read_settings(b"{}").unwrap();
    let error = DepositRules::compile(raw, &endpoints("withdrawal"), Keying::new(7)).unwrap_err();
    assert_eq!(error.field, "abuse.deposits");
}

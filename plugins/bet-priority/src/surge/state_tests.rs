//! Why the profile is on.

use super::*;
use crate::market::id::MarketId;
use crate::surge::instant::utc;
use crate::surge::switch::SWITCH_CALL;
use policy_kit::fake::FakeHost;
use policy_kit::{Headers, SECOND};

#[test]
fn each_cause_turns_it_on_and_off() {
    let raw = br#"{
        "schedule": [{"from": "2026-06-11T19:00:00Z", "until": "2026-06-11T19:10:00Z"}],
        "switch": {"cluster": "ops"},
        "auto": {"after_ms": 100, "calm_ms": 60000}
    }"#;
    let mut host = FakeHost::default();
    let rules = SurgeRules::compile(&policy_kit::read_settings(raw).unwrap(), &mut host).unwrap();
    let mut state = SurgeState::default();
    let at = |second: u64| utc("2026-06-11T18:59:00Z").unwrap() + second * SECOND;
    let document =
        r#"{"surge": true, "until": "2026-06-11T19:20:00Z", "suspended_markets": ["m"]}"#;
    let (headers, body) = (Headers::default(), document.as_bytes().to_vec());
    let reply = CallReply::Response { status: 200, headers, body, cut: false };
    state.adopt(&rules, &mut host, at(0));
    assert_eq!(state.switch_state(&rules, at(0)), Some(SwitchState::Unknown));
    for second in 0..1_500 {
        let now = at(second);
        // Requests are shed from 1,000 s to 1,300 s.
        if (1_000..1_300).contains(&second) {
            state.shed(&rules, now);
        }
        if let Some(call) = state.due(&rules, &mut host, now) {
            assert_eq!(call.key, SWITCH_CALL);
            // The operator turns the switch on at 500 s.
            let answer = if second < 500 { CallReply::NoResponse } else { reply.clone() };
            state.take(&rules, &mut host, &answer, now);
        }
        let want = match second {
            60..=659 => Some(SurgeCause::Schedule),
            661..=1_259 => Some(SurgeCause::Switch),
            1_260..=1_358 => Some(SurgeCause::Auto),
            0..=59 | 1_359.. => None,
            _ => state.cause(&rules, now),
        };
        assert_eq!(state.cause(&rules, now), want, "{second}");
        assert_eq!(state.is_on(&rules, now), want.is_some());
    }
    assert!(state.suspended().has(MarketId::of("m")), "`until` does not end a suspension");
    assert_eq!(state.switch_state(&rules, at(1_500)), Some(SwitchState::Fresh));
}

/// What is not configured does nothing.
#[test]
fn causes_that_are_not_configured_never_apply() {
    let mut host = FakeHost::default();
    let raw =
        br#"{"schedule": [{"from": "2026-06-11T19:00:00Z", "until": "2026-06-11T19:10:00Z"}]}"#;
    let rules = SurgeRules::compile(&policy_kit::read_settings(raw).unwrap(), &mut host).unwrap();
    let mut state = SurgeState::default();
    for n in 0..100 {
        state.shed(&rules, n * SECOND / 2);
        assert_eq!(state.due(&rules, &mut host, n * SECOND / 2), None);
    }
    state.take(&rules, &mut host, &CallReply::NoResponse, 0);
    assert_eq!(state.cause(&rules, 50 * SECOND), None);
    assert_eq!(state.switch_state(&rules, 0), None);
    assert_eq!(
        [SurgeCause::Schedule, SurgeCause::Switch, SurgeCause::Auto].map(SurgeCause::as_str),
        ["schedule", "switch", "auto"]
    );
}

//! Requests beyond those that may wait for the PAM.

use policy_kit::{Action, CallReply};

use crate::names::SECOND;
use crate::tests::gateway::TestGateway;
use crate::tests::player_states::{configuration, good, pam_config, reports};

/// If too many requests wait for the PAM: the last report has expired, and no failure is recorded.
#[test]
fn requests_that_may_not_wait_record_no_failure() {
    let active = reports("active");
    let mut gateway = TestGateway::new(&configuration(&pam_config()).to_string());
    let (mut driver, _) = gateway.start("/bets", &[good()]);
    assert_eq!(gateway.complete(&mut driver, &active), "pass");
    gateway.host.now += 5 * SECOND;
    for (path, want) in [("/bets", "player_state_unavailable"), ("/cashout", "pass")] {
        let (mut beyond, _) = gateway.start(path, &[good()]);
        beyond.on_shared_reply(&mut gateway.host, &CallReply::TooManyWaiting);
        assert_eq!(gateway.outcome(Action::Pause), want, "{path}");
    }
    let (mut waits, action) = gateway.start("/bets", &[good()]);
    assert_eq!(gateway.outcome(action), "waits", "no failure is remembered");
    assert_eq!(gateway.complete(&mut waits, &active), "pass");
    assert!(gateway.host.counters.keys().all(|name| !name.contains("result=failed")));
}

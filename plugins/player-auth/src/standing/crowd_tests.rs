//! Requests beyond those that may wait for the PAM.

use super::standing::configuration;
use super::tests::{answer, bearer, token, World, CLAIMS};
use super::*;
use policy_kit::Action;
use serde_json::json;

/// Where too many wait already for what the PAM says of a player: what it said before is old, and
/// nothing is held against it.
#[test]
fn a_crowd_is_told_nothing_and_spoils_nothing() {
    let pam = json!({"pam": {"cluster": "pam", "cache_s": 5, "path": "/{brand}/{sub}"}});
    let says_active = answer(200, json!({"state": "active"}).to_string());
    let good = || bearer(&token(CLAIMS));
    let mut world = World::new(&configuration(&pam).to_string());
    let (mut driver, _) = world.start("/bets", &[good()]);
    assert_eq!(world.land(&mut driver, &says_active), "pass");
    world.host.now += 5 * SECOND;
    for (path, want) in [("/bets", "player_state_unavailable"), ("/cashout", "pass")] {
        let (mut beyond, _) = world.start(path, &[good()]);
        beyond.on_shared_reply(&mut world.host, &CallReply::TooManyWaiting);
        assert_eq!(world.outcome(Action::Pause), want, "{path}");
    }
    let (mut waits, action) = world.start("/bets", &[good()]);
    assert_eq!(world.outcome(action), "waits", "no failure is remembered");
    assert_eq!(world.land(&mut waits, &says_active), "pass");
    assert!(world.host.counters.keys().all(|name| !name.contains("result=failed")));
}

//! Every command in every state, and the effect of time.

use super::*;

const MINE: Fingerprint = Fingerprint([1; 32]);
const OTHER: Fingerprint = Fingerprint([2; 32]);
const ANSWER: Outcome<KeptAnswer> =
    Outcome::Completed(KeptAnswer { status: 200, body: KeptBody::Whole(9) });
const TOO_LONG: Outcome<KeptAnswer> = Outcome::NotKept { status: 201 };

fn entry(state: KeyState) -> Entry {
    Entry { fingerprint: MINE, fence: Fence(5), deadline: 200, expires: 1000, state }
}

fn claim(fingerprint: Fingerprint) -> Command<KeptAnswer> {
    Command::Claim { fingerprint, deadline: 300, expires: 2000 }
}

fn commit(fence: u64, outcome: Outcome<KeptAnswer>) -> Command<KeptAnswer> {
    Command::Commit { fence: Fence(fence), outcome, expires: 2000 }
}

fn resolve(fence: u64, outcome: Outcome<KeptAnswer>) -> Command<KeptAnswer> {
    Command::Resolve { fence: Fence(fence), outcome }
}

/// The transition, in short.
fn summary(current: Option<KeyState>, command: &Command<KeptAnswer>, now: u64) -> String {
    let settled = |outcome: &Outcome<KeptAnswer>| match outcome {
        Outcome::Completed(_) => "completed",
        Outcome::NotKept { .. } => "oversize",
        Outcome::NoEffect => "no effect",
        Outcome::Unknown => "unknown",
    };
    let say = |response: &Response<KeptAnswer>| match response {
        Response::Granted(fence) => format!("granted {}", fence.0),
        Response::InProgress { left, .. } => format!("in progress {left}"),
        Response::Settled(fence, how) => format!("{} {}", settled(how), fence.0),
        Response::Mismatch => "mismatch".to_owned(),
        Response::Absent => "absent".to_owned(),
        Response::Done => "done".to_owned(),
        Response::Stale => "stale".to_owned(),
    };
    match transition(current.map(entry).as_ref(), command, now, Fence(6)) {
        Transition::Unchanged(response) => say(&response),
        Transition::Put(entry, response) => {
            let state = match &entry.state {
                KeyState::InProgress => format!("in progress to {}", entry.deadline),
                KeyState::Settled(how) => settled(how).to_owned(),
            };
            let (fence, expires) = (entry.fence.0, entry.expires);
            format!("{}: {state}, fence {fence}, until {expires}", say(&response))
        }
        Transition::Remove(response) => format!("{}: gone", say(&response)),
    }
}

#[test]
fn every_command_in_every_state() {
    let busy = Some(KeyState::InProgress);
    let over = Some(KeyState::Settled(ANSWER));
    let long = Some(KeyState::Settled(TOO_LONG));
    let lost = Some(KeyState::Settled(Outcome::Unknown));
    let granted = "granted 6: in progress to 300, fence 6, until 2000";
    for (current, command, now, want) in [
        (None, claim(MINE), 100, granted),
        (busy, claim(MINE), 100, "in progress 100"),
        (busy, claim(OTHER), 100, "mismatch"),
        (busy, claim(MINE), 200, "unknown 5"),
        (busy, claim(MINE), 999, "unknown 5"),
        (busy, claim(OTHER), 999, "mismatch"),
        // Only retention makes a key absent.
        (busy, claim(MINE), 1000, granted),
        (over, claim(MINE), 100, "completed 5"),
        (over, claim(OTHER), 100, "mismatch"),
        (over, claim(MINE), 1000, granted),
        (long, claim(MINE), 100, "oversize 5"),
        (lost, claim(MINE), 100, "unknown 5"),
        (lost, claim(MINE), 1000, granted),
        (None, Command::Read { fingerprint: MINE }, 100, "absent"),
        (busy, Command::Read { fingerprint: MINE }, 150, "in progress 50"),
        (over, Command::Read { fingerprint: OTHER }, 150, "mismatch"),
        (busy, commit(5, ANSWER), 100, "done: completed, fence 5, until 2000"),
        (busy, commit(5, TOO_LONG), 100, "done: oversize, fence 5, until 2000"),
        (busy, commit(5, Outcome::Unknown), 100, "done: unknown, fence 5, until 2000"),
        // Late, but not settled otherwise.
        (busy, commit(5, ANSWER), 999, "done: completed, fence 5, until 2000"),
        (busy, commit(4, ANSWER), 100, "stale"),
        (busy, commit(5, ANSWER), 1000, "stale"),
        (over, commit(5, TOO_LONG), 100, "stale"),
        (lost, commit(5, ANSWER), 100, "stale"),
        (None, commit(5, ANSWER), 100, "stale"),
        (busy, commit(5, Outcome::NoEffect), 100, "done: gone"),
        (busy, commit(4, Outcome::NoEffect), 100, "stale"),
        (over, commit(5, Outcome::NoEffect), 100, "stale"),
        (lost, commit(5, Outcome::NoEffect), 100, "stale"),
        (None, commit(5, Outcome::NoEffect), 100, "stale"),
        (lost, resolve(5, ANSWER), 100, "done: completed, fence 5, until 1000"),
        // A client that left does not stop an upstream: it may still carry the request out.
        (lost, resolve(5, Outcome::NoEffect), 199, "stale"),
        (lost, resolve(5, Outcome::NoEffect), 200, "done: gone"),
        (lost, resolve(4, Outcome::NoEffect), 100, "stale"),
        (busy, resolve(5, Outcome::NoEffect), 100, "stale"),
        (busy, resolve(5, Outcome::NoEffect), 200, "done: gone"),
        (over, resolve(5, Outcome::NoEffect), 100, "stale"),
        (None, resolve(5, Outcome::NoEffect), 100, "stale"),
    ] {
        assert_eq!(summary(current, &command, now), want, "{current:?} {command:?} at {now}");
    }
}

//! Every operation on every state, and what time changes.

use super::*;

const MINE: Fingerprint = Fingerprint([1; 32]);
const OTHER: Fingerprint = Fingerprint([2; 32]);
const ANSWER: Settled = Settled::Completed { status: 200, kept: Kept::Whole(9) };
const TOO_LONG: Settled = Settled::Oversize { status: 201 };

fn entry(state: State) -> Entry {
    Entry { fingerprint: MINE, fence: Fence(5), deadline: 200, expires: 1000, state }
}

fn claim(fingerprint: Fingerprint) -> Op {
    Op::Claim { fingerprint, deadline: 300, expires: 2000 }
}

fn commit(fence: u64, settled: Settled) -> Op {
    Op::Commit { fence: Fence(fence), settled, expires: 2000 }
}

fn resolve(fence: u64, settled: Option<Settled>) -> Op {
    Op::Resolve { fence: Fence(fence), settled }
}

/// What follows, in short.
fn told(current: Option<State>, op: &Op, now: u64) -> String {
    let settled = |settled: &Settled| match settled {
        Settled::Completed { .. } => "completed",
        Settled::Oversize { .. } => "oversize",
        Settled::Unknown => "unknown",
    };
    let say = |reply: &Reply| match reply {
        Reply::Granted(fence) => format!("granted {}", fence.0),
        Reply::InProgress { left, .. } => format!("in progress {left}"),
        Reply::Settled(fence, how) => format!("{} {}", settled(how), fence.0),
        Reply::Mismatch => "mismatch".to_owned(),
        Reply::Absent => "absent".to_owned(),
        Reply::Done => "done".to_owned(),
        Reply::Stale => "stale".to_owned(),
    };
    match step(current.map(entry).as_ref(), op, now, Fence(6)) {
        Step::Say(reply) => say(&reply),
        Step::Put(entry, reply) => {
            let state = match &entry.state {
                State::InProgress => format!("in progress to {}", entry.deadline),
                State::Settled(how) => settled(how).to_owned(),
            };
            let (fence, expires) = (entry.fence.0, entry.expires);
            format!("{}: {state}, fence {fence}, until {expires}", say(&reply))
        }
        Step::Remove(reply) => format!("{}: gone", say(&reply)),
    }
}

#[test]
fn every_operation_on_every_state() {
    let busy = Some(State::InProgress);
    let over = Some(State::Settled(ANSWER));
    let long = Some(State::Settled(TOO_LONG));
    let lost = Some(State::Settled(Settled::Unknown));
    let granted = "granted 6: in progress to 300, fence 6, until 2000";
    for (current, op, now, want) in [
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
        (None, Op::Read { fingerprint: MINE }, 100, "absent"),
        (busy, Op::Read { fingerprint: MINE }, 150, "in progress 50"),
        (over, Op::Read { fingerprint: OTHER }, 150, "mismatch"),
        (busy, commit(5, ANSWER), 100, "done: completed, fence 5, until 2000"),
        (busy, commit(5, TOO_LONG), 100, "done: oversize, fence 5, until 2000"),
        (busy, commit(5, Settled::Unknown), 100, "done: unknown, fence 5, until 2000"),
        // Late, but nobody else has settled it.
        (busy, commit(5, ANSWER), 999, "done: completed, fence 5, until 2000"),
        (busy, commit(4, ANSWER), 100, "stale"),
        (busy, commit(5, ANSWER), 1000, "stale"),
        (over, commit(5, TOO_LONG), 100, "stale"),
        (lost, commit(5, ANSWER), 100, "stale"),
        (None, commit(5, ANSWER), 100, "stale"),
        (busy, Op::Free { fence: Fence(5) }, 100, "done: gone"),
        (busy, Op::Free { fence: Fence(4) }, 100, "stale"),
        (over, Op::Free { fence: Fence(5) }, 100, "stale"),
        (lost, Op::Free { fence: Fence(5) }, 100, "stale"),
        (None, Op::Free { fence: Fence(5) }, 100, "stale"),
        (lost, resolve(5, Some(ANSWER)), 100, "done: completed, fence 5, until 1000"),
        // A client that left does not stop an upstream: it may not have come to the call yet.
        (lost, resolve(5, None), 199, "stale"),
        (lost, resolve(5, None), 200, "done: gone"),
        (lost, resolve(4, None), 100, "stale"),
        (busy, resolve(5, None), 100, "stale"),
        (busy, resolve(5, None), 200, "done: gone"),
        (over, resolve(5, None), 100, "stale"),
        (None, resolve(5, None), 100, "stale"),
    ] {
        assert_eq!(told(current, &op, now), want, "{current:?} {op:?} at {now}");
    }
}

//! The embedded store over a fake gateway.

use super::*;
use crate::store::{Ask, Asked, Said, Store};
use crate::{Fingerprint, Key, Owner};
use policy_kit::fake::FakeHost;

const PRINT: Fingerprint = Fingerprint([1; 32]);
const SECOND: u64 = 1_000_000_000;

fn store(slots: usize, bytes: u64) -> Slots {
    Slots::new("test", Limits { slots, bytes, answer: 200 }, Scatter::default())
}

fn scope(number: usize) -> Scope {
    let key = Key::of_text(format!("key-{number:08}").as_bytes()).unwrap();
    Scope::new(&Owner::new("otter", "player", "p-1"), b"POST", "/bets", &key)
}

fn claim(slots: &Slots, host: &mut FakeHost, number: usize, now: u64) -> Result<Reply, StoreFault> {
    let (deadline, expires) = (now + 5 * SECOND, now + 100 * SECOND);
    slots.apply(host, &scope(number), &Op::Claim { fingerprint: PRINT, deadline, expires }, now)
}

fn answer(length: usize) -> Answer {
    Answer { status: 200, headers: Vec::new(), body: vec![b'x'; length] }
}

fn commit(
    slots: &Slots,
    host: &mut FakeHost,
    scope: &Scope,
    fence: Fence,
    answer: &Answer,
    expires: u64,
    now: u64,
) -> Asked {
    let ask = Ask::Commit { fence, end: End::Answered(answer.clone()), expires };
    slots.ask(host, scope, &ask, now)
}

fn told(slots: &Slots, host: &mut FakeHost, number: usize, now: u64) -> Result<Said, StoreFault> {
    match slots.ask(host, &scope(number), &Ask::Read { fingerprint: PRINT }, now) {
        Asked::Said(said) => said,
        Asked::Call(call) => panic!("{call:?}"),
    }
}

const DONE: Asked = Asked::Said(Ok(Said::Done));

#[test]
fn a_retry_gets_the_first_answer() {
    let (slots, mut host) = (store(64, 10_000), FakeHost::default());
    let Ok(Reply::Granted(fence)) = claim(&slots, &mut host, 1, 0) else { panic!() };
    assert_eq!(
        claim(&slots, &mut host, 1, SECOND),
        Ok(Reply::InProgress { fence, left: 4 * SECOND })
    );
    let done = commit(&slots, &mut host, &scope(1), fence, &answer(50), 100 * SECOND, 2 * SECOND);
    assert_eq!(done, DONE);
    assert_eq!(told(&slots, &mut host, 1, 3 * SECOND), Ok(Said::Answered(answer(50))));
    // What lies in its place is another claim's.
    let body = host.shared.values_mut().find(|(value, _)| value.ends_with(&[b'x'; 50])).unwrap();
    body.0[7] += 1;
    assert_eq!(told(&slots, &mut host, 1, 3 * SECOND), Ok(Said::NotKept { status: 200 }));
}

#[test]
fn nothing_unexpired_is_evicted() {
    let (slots, mut host) = (store(32, 10_000), FakeHost::default());
    for number in 0..32 {
        assert!(matches!(claim(&slots, &mut host, number, 0), Ok(Reply::Granted(_))));
    }
    assert_eq!(claim(&slots, &mut host, 32, SECOND), Err(StoreFault::Full));
    assert_eq!(claim(&slots, &mut host, 0, 99 * SECOND), Ok(unknown(1)), "not forgotten");
    assert!(matches!(claim(&slots, &mut host, 32, 100 * SECOND), Ok(Reply::Granted(_))));
}

fn unknown(fence: u64) -> Reply {
    Reply::Settled(Fence(fence), Settled::Unknown)
}

/// What README.md says of how many slots are enough: three times as many as keys.
#[test]
fn a_store_of_which_a_third_is_used_has_room() {
    let (slots, mut host) = (store(4_096, 10_000), FakeHost::default());
    for number in 0..1_365 {
        assert!(matches!(claim(&slots, &mut host, number, 0), Ok(Reply::Granted(_))), "{number}");
    }
}

#[test]
fn a_full_store_keeps_digests_and_drops_bodies() {
    let (slots, mut host) = (store(16, 150), FakeHost::default());
    for (number, length, want) in [(0, 100, true), (1, 100, false), (2, 10, true), (3, 500, false)]
    {
        let Ok(Reply::Granted(fence)) = claim(&slots, &mut host, number, 0) else { panic!() };
        let answer = answer(length);
        let done = commit(&slots, &mut host, &scope(number), fence, &answer, 100 * SECOND, 1);
        assert_eq!(done, DONE);
        let kept = told(&slots, &mut host, number, 2);
        let dropped = Ok(Said::NotKept { status: 200 });
        assert_eq!(kept, if want { Ok(Said::Answered(answer)) } else { dropped }, "{number}");
        // Whatever is kept of it, it is not carried out again.
        assert!(matches!(claim(&slots, &mut host, number, 2), Ok(Reply::Settled(..))));
    }
}

#[test]
fn whoever_lost_the_claim_settles_nothing() {
    let (slots, mut host) = (store(16, 10_000), FakeHost::default());
    let Ok(Reply::Granted(first)) = claim(&slots, &mut host, 1, 0) else { panic!() };
    let later = 200 * SECOND;
    let Ok(Reply::Granted(second)) = claim(&slots, &mut host, 1, later) else { panic!() };
    assert!(second > first, "fences grow though the key had expired");
    let late = commit(&slots, &mut host, &scope(1), first, &answer(9), 900 * SECOND, later + 1);
    assert_eq!(late, Asked::Said(Ok(Said::Stale)));
    let done = commit(&slots, &mut host, &scope(1), second, &answer(8), 900 * SECOND, later + 2);
    assert_eq!(done, DONE);
    assert_eq!(told(&slots, &mut host, 1, later + 3), Ok(Said::Answered(answer(8))));
}

#[test]
fn expired_answers_give_their_bytes_back() {
    let (slots, mut host) = (store(16, 10_000), FakeHost::default());
    for round in 0..100 {
        let now = round * 200 * SECOND;
        let number = round as usize;
        let Ok(Reply::Granted(fence)) = claim(&slots, &mut host, number, now) else { panic!() };
        let expires = now + 100 * SECOND;
        let done = commit(&slots, &mut host, &scope(number), fence, &answer(100), expires, now + 1);
        assert_eq!(done, DONE);
    }
    let bytes: usize = host.shared.values().map(|(value, _)| value.len()).sum();
    assert!(bytes < 600, "{bytes} bytes after a hundred keys, one at a time");
    assert!(host.shared.len() <= 33);
}

#[test]
fn what_the_gateway_fails_is_told() {
    let slots = store(16, 10_000);
    for (call, status) in [("proxy_get_shared_data", 10), ("proxy_set_shared_data", 10)] {
        let mut host = FakeHost::default();
        host.faults.insert(call, status);
        let told = claim(&slots, &mut host, 1, 0);
        assert!(matches!(told, Err(StoreFault::Gateway(_))), "{call}: {told:?}");
    }
    let mut host = FakeHost::default();
    host.shared.insert(format!("{STORE}.test.1.0"), (vec![9, 9], 1));
    assert_eq!(claim(&slots, &mut host, 1, 0), Err(StoreFault::Damaged));
}

#[test]
fn two_who_settle_one_claim_speak_of_one_answer() {
    let (slots, scope, late) = (store(16, 10_000), scope(1), 6 * SECOND);
    for (first, second) in [(0, 1), (1, 0)] {
        let mut host = FakeHost::default();
        let Ok(Reply::Granted(fence)) = claim(&slots, &mut host, 1, 0) else { panic!() };
        // Its deadline has passed: whoever claimed it and somebody who asked elsewhere keep an answer
        // each, before either of them settles it.
        let settled = [8, 9].map(|length| {
            let (bucket, _) = load(&mut host, &slots.bucket_name(0)).unwrap();
            let held = bucket.find(&scope).unwrap();
            let place = Place { number: 0, bucket: &bucket, held: held.as_ref() };
            slots.keep(&mut host, &place, fence, &End::Answered(answer(length)))
        });
        let expires = 100 * SECOND;
        let ops = [
            Op::Commit { fence, settled: settled[0], expires },
            Op::Resolve { fence, settled: Some(settled[1]) },
        ];
        assert_eq!(slots.apply(&mut host, &scope, &ops[first], late), Ok(Reply::Done));
        assert_eq!(slots.apply(&mut host, &scope, &ops[second], late), Ok(Reply::Stale));
        let ask = Ask::Claim { fingerprint: PRINT, deadline: late, expires };
        let told = slots.ask(&mut host, &scope, &ask, late);
        assert_eq!(told, Asked::Said(Ok(Said::Answered(answer(8)))), "{first} first");
    }
}

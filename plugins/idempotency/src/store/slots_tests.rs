//! The embedded store over a fake gateway.

use super::*;
use crate::names::SECOND;
use crate::policy::identity::{Fingerprint, Owner};
use crate::policy::key::Key;
use policy_kit::fake::FakeHost;

const PRINT: Fingerprint = Fingerprint([1; 32]);

fn store(slots: usize, bytes: u64) -> Slots {
    Slots::new("test", Limits { slots, bytes, answer: 200 }, BucketSeed::default())
}

fn scope(number: usize) -> Scope {
    let key = Key::of_text(format!("key-{number:08}").as_bytes()).unwrap();
    Scope::new(&Owner::new("otter", "player", "p-1"), b"POST", "/bets", &key)
}

fn claim(
    slots: &Slots,
    host: &mut FakeHost,
    number: usize,
    now: u64,
) -> Result<Response<KeptAnswer>, StoreFault> {
    let (deadline, expires) = (now + 5 * SECOND, now + 100 * SECOND);
    slots.apply(
        host,
        &scope(number),
        &Command::Claim { fingerprint: PRINT, deadline, expires },
        now,
    )
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
) -> StoreStep {
    let outcome = Outcome::Completed(answer.clone());
    slots.execute(host, scope, &Command::Commit { fence, outcome, expires }, now)
}

fn read(
    slots: &Slots,
    host: &mut FakeHost,
    number: usize,
    now: u64,
) -> Result<Response<Answer>, StoreFault> {
    match slots.execute(host, &scope(number), &Command::Read { fingerprint: PRINT }, now) {
        StoreStep::Done(response) => response,
        StoreStep::Call(call) => panic!("{call:?}"),
    }
}

fn settled(fence: Fence, answer: Answer) -> Response<Answer> {
    Response::Settled(fence, Outcome::Completed(answer))
}

fn not_kept(fence: Fence) -> Response<Answer> {
    Response::Settled(fence, Outcome::NotKept { status: 200 })
}

const DONE: StoreStep = StoreStep::Done(Ok(Response::Done));

#[test]
fn returns_the_first_answer() {
    let (slots, mut host) = (store(64, 10_000), FakeHost::default());
    let Ok(Response::Granted(fence)) = claim(&slots, &mut host, 1, 0) else { panic!() };
    assert_eq!(
        claim(&slots, &mut host, 1, SECOND),
        Ok(Response::InProgress { fence, left: 4 * SECOND })
    );
    let done = commit(&slots, &mut host, &scope(1), fence, &answer(50), 100 * SECOND, 2 * SECOND);
    assert_eq!(done, DONE);
    assert_eq!(read(&slots, &mut host, 1, 3 * SECOND), Ok(settled(fence, answer(50))));
    // The stored answer is another claim's.
    let body = host.shared.values_mut().find(|(value, _)| value.ends_with(&[b'x'; 50])).unwrap();
    body.0[7] += 1;
    assert_eq!(read(&slots, &mut host, 1, 3 * SECOND), Ok(not_kept(fence)));
}

#[test]
fn never_evicts_unexpired_keys() {
    let (slots, mut host) = (store(32, 10_000), FakeHost::default());
    for number in 0..32 {
        assert!(matches!(claim(&slots, &mut host, number, 0), Ok(Response::Granted(_))));
    }
    assert_eq!(claim(&slots, &mut host, 32, SECOND), Err(StoreFault::Full));
    assert_eq!(claim(&slots, &mut host, 0, 99 * SECOND), Ok(unknown(1)), "not forgotten");
    assert!(matches!(claim(&slots, &mut host, 32, 100 * SECOND), Ok(Response::Granted(_))));
}

fn unknown(fence: u64) -> Response<KeptAnswer> {
    Response::Settled(Fence(fence), Outcome::Unknown)
}

/// What README.md says of how many slots are enough: three times as many as keys.
#[test]
fn a_store_used_by_a_third_has_free_slots() {
    let (slots, mut host) = (store(4_096, 10_000), FakeHost::default());
    for number in 0..1_365 {
        assert!(
            matches!(claim(&slots, &mut host, number, 0), Ok(Response::Granted(_))),
            "{number}"
        );
    }
}

#[test]
fn a_full_store_keeps_digests_and_drops_bodies() {
    let (slots, mut host) = (store(16, 150), FakeHost::default());
    for (number, length, want) in [(0, 100, true), (1, 100, false), (2, 10, true), (3, 500, false)]
    {
        let Ok(Response::Granted(fence)) = claim(&slots, &mut host, number, 0) else { panic!() };
        let answer = answer(length);
        let done = commit(&slots, &mut host, &scope(number), fence, &answer, 100 * SECOND, 1);
        assert_eq!(done, DONE);
        let kept = read(&slots, &mut host, number, 2);
        let dropped = Ok(not_kept(fence));
        assert_eq!(kept, if want { Ok(settled(fence, answer)) } else { dropped }, "{number}");
        // Kept or not, the request is not carried out again.
        assert!(matches!(claim(&slots, &mut host, number, 2), Ok(Response::Settled(..))));
    }
}

#[test]
fn superseded_claims_settle_nothing() {
    let (slots, mut host) = (store(16, 10_000), FakeHost::default());
    let Ok(Response::Granted(first)) = claim(&slots, &mut host, 1, 0) else { panic!() };
    let later = 200 * SECOND;
    let Ok(Response::Granted(second)) = claim(&slots, &mut host, 1, later) else { panic!() };
    assert!(second > first, "fences grow though the key had expired");
    let late = commit(&slots, &mut host, &scope(1), first, &answer(9), 900 * SECOND, later + 1);
    assert_eq!(late, StoreStep::Done(Ok(Response::Stale)));
    let done = commit(&slots, &mut host, &scope(1), second, &answer(8), 900 * SECOND, later + 2);
    assert_eq!(done, DONE);
    assert_eq!(read(&slots, &mut host, 1, later + 3), Ok(settled(second, answer(8))));
}

#[test]
fn expired_answers_free_their_bytes() {
    let (slots, mut host) = (store(16, 10_000), FakeHost::default());
    for round in 0..100 {
        let now = round * 200 * SECOND;
        let number = round as usize;
        let Ok(Response::Granted(fence)) = claim(&slots, &mut host, number, now) else { panic!() };
        let expires = now + 100 * SECOND;
        let done = commit(&slots, &mut host, &scope(number), fence, &answer(100), expires, now + 1);
        assert_eq!(done, DONE);
    }
    let bytes: usize = host.shared.values().map(|(value, _)| value.len()).sum();
    assert!(bytes < 600, "{bytes} bytes after a hundred keys, one at a time");
    assert!(host.shared.len() <= 33);
}

#[test]
fn reports_faults_of_the_gateway() {
    let slots = store(16, 10_000);
    for (call, status) in [("proxy_get_shared_data", 10), ("proxy_set_shared_data", 10)] {
        let mut host = FakeHost::default();
        host.faults.insert(call, status);
        let claimed = claim(&slots, &mut host, 1, 0);
        assert!(matches!(claimed, Err(StoreFault::Gateway(_))), "{call}: {claimed:?}");
    }
    let mut host = FakeHost::default();
    host.shared.insert(format!("{STORE}.test.1.0"), (vec![9, 9], 1));
    assert_eq!(claim(&slots, &mut host, 1, 0), Err(StoreFault::Damaged));
}

#[test]
fn two_settlements_of_one_claim_record_one_answer() {
    let (slots, scope, late) = (store(16, 10_000), scope(1), 6 * SECOND);
    for (first, second) in [(0, 1), (1, 0)] {
        let mut host = FakeHost::default();
        let Ok(Response::Granted(fence)) = claim(&slots, &mut host, 1, 0) else { panic!() };
        // Its deadline has passed: the holder of the claim and a retry that called the reconcile service
        // keep an answer each, before either of them settles it.
        let outcomes = [8, 9].map(|length| {
            let (bucket, _) = load(&mut host, &slots.bucket_name(0)).unwrap();
            let held = bucket.find(&scope).unwrap();
            let slot = SlotRef { bucket_number: 0, bucket: &bucket, held: held.as_ref() };
            slots.keep(&mut host, &slot, fence, &answer(length))
        });
        let expires = 100 * SECOND;
        let commands = [
            Command::Commit { fence, outcome: outcomes[0], expires },
            Command::Resolve { fence, outcome: outcomes[1] },
        ];
        assert_eq!(slots.apply(&mut host, &scope, &commands[first], late), Ok(Response::Done));
        assert_eq!(slots.apply(&mut host, &scope, &commands[second], late), Ok(Response::Stale));
        let claim = Command::Claim { fingerprint: PRINT, deadline: late, expires };
        let step = slots.execute(&mut host, &scope, &claim, late);
        assert_eq!(step, StoreStep::Done(Ok(settled(fence, answer(8)))), "{first} first");
    }
}

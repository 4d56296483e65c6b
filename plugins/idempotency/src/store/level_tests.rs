//! How full the store is, by gauges and log lines.

use policy_kit::fake::FakeHost;
use policy_kit::BucketSeed;

use super::*;
use crate::names::SECOND;
use crate::policy::answer::Answer;
use crate::policy::identity::{digest, Fingerprint, Scope};
use crate::policy::outcome::Outcome;
use crate::store::port::{Command, Response, Store, StoreStep};

const LIMITS: Limits = Limits { slots: 2_048, bytes: 1 << 20, answer: 1 << 10 };

fn fill(host: &mut FakeHost, slots: &Slots, keys: std::ops::Range<u32>, expires: u64) {
    for key in keys {
        let scope = Scope(digest(b"test", &[&key.to_be_bytes()]));
        let claim = Command::Claim { fingerprint: Fingerprint([1; 32]), deadline: 1, expires };
        slots.apply(host, &scope, &claim, 0).unwrap();
    }
}

#[test]
fn logs_one_line_at_each_crossing() {
    let slots = Slots::new("test", LIMITS, BucketSeed::default());
    let workers = [0, 40].map(|start| FillLevel::new("test", Part::Players, LIMITS, start));
    let mut host = FakeHost::default();
    let sample = |host: &mut FakeHost, now: u64| {
        host.logs.clear();
        for worker in &workers {
            (0..64).for_each(|_| worker.count_claim());
            worker.sample(host, &slots, now).unwrap();
        }
        let gauge = |what| host.gauges.get(&gauge(what, Part::Players.name())).copied().unwrap();
        (gauge("keys"), gauge("bytes"), host.logs.clone())
    };
    fill(&mut host, &slots, 0..716, 10 * SECOND);
    assert_eq!(sample(&mut host, 0), (716, 0, vec![]), "69 % of the 1,024 that fit");
    fill(&mut host, &slots, 716..717, 10 * SECOND);
    let (keys, _, lines) = sample(&mut host, 0);
    assert_eq!((keys, lines.len()), (717, 1), "one line of two workers: {lines:?}");
    assert!(lines[0].contains("players is filling up: 717 keys of 1024"), "{lines:?}");
    assert_eq!(sample(&mut host, SECOND).2, Vec::<String>::new());
    // Sampling alone removes what has expired.
    let (keys, _, lines) = sample(&mut host, 10 * SECOND);
    assert_eq!((keys, lines.len()), (0, 1), "{lines:?}");
    assert!(lines[0].contains("has room again"), "{lines:?}");
    let bytes: usize = host.shared.values().map(|(value, _)| value.len()).sum();
    assert!(bytes < 64 * 16, "{bytes}");
}

#[test]
fn samples_estimate_a_large_store() {
    let limits = Limits { slots: 131_072, ..LIMITS };
    let slots = Slots::new("test", limits, BucketSeed::default());
    let level = FillLevel::new("test", Part::Partners, limits, 99);
    let mut host = FakeHost::default();
    fill(&mut host, &slots, 0..30_000, SECOND);
    for _ in 0..8 {
        (0..1_000).for_each(|_| level.count_claim());
        level.sample(&mut host, &slots, 0).unwrap();
    }
    assert_eq!(level.sampled.get(), 512);
    level.sample(&mut host, &slots, 0).unwrap();
    assert_eq!(level.sampled.get(), 516, "few buckets are sampled where no keys are claimed");
    let keys = host.gauges[&gauge("keys", Part::Partners.name())];
    assert!((28_500..31_500).contains(&keys), "{keys}");
}

#[test]
fn keeps_no_answers_while_out_of_bytes() {
    let (slots, mut host) =
        (Slots::new("test", LIMITS, BucketSeed::default()), FakeHost::default());
    let level = FillLevel::new("test", Part::Players, Limits { bytes: 100, ..LIMITS }, 0);
    let kept = |host: &mut FakeHost, key: u32| {
        let scope = Scope(digest(b"test", &[&key.to_be_bytes()]));
        let fingerprint = Fingerprint([1; 32]);
        let claim = Command::Claim { fingerprint, deadline: 9, expires: 99 };
        let StoreStep::Done(Ok(Response::Granted(fence))) = slots.execute(host, &scope, &claim, 1)
        else {
            panic!("not granted");
        };
        let answer = Answer { status: 200, headers: Vec::new(), body: vec![b'a'; 200] };
        let commit = Command::Commit { fence, outcome: Outcome::Completed(answer), expires: 99 };
        slots.execute(host, &scope, &commit, 1);
        matches!(
            slots.execute(host, &scope, &claim, 1),
            StoreStep::Done(Ok(Response::Settled(_, Outcome::Completed(_))))
        )
    };
    assert!(kept(&mut host, 1));
    level.sample(&mut host, &slots, 1).unwrap();
    assert_eq!(host.gauges[&gauge("bytes", Part::Players.name())], 210);
    assert!(!kept(&mut host, 2), "its status and digest are");
    (0..64).for_each(|_| level.count_claim());
    level.sample(&mut host, &slots, 100).unwrap();
    assert!(kept(&mut host, 3), "there is room again");
}

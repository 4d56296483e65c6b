//! How full the store is, as gauges and lines tell.

use policy_kit::fake::FakeHost;

use super::*;
use crate::scope::digest;
use crate::{Fingerprint, Op, Scatter, Scope};

const SECOND: u64 = 1_000_000_000;
const LIMITS: Limits = Limits { slots: 2_048, bytes: 1 << 20, answer: 1 << 10 };

fn fill(host: &mut FakeHost, slots: &Slots, keys: std::ops::Range<u32>, expires: u64) {
    for key in keys {
        let scope = Scope(digest(b"test", &[&key.to_be_bytes()]));
        let op = Op::Claim { fingerprint: Fingerprint([1; 32]), deadline: 1, expires };
        slots.apply(host, &scope, &op, 0).unwrap();
    }
}

#[test]
fn a_line_at_each_crossing_and_no_more() {
    let slots = Slots::new("test", LIMITS, Scatter::default());
    let workers = [0, 40].map(|start| Level::new("test", Part::Players, LIMITS, start));
    let mut host = FakeHost::default();
    let look = |host: &mut FakeHost, now: u64| {
        host.logs.clear();
        for worker in &workers {
            (0..64).for_each(|_| worker.claimed());
            worker.look(host, &slots, now).unwrap();
        }
        let gauge = |what| host.gauges.get(&gauge(what, Part::Players)).copied().unwrap();
        (gauge("keys"), gauge("bytes"), host.logs.clone())
    };
    fill(&mut host, &slots, 0..716, 10 * SECOND);
    assert_eq!(look(&mut host, 0), (716, 0, vec![]), "69 % of the 1,024 that fit");
    fill(&mut host, &slots, 716..717, 10 * SECOND);
    let (keys, _, lines) = look(&mut host, 0);
    assert_eq!((keys, lines.len()), (717, 1), "one line of two workers: {lines:?}");
    assert!(lines[0].contains("players is filling up: 717 keys of 1024"), "{lines:?}");
    assert_eq!(look(&mut host, SECOND).2, Vec::<String>::new());
    // What has expired is cleared away, by looking alone.
    let (keys, _, lines) = look(&mut host, 10 * SECOND);
    assert_eq!((keys, lines.len()), (0, 1), "{lines:?}");
    assert!(lines[0].contains("has room again"), "{lines:?}");
    let bytes: usize = host.shared.values().map(|(value, _)| value.len()).sum();
    assert!(bytes < 64 * 16, "{bytes}");
}

/// Some buckets speak for all of a great store.
#[test]
fn a_sample_is_close() {
    let limits = Limits { slots: 131_072, ..LIMITS };
    let slots = Slots::new("test", limits, Scatter::default());
    let level = Level::new("test", Part::Partners, limits, 99);
    let mut host = FakeHost::default();
    fill(&mut host, &slots, 0..30_000, SECOND);
    for _ in 0..8 {
        (0..1_000).for_each(|_| level.claimed());
        level.look(&mut host, &slots, 0).unwrap();
    }
    assert_eq!(level.looks.get(), 512);
    level.look(&mut host, &slots, 0).unwrap();
    assert_eq!(level.looks.get(), 516, "where no keys come there is little to look at");
    let keys = host.gauges[&gauge("keys", Part::Partners)];
    assert!((28_500..31_500).contains(&keys), "{keys}");
}

/// Of more bytes than there may be no more are kept.
#[test]
fn bytes_have_an_end() {
    let (slots, mut host) = (Slots::new("test", LIMITS, Scatter::default()), FakeHost::default());
    let level = Level::new("test", Part::Players, Limits { bytes: 100, ..LIMITS }, 0);
    let kept = |host: &mut FakeHost, key: u32| {
        use crate::store::{Ask, Asked, End, Said, Store};
        let scope = Scope(digest(b"test", &[&key.to_be_bytes()]));
        let fingerprint = Fingerprint([1; 32]);
        let claim = Ask::Claim { fingerprint, deadline: 9, expires: 99 };
        let Asked::Said(Ok(Said::Granted(fence))) = slots.ask(host, &scope, &claim, 1) else {
            panic!("not granted");
        };
        let answer = crate::Answer { status: 200, headers: Vec::new(), body: vec![b'a'; 200] };
        let commit = Ask::Commit { fence, end: End::Answered(answer), expires: 99 };
        slots.ask(host, &scope, &commit, 1);
        matches!(slots.ask(host, &scope, &claim, 1), Asked::Said(Ok(Said::Answered(_))))
    };
    assert!(kept(&mut host, 1));
    level.look(&mut host, &slots, 1).unwrap();
    assert_eq!(host.gauges[&gauge("bytes", Part::Players)], 210);
    assert!(!kept(&mut host, 2), "its status and digest are");
    (0..64).for_each(|_| level.claimed());
    level.look(&mut host, &slots, 100).unwrap();
    assert!(kept(&mut host, 3), "there is room again");
}

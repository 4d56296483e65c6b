//! One store for all workers, another for each gateway.

use super::*;
use policy_kit::fake::FakeHost;
use policy_kit::Fault;

#[test]
fn all_workers_find_the_first_store() {
    let mut host = FakeHost { now: 7, ..FakeHost::default() };
    let slots = PerPart { players: 64, partners: 32 };
    let first = Boot::shared(&mut host, "a", slots).unwrap();
    assert_eq!((first.found, first.since, first.slots), (false, 7, slots));
    host.now = 8;
    let more = PerPart { players: 96, partners: 96 };
    assert_eq!(Boot::shared(&mut host, "a", more), Ok(Boot { found: true, ..first }));
    let other = Boot::shared(&mut host, "b", slots).unwrap();
    assert_ne!((other.id, other.seed), (first.id, first.seed));
    host.shared.insert(format!("{STORE}.a.boot"), (vec![1], 1));
    assert_eq!(Boot::shared(&mut host, "a", slots), Err(StoreFault::Damaged));
    for call in ["proxy_get_shared_data", "proxy_set_shared_data"] {
        let mut host = FakeHost { now: 7, ..FakeHost::default() }.failing(call, 10);
        let fault = Fault { call, status: Some(10) };
        assert_eq!(Boot::shared(&mut host, "a", slots), Err(StoreFault::Gateway(fault)));
    }
}

/// A client that saw the gateway start could guess the nanosecond alone.
#[test]
fn gateways_started_at_once_differ() {
    let born = |random| {
        let mut host = FakeHost { now: 7, random, ..FakeHost::default() };
        Boot::shared(&mut host, "a", PerPart::default()).unwrap()
    };
    let (one, other) = (born(Some([1; 16])), born(Some([2; 16])));
    assert_ne!((one.id, one.seed), (other.id, other.seed));
    assert_eq!(born(None), born(None), "a gateway without random bytes has its clock");
}

/// Keys that fill one bucket of one gateway are spread over all buckets of another.
#[test]
fn buckets_of_one_gateway_predict_nothing_of_another() {
    let (one, other) =
        (BucketSeed::new(0x1234_5678_9abc_def1), BucketSeed::new(0xfedc_ba98_7654_3211));
    let digests = (0_u32..20_000).map(|n| digest(b"test", &[&n.to_be_bytes()]));
    let chosen: Vec<_> = digests.filter(|digest| one.bucket(digest, 64) == 5).collect();
    assert!(chosen.len() > 200, "{}", chosen.len());
    let together = (0..64)
        .map(|bucket| chosen.iter().filter(|it| other.bucket(it, 64) == bucket).count())
        .max();
    assert!(together < Some(chosen.len() / 10), "{together:?} of {}", chosen.len());
}

use policy_kit::EndpointClass;

use super::*;
use crate::queue::simulation::{group, Random, EPOCH};

const FIXED: &str = r#"{"name": "g", "limit": {"fixed": 2}, "permit_ms": 5000}"#;
const MS: u64 = MILLI;

fn new(json: &str) -> Group {
    Group::new(group(json), 7)
}

fn request(class: EndpointClass) -> Arrival {
    Arrival { class, exempt: false, unproven: false, retry: false }
}

fn admitted(admission: Admission) -> PermitId {
    match admission {
        Admission::Admitted(permit) => permit,
        other => panic!("{other:?}"),
    }
}

fn waits(admission: Admission) -> WaitId {
    match admission {
        Admission::Wait(id) => id,
        other => panic!("{other:?}"),
    }
}

const ANSWERED: End = End::Answered { latency: 50 * MILLI, status: 200 };

#[test]
fn what_is_exempt_goes_on_above_the_limit_and_others_wait() {
    let mut group = new(FIXED);
    for _ in 0..3 {
        admitted(group.arrive(request(EndpointClass::SaferGambling), EPOCH));
        admitted(group.arrive(request(EndpointClass::Settlement), EPOCH));
    }
    let exempt = Arrival { exempt: true, ..request(EndpointClass::Content) };
    let last = admitted(group.arrive(exempt, EPOCH));
    waits(group.arrive(request(EndpointClass::Cashout), EPOCH));
    let unproven = Arrival { unproven: true, ..request(EndpointClass::Settlement) };
    waits(group.arrive(unproven, EPOCH));
    group.finish(last, ANSWERED, EPOCH);
    assert!(group.released(64, EPOCH).is_empty(), "still above the limit");
    assert_eq!(group.figures().in_flight, 6);
}

#[test]
fn an_arrival_overtakes_nobody_who_waits() {
    let mut group = new(FIXED);
    let permits = [0, 1].map(|_| admitted(group.arrive(request(EndpointClass::Odds), EPOCH)));
    let content = waits(group.arrive(request(EndpointClass::Content), EPOCH));
    let odds = waits(group.arrive(request(EndpointClass::Odds), EPOCH));
    group.finish(permits[0], ANSWERED, EPOCH);
    assert!(group.is_ready());
    let wager = waits(group.arrive(request(EndpointClass::Wager), EPOCH));
    group.finish(permits[1], ANSWERED, EPOCH);
    let first = group.released(1, EPOCH);
    let rest = group.released(64, EPOCH);
    let ids: Vec<WaitId> = first.iter().chain(&rest).map(|it| it.wait).collect();
    assert_eq!(ids, [wager, odds]);
    group.leave(content, EPOCH);
    assert_eq!(group.figures().queued, 0);
}

#[test]
fn a_request_that_waits_too_long_is_shed() {
    let mut group = new(FIXED);
    let permits = [0, 1].map(|_| admitted(group.arrive(request(EndpointClass::Odds), EPOCH)));
    let content = waits(group.arrive(request(EndpointClass::Content), EPOCH));
    let later = EPOCH + 600 * MS;
    group.advance(later);
    assert!(!group.is_ready() && !group.figures().shedding);
    group.advance(later + 400 * MS);
    assert!(group.is_ready() && permits.len() == 2);
    let released = group.released(64, later + 400 * MS);
    let [Released { wait, release: Release::Shed(shed), waited }] = released[..] else { panic!() };
    assert_eq!((wait, shed.reason, waited), (content, Reason::Expired, SECOND));
    assert!(group.figures().shedding);
    for ms in [1_000, 2_000] {
        group.advance(later + 400 * MS + ms * MS);
    }
    assert!(!group.figures().shedding, "two seconds later");
}

#[test]
fn a_permit_is_kept_for_a_client_that_left() {
    let mut group = new(FIXED);
    // The upstream takes 50 ms.
    let permit = admitted(group.arrive(request(EndpointClass::Odds), EPOCH));
    group.finish(permit, ANSWERED, EPOCH + 50 * MS);
    let start = EPOCH + 100 * MS;
    let permits = [0, 1].map(|_| admitted(group.arrive(request(EndpointClass::Odds), start)));
    waits(group.arrive(request(EndpointClass::Odds), start));
    group.finish(permits[0], End::ClientGone, start + 10 * MS);
    group.finish(permits[0], ANSWERED, start + 10 * MS);
    assert!(group.released(64, start + 60 * MS).is_empty(), "the upstream works on it");
    assert_eq!(group.released(64, start + 63 * MS).len(), 1, "50 ms and a quarter");
    assert_eq!(group.figures().lost, 0);
}

#[test]
fn a_lost_permit_is_recovered() {
    let mut group = new(FIXED);
    let lost = admitted(group.arrive(request(EndpointClass::Wager), EPOCH));
    (1..5).for_each(|second| group.advance(EPOCH + second * SECOND));
    assert_eq!(group.figures().in_flight, 1);
    group.advance(EPOCH + 5 * SECOND);
    assert_eq!((group.figures().in_flight, group.figures().lost), (0, 1));
    group.finish(lost, ANSWERED, EPOCH + 5 * SECOND);
    assert_eq!(group.figures().in_flight, 0);
}

#[test]
fn a_full_class_stays_closed_until_three_quarters() {
    let mut group = new(r#"{"name": "g", "limit": {"fixed": 1},
            "queue": {"classes": {"wager": {"queue_length": 8}}}}"#);
    let wager = request(EndpointClass::Wager);
    let mut permit = admitted(group.arrive(wager, EPOCH));
    for _ in 0..8 {
        waits(group.arrive(wager, EPOCH));
    }
    let full = |group: &mut Group, request| match group.arrive(request, EPOCH) {
        Admission::Shed(shed) => shed.reason == Reason::ClassFull,
        _ => false,
    };
    assert!(full(&mut group, wager) && group.figures().shedding);
    // A retry takes the place of the newest.
    let retry = waits(group.arrive(Arrival { retry: true, ..wager }, EPOCH));
    let next = |group: &mut Group, permit: &mut PermitId| {
        group.finish(*permit, End::NotSent, EPOCH);
        let released = group.released(64, EPOCH);
        let Some(Released { wait, release: Release::Admitted(next), .. }) = released.last() else {
            panic!("{released:?}")
        };
        *permit = *next;
        (*wait, released.len())
    };
    assert_eq!(next(&mut group, &mut permit), (retry, 2), "one is displaced, the retry goes first");
    assert!(full(&mut group, wager), "seven of eight wait: closed");
    next(&mut group, &mut permit);
    waits(group.arrive(wager, EPOCH));
    waits(group.arrive(wager, EPOCH));
    assert!(full(&mut group, wager));
}

#[test]
fn without_a_queue_room_is_kept_for_classes_kept_longer() {
    let mut group =
        new(r#"{"name": "g", "limit": {"fixed": 10}, "reserve": {"wager": 30, "odds": 20},
            "unproven_settlement": 10, "queue": {"length": 0}}"#);
    let (content, wager) = (request(EndpointClass::Content), request(EndpointClass::Wager));
    let odds = request(EndpointClass::Odds);
    for seen in [wager, odds] {
        let permit = admitted(group.arrive(seen, EPOCH));
        group.finish(permit, ANSWERED, EPOCH);
    }
    let many = |group: &mut Group, request: Arrival, now: u64| {
        (0..20).filter(|_| matches!(group.arrive(request, now), Admission::Admitted(_))).count()
    };
    assert_eq!(many(&mut group, content, EPOCH), 5, "three are kept for wagers, two for odds");
    assert_eq!(many(&mut group, odds, EPOCH), 2);
    assert_eq!(many(&mut group, wager, EPOCH), 3);

    let mut group = new(
        r#"{"name": "g", "limit": {"fixed": 10}, "reserve": {"wager": 30}, "queue": {"length": 0}}"#,
    );
    assert_eq!(many(&mut group, content, EPOCH), 10, "nobody else was seen: all are lent");
}

#[test]
fn a_failing_upstream_gets_less_but_settlement() {
    let mut group = new(r#"{"name": "g", "limit": {"fixed": 100}, "health": {}}"#);
    let mut now = EPOCH;
    for _ in 0..600 {
        now += 20 * MS;
        group.advance(now);
        if let Admission::Admitted(permit) = group.arrive(request(EndpointClass::Account), now) {
            group.finish(permit, End::Answered { latency: MS, status: 500 }, now);
        }
    }
    let mut shed = |request| {
        let shed = |_: &u32| matches!(group.arrive(request, now), Admission::Shed(_));
        (0..20).filter(shed).count()
    };
    assert_eq!(shed(request(EndpointClass::Account)), 18);
    assert_eq!(shed(request(EndpointClass::Settlement)), 0);
    assert_eq!(shed(Arrival { unproven: true, ..request(EndpointClass::Settlement) }), 0);
    assert_eq!(shed(request(EndpointClass::SaferGambling)), 0);
}

/// Whatever the clock does, no more are in flight than the limit, and all of them end.
#[test]
fn no_clock_admits_above_the_limit() {
    for seed in 0..2_000 {
        let mut random = Random(seed * 7_919);
        let adaptive = seed % 2 == 1;
        let json = match adaptive {
            true => r#"{"name": "g", "permit_ms": 600000}"#,
            false => r#"{"name": "g", "limit": {"fixed": 4}, "permit_ms": 600000}"#,
        };
        let mut group = new(json);
        let (mut held, mut now, mut waiting) = (Vec::new(), EPOCH, 0usize);
        for _ in 0..250 {
            now = match random.below(12) {
                0 => 0,
                1 => u64::MAX,
                2 => random.next(),
                3 => now.wrapping_sub(random.below(1 << 40)),
                4 => now.wrapping_add(random.below(1 << 60)),
                _ => now.saturating_add(random.below(30 * MS)),
            };
            let class = EndpointClass::ALL[random.below(11) as usize];
            match random.below(4) {
                0 | 1 => match group.arrive(request(class), now) {
                    Admission::Admitted(permit) => {
                        held.push(permit);
                        assert!(held.len() <= group.figures().limit as usize, "seed {seed}");
                    }
                    Admission::Wait(_) => waiting += 1,
                    Admission::Shed(_) => {}
                },
                2 if !held.is_empty() => {
                    let permit = held.swap_remove(random.below(held.len() as u64) as usize);
                    let latency = random.next() >> random.below(64);
                    group.finish(permit, End::Answered { latency, status: 200 }, now);
                }
                _ => group.advance(now),
            }
            for released in group.released(3, now) {
                waiting -= 1;
                if let Release::Admitted(permit) = released.release {
                    held.push(permit);
                    assert!(held.len() <= group.figures().limit as usize, "seed {seed}");
                }
            }
            assert_eq!(group.figures().in_flight as usize, held.len(), "seed {seed}");
        }
        for _ in 0..1_000 {
            held.drain(..).for_each(|permit| group.finish(permit, End::NoAnswer, now));
            now = now.wrapping_add(SECOND);
            for released in group.released(64, now) {
                waiting -= 1;
                if let Release::Admitted(permit) = released.release {
                    held.push(permit);
                }
            }
        }
        let figures = group.figures();
        assert_eq!((figures.in_flight, figures.queued, waiting), (0, 0, 0), "seed {seed}");
    }
}

use policy_kit::EndpointClass;

use super::*;

#[test]
fn a_lane_is_a_queue_with_its_retries_first() {
    let mut line = Line::default();
    let lane = Lane::of(EndpointClass::Odds);
    let ids: Vec<WaitId> = (0..6).map(|n| line.join(lane, n == 3 || n == 4, n).unwrap()).collect();
    assert_eq!((line.of(lane), line.waiting()), (6, 6));
    assert_eq!(line.first(lane).unwrap().0, ids[3]);
    assert_eq!(line.last(lane).unwrap().0, ids[5]);
    line.shed(ids[5], Reason::Displaced);
    line.shed(ids[5], Reason::Expired);
    assert_eq!((line.waiting(), line.shed_count()), (5, 1));
    let mut order = Vec::new();
    while let Some((id, _)) = line.first(lane) {
        line.take(id).unwrap();
        assert!(line.take(id).is_none(), "taken twice");
        order.push(id);
    }
    assert_eq!(order, [3, 4, 0, 1, 2].map(|n: usize| ids[n]));
    let (id, waiting) = line.take_shed().unwrap();
    assert_eq!((id, waiting.shed), (ids[5], Some(Reason::Displaced)));
    assert!(line.take_shed().is_none());
}

#[test]
fn the_middle_of_a_lane_may_leave_and_its_place_is_used_again() {
    let mut line = Line::default();
    let lane = Lane::of(EndpointClass::Wager);
    let ids: Vec<WaitId> = (0..3).map(|n| line.join(lane, false, n).unwrap()).collect();
    line.take(ids[1]).unwrap();
    let again = line.join(lane, false, 3).unwrap();
    assert_eq!(again.0 & 0xffff_ffff, ids[1].0 & 0xffff_ffff, "the same place");
    assert!(line.take(ids[1]).is_none(), "an old id means nothing");
    let left: Vec<WaitId> = std::iter::from_fn(|| {
        let (id, _) = line.first(lane)?;
        line.take(id).map(|_| id)
    })
    .collect();
    assert_eq!(left, [ids[0], ids[2], again]);
    assert_eq!(line.waiting(), 0);
}

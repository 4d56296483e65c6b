//! Who gets the next permit: reserved shares, and the order in which classes are kept.

use policy_kit::EndpointClass;

use crate::queue::lane::{Lane, PerLane};

/// How urgent a lane's next request is; the highest gets the next permit.
///
/// | standing | of |
/// | --- | --- |
/// | 255 | unproven settlement below its share |
/// | 102 to 122 | a class below its reserve, in the order in which classes are kept |
/// | 90 | unproven settlement below twice its share |
/// | 2 to 22 | any other class, in that order |
/// | 1 | unproven settlement beyond that |
pub type Standing = u8;

const ABOVE_ALL: Standing = 255;
const ABOVE_OTHERS: Standing = 90;
const BELOW_RESERVE: Standing = 100;
const BELOW_ALL: Standing = 1;

/// Reserves and order, in ordinary times or in a surge.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// In percent of the limit.
    reserve: PerLane<u32>,
    /// 1 is shed first.
    order: PerLane<u8>,
}

impl Profile {
    /// Reserves in percent of the limit, and the classes that are shed before all others, first first.
    pub fn new(reserve: PerLane<u32>, shed_first: &[EndpointClass]) -> Self {
        let mut order = PerLane::default();
        let early = shed_first.iter().map(|class| Lane::of(*class));
        let late = Lane::waiting().filter(|lane| early.clone().all(|it| it != *lane));
        let lanes = early.clone().chain(late).filter(|lane| *lane < Lane::UNPROVEN);
        for (place, lane) in (1..).zip(lanes) {
            *order.of_mut(lane) = place;
        }
        *order.of_mut(Lane::UNPROVEN) = u8::MAX;
        Self { reserve, order }
    }

    /// Permits of a limit that are reserved for a lane: its percentage, rounded to the nearest number, and at
    /// least one where anything is reserved.
    pub fn share(&self, lane: Lane, limit: u32) -> u32 {
        let percent = u64::from(*self.reserve.of(lane));
        let share = (u64::from(limit) * percent + 50) / 100;
        (share as u32).max(u32::from(percent > 0))
    }

    /// Position in the shedding order; 1 is shed first.
    pub fn order(&self, lane: Lane) -> u8 {
        *self.order.of(lane)
    }

    /// How urgent the next request of a lane is, of which so many are in flight.
    pub fn standing(&self, lane: Lane, in_flight: u32, limit: u32) -> Standing {
        let share = self.share(lane, limit);
        let place = |lane| self.order(lane).saturating_mul(2);
        match lane {
            Lane::UNPROVEN if in_flight < share => ABOVE_ALL,
            Lane::UNPROVEN if in_flight < share.saturating_mul(2) => ABOVE_OTHERS,
            Lane::UNPROVEN => BELOW_ALL,
            _ if in_flight < share => place(lane).saturating_add(BELOW_RESERVE),
            _ => place(lane),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserve(of: &[(Lane, u32)]) -> PerLane<u32> {
        let mut all = PerLane::default();
        of.iter().for_each(|(lane, percent)| *all.of_mut(*lane) = *percent);
        all
    }

    const WAGER: EndpointClass = EndpointClass::Wager;

    #[test]
    fn a_share_is_rounded_and_at_least_one() {
        let profile = |percent| Profile::new(reserve(&[(Lane::of(WAGER), percent)]), &[]);
        let cases = [
            (8, 0, 0),
            (8, 10, 1),
            (8, 1, 1),
            (8, 30, 2),
            (8, 45, 4),
            (64, 10, 6),
            (64, 30, 19),
            (1, 100, 1),
            (u32::MAX, 100, u32::MAX),
        ];
        for (limit, percent, expected) in cases {
            let share = profile(percent).share(Lane::of(WAGER), limit);
            assert_eq!(share, expected, "{percent} % of {limit}");
        }
    }

    #[test]
    fn below_its_reserve_a_class_goes_first() {
        let odds = Lane::of(EndpointClass::Odds);
        let profile = Profile::new(reserve(&[(odds, 25), (Lane::UNPROVEN, 10)]), &[]);
        let standing = |lane, in_flight| profile.standing(lane, in_flight, 8);
        let wager = standing(Lane::of(WAGER), 3);
        assert!(standing(odds, 1) > wager && standing(odds, 2) < wager);
        assert!(standing(Lane::UNPROVEN, 0) > standing(odds, 0));
        assert!(standing(Lane::UNPROVEN, 1) < standing(odds, 0));
        assert!(standing(Lane::UNPROVEN, 1) > wager);
        assert!(standing(Lane::UNPROVEN, 2) < standing(Lane::of(EndpointClass::Content), 9));
    }

    #[test]
    fn what_is_shed_first_may_be_named() {
        let calm = Profile::new(PerLane::default(), &[]);
        let surge = Profile::new(PerLane::default(), &[EndpointClass::Odds]);
        let order = |profile: &Profile| {
            let mut lanes: Vec<Lane> = Lane::waiting().collect();
            lanes.sort_by_key(|lane| profile.order(*lane));
            lanes.iter().map(|lane| lane.index()).collect::<Vec<_>>()
        };
        assert_eq!(order(&calm), (0..12).collect::<Vec<_>>());
        assert_eq!(order(&surge), [2, 0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    }
}

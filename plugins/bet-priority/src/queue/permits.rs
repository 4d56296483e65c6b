//! Requests in flight.

use crate::queue::admission::PermitId;
use crate::queue::lane::{Lane, PerLane};

/// More permits are not counted: a request beyond it that must not be refused goes on without one.
const MOST: usize = 65_536;

#[derive(Debug)]
struct Permit {
    lane: Lane,
    generation: u32,
    taken: bool,
    since: u64,
    /// When it is free again if nobody returns it.
    until: u64,
    /// Whether its client left.
    kept: bool,
}

/// A permit that was returned.
#[derive(Clone, Copy, Debug)]
pub struct Returned {
    /// The lane of its request.
    pub lane: Lane,
    /// Since when it was taken.
    pub since: u64,
}

/// The permits that are taken.
#[derive(Debug, Default)]
pub struct Permits {
    permits: Vec<Permit>,
    free: Vec<u32>,
    taken: u32,
    by_lane: PerLane<u32>,
    /// No permit is free by itself before.
    due: u64,
    lost: u64,
}

impl Permits {
    /// Takes a permit that nobody returns until `until`.
    pub fn take(&mut self, lane: Lane, since: u64, until: u64) -> PermitId {
        let permit = Permit { lane, generation: 1, taken: true, since, until, kept: false };
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.permits.len() >= MOST => return PermitId(0),
            None => {
                self.permits.push(Permit { generation: 0, ..permit });
                (self.permits.len() - 1) as u32
            }
        };
        let Some(place) = self.permits.get_mut(index as usize) else { return PermitId(0) };
        let generation = place.generation.wrapping_add(1).max(1);
        *place = Permit { generation, ..permit };
        self.due = if self.taken == 0 { until } else { self.due.min(until) };
        self.taken += 1;
        *self.by_lane.of_mut(lane) += 1;
        PermitId(u64::from(generation) << 32 | u64::from(index))
    }

    /// Returns a permit. `None` if it was returned before, or is kept for a client that left.
    pub fn put_back(&mut self, id: PermitId) -> Option<Returned> {
        let index = self.find(id)?;
        self.free(index)
    }

    /// The permit, as long as it is taken.
    pub fn get(&self, id: PermitId) -> Option<Returned> {
        let permit = self.permits.get(self.find(id)? as usize)?;
        Some(Returned { lane: permit.lane, since: permit.since })
    }

    /// Keeps a permit whose client left, until `until`.
    pub fn keep(&mut self, id: PermitId, until: u64) {
        let Some(index) = self.find(id) else { return };
        let Some(permit) = self.permits.get_mut(index as usize) else { return };
        permit.kept = true;
        permit.until = permit.until.min(until);
        self.due = self.due.min(permit.until);
    }

    /// Frees the permits that are over at `time`. All of them are read only when one is.
    pub fn advance(&mut self, time: u64) {
        if self.taken == 0 || time < self.due {
            return;
        }
        self.due = u64::MAX;
        for index in 0..self.permits.len() as u32 {
            let Some(permit) = self.permits.get(index as usize).filter(|it| it.taken) else {
                continue;
            };
            if permit.until > time {
                self.due = self.due.min(permit.until);
                continue;
            }
            self.lost += u64::from(!permit.kept);
            self.free(index);
        }
    }

    /// How many are taken.
    pub fn taken(&self) -> u32 {
        self.taken
    }

    /// How many are taken in a lane.
    pub fn of(&self, lane: Lane) -> u32 {
        *self.by_lane.of(lane)
    }

    /// How many nobody returned in time.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn find(&self, id: PermitId) -> Option<u32> {
        let index = (id.0 & u64::from(u32::MAX)) as u32;
        let permit = self.permits.get(index as usize)?;
        let found = permit.taken && !permit.kept && u64::from(permit.generation) == id.0 >> 32;
        found.then_some(index)
    }

    fn free(&mut self, index: u32) -> Option<Returned> {
        let permit = self.permits.get_mut(index as usize).filter(|it| it.taken)?;
        permit.taken = false;
        let returned = Returned { lane: permit.lane, since: permit.since };
        self.free.push(index);
        self.taken = self.taken.saturating_sub(1);
        let of_lane = self.by_lane.of_mut(returned.lane);
        *of_lane = of_lane.saturating_sub(1);
        Some(returned)
    }
}

#[cfg(test)]
mod tests {
    use policy_kit::EndpointClass;

    use super::*;

    #[test]
    fn a_permit_is_returned_once_or_recovered() {
        let mut permits = Permits::default();
        let lane = Lane::of(EndpointClass::Wager);
        let ids = [10, 20, 30].map(|until| permits.take(lane, 0, until));
        assert!(permits.put_back(ids[0]).is_some());
        assert!(permits.put_back(ids[0]).is_none());
        permits.keep(ids[2], 15);
        assert!(permits.put_back(ids[2]).is_none(), "kept");
        permits.advance(14);
        assert_eq!((permits.taken(), permits.of(lane), permits.lost()), (2, 2, 0));
        permits.advance(15);
        assert_eq!((permits.taken(), permits.lost()), (1, 0));
        permits.advance(20);
        assert_eq!((permits.taken(), permits.of(lane), permits.lost()), (0, 0, 1));
        let again = permits.take(lane, 20, 40);
        assert!(!ids.contains(&again), "a new generation");
        assert!(ids.iter().all(|id| permits.put_back(*id).is_none()));
        permits.advance(39);
        assert_eq!(permits.taken(), 1);
    }

    #[test]
    fn a_permit_beyond_the_last_is_not_counted() {
        let mut permits = Permits::default();
        let lane = Lane::SETTLEMENT;
        let last = (0..=MOST).map(|_| permits.take(lane, 0, 9)).last();
        assert_eq!(last, Some(PermitId(0)));
        assert!(permits.put_back(PermitId(0)).is_none());
        assert_eq!(permits.taken() as usize, MOST);
    }
}

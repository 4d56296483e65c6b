//! Requests that wait, oldest first in each lane: a request joins, leaves or is taken in constant time.

use crate::queue::admission::{Reason, WaitId};
use crate::queue::lane::{Lane, LANES, WAITING_LANES};

/// Lists of one lane: its retries, then its other requests.
const PER_LANE: usize = 2;
/// The list of requests that are shed and not handed out yet.
const SHED: usize = LANES * PER_LANE;
/// The list of free places.
const FREE: usize = SHED + 1;
/// The end of a list.
const NONE: u32 = u32::MAX;

/// A request that waits, or waited.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Its lane.
    pub lane: Lane,
    /// Whether its idempotency key was admitted before.
    pub retry: bool,
    /// Since when it waits.
    pub since: u64,
    /// Why it is shed, once it is.
    pub shed: Option<Reason>,
}

#[derive(Debug)]
struct Place {
    waiting: Waiting,
    generation: u32,
    list: usize,
    before: u32,
    after: u32,
}

#[derive(Clone, Copy, Debug)]
struct List {
    first: u32,
    last: u32,
    length: u32,
}

/// All requests that wait, in a list for each lane, and those that are shed and not handed out yet.
#[derive(Debug)]
pub struct Line {
    places: Vec<Place>,
    lists: [List; FREE + 1],
    waiting: u32,
}

impl Default for Line {
    fn default() -> Self {
        let empty = List { first: NONE, last: NONE, length: 0 };
        Self { places: Vec::new(), lists: [empty; FREE + 1], waiting: 0 }
    }
}

fn list_of(lane: Lane, retry: bool) -> usize {
    lane.index().min(WAITING_LANES - 1) * PER_LANE + usize::from(!retry)
}

impl Line {
    /// Puts a request at the end of its lane. `None` only if there are four billion.
    pub fn join(&mut self, lane: Lane, retry: bool, since: u64) -> Option<WaitId> {
        let waiting = Waiting { lane, retry, since, shed: None };
        let index = match self.lists.get(FREE)?.first {
            NONE => {
                let index = u32::try_from(self.places.len()).ok().filter(|it| *it != NONE)?;
                let place = Place { waiting, generation: 1, list: FREE, before: NONE, after: NONE };
                self.places.push(place);
                index
            }
            index => {
                self.detach(index);
                index
            }
        };
        self.place_mut(index)?.waiting = waiting;
        self.attach(index, list_of(lane, retry));
        self.waiting += 1;
        self.id(index)
    }

    /// Takes a request out, waiting or shed.
    pub fn take(&mut self, id: WaitId) -> Option<Waiting> {
        let index = (id.0 & u64::from(u32::MAX)) as u32;
        let place = self.place_mut(index)?;
        if u64::from(place.generation) != id.0 >> 32 || place.list == FREE {
            return None;
        }
        place.generation = place.generation.wrapping_add(1).max(1);
        let (waiting, list) = (place.waiting, place.list);
        self.waiting -= u32::from(list != SHED);
        self.detach(index);
        self.attach(index, FREE);
        Some(waiting)
    }

    /// Marks a waiting request as shed; it is handed out by [`Line::take_shed`].
    pub fn shed(&mut self, id: WaitId, reason: Reason) {
        let index = (id.0 & u64::from(u32::MAX)) as u32;
        let Some(place) = self.place_mut(index) else { return };
        if place.list >= SHED {
            return;
        }
        place.waiting.shed = Some(reason);
        self.waiting -= 1;
        self.detach(index);
        self.attach(index, SHED);
    }

    /// Takes the request out that was shed first.
    pub fn take_shed(&mut self) -> Option<(WaitId, Waiting)> {
        let id = self.id(self.lists.get(SHED)?.first)?;
        Some((id, self.take(id)?))
    }

    /// The request of a lane that is released first: its oldest retry, else its oldest.
    pub fn first(&self, lane: Lane) -> Option<(WaitId, Waiting)> {
        self.head(lane, true).or_else(|| self.head(lane, false))
    }

    /// The oldest retry of a lane, or the oldest other request.
    pub fn head(&self, lane: Lane, retry: bool) -> Option<(WaitId, Waiting)> {
        let index = self.lists.get(list_of(lane, retry))?.first;
        Some((self.id(index)?, self.place(index)?.waiting))
    }

    /// The request of a lane that is shed first: its newest that is no retry, else its newest retry.
    pub fn last(&self, lane: Lane) -> Option<(WaitId, Waiting)> {
        let last = |retry| self.lists.get(list_of(lane, retry)).map_or(NONE, |list| list.last);
        let index = if last(false) == NONE { last(true) } else { last(false) };
        Some((self.id(index)?, self.place(index)?.waiting))
    }

    /// How many wait in a lane.
    pub fn of(&self, lane: Lane) -> u32 {
        let length = |retry| self.lists.get(list_of(lane, retry)).map_or(0, |list| list.length);
        length(true) + length(false)
    }

    /// How many wait in all.
    pub fn waiting(&self) -> u32 {
        self.waiting
    }

    /// How many are shed and not handed out yet.
    pub fn shed_count(&self) -> u32 {
        self.lists.get(SHED).map_or(0, |list| list.length)
    }

    fn place(&self, index: u32) -> Option<&Place> {
        self.places.get(index as usize)
    }

    fn place_mut(&mut self, index: u32) -> Option<&mut Place> {
        self.places.get_mut(index as usize)
    }

    fn id(&self, index: u32) -> Option<WaitId> {
        let generation = self.place(index)?.generation;
        Some(WaitId(u64::from(generation) << 32 | u64::from(index)))
    }

    fn attach(&mut self, index: u32, to: usize) {
        let Some(list) = self.lists.get_mut(to) else { return };
        let before = std::mem::replace(&mut list.last, index);
        list.length += 1;
        if before == NONE {
            list.first = index;
        } else if let Some(place) = self.place_mut(before) {
            place.after = index;
        }
        if let Some(place) = self.place_mut(index) {
            (place.list, place.before, place.after) = (to, before, NONE);
        }
    }

    fn detach(&mut self, index: u32) {
        let Some(place) = self.place(index) else { return };
        let (from, before, after) = (place.list, place.before, place.after);
        if let Some(list) = self.lists.get_mut(from) {
            list.length = list.length.saturating_sub(1);
            list.first = if before == NONE { after } else { list.first };
            list.last = if after == NONE { before } else { list.last };
        }
        if let Some(place) = self.place_mut(before) {
            place.after = after;
        }
        if let Some(place) = self.place_mut(after) {
            place.before = before;
        }
    }
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;

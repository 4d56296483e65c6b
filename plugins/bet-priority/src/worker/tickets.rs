//! Tickets: requests that this worker holds, in a queue or until a time.

use policy_kit::{SortedMap, Ticket};

use crate::queue::admission::{Release, Released, WaitId};
use crate::queue::groups::MOST_DELAYED;

/// Bits of a ticket's number that name its group; there are at most 16.
const GROUP_BITS: u32 = 5;
/// The number that stands for no group.
const NO_GROUP: u64 = 31;

/// The requests that wait no longer, or for a time.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    released: SortedMap<Ticket, (Release, u64)>,
    /// Since when and until when requests are delayed, in nanoseconds since the epoch.
    delayed: SortedMap<Ticket, (u64, u64)>,
    last: u64,
}

/// The lower half of a [`WaitId`], its place; the upper half, its generation, is all in use in the end.
const PLACE: u64 = u32::MAX as u64;

/// The ticket of a request that waits in a group.
pub(crate) fn queued(group: usize, wait: WaitId) -> Ticket {
    // A place is below 2^27: a worker holds 1024 requests.
    let index = (wait.0 & PLACE) << GROUP_BITS & PLACE;
    Ticket(wait.0 & !PLACE | index | (group as u64).min(NO_GROUP))
}

/// The group and the place in its queue, unless the ticket is a delay's.
pub(crate) fn place(ticket: Ticket) -> Option<(usize, WaitId)> {
    let group = ticket.0 & NO_GROUP;
    let is_queued = group != NO_GROUP;
    let wait = WaitId(ticket.0 & !PLACE | (ticket.0 & PLACE) >> GROUP_BITS);
    Some((usize::try_from(group).ok()?, wait)).filter(|_| is_queued)
}

impl Tickets {
    /// Keeps what a group decided, until the filter of the request takes it. Returns the ticket.
    pub(crate) fn release(&mut self, group: usize, released: &Released) -> Ticket {
        let ticket = queued(group, released.wait);
        self.released.insert(ticket, (released.release, released.waited));
        ticket
    }

    /// Takes what a group decided about a request, and how long it waited, in nanoseconds.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<(Release, u64)> {
        self.released.remove(&ticket)
    }

    /// Delays a request until a time, in nanoseconds since the epoch. `None` where too many are delayed.
    pub(crate) fn delay(&mut self, since: u64, until: u64) -> Option<Ticket> {
        if self.delayed.len() >= MOST_DELAYED as usize {
            return None;
        }
        self.last = self.last.wrapping_add(1);
        let ticket = Ticket(self.last << GROUP_BITS | NO_GROUP);
        self.delayed.insert(ticket, (since, until));
        Some(ticket)
    }

    /// Forgets a delayed request that is gone.
    pub(crate) fn forget(&mut self, ticket: Ticket) {
        self.delayed.remove(&ticket);
    }

    /// Takes the tickets whose time has come, at most `most`. A clock that was set back ends a delay: none may last
    /// longer than it was to.
    pub(crate) fn due(&mut self, now: u64, most: usize) -> Vec<Ticket> {
        if self.delayed.is_empty() {
            return Vec::new();
        }
        let is_due = |(since, until): (u64, u64)| now >= until || now < since;
        let due = self.delayed.iter().filter(|(_, times)| is_due(**times));
        let due: Vec<_> = due.map(|(ticket, _)| *ticket).take(most).collect();
        due.iter().for_each(|ticket| self.forget(*ticket));
        due
    }

    /// Whether requests are delayed.
    pub(crate) fn has_delayed(&self) -> bool {
        !self.delayed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::admission::PermitId;

    #[test]
    fn a_ticket_names_its_place() {
        for (group, wait) in [(0, 1), (14, 1 << 50), (3, 0), (15, 0xffff_ffff << 32 | 1_023)] {
            assert_eq!(place(queued(group, WaitId(wait))), Some((group, WaitId(wait))));
        }
        let mut tickets = Tickets::default();
        assert_eq!(tickets.delay(0, 1).and_then(place), None);
        let release = Release::Admitted(PermitId(7));
        let released = Released { wait: WaitId(5), release, waited: 9 };
        let ticket = tickets.release(2, &released);
        assert_eq!(tickets.take(ticket), Some((release, 9)));
        assert_eq!(tickets.take(ticket), None, "once");
    }

    #[test]
    fn delays_end_in_time() {
        let mut tickets = Tickets::default();
        let (early, late) = (tickets.delay(100, 110).unwrap(), tickets.delay(100, 120).unwrap());
        let gone = tickets.delay(100, 105).unwrap();
        tickets.forget(gone);
        assert_eq!(tickets.due(109, 9), []);
        assert_eq!(tickets.due(115, 9), [early]);
        assert_eq!(tickets.due(115, 9), []);
        assert_eq!(tickets.due(99, 9), [late], "the clock was set back");
        assert!(!tickets.has_delayed());
    }
}

//! The queue of a group: who may wait, and who leaves it for another.

use policy_kit::SECOND;

use crate::queue::admission::{Reason, WaitId};
use crate::queue::lane::{Lane, PerLane};
use crate::queue::line::{Line, Waiting};
use crate::queue::pace::Pace;
use crate::queue::profile::Profile;
use crate::queue::rules::GroupRules;

/// So many requests of a group may be shed and not handed out yet, beside those who wait.
pub const SHED_AT_ONCE: u32 = 24;
/// So many may wait in a lane however slowly it is served.
const LEAST_BOUND: u64 = 4;

/// Requests that wait, with how fast each lane is served.
#[derive(Debug, Default)]
pub struct Queue {
    line: Line,
    paces: PerLane<Pace>,
    /// Lanes that were full, and are not down to three quarters yet.
    closed: PerLane<bool>,
}

impl Queue {
    /// Those who wait.
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// How many of a lane may wait: no more than can be served in three eighths of its longest wait, or six where
    /// a refusal costs money, so that those who wait are served in time, and others are refused at once.
    /// `expected` is the rate, in thousandths per second, of a lane whose rate is not known.
    pub fn bound(&self, lane: Lane, rules: &GroupRules, expected: Option<u64>) -> u32 {
        let wait = rules.waits.of(lane);
        let Some(rate) = self.rate(lane, expected) else { return wait.length };
        let eighths = if lane.is_costly() { 6 } else { 3 };
        let served = u128::from(rate) * u128::from(wait.longest / 8 * eighths);
        let in_time = (served / u128::from(1_000 * SECOND)) as u64;
        wait.length.min(in_time.max(LEAST_BOUND).min(u32::MAX.into()) as u32)
    }

    /// How fast a lane is served, in thousandths per second.
    pub fn rate(&self, lane: Lane, expected: Option<u64>) -> Option<u64> {
        self.paces.of(lane).rate().or(expected)
    }

    /// Puts a request into the queue. It may displace one that is shed before it.
    ///
    /// # Errors
    /// Why it may not wait.
    pub fn join(
        &mut self,
        (lane, retry): (Lane, bool),
        time: u64,
        (rules, profile): (&GroupRules, &Profile),
        expected: Option<u64>,
    ) -> Result<WaitId, Reason> {
        let bound = self.bound(lane, rules, expected);
        if rules.length == 0 || bound == 0 {
            return Err(Reason::NoPermit);
        }
        // The gateway's module holds those who are shed until they are handed out.
        if self.line.waiting() + self.line.shed_count() >= rules.length + SHED_AT_ONCE {
            return Err(Reason::GroupFull);
        }
        self.reopen(lane, bound);
        let full = self.line.of(lane) >= bound;
        *self.closed.of_mut(lane) |= full;
        // A retry takes the place of another request of its class.
        let of_class = || self.line.last(lane).filter(|(_, last)| retry && !last.retry);
        let displaced = if *self.closed.of(lane) {
            Some(of_class().ok_or(Reason::ClassFull)?)
        } else if self.line.waiting() >= rules.length {
            let before = Lane::waiting().filter(|it| profile.order(*it) < profile.order(lane));
            let waiting = before.filter(|it| self.line.of(*it) > 0);
            let first = waiting.min_by_key(|it| profile.order(*it));
            let of_others = first.and_then(|it| self.line.last(it));
            Some(of_others.or_else(of_class).ok_or(Reason::GroupFull)?)
        } else {
            None
        };
        if let Some((id, waiting)) = displaced {
            if self.line.shed_count() >= SHED_AT_ONCE {
                return Err(Reason::GroupFull);
            }
            self.shed(id, waiting.lane, Reason::Displaced, time);
        }
        self.touch(lane, time);
        self.line.join(lane, retry, time).ok_or(Reason::GroupFull)
    }

    /// Takes a request out; `served` if it gets a permit.
    pub fn take(&mut self, id: WaitId, served: bool, time: u64) -> Option<Waiting> {
        let waiting = self.line.take(id)?;
        // Its lane was not empty until now.
        let pace = self.paces.of_mut(waiting.lane);
        if waiting.shed.is_none() {
            pace.advance(time, true);
        }
        if served {
            pace.serve();
        }
        Some(waiting)
    }

    /// Takes a request out that is shed.
    pub fn take_shed(&mut self) -> Option<(WaitId, Waiting)> {
        self.line.take_shed()
    }

    /// Sheds those who have waited as long as they may.
    pub fn expire(&mut self, time: u64, rules: &GroupRules) {
        if self.line.waiting() == 0 {
            return;
        }
        for lane in Lane::waiting() {
            let longest = rules.waits.of(lane).longest;
            for retry in [true, false] {
                while let Some((id, waiting)) = self.line.head(lane, retry) {
                    if time.saturating_sub(waiting.since) < longest {
                        break;
                    }
                    self.shed(id, lane, Reason::Expired, time);
                }
            }
        }
    }

    /// Time goes on: rates, and lanes that are open again.
    pub fn advance(&mut self, time: u64, rules: &GroupRules, expected: Option<u64>) {
        for lane in Lane::waiting() {
            self.touch(lane, time);
            if *self.closed.of(lane) {
                let bound = self.bound(lane, rules, expected);
                self.reopen(lane, bound);
            }
        }
    }

    /// Whether a lane is closed to new requests.
    pub fn is_closed(&self) -> bool {
        self.closed.iter().any(|closed| *closed)
    }

    fn reopen(&mut self, lane: Lane, bound: u32) {
        if u64::from(self.line.of(lane)) * 4 <= u64::from(bound) * 3 {
            *self.closed.of_mut(lane) = false;
        }
    }

    fn shed(&mut self, id: WaitId, lane: Lane, reason: Reason, time: u64) {
        self.touch(lane, time);
        self.line.shed(id, reason);
    }

    fn touch(&mut self, lane: Lane, time: u64) {
        self.paces.of_mut(lane).advance(time, self.line.of(lane) > 0);
    }
}

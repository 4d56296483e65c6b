//! One group in one worker: requests in flight, requests that wait, and the limit between them.

use std::rc::Rc;

use policy_kit::{MILLI, SECOND};

use crate::limit::health::Health;
use crate::limit::kind::Limit;
use crate::limit::measure::Answer;
use crate::limit::probe::scatter;
use crate::queue::admission::{
    Admission, Arrival, End, Figures, PermitId, Reason, Release, Released, Shed, WaitId,
};
use crate::queue::choice::{is_fair, most_urgent, most_waited};
use crate::queue::held::Queue;
use crate::queue::lane::{Lane, PerLane};
use crate::queue::pace::Usual;
use crate::queue::permits::Permits;
use crate::queue::profile::Profile;
use crate::queue::rules::GroupRules;
use crate::steady::Steady;

/// A group counts as shedding for so long after the last request was shed.
const SHEDDING: u64 = 2 * SECOND;
/// A class without a request for so long lends its reserve where nobody can wait for its return.
const IDLE: u64 = 10 * SECOND;
/// What is shed may try again after so long at the earliest, and, before jitter, at the latest.
const RETRY: (u64, u64) = (250 * MILLI, 30 * SECOND);
/// The rate of a lane whose rate is not known, as a part of the rate of all.
const EXPECTED_PART: u64 = 4;

/// The state of a group. Every `now` is the host's clock, in nanoseconds since the epoch.
#[derive(Debug)]
pub struct Group {
    rules: Rc<GroupRules>,
    /// No jump ends the waiting of all requests, or recovers permits that are in use.
    timeline: Steady<SECOND>,
    limit: Limit,
    health: Option<Health>,
    permits: Permits,
    queue: Queue,
    usual: PerLane<Usual>,
    usual_of_all: Usual,
    seen: PerLane<Option<u64>>,
    surge: bool,
    /// Permits given to waiting requests since the last that went to who waited longest.
    since_fair: u32,
    shed_at: Option<u64>,
    random: u64,
}

impl Group {
    /// Nothing is in flight. `seed` is a random number, from which jitter is made.
    pub fn new(rules: Rc<GroupRules>, seed: u64) -> Self {
        Self {
            timeline: Steady::default(),
            limit: Limit::new(&rules.limit),
            health: rules.health.map(Health::new),
            permits: Permits::default(),
            queue: Queue::default(),
            usual: PerLane::default(),
            usual_of_all: Usual::default(),
            seen: PerLane::default(),
            surge: false,
            since_fair: 0,
            shed_at: None,
            random: seed,
            rules,
        }
    }

    /// A request arrives. Then call [`Group::released`] if [`Group::is_ready`]: it may have displaced another one.
    pub fn arrive(&mut self, request: Arrival, now: u64) -> Admission {
        let time = self.pass(now);
        let lane = Lane::of_request(request);
        *self.seen.of_mut(lane) = Some(time);
        if request.exempt || lane.is_exempt() {
            return Admission::Admitted(self.take(lane, time));
        }
        let order = self.profile().order(lane);
        if self.health.as_mut().is_some_and(|health| health.sheds(order)) {
            return Admission::Shed(self.shed(lane, Reason::Unhealthy, time));
        }
        let free = self.limit.current().saturating_sub(self.permits.taken());
        // The first of those permits belong to those who wait.
        if free > self.queue.line().waiting() && self.has_room(lane, time) {
            return Admission::Admitted(self.take(lane, time));
        }
        let expected = self.expected();
        let profile = if self.surge { &self.rules.surge } else { &self.rules.calm };
        let rules = (&*self.rules, profile);
        match self.queue.join((lane, request.retry), time, rules, expected) {
            Ok(id) => Admission::Wait(id),
            Err(reason) => Admission::Shed(self.shed(lane, reason, time)),
        }
    }

    /// A client left while its request waited. Nothing happens if it was handed out by [`Group::released`]: then
    /// its permit is finished with [`End::NotSent`].
    pub fn leave(&mut self, wait: WaitId, now: u64) {
        let time = self.pass(now);
        self.queue.take(wait, false, time);
    }

    /// A request in flight ended. Nothing happens if its permit was returned before.
    pub fn finish(&mut self, permit: PermitId, end: End, now: u64) {
        let time = self.pass(now);
        let Some(held) = self.permits.get(permit) else { return };
        if end == End::ClientGone {
            let usual = self.usual.of(held.lane);
            let usual = if usual.mean().is_some() { usual } else { &self.usual_of_all };
            self.permits.keep(permit, held.since.saturating_add(usual.long_enough()));
            self.permits.advance(time);
        } else {
            self.permits.put_back(permit);
        }
        let answered = match end {
            End::Answered { latency, status } => Some((latency, status)),
            End::NoAnswer => None,
            End::NotSent | End::ClientGone => return,
        };
        if let Some(health) = &mut self.health {
            health.learn(answered.is_some_and(|(_, status)| status < 500));
        }
        match answered {
            // What an overloaded upstream answers says nothing about how long it takes.
            None | Some((_, 429 | 502..=504)) => self.limit.failed(),
            Some((latency, 0..=499)) => {
                self.usual.of_mut(held.lane).learn(latency);
                self.usual_of_all.learn(latency);
                self.limit.answered(Answer { lane: held.lane, since: held.since, latency });
            }
            // An error of its own is no sign of overload.
            Some(_) => {}
        }
        self.limit.advance(now, time, self.permits.taken());
    }

    /// Takes at most `most` requests out of the queue that go on or are shed, in the order in which they do. What
    /// is left comes with the next call.
    pub fn released(&mut self, most: usize, now: u64) -> Vec<Released> {
        let time = self.pass(now);
        let mut released = Vec::new();
        while released.len() < most {
            let Some(next) = self.release(time) else { break };
            released.push(next);
        }
        released
    }

    /// Whether [`Group::released`] has something to hand out.
    pub fn is_ready(&self) -> bool {
        let line = self.queue.line();
        let free = self.permits.taken() < self.limit.current();
        line.shed_count() > 0 || (free && line.waiting() > 0)
    }

    /// Time goes on: call it at least once a second, and every 20 ms while requests wait. Then call
    /// [`Group::released`] if [`Group::is_ready`].
    pub fn advance(&mut self, now: u64) {
        let time = self.pass(now);
        if let Some(health) = &mut self.health {
            health.advance(time);
        }
        self.limit.advance(now, time, self.permits.taken());
        let expected = self.expected();
        self.queue.advance(time, &self.rules, expected);
        if self.shed_at.is_some_and(|at| time.saturating_sub(at) >= SHEDDING) {
            self.shed_at = None;
        }
    }

    /// Begins or ends the surge profile.
    pub fn set_surge(&mut self, on: bool) {
        self.surge = on;
    }

    /// The state in numbers.
    pub fn figures(&self) -> Figures {
        Figures {
            in_flight: self.permits.taken(),
            queued: self.queue.line().waiting(),
            limit: self.limit.current(),
            shedding: self.shed_at.is_some() || self.queue.is_closed(),
            lost: self.permits.lost(),
        }
    }

    /// Time goes on to `now`, with what must not wait for the next [`Group::advance`].
    fn pass(&mut self, now: u64) -> u64 {
        let time = self.timeline.at(now);
        self.permits.advance(time);
        self.queue.expire(time, &self.rules);
        time
    }

    fn profile(&self) -> &Profile {
        if self.surge {
            &self.rules.surge
        } else {
            &self.rules.calm
        }
    }

    /// The next request that goes on or is shed.
    fn release(&mut self, time: u64) -> Option<Released> {
        if let Some((wait, waiting)) = self.queue.take_shed() {
            let reason = waiting.shed.unwrap_or(Reason::Expired);
            let shed = self.shed(waiting.lane, reason, time);
            let waited = time.saturating_sub(waiting.since);
            return Some(Released { wait, release: Release::Shed(shed), waited });
        }
        let limit = self.limit.current();
        if self.permits.taken() >= limit {
            return None;
        }
        let line = self.queue.line();
        let waited = match is_fair(line, self.rules.fairness, self.since_fair) {
            true => most_waited(line, &self.rules, self.profile(), time),
            false => None,
        };
        let most_urgent = || most_urgent(line, &self.permits, self.profile(), limit);
        let wait = waited.or_else(most_urgent)?;
        self.since_fair = if waited.is_some() { 0 } else { self.since_fair.saturating_add(1) };
        let waiting = self.queue.take(wait, true, time)?;
        let permit = self.take(waiting.lane, time);
        let waited = time.saturating_sub(waiting.since);
        Some(Released { wait, release: Release::Admitted(permit), waited })
    }

    fn take(&mut self, lane: Lane, time: u64) -> PermitId {
        let permit = self.permits.take(lane, time, time.saturating_add(self.rules.permit));
        self.limit.used(self.permits.taken(), time);
        permit
    }

    /// Whether a lane may have a free permit at once. Where requests wait, a reserve comes back to its class with
    /// the next permit; where they cannot, permits are kept free for the classes that are kept longer and were
    /// seen lately.
    fn has_room(&self, lane: Lane, time: u64) -> bool {
        let (limit, taken) = (self.limit.current(), self.permits.taken());
        if self.rules.length > 0 || taken == 0 {
            return true;
        }
        let profile = self.profile();
        let standing = |lane| profile.standing(lane, self.permits.of(lane), limit);
        let own = standing(lane);
        let is_seen = |lane| self.seen.of(lane).is_some_and(|at| time.saturating_sub(at) < IDLE);
        let before =
            Lane::waiting().filter(|it| *it != lane && standing(*it) > own && is_seen(*it));
        let kept: u32 = before
            .map(|it| profile.share(it, limit).saturating_sub(self.permits.of(it)))
            .fold(0, u32::saturating_add);
        taken.saturating_add(kept) < limit
    }

    /// The rate to expect of a lane whose rate is not known, in thousandths per second: a part of what all permits
    /// serve. `None` while the upstream's latency is not known, either.
    fn expected(&self) -> Option<u64> {
        let usual = self.usual_of_all.mean()?.max(1);
        let all = u128::from(self.limit.current()) * u128::from(1_000 * SECOND);
        let part = all / u128::from(usual) / u128::from(EXPECTED_PART);
        Some(part.min(u64::MAX.into()) as u64)
    }

    /// A refusal: it may try again when the queue of its lane is served, most likely.
    fn shed(&mut self, lane: Lane, reason: Reason, time: u64) -> Shed {
        self.shed_at = Some(time);
        let queued = u128::from(self.queue.line().of(lane)) + 1;
        let drain = match self.queue.rate(lane, self.expected()) {
            Some(rate) => queued * u128::from(1_000 * SECOND) / u128::from(rate.max(1)),
            None => u128::from(self.rules.waits.of(lane).longest),
        };
        let drain = drain.clamp(RETRY.0.into(), RETRY.1.into()) as u64;
        self.random = scatter(self.random);
        Shed { reason, retry_ns: drain + self.random % drain }
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod schedules;
#[cfg(test)]
#[path = "surge_tests.rs"]
mod surges;
#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;

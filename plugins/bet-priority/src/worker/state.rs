//! One worker's state.

use std::rc::Rc;

use policy_kit::{CallReply, Fault, Host, LocalSlots, SharedCall, Ticket, SECOND};

use crate::abuse::latency::LoginLatencies;
use crate::clock;
use crate::market::permit::MarketPermits;
use crate::policy::compile::Policy;
use crate::queue::admission::{Admission, Arrival, End, PermitId, Release};
use crate::queue::group::Group;
use crate::queue::rules::GroupRules;
use crate::rate::state::LimitState;
use crate::surge::state::SurgeState;
use crate::surge::switch::SWITCH_CALL;
use crate::worker::gauges::{GroupGauges, Part};
use crate::worker::tickets::{place, Tickets};

/// Admitted idempotency keys that a worker remembers.
const KEYS: u32 = 8_192;
/// How often one key counts as a retry.
const MOST_RETRIES: u8 = 4;

/// What one worker knows: who is in flight, who waits, what was used up.
#[derive(Debug)]
pub struct Worker {
    /// The counters of rate limits.
    pub(crate) limits: LimitState,
    /// How long the upstream takes to refuse a wrong password.
    pub(crate) logins: LoginLatencies,
    /// The surge profile.
    pub(crate) surge: SurgeState,
    /// Requests in flight for each market.
    pub(crate) markets: MarketPermits,
    groups: Vec<Group>,
    gauges: Vec<GroupGauges>,
    surge_gauge: Part,
    tickets: Tickets,
    /// When admitted keys were last seen, and how often.
    admitted: LocalSlots,
    remember: u64,
    /// The time of the last callback, in nanoseconds since the epoch.
    now: u64,
    /// When the surge's switch was last looked at, in seconds since the epoch.
    looked: u64,
    /// Whether a request came: the gateway's main thread has a worker state and no requests.
    is_used: bool,
    /// Whether the configuration ended. Ticks may come after that.
    is_over: bool,
}

impl Worker {
    /// Nothing is in flight.
    ///
    /// # Errors
    /// The clock is unavailable.
    pub fn new(policy: &Policy, host: &mut dyn Host) -> Result<Self, Fault> {
        let limits = LimitState::new(&policy.limits, host)?;
        let bytes = host.random().unwrap_or_default();
        let seed = bytes.first_chunk().map_or(1, |first| u64::from_le_bytes(*first));
        let group = |rules: &Rc<GroupRules>| Group::new(Rc::clone(rules), seed);
        let groups = policy.groups.rules.iter().map(group).collect();
        let gauges =
            policy.groups.rules.iter().map(|rules| GroupGauges::new(&rules.name)).collect();
        let mut surge = SurgeState::default();
        if let Some(rules) = &policy.surge {
            let now = clock::now(host)?;
            surge.adopt(rules, host, now);
        }
        Ok(Self {
            limits,
            surge,
            markets: MarketPermits::default(),
            logins: LoginLatencies::new(policy.login_endpoints()),
            groups,
            gauges,
            surge_gauge: Part::new("surge", ""),
            tickets: Tickets::default(),
            admitted: LocalSlots::new(KEYS, 1),
            remember: policy.remember,
            now: 0,
            looked: 0,
            is_used: false,
            is_over: false,
        })
    }

    /// The time of the last callback, in nanoseconds since the epoch.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// A request asks a group for a permit.
    pub(crate) fn arrive(&mut self, group: usize, arrival: Arrival, now: u64) -> Admission {
        (self.now, self.is_used) = (now, true);
        match self.groups.get_mut(group) {
            Some(group) => group.arrive(arrival, now),
            None => Admission::Admitted(PermitId(0)),
        }
    }

    /// A request ended that had a permit.
    pub(crate) fn finish(&mut self, group: usize, permit: PermitId, end: End, now: u64) {
        self.now = now;
        if let Some(group) = self.groups.get_mut(group) {
            group.finish(permit, end, now);
        }
    }

    /// A request waits no longer: its client left.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        let Some((group, wait)) = place(ticket) else {
            self.tickets.forget(ticket);
            return;
        };
        let now = self.now;
        match self.tickets.take(ticket) {
            // Released, and gone before it heard of it.
            Some((Release::Admitted(permit), _)) => self.finish(group, permit, End::NotSent, now),
            Some((Release::Shed(_), _)) => {}
            None => {
                if let Some(group) = self.groups.get_mut(group) {
                    group.leave(wait, now);
                }
            }
        }
    }

    /// What was decided about a request that waited, and how long it did, in nanoseconds.
    pub(crate) fn outcome(&mut self, ticket: Ticket) -> Option<(Release, u64)> {
        self.tickets.take(ticket)
    }

    /// Delays a request, in nanoseconds; `None` where too many are.
    pub(crate) fn delay(&mut self, now: u64, by: u64) -> Option<Ticket> {
        self.tickets.delay(now, now.saturating_add(by))
    }

    /// Takes the tickets of requests that wait no longer, at most `most`.
    pub(crate) fn released(&mut self, host: &mut dyn Host, most: usize) -> Vec<Ticket> {
        if !self.tickets.has_delayed() && !self.groups.iter().any(Group::is_ready) {
            return Vec::new();
        }
        let now = clock::now(host).unwrap_or(self.now);
        self.now = now;
        let mut out = self.tickets.due(now, most);
        for (number, group) in self.groups.iter_mut().enumerate() {
            let left = most.saturating_sub(out.len());
            let released = group.released(left, now);
            out.extend(released.iter().map(|released| self.tickets.release(number, released)));
        }
        out
    }

    /// Time passes: deadlines, kept permits, measuring windows, gauges.
    pub(crate) fn tick(&mut self, policy: &Policy, host: &mut dyn Host) -> Vec<SharedCall> {
        let Ok(now) = clock::now(host) else { return Vec::new() };
        let mut calls = self.limits.due(&policy.limits, now);
        let mut surge = false;
        if let Some(rules) = &policy.surge {
            // What others know of the switch costs a read of shared data, and polls are counted in seconds.
            if now / SECOND != self.looked {
                self.looked = now / SECOND;
                calls.extend(self.surge.due(rules, host, now));
            }
            surge = self.surge.is_on(rules, now);
        }
        self.now = now;
        for group in &mut self.groups {
            group.set_surge(surge);
            group.advance(now);
        }
        self.report(host, surge);
        calls
    }

    /// Takes the reply to a call of this worker.
    pub(crate) fn take_reply(
        &mut self,
        policy: &Policy,
        host: &mut dyn Host,
        key: &str,
        reply: &CallReply,
    ) {
        let now = clock::now(host).unwrap_or(self.now);
        match &policy.surge {
            Some(rules) if key == SWITCH_CALL => self.surge.take(rules, host, reply, now),
            _ => {
                if !self.limits.leased(&policy.limits, key, reply, now) {
                    policy.rules.fleet_fault(host);
                }
            }
        }
    }

    /// A request was shed.
    pub(crate) fn shed(&mut self, policy: &Policy) {
        if let Some(rules) = &policy.surge {
            self.surge.shed(rules, self.now);
        }
    }

    fn report(&mut self, host: &mut dyn Host, surge: bool) {
        if !self.is_used || self.is_over {
            return;
        }
        for (group, gauges) in self.groups.iter().zip(&mut self.gauges) {
            let figures = group.figures();
            gauges.in_flight.report(host, figures.in_flight.into());
            gauges.queued.report(host, figures.queued.into());
            gauges.limit.report(host, figures.limit.into());
        }
        self.surge_gauge.report(host, surge.into());
    }

    /// The configuration ends: takes this worker's part off the gauges.
    pub(crate) fn drain(&mut self, host: &mut dyn Host) {
        self.is_over = true;
        for gauges in &mut self.gauges {
            for part in [&mut gauges.in_flight, &mut gauges.queued, &mut gauges.limit] {
                part.report(host, 0);
            }
        }
        self.surge_gauge.report(host, 0);
    }

    /// Whether a request with this idempotency key was admitted lately. One key counts a few times only: who sends
    /// the same one over and over gains nothing.
    pub(crate) fn was_admitted(&mut self, key: u64, now: u64) -> bool {
        let Some((seen, times)) = self.seen(key) else { return false };
        now.abs_diff(seen) <= self.remember && times <= MOST_RETRIES
    }

    /// A request with this idempotency key is admitted.
    pub(crate) fn remember(&mut self, key: Option<u64>, now: u64) {
        let Some(key) = key.filter(|_| self.remember > 0) else { return };
        let (seen, times) = self.seen(key).unwrap_or((now, 0));
        let is_old = now.abs_diff(seen) > self.remember;
        let times = if is_old { 1 } else { times.saturating_add(1) };
        // A clock that was ahead must not keep keys of that time in place of new ones.
        self.admitted.cap(key, now);
        self.admitted.put(key, if is_old { now } else { seen }, &[times]);
    }

    /// When a key that is remembered was first admitted, and how often since then.
    fn seen(&self, key: u64) -> Option<(u64, u8)> {
        let bucket = self.admitted.bucket(key)?;
        Some((bucket.until(key), *bucket.extra(key)?.first()?))
    }
}

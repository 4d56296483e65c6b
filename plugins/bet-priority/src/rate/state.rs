//! The counters of one worker, and how requests are charged to them.

use hmac_sha256::Hash;
use policy_kit::{
    keyed_hash, CallReply, EndpointClass, Fault, Gcra, HashKey, Host, Match, SharedCall, SlotFault,
};

use crate::rate::attempt::{Attempt, Held};
use crate::rate::caller::{is_bodiless, Caller};
use crate::rate::charged::{Charged, Holder, Receipt};
use crate::rate::config::limit::Scope;
use crate::rate::counter::{Counters, Missed, Reading};
use crate::rate::key::write_key;
use crate::rate::lease::book::{LeaseBook, Look, Need};
use crate::rate::lease::fleet::Wish;
use crate::rate::limits::Limits;
use crate::rate::matching::is_protected;
use crate::rate::rule::Rule;

/// The name of the secret that all workers share.
const SECRET: &str = "pitboss.bet-priority.limits.secret";
/// How often one request waits for tokens. Others may use up what came.
const MOST_WAITS: u8 = 3;

/// When a request is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its headers are there.
    Headers,
    /// Its body is there, or it has none.
    Body,
}

/// When and how a request is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What of it is there.
    pub phase: Phase,
    /// Multiplies what it costs, 1 for most; a cost beyond the burst is the burst.
    pub factor: u32,
    /// How many calls of [`Charged::lease`] it has waited for; `u8::MAX` where it cannot wait, such as after
    /// [`CallReply::TooManyWaiting`].
    pub waited: u8,
    /// Nanoseconds since the epoch.
    pub now: u64,
}

/// The counters of one worker.
#[derive(Debug)]
pub struct LimitState {
    /// Hashes keys of this worker's counters.
    own: HashKey,
    /// Hashes keys of shared counters, once it is read.
    shared: Option<HashKey>,
    counters: Vec<Counters>,
    leases: LeaseBook,
    /// The key of the last rule. Reused, so that no request allocates one.
    key: Vec<u8>,
}

/// A request and when it is charged.
struct Request<'r, 'a, 'b> {
    endpoint: &'r Match<'r>,
    caller: &'r Caller<'a, 'b>,
    limits: &'r Limits,
    turn: Turn,
    /// Whether it is only checked for now.
    peek: bool,
}

impl LimitState {
    /// No counter owes anything.
    ///
    /// # Errors
    /// The clock is unavailable, of which a secret is made.
    pub fn new(limits: &Limits, host: &mut dyn Host) -> Result<Self, Fault> {
        let counters = limits.rules().iter().map(Counters::new).collect();
        let own = HashKey::local(host)?;
        let of_fleet = limits.rules().iter().filter(|rule| rule.scope == Scope::Fleet);
        let slots = of_fleet.map(|rule| rule.slots).max().unwrap_or(0);
        let leases = LeaseBook::new(slots, own);
        Ok(Self { own, shared: None, counters, leases, key: Vec::new() })
    }

    /// Checks a request by all rules that match it, and charges it if all that are enforced allow it.
    ///
    /// In [`Phase::Headers`] a request is only checked, by the rules that can be, where another rule needs its body; and
    /// not at all where its partner is only claimed or where only the body tells its class. Then [`Charged::later`] says
    /// so, and it must be charged in [`Phase::Body`].
    ///
    /// Where a rule of `fleet` has no tokens, [`Charged::lease`] is a call to wait for.
    pub fn charge(
        &mut self,
        host: &mut dyn Host,
        limits: &Limits,
        (endpoint, caller): (&Match<'_>, &Caller<'_, '_>),
        turn: Turn,
    ) -> Charged {
        let mut charged = Charged::default();
        let mut rules = limits.possible(endpoint, caller.method);
        if rules.is_empty() {
            return charged;
        }
        if turn.phase == Phase::Headers {
            let bodily = limits.of_body(rules);
            let unproven = caller.claimed || endpoint.needs_body();
            charged.later = unproven || (!bodily.is_empty() && !is_bodiless(caller.method));
            if unproven {
                return charged;
            }
            if charged.later {
                rules = rules.without(bodily);
            }
        }
        let request = Request { endpoint, caller, limits, turn, peek: charged.later };
        let mut attempts = Vec::with_capacity(rules.len());
        for position in rules.iter() {
            let Some(rule) = limits.rule(position) else { continue };
            if let Some(attempt) = self.check(host, (position, rule), &request, &mut charged) {
                attempt.report(&mut charged);
                attempts.push(attempt);
            }
        }
        if !charged.refused.is_empty() || charged.unavailable {
            // It is refused without what it would wait for.
            charged.lease = None;
        }
        if charged.is_allowed() && !charged.later {
            for attempt in attempts.iter_mut().filter(|attempt| attempt.wait == 0) {
                self.charge_one(host, attempt, &request, &mut charged);
                if !charged.is_allowed() {
                    break;
                }
            }
            if !charged.is_allowed() {
                let receipt = std::mem::take(&mut charged.receipt);
                self.give_back(host, &receipt);
                attempts.iter_mut().filter(|attempt| attempt.charged).for_each(Attempt::undo);
            }
        }
        if charged.later && charged.is_allowed() {
            // All rules are checked again with the body.
            return Charged { later: true, faults: charged.faults, ..Charged::default() };
        }
        attempts.iter().for_each(|attempt| attempt.tell(turn.now, &mut charged));
        charged
    }

    /// Takes back what a request was charged, because it was refused after all.
    pub fn give_back(&mut self, host: &mut dyn Host, receipt: &Receipt) {
        for charge in &receipt.0 {
            let counters = self.counters.get_mut(usize::from(charge.rule));
            match (charge.holder, counters) {
                (Holder::Lease, _) => {
                    let tokens = u32::try_from(charge.price).unwrap_or(0);
                    self.leases.give_back(charge.id, tokens);
                }
                (Holder::Own, Some(counters)) => counters.give_back_own(charge.id, charge.price),
                (Holder::Shared, Some(counters)) => {
                    counters.give_back_shared(host, charge.id, charge.price);
                }
                (_, None) => {}
            }
        }
    }

    /// Takes the reply to a shared call, if it is one of [`Charged::lease`] or [`LimitState::due`]. `false` where Redis
    /// was not heard: then rules of `fleet` go on with this worker's share for `retry_s`. To be called with whatever the
    /// plugin is told, and with the reply that a waiting request gets: what comes twice changes nothing.
    pub fn leased(&mut self, limits: &Limits, call: &str, reply: &CallReply, now: u64) -> bool {
        limits.fleet().is_none_or(|fleet| self.leases.answered(fleet, call, reply, now))
    }

    /// The calls for tokens that will be needed soon, to be sent at each tick.
    pub fn due(&mut self, limits: &Limits, now: u64) -> Vec<SharedCall> {
        limits.fleet().map_or_else(Vec::new, |fleet| self.leases.due(fleet, now))
    }

    /// Whether Redis was not heard lately, and rules of `fleet` go on with this worker's share.
    pub fn is_alone(&self, limits: &Limits, now: u64) -> bool {
        limits.fleet().is_some_and(|fleet| self.leases.is_down(fleet, now))
    }

    /// Bytes of memory that the counters of this worker take.
    pub fn size(&self) -> usize {
        self.counters.iter().map(Counters::size).sum::<usize>() + self.leases.size()
    }

    /// Checks a request by a rule. `None` where the rule does not count it, or cannot yet.
    fn check<'l>(
        &mut self,
        host: &mut dyn Host,
        (position, rule): (u8, &'l Rule),
        request: &Request<'_, '_, '_>,
        charged: &mut Charged,
    ) -> Option<Attempt<'l>> {
        let Request { endpoint, caller, turn, .. } = request;
        if !write_key(&rule.key, rule.absent, endpoint, caller, &mut self.key) {
            return None;
        }
        let cost = rule.cost.saturating_mul(turn.factor.max(1)).min(rule.burst);
        let found = match rule.scope {
            Scope::Worker => Some((rule.limit, self.read_own(position)?)),
            Scope::Node => {
                self.read_shared(host, position).ok().map(|reading| (rule.limit, reading))
            }
            Scope::Fleet => match self.check_lease((position, rule), cost, request, charged) {
                Ok(leased) => {
                    let (held, wait) = leased?;
                    return Some(Attempt { position, rule, cost, held, wait, charged: false });
                }
                Err(()) => None,
            },
        };
        let found = found.or_else(|| self.fall_back((position, rule), endpoint.class, charged));
        let (limit, mut reading) = found?;
        let most = limit.most(turn.now);
        if reading.value > most {
            self.counters.get_mut(usize::from(position))?.cap(host, &mut reading, most);
        }
        let wait = limit.charge(reading.value, turn.now, cost).err().unwrap_or(0);
        let held = Held::Counter(limit, reading);
        Some(Attempt { position, rule, cost, held, wait, charged: false })
    }

    /// Checks a request by the tokens of this worker, or has it wait for more. `Err` where the worker's share counts.
    fn check_lease(
        &mut self,
        (position, rule): (u8, &Rule),
        cost: u32,
        request: &Request<'_, '_, '_>,
        charged: &mut Charged,
    ) -> Result<Option<(Held, u64)>, ()> {
        let fleet = request.limits.fleet().ok_or(())?;
        let Turn { waited, now, .. } = request.turn;
        let id = keyed_hash(self.own, &self.key) ^ (u64::from(position) << 56);
        let need = Need { cost, batch: rule.batch, longest: rule.limit.full() };
        let (leases, key) = (&mut self.leases, &self.key);
        let wish = |want| Wish {
            key: fleet.key(&rule.name, &Hash::hash(key)),
            limit: rule.limit,
            want,
            least: cost,
        };
        match leases.look(fleet, id, &need, now) {
            Look::Enough(left, soon) => {
                if soon {
                    leases.ask_soon(id, || wish(rule.batch));
                }
                Ok(Some((Held::Lease { id, left }, 0)))
            }
            Look::Refused(wait) => Ok(Some((Held::Lease { id, left: 0 }, wait))),
            Look::Down => Err(()),
            Look::Ask(want) if !rule.enforced => {
                // A rule that refuses nothing holds nothing up.
                leases.ask_soon(id, || wish(want));
                Ok(None)
            }
            Look::Ask(_) if request.peek || charged.lease.is_some() => Ok(None),
            // Others used up what came each time.
            Look::Ask(_) if waited >= MOST_WAITS && !is_protected(request.endpoint.class) => {
                charged.contended.insert(position);
                Ok(Some((Held::Lease { id, left: 0 }, rule.limit.emission())))
            }
            Look::Ask(_) if waited >= MOST_WAITS => Err(()),
            Look::Ask(want) => {
                charged.lease = Some(leases.ask(fleet, id, || wish(want), now).ok_or(())?);
                Ok(None)
            }
        }
    }

    /// Charges a request that a rule allows.
    fn charge_one(
        &mut self,
        host: &mut dyn Host,
        attempt: &mut Attempt<'_>,
        request: &Request<'_, '_, '_>,
        charged: &mut Charged,
    ) {
        let Request { endpoint, caller, turn, .. } = request;
        let (position, rule, class) = (attempt.position, attempt.rule, endpoint.class);
        let mut outcome = self.write(host, attempt, turn.now);
        match outcome {
            Err(Missed::Fault(SlotFault::Contended)) if !is_protected(class) => {
                charged.contended.insert(position);
                outcome = Err(Missed::Refused(rule.limit.emission()));
            }
            Err(Missed::Fault(_)) => {
                // The table cannot be written, so this worker goes on alone.
                write_key(&rule.key, rule.absent, endpoint, caller, &mut self.key);
                let Some((limit, reading)) = self.fall_back((position, rule), class, charged)
                else {
                    return;
                };
                attempt.held = Held::Counter(limit, reading);
                outcome = self.write(host, attempt, turn.now);
            }
            Ok(()) | Err(Missed::Refused(_)) => {}
        }
        match outcome {
            Ok(()) => {
                attempt.charged = true;
                charged.receipt.0.push(attempt.charge());
            }
            Err(Missed::Refused(wait)) => {
                attempt.wait = wait;
                attempt.report(charged);
            }
            Err(Missed::Fault(_)) => {}
        }
    }

    fn write(
        &mut self,
        host: &mut dyn Host,
        attempt: &mut Attempt<'_>,
        now: u64,
    ) -> Result<(), Missed> {
        let missing = Missed::Fault(SlotFault::Damaged);
        let counters = self.counters.get_mut(usize::from(attempt.position)).ok_or(missing)?;
        match &mut attempt.held {
            Held::Counter(limit, reading) => {
                counters.charge(host, reading, (limit, attempt.cost), now)
            }
            Held::Lease { id, left } => match self.leases.spend(*id, attempt.cost) {
                Some(now) => {
                    *left = now;
                    Ok(())
                }
                None => Err(Missed::Refused(attempt.rule.limit.emission())),
            },
        }
    }

    /// What a rule goes on with where its shared counters cannot be used: this worker's share, or nothing.
    fn fall_back(
        &self,
        (position, rule): (u8, &Rule),
        class: EndpointClass,
        charged: &mut Charged,
    ) -> Option<(Gcra, Reading)> {
        charged.faults.insert(position);
        if is_protected(class) {
            return None;
        }
        let local = rule.share.and_then(|share| Some((share, self.read_own(position)?)));
        charged.unavailable |= local.is_none() && rule.enforced;
        local
    }

    fn read_own(&self, position: u8) -> Option<Reading> {
        let counters = self.counters.get(usize::from(position))?;
        Some(counters.read_own(keyed_hash(self.own, &self.key)))
    }

    fn read_shared(&mut self, host: &mut dyn Host, position: u8) -> Result<Reading, SlotFault> {
        let secret = match self.shared {
            Some(secret) => secret,
            None => *self.shared.insert(HashKey::shared(host, SECRET)?),
        };
        let counters = self.counters.get_mut(usize::from(position)).ok_or(SlotFault::Damaged)?;
        counters.read_shared(host, keyed_hash(secret, &self.key))
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;

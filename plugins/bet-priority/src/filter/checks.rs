//! What a request is checked for before it asks for a permit: locks, markets, rate limits.

use policy_kit::{
    CallReply, Content, Denial, Fault, Headers, Host, Match, Profile, Reply, Step, MILLI,
};

use crate::abuse::attempt::{LoginCheck, LoginClient};
use crate::abuse::deposit::DepositCheck;
use crate::clock;
use crate::denials::{DEPOSITS_BLOCKED, LOGIN_LOCKED, MARKET_BUSY, MARKET_SUSPENDED, QUOTA};
use crate::filter::facts::caller;
use crate::filter::hold::Hold;
use crate::filter::report::{retry_in, with_retry};
use crate::filter::state::{Attempt, PriorityFilter};
use crate::market::rules::MarketCheck;
use crate::policy::compile::Policy;
use crate::rate::fields::{limit_fields, quota_details, retry_after};
use crate::rate::state::{Phase, Turn};

impl PriorityFilter {
    /// Checks a request whose body is there, or not needed, and asks for a permit.
    pub(super) fn check(
        &mut self,
        policy: &Policy,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        body: Option<&Content<'_>>,
    ) -> Result<Step, Fault> {
        if self.case.is_exempt(endpoint) {
            return self.admit(policy, host, endpoint);
        }
        if let Some(step) = self.check_login(policy, host, endpoint, body)? {
            return Ok(step);
        }
        if let Some(step) = self.check_deposit(policy, host, endpoint)? {
            return Ok(step);
        }
        if let Some(step) = self.check_market(policy, host, endpoint, body)? {
            return Ok(step);
        }
        self.charge_and_admit(policy, host, endpoint, body)
    }

    /// Charges the rate limits, and asks for a permit.
    pub(super) fn charge_and_admit(
        &mut self,
        policy: &Policy,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        body: Option<&Content<'_>>,
    ) -> Result<Step, Fault> {
        match self.charge(policy, host, endpoint, body, Phase::Body)? {
            Some(step) => Ok(step),
            None => self.admit(policy, host, endpoint),
        }
    }

    /// Checks, and charges in the phase of the body, the rate limits. `None` where they allow the request.
    pub(super) fn charge(
        &mut self,
        policy: &Policy,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        body: Option<&Content<'_>>,
        phase: Phase,
    ) -> Result<Option<Step>, Fault> {
        if policy.limits.is_empty() {
            return Ok(None);
        }
        let headers = self.headers.clone();
        let caller = caller(&self.case, Headers::kept(&headers), body);
        let mut worker = self.worker()?;
        let (factor, now, waited) = (self.case.factor, self.case.arrived, self.lease.1);
        let turn = Turn { phase, factor, waited, now };
        let charged = worker.limits.charge(host, &policy.limits, (endpoint, &caller), turn);
        drop(worker);
        policy.rules.charged(host, &charged);
        let fields = limit_fields(&policy.limits, &charged);
        if phase == Phase::Body {
            self.fields.clone_from(&fields);
            self.receipt = charged.receipt.clone();
        }
        if let Some(call) = charged.lease {
            self.lease.0.clone_from(&call.key);
            return Ok(Some(Step::Join(call)));
        }
        if charged.is_allowed() {
            if !charged.shadowed.is_empty() {
                self.watch(QUOTA, policy.rules.evidence(charged.shadowed, charged.contended));
            }
            return Ok(None);
        }
        if charged.unavailable {
            let denial = Denial::POLICY_UNAVAILABLE;
            let step = self.deny(host, endpoint, denial, "limits")?;
            return Ok((step != Step::Continue).then(|| with_retry(step, 1)));
        }
        let rule = policy.rules.evidence(charged.refused, charged.contended);
        let step = self.refuse(host, endpoint, QUOTA, &rule, |details| {
            quota_details(&policy.limits, &charged, details)
        })?;
        // Only watched: the request goes on to the queue.
        let Step::Deny(reply) = step else { return Ok(None) };
        let seconds = retry_after(&policy.limits, &charged, random(host));
        let add = |reply: Reply, (name, value)| reply.with_header(name, value);
        Ok(Some(Step::Deny(fields.into_iter().fold(retry_in(reply, seconds), add))))
    }

    /// The reply to a call for tokens is there. The plugin does not get one that was not sent.
    pub(super) fn heard_of_tokens(
        &mut self,
        policy: &Policy,
        host: &mut dyn Host,
        reply: &CallReply,
    ) {
        let (call, waited) = &mut self.lease;
        *waited = match reply {
            CallReply::TooManyWaiting => u8::MAX,
            _ => waited.saturating_add(1),
        };
        let now = clock::now(host).unwrap_or(self.case.arrived);
        // Groups count time by what they are told: it must not go back.
        self.case.arrived = now;
        if let (CallReply::Failed(_), Ok(mut worker)) = (reply, self.worker.try_borrow_mut()) {
            if !worker.limits.leased(&policy.limits, call, reply, now) {
                policy.rules.fleet_fault(host);
            }
        }
    }

    fn check_market(
        &mut self,
        policy: &Policy,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        body: Option<&Content<'_>>,
    ) -> Result<Option<Step>, Fault> {
        let Some(rules) = &policy.market else { return Ok(None) };
        let headers = self.headers.clone();
        let target = Headers::kept(&headers).single(":path").unwrap_or_default();
        let now = self.case.arrived;
        let worker = self.worker()?;
        let switched = worker.surge.suspended();
        let check = rules.check(&worker.markets, switched, (endpoint, target), body, now);
        drop(worker);
        let (denial, why) = match check {
            MarketCheck::NotConcerned | MarketCheck::NeedsBody => return Ok(None),
            MarketCheck::Open(permit) => {
                self.market = permit;
                return Ok(None);
            }
            MarketCheck::Unread(why) => {
                policy.rules.market_unread(host, why);
                return Ok(None);
            }
            MarketCheck::Suspended(why) => (MARKET_SUSPENDED, why),
            MarketCheck::Busy => (MARKET_BUSY, "busy"),
        };
        let step = self.deny(host, endpoint, denial, &["market why=", why].concat())?;
        let step = if denial == MARKET_BUSY { with_retry(step, 1) } else { step };
        Ok((step != Step::Continue).then_some(step))
    }

    fn check_login(
        &mut self,
        policy: &Policy,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        body: Option<&Content<'_>>,
    ) -> Result<Option<Step>, Fault> {
        let Some(rules) = policy.abuse.as_ref().and_then(|abuse| abuse.login.as_ref()) else {
            return Ok(None);
        };
        let brand = self.case.brand.clone().unwrap_or_default();
        let client = LoginClient { brand: &brand, address: self.case.client };
        let now = self.case.arrived;
        let (by, at) = match rules.login(host, endpoint, body, client, now) {
            LoginCheck::NotALogin | LoginCheck::NeedsBody => return Ok(None),
            LoginCheck::Allowed(ticket) => {
                self.attempt = Some(Attempt::Login(ticket));
                return Ok(None);
            }
            LoginCheck::Fault(fault, ticket) => {
                // The upstream still checks the password.
                policy.rules.table_fault(host, "login", fault);
                self.attempt = Some(Attempt::Login(ticket));
                return Ok(None);
            }
            LoginCheck::Locked { by, endpoint, .. } => (by, endpoint),
        };
        let rule = ["abuse.login why=", by.as_str()].concat();
        let step = self.deny(host, endpoint, LOGIN_LOCKED, &rule)?;
        if step == Step::Continue {
            return Ok(None);
        }
        let random_bytes = host.random().unwrap_or_default();
        let mut worker = self.worker()?;
        let delay_ms = worker.logins.delay(at, random(host), rules.delay_ms);
        let then = now.saturating_add(delay_ms.saturating_mul(MILLI));
        let reply = rules.reply.reply((delay_ms, then), random_bytes, policy.profile);
        let can_wait = policy.profile == Profile::Envoy && delay_ms > 0;
        let ticket = can_wait.then(|| worker.delay(now, delay_ms.saturating_mul(MILLI))).flatten();
        drop(worker);
        Ok(Some(match ticket {
            Some(ticket) => {
                self.hold = Hold::Delayed { ticket, reply: Box::new(reply) };
                Step::Wait(ticket)
            }
            None => Step::Deny(reply),
        }))
    }

    fn check_deposit(
        &mut self,
        policy: &Policy,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
    ) -> Result<Option<Step>, Fault> {
        let Some(rules) = policy.abuse.as_ref().and_then(|abuse| abuse.deposits.as_ref()) else {
            return Ok(None);
        };
        let brand = self.case.brand.clone().unwrap_or_default();
        let player = (&*brand, self.case.player.as_deref());
        let (denial, rule) = match rules.deposit(host, endpoint, player, self.case.arrived) {
            DepositCheck::NotADeposit | DepositCheck::NoPlayer => return Ok(None),
            DepositCheck::Allowed(ticket) => {
                self.attempt = Some(Attempt::Deposit(ticket));
                return Ok(None);
            }
            DepositCheck::Blocked { suspended, .. } => {
                let why = if suspended { "suspended" } else { "blocked" };
                (DEPOSITS_BLOCKED, ["abuse.deposits why=", why].concat())
            }
            DepositCheck::Fault(fault, ticket) => {
                policy.rules.table_fault(host, "deposits", fault);
                self.attempt = Some(Attempt::Deposit(ticket));
                if rules.passes_on_error() {
                    return Ok(None);
                }
                (Denial::POLICY_UNAVAILABLE, "abuse.deposits why=fault".to_owned())
            }
        };
        let step = self.deny(host, endpoint, denial, &rule)?;
        Ok((step != Step::Continue).then_some(step))
    }
}

/// A random number; the time where the gateway has none to give.
fn random(host: &mut dyn Host) -> u64 {
    let bytes = host.random().unwrap_or_default();
    bytes.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

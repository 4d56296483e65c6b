//! Walks one request: read the facts, ask the policy, apply the answer.

use std::cell::RefCell;
use std::rc::Rc;

use policy_kit::{
    canonical_path, facts, peer, BodyFault, CallReply, Denial, Details, Fault, Filter, Headers,
    Host, MapKind, Match, Permit, Plugin, Reply, Step, FORWARDED_HEADERS,
};

use crate::check::{self, Question, Verdict, SECOND};
use crate::credential::{removal, Edit};
use crate::identity::{
    Identity, BRAND_HEADER, KYC_HEADER, PLAYER_HEADER, SESSION_HEADER, STATE_HEADER,
};
use crate::names::{metric, DECISION, EVIDENCE};
use crate::partner::{Call, Visit};
use crate::plugin::PlayerAuth;
use crate::policy::{Case, Policy, Ruling, Who};
use crate::revocation::Status;
use crate::state::State;

mod known;

/// One request's filter.
#[derive(Debug)]
pub struct AuthFilter {
    policy: Rc<Policy>,
    state: Rc<RefCell<State>>,
    case: Case,
    who: Who,
    /// The partner's part, where a partner calls.
    visit: Visit,
    /// The token while somebody is asked about it.
    token: Vec<u8>,
    /// The permit of a request that waits for keys.
    permit: Option<Permit>,
    /// What the PAM is asked, where it is.
    asks_pam: Option<String>,
    /// The states of the player's account, as others are told of them.
    states: Option<String>,
    /// Whether players' credentials are to be taken out.
    takes: bool,
    /// When the request came, in nanoseconds since the epoch.
    now: u64,
    /// What a refusal repeats of the request, until that goes on.
    headers: Option<Rc<Headers>>,
}

impl Filter for AuthFilter {
    fn on_request_headers(&mut self, host: &mut dyn Host, end_of_stream: bool) -> Step {
        self.on_headers(host, end_of_stream).unwrap_or_else(|fault| self.failed(host, fault))
    }

    fn on_shared_reply(&mut self, host: &mut dyn Host, reply: &CallReply) -> Step {
        let policy = Rc::clone(&self.policy);
        if let Some(key) = self.asks_pam.take() {
            self.pam_landed(host, &policy, &key, reply);
            let endpoint = policy.endpoint(&self.case);
            let step = self.settle(host, &policy, &endpoint);
            return step.unwrap_or_else(|fault| self.failed(host, fault));
        }
        let verdict = self.token_landed(host, &policy, reply);
        self.who = Who::Token(verdict);
        let endpoint = policy.endpoint(&self.case);
        self.settle(host, &policy, &endpoint).unwrap_or_else(|fault| self.failed(host, fault))
    }

    fn on_request_body(&mut self, host: &mut dyn Host, body: Result<&[u8], BodyFault>) -> Step {
        let policy = Rc::clone(&self.policy);
        let endpoint = policy.endpoint(&self.case);
        let decided = match body {
            Ok(body) => {
                let content = policy_kit::Content::selecting(body, self.case.sent);
                let endpoint = endpoint.with_body(&content);
                let ruling = policy.rule(&endpoint, &self.case, &self.who, self.now / SECOND);
                if ruling.refusal.is_none() {
                    self.prove(host, &policy, &endpoint, body);
                }
                self.apply(host, &endpoint, &self.visit.over(ruling))
            }
            Err(BodyFault::Unreadable(fault)) => Err(fault),
            Err(fault @ BodyFault::TooLarge) => {
                let refusal = Some(fault.denial());
                self.apply(host, &endpoint, &Ruling { refusal, ..Ruling::default() })
            }
        };
        let step = decided.unwrap_or_else(|fault| self.failed(host, fault));
        if step == Step::Continue {
            self.headers = None;
        }
        step
    }
}

impl AuthFilter {
    /// The filter of a new request.
    pub fn new(policy: Rc<Policy>, state: Rc<RefCell<State>>) -> Self {
        Self {
            policy,
            state,
            case: Case::default(),
            who: Who::default(),
            visit: Visit::default(),
            token: Vec::new(),
            permit: None,
            asks_pam: None,
            states: None,
            takes: false,
            now: 0,
            headers: None,
        }
    }

    fn on_headers(&mut self, host: &mut dyn Host, bodiless: bool) -> Result<Step, Fault> {
        let policy = Rc::clone(&self.policy);
        let headers = host.headers(MapKind::Request)?;
        self.headers = Some(Rc::clone(&headers));
        self.now = host.now()?;
        self.case = policy.weigh(&headers, bodiless);
        self.strip(host, &headers)?;
        let endpoint = policy.endpoint(&self.case);
        self.meet(host, &policy, &endpoint, &headers)?;
        if policy.asks(&endpoint, &self.case) {
            self.takes = !policy.forward_credential;
            match policy.places.find(&headers) {
                Ok(None) => {}
                Err(denial) => self.who = Who::Unreadable(denial),
                Ok(Some(token)) => {
                    self.who = Who::Token(self.check(host, &policy, &headers, &token)?);
                    if let Some(flight) = self.waits() {
                        self.token = token.into_owned();
                        return Ok(Step::Join(flight));
                    }
                }
            };
        }
        self.settle(host, &policy, &endpoint)
    }

    fn check(
        &mut self,
        host: &mut dyn Host,
        policy: &Policy,
        headers: &Headers,
        token: &[u8],
    ) -> Result<Verdict, Fault> {
        let Ok(mut state) = self.state.try_borrow_mut() else {
            return Ok(Verdict::Unknown(Denial::POLICY_UNAVAILABLE, 1));
        };
        if let Some(known) = state.good(token, self.now / SECOND) {
            return Ok(Verdict::Good(known));
        }
        self.case.source = policy.source(headers, peer(host)?);
        let q = Question { token, source: self.case.source, now: self.now };
        Ok(check::check(policy, &mut state, host, &q))
    }

    /// Who calls is known, as far as it can be.
    fn settle(
        &mut self,
        host: &mut dyn Host,
        policy: &Policy,
        endpoint: &Match<'_>,
    ) -> Result<Step, Fault> {
        if let Some(flight) = self.look_up(policy, endpoint) {
            if self.may_ask_pam(host, policy, &flight)? {
                return Ok(Step::Join(flight));
            }
            self.pam_landed(host, policy, "", &CallReply::TooManyWaiting);
            self.look_up(policy, endpoint);
        }
        let selects = endpoint.needs_body() && !self.case.preflight;
        let ruling = match selects {
            true => Ruling::default(),
            false => policy.rule(endpoint, &self.case, &self.who, self.now / SECOND),
        };
        let ruling = self.visit.over(ruling);
        let limit = self.visit.body_limit(policy.partners.as_ref(), selects);
        if let (None, Some(limit)) = (ruling.refusal, limit) {
            // Until the body is known the call counts as the strictest that it may be, and headers
            // cannot be written any more once it is.
            self.hand_on(host)?;
            host.publish(facts::CLASS, endpoint.class.as_str())?;
            self.visit.publish(policy.partners.as_ref(), host)?;
            return Ok(Step::Body { limit });
        }
        let step = self.apply(host, endpoint, &ruling)?;
        if step == Step::Continue {
            self.hand_on(host)?;
            self.headers = None;
        }
        Ok(step)
    }

    /// Looks at the partner's part of the headers, where a partner calls.
    fn meet(
        &mut self,
        host: &mut dyn Host,
        policy: &Policy,
        endpoint: &Match<'_>,
        headers: &Headers,
    ) -> Result<(), Fault> {
        let Some(partners) = policy.partners_for(endpoint, &self.case) else { return Ok(()) };
        self.case.source = policy.source(headers, peer(host)?);
        let path = canonical_path(headers.single(":path").unwrap_or_default()).unwrap_or_default();
        let (client, now) = (self.case.source, self.now);
        let certificate = partners.certificate(host)?;
        let brand = self.case.brand.as_deref();
        let call = Call { headers, endpoint, path: &path, brand, client, certificate, now };
        let Ok(mut state) = self.state.try_borrow_mut() else {
            self.visit = Visit::refused(Denial::POLICY_UNAVAILABLE);
            return Ok(());
        };
        self.visit = Visit::meet(partners, &call, &mut state.unverified);
        Ok(())
    }

    /// Looks at its part of the body.
    fn prove(&mut self, host: &mut dyn Host, policy: &Policy, endpoint: &Match<'_>, body: &[u8]) {
        let Some(partners) = &policy.partners else { return };
        let Ok(mut state) = self.state.try_borrow_mut() else {
            self.visit = Visit::refused(Denial::POLICY_UNAVAILABLE);
            return;
        };
        let verifier = state.verifier;
        let means = (&mut state.unverified, verifier);
        self.visit.prove(partners, body, endpoint.class, means, host);
    }

    /// Whatever is decided: nothing a client sent may pass for what we say of it, or change what the
    /// call means after it was classified.
    fn strip(&self, host: &mut dyn Host, headers: &Headers) -> Result<(), Fault> {
        policy_kit::strip(host, headers, &self.policy.ours)?;
        // Whose host this is was read from the host; who else may say so is the edge alone.
        let said = FORWARDED_HEADERS.iter().any(|name| headers.has(name));
        if said && !self.policy.trusts(headers, peer(host)?) {
            for name in FORWARDED_HEADERS.into_iter().filter(|name| headers.has(name)) {
                host.remove_header(MapKind::Request, name)?;
            }
        }
        Ok(())
    }

    fn identity(&self) -> Option<&Identity> {
        match &self.who {
            // Whoever holds a token that is dead is nobody.
            Who::Token(Verdict::Good(known)) if self.case.revocation != Status::Revoked => {
                Some(&known.identity)
            }
            _ => None,
        }
    }

    /// Takes the credential away, and tells the upstream who calls.
    fn hand_on(&self, host: &mut dyn Host) -> Result<(), Fault> {
        let partners = self.policy.partners.as_ref();
        let players = if self.takes { self.policy.places.all() } else { &[] };
        for edit in removal(players, self.visit.taken(partners), Headers::kept(&self.headers)) {
            match &edit {
                Edit::Remove(name) => host.remove_header(MapKind::Request, name)?,
                Edit::Set(name, value) => host.set_header(MapKind::Request, name, value)?,
            }
        }
        let mut tell = |name: &str, value: Option<&str>| match value {
            Some(value) => host.set_header(MapKind::Request, name, value.as_bytes()),
            None => Ok(()),
        };
        for (name, value) in self.visit.headers(partners) {
            tell(name, value)?;
        }
        let Some(who) = self.identity() else {
            return tell(BRAND_HEADER, self.case.brand.as_deref());
        };
        tell(BRAND_HEADER, Some(&who.brand))?;
        tell(PLAYER_HEADER, Some(&who.player))?;
        tell(SESSION_HEADER, who.session.as_deref())?;
        tell(KYC_HEADER, who.kyc.as_deref())?;
        tell(STATE_HEADER, self.states.as_deref())?;
        who.headers.iter().try_for_each(|(name, value)| tell(name, Some(value)))
    }

    fn apply(
        &self,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        ruling: &Ruling,
    ) -> Result<Step, Fault> {
        let class = endpoint.class.as_str();
        let (word, code) = match ruling.refusal {
            None => ("allow", None),
            Some(denial) => ("deny", Some(denial.code)),
        };
        match code {
            None => host.count(self.policy.passes.of(endpoint.class)),
            Some(code) => host.count(&metric(class, word, code)),
        }
        let partners = self.policy.partners.as_ref();
        self.visit.count(partners, code.unwrap_or(word), host);
        host.publish(facts::CLASS, class)?;
        self.visit.publish(partners, host)?;
        if let Some(who) = self.identity() {
            host.publish(facts::PLAYER, &who.player)?;
            host.publish(facts::BRAND, &who.brand)?;
            if let Some(session) = &who.session {
                host.publish(facts::SESSION, session)?;
            }
            if let Some(kyc) = &who.kyc {
                host.publish(facts::KYC, kyc)?;
            }
            if let Some(states) = &self.states {
                host.publish(facts::STATE, states)?;
            }
        } else if let Some(brand) = &self.case.brand {
            host.publish(facts::BRAND, brand)?;
        }
        if !ruling.detail.is_empty() {
            host.publish(EVIDENCE, ruling.detail)?;
        }
        match code {
            None => host.publish(DECISION, word)?,
            Some(code) => host.publish(DECISION, &format!("{word}:{code}"))?,
        }
        match ruling.refusal {
            Some(denial) => Ok(Step::Deny(self.reply(denial, endpoint, ruling))),
            None => Ok(Step::Continue),
        }
    }

    fn reply(&self, denial: Denial, endpoint: &Match<'_>, ruling: &Ruling) -> Reply {
        let mut endpoint = *endpoint;
        let own = || self.visit.envelope(self.policy.partners.as_ref());
        endpoint.envelope = endpoint.envelope.or_else(own);
        let endpoint = &endpoint;
        let details = Details::read(Headers::kept(&self.headers));
        self.policy.reply(endpoint, ruling, denial, &details)
    }

    /// The gateway failed us, so nothing was decided: nobody passes.
    fn failed(&self, host: &mut dyn Host, fault: Fault) -> Step {
        host.log(log::Level::Error, &format!("{}: {fault}", PlayerAuth::NAME));
        let denial = Denial::POLICY_UNAVAILABLE;
        host.count(&metric("unknown", "deny", denial.code));
        if let Err(fault) = host.publish(DECISION, &format!("deny:{}", denial.code)) {
            host.log(log::Level::Error, &format!("{}: {fault}", PlayerAuth::NAME));
        }
        let endpoint = self.policy.endpoint(&self.case);
        Step::Deny(self.reply(denial, &endpoint, &Ruling::default()))
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "waiting_tests.rs"]
mod waiting;

#[cfg(test)]
#[path = "shares_tests.rs"]
mod shares;

#[cfg(test)]
#[path = "starvation_tests.rs"]
mod starvation;

#[cfg(test)]
#[path = "standing/walk_tests.rs"]
mod standing;

#[cfg(test)]
#[path = "standing/crowd_tests.rs"]
mod crowd;

#[cfg(test)]
#[path = "revocation/walk_tests.rs"]
mod revoked;

#[cfg(test)]
#[path = "filter/owner_tests.rs"]
mod owners;

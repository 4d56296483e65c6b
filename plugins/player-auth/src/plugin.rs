//! The plugin: configured once per VM, it makes filters and looks after what they share.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use policy_kit::{metrics, CallReply, ConfigError, Host, Plugin, Profile, SharedCall};
use policy_token::Verifier;

use crate::check::{issuer_of, keys_flight, SECOND};
use crate::config::Config;
use crate::filter::AuthFilter;
use crate::introspection::token_of;
use crate::landing::{introspected, keys_landed, pam_landed};
use crate::pam::asked_by;
use crate::pam::memory::Memory;
use crate::partner::Unverified;
use crate::policy::Policy;
use crate::revocation::feed::FLIGHT;
use crate::state::State;

/// How often keys and revocations are looked after.
const TICK: Duration = Duration::from_secs(1);

/// The plugin: a policy and a memory shared by the filters of a VM.
#[derive(Debug)]
pub struct PlayerAuth {
    policy: Rc<Policy>,
    state: Rc<RefCell<State>>,
}

impl Plugin for PlayerAuth {
    const NAME: &'static str = "player-auth";
    type Filter = AuthFilter;

    fn configure(document: &[u8], host: &mut dyn Host) -> Result<Self, ConfigError> {
        let config = policy_kit::parse::<Config>(document)?;
        let (tokens, failures) =
            (config.cache_tokens, (config.failures.per_minute, config.failures.burst));
        let policy = Policy::compile(config, host)?;
        let keyrings = policy.issuers.iter().map(|issuer| issuer.keys.keyring()).collect();
        let mut state = State::new(keyrings, tokens, failures.0, failures.1);
        state.unverified = Unverified::new(&policy.unverified);
        if policy.profile == Profile::Envoy {
            state.verifier = Verifier::probe(host);
        }
        if let Some(pam) = policy.standing.as_ref().and_then(|standing| standing.pam.as_ref()) {
            state.pam = Memory::new(pam.players, pam.cache);
        }
        if let (Some(feed), Ok(now)) = (&policy.revocations, host.now()) {
            // A new configuration need not wait for what the old one knew.
            state.revocations.look(feed, host, now / SECOND);
        }
        let more = [state.verifier.to_string()];
        metrics::configured(host, Self::NAME, &policy.version, policy.catalogue(), &more);
        Ok(Self { policy: Rc::new(policy), state: Rc::new(RefCell::new(state)) })
    }

    fn profile(&self) -> Profile {
        self.policy.profile
    }

    fn filter(&self) -> AuthFilter {
        AuthFilter::new(Rc::clone(&self.policy), Rc::clone(&self.state))
    }

    fn tick_period(&self) -> Option<Duration> {
        let fetches = self.policy.issuers.iter().any(|issuer| issuer.keys.fetch().is_some());
        (fetches || self.policy.revocations.is_some()).then_some(TICK)
    }

    fn on_tick(&mut self, host: &mut dyn Host) -> Vec<SharedCall> {
        let Ok(now) = host.now() else { return Vec::new() };
        let now = now / SECOND;
        let Ok(mut state) = self.state.try_borrow_mut() else { return Vec::new() };
        let mut flights = Vec::new();
        for (i, (issuer, ring)) in self.policy.issuers.iter().zip(&mut state.keyrings).enumerate() {
            let call = issuer.keys.due(host, ring, now);
            flights.extend(call.map(|call| SharedCall { key: keys_flight(i), call }));
        }
        if let Some(feed) = &self.policy.revocations {
            flights.extend(state.revocations.tick(feed, host, now));
        }
        flights
    }

    fn on_shared_reply(&mut self, host: &mut dyn Host, key: &str, reply: &CallReply) {
        let Ok(mut state) = self.state.try_borrow_mut() else { return };
        if let Some(i) = issuer_of(key) {
            keys_landed(&self.policy, &mut state, host, i, reply);
        } else if let Some(token) = token_of(key) {
            introspected(&self.policy, &mut state, host, (key, token), reply);
        } else if let Some(path) = asked_by(key) {
            state.pam_asked.ends(key);
            pam_landed(&self.policy, &mut state, host, path, reply);
        } else if let (FLIGHT, Some(feed)) = (key, &self.policy.revocations) {
            let now = host.now().unwrap_or(0) / SECOND;
            state.revocations.landed(feed, host, reply, now);
        }
    }
}

//! The plugin: configured once per VM, it creates the filters and keeps what they share.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use policy_kit::{metrics, CallReply, ConfigError, Host, Plugin, Profile, SharedCall};
use policy_token::Verifier;

use crate::config::Config;
use crate::filter::auth::AuthFilter;
use crate::names::{NAME, SECOND};
use crate::partner::unverified::Unverified;
use crate::player_state::pam::path_in_key;
use crate::player_state::pam_memory::PamMemory;
use crate::policy::compile::Policy;
use crate::replies::{on_introspection_reply, on_keys_reply, on_pam_reply};
use crate::revocation::feed;
use crate::token::check::{issuer_in_key, keys_call_key};
use crate::token::introspection::token_in_key;
use crate::token::memory::TokenMemory;
use crate::worker_state::WorkerState;

/// How often keys and revocations are checked for a due fetch.
const TICK: Duration = Duration::from_secs(1);

/// The plugin: a policy, and the state that the filters of a VM share.
#[derive(Debug)]
pub struct PlayerAuth {
    policy: Rc<Policy>,
    state: Rc<RefCell<WorkerState>>,
}

impl Plugin for PlayerAuth {
    const NAME: &'static str = NAME;
    type Filter = AuthFilter;

    fn configure(document: &[u8], host: &mut dyn Host) -> Result<Self, ConfigError> {
        let config = policy_kit::parse::<Config>(document)?;
        let (tokens, per_minute, burst) =
            (config.cache_tokens, config.failures.per_minute, config.failures.burst);
        let policy = Policy::compile(config, host)?;
        let keyrings = policy.tokens.issuers.iter().map(|issuer| issuer.keys.keyring()).collect();
        let mut state = WorkerState::new(TokenMemory::new(keyrings, tokens, per_minute, burst));
        state.unverified = Unverified::new(&policy.unverified);
        if policy.profile == Profile::Envoy {
            state.tokens.verifier = Verifier::probe(host);
        }
        if let Some(pam) = policy.player_states.as_ref().and_then(|states| states.pam.as_ref()) {
            state.pam = PamMemory::new(pam.players, pam.cache);
        }
        if let (Some(feed), Ok(now)) = (&policy.revocations, host.now()) {
            // What an earlier configuration has read applies at once.
            state.revocations.adopt(feed, host, now / SECOND);
        }
        let verifier = [state.tokens.verifier.to_string()];
        metrics::configured(host, NAME, &policy.version, policy.catalogue(), &verifier);
        Ok(Self { policy: Rc::new(policy), state: Rc::new(RefCell::new(state)) })
    }

    fn profile(&self) -> Profile {
        self.policy.profile
    }

    fn filter(&self) -> AuthFilter {
        AuthFilter::new(Rc::clone(&self.policy), Rc::clone(&self.state))
    }

    fn tick_period(&self) -> Option<Duration> {
        let issuers = &self.policy.tokens.issuers;
        let fetches = issuers.iter().any(|issuer| issuer.keys.fetch().is_some());
        (fetches || self.policy.revocations.is_some()).then_some(TICK)
    }

    fn on_tick(&mut self, host: &mut dyn Host) -> Vec<SharedCall> {
        let Ok(now) = host.now() else { return Vec::new() };
        let now = now / SECOND;
        let Ok(mut state) = self.state.try_borrow_mut() else { return Vec::new() };
        let mut calls = Vec::new();
        let issuers = self.policy.tokens.issuers.iter().zip(&mut state.tokens.keyrings);
        for (i, (issuer, ring)) in issuers.enumerate() {
            let call = issuer.keys.due(host, ring, now);
            calls.extend(call.map(|call| SharedCall { key: keys_call_key(i), call }));
        }
        if let Some(feed) = &self.policy.revocations {
            calls.extend(state.revocations.tick(feed, host, now));
        }
        calls
    }

    fn on_shared_reply(&mut self, host: &mut dyn Host, key: &str, reply: &CallReply) {
        let Ok(mut state) = self.state.try_borrow_mut() else { return };
        let rules = &self.policy.tokens;
        if let Some(issuer) = issuer_in_key(key) {
            on_keys_reply(rules, &mut state.tokens, host, issuer, reply);
        } else if let Some(token) = token_in_key(key) {
            on_introspection_reply(rules, &mut state.tokens, host, (key, token), reply);
        } else if let Some(path) = path_in_key(key) {
            state.pam_calls.ends(key);
            if let Some(states) = &self.policy.player_states {
                on_pam_reply(states, &mut state.pam, host, path, reply);
            }
        } else if let (feed::CALL_KEY, Some(feed)) = (key, &self.policy.revocations) {
            let now = host.now().unwrap_or(0) / SECOND;
            state.revocations.on_poll(feed, host, reply, now);
        }
    }
}

//! The plugin: configured once per VM, it makes filters and keeps the location provider's keys fresh.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use policy_kit::{metrics, CallReply, ConfigError, Host, Plugin, Profile, SharedCall};
use policy_token::Verifier;

use crate::config::document::Config;
use crate::filter::request::GeoFilter;
use crate::location::worker::{WorkerState, KEYS_CALL};
use crate::names::NAME;
use crate::policy::compile::Policy;

/// Time between two checks whether the keys are due.
const TICK: Duration = Duration::from_secs(1);

/// The plugin: a policy shared by the filters of a VM, and their memory of location tokens.
#[derive(Debug)]
pub struct GeoJurisdiction {
    policy: Rc<Policy>,
    state: Option<Rc<RefCell<WorkerState>>>,
}

impl Plugin for GeoJurisdiction {
    const NAME: &'static str = NAME;
    type Filter = GeoFilter;

    fn configure(document: &[u8], host: &mut dyn Host) -> Result<Self, ConfigError> {
        let policy = Policy::compile(policy_kit::parse::<Config>(document)?, host)?;
        let (mut state, mut more) = (None, Vec::new());
        if let Some(rules) = &policy.location {
            let mut worker = WorkerState::new(rules);
            if policy.profile == Profile::Envoy {
                worker.verifier = Verifier::probe(host);
            }
            more.push(worker.verifier.to_string());
            state = Some(Rc::new(RefCell::new(worker)));
        }
        metrics::configured(host, Self::NAME, &policy.version, policy.endpoints.digest(), &more);
        Ok(Self { policy: Rc::new(policy), state })
    }

    fn profile(&self) -> Profile {
        self.policy.profile
    }

    fn filter(&self) -> GeoFilter {
        GeoFilter::new(Rc::clone(&self.policy), self.state.clone())
    }

    fn tick_period(&self) -> Option<Duration> {
        self.policy.location.as_ref()?.keys.fetch().map(|_| TICK)
    }

    fn on_tick(&mut self, host: &mut dyn Host) -> Vec<SharedCall> {
        let Some((rules, state)) = self.policy.location.as_ref().zip(self.state.as_ref()) else {
            return Vec::new();
        };
        match (host.now(), state.try_borrow_mut()) {
            (Ok(now), Ok(mut state)) => state.due(rules, host, now).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn on_shared_reply(&mut self, host: &mut dyn Host, key: &str, reply: &CallReply) {
        let parts = self.policy.location.as_ref().zip(self.state.as_ref());
        if let Some((rules, state)) = parts.filter(|_| key == KEYS_CALL) {
            if let Ok(mut state) = state.try_borrow_mut() {
                state.take_keys(rules, host, reply);
            }
        }
    }
}

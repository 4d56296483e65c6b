//! The plugin: configured once per VM, it makes filters and looks after the location provider's keys.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use policy_kit::{metrics, CallReply, ConfigError, Host, Plugin, Profile, SharedCall};
use policy_token::Verifier;

use crate::config::Config;
use crate::filter::GeoFilter;
use crate::location::check::{State, KEYS_FLIGHT};
use crate::policy::Policy;

/// How often keys are looked after.
const TICK: Duration = Duration::from_secs(1);

/// The plugin: a policy shared by the filters of a VM, and what they remember of location tokens.
#[derive(Debug)]
pub struct GeoJurisdiction {
    policy: Rc<Policy>,
    state: Option<Rc<RefCell<State>>>,
}

impl Plugin for GeoJurisdiction {
    const NAME: &'static str = "geo-jurisdiction";
    type Filter = GeoFilter;

    fn configure(document: &[u8], host: &mut dyn Host) -> Result<Self, ConfigError> {
        let policy = Policy::compile(policy_kit::parse::<Config>(document)?, host)?;
        let (mut state, mut more) = (None, Vec::new());
        if let Some(location) = &policy.location {
            let mut made = State::new(location);
            if policy.profile() == Profile::Envoy {
                made.verifier = Verifier::probe(host);
            }
            more.push(made.verifier.to_string());
            state = Some(Rc::new(RefCell::new(made)));
        }
        metrics::configured(host, Self::NAME, policy.version(), policy.catalogue(), &more);
        Ok(Self { policy: Rc::new(policy), state })
    }

    fn profile(&self) -> Profile {
        self.policy.profile()
    }

    fn filter(&self) -> GeoFilter {
        GeoFilter::new(Rc::clone(&self.policy), self.state.clone())
    }

    fn tick_period(&self) -> Option<Duration> {
        self.policy.location.as_ref()?.keys.fetch().map(|_| TICK)
    }

    fn on_tick(&mut self, host: &mut dyn Host) -> Vec<SharedCall> {
        let Some((location, state)) = self.policy.location.as_ref().zip(self.state.as_ref()) else {
            return Vec::new();
        };
        match (host.now(), state.try_borrow_mut()) {
            (Ok(now), Ok(mut state)) => state.due(location, host, now).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn on_shared_reply(&mut self, host: &mut dyn Host, key: &str, reply: &CallReply) {
        let parts = self.policy.location.as_ref().zip(self.state.as_ref());
        if let Some((location, state)) = parts.filter(|_| key == KEYS_FLIGHT) {
            if let Ok(mut state) = state.try_borrow_mut() {
                state.keys_landed(location, host, reply);
            }
        }
    }
}

//! The plugin: configured once per VM, it makes filters and lets time pass.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use policy_kit::{
    invalid, metrics, CallReply, ConfigError, Host, Plugin, Profile, SharedCall, Ticket,
};

use crate::config::Config;
use crate::filter::state::PriorityFilter;
use crate::names::NAME;
use crate::policy::compile::Policy;
use crate::worker::state::Worker;

/// Time between two looks at deadlines, where requests can wait. Envoy's own steps are 4 ms, and a full worker is
/// later (seen on 1.40).
const QUEUE_TICK: Duration = Duration::from_millis(20);
/// Time between two looks at what is polled.
const POLL_TICK: Duration = Duration::from_secs(1);

/// The plugin: a policy, and the state of the worker.
#[derive(Debug)]
pub struct BetPriority {
    policy: Rc<Policy>,
    worker: Rc<RefCell<Worker>>,
}

impl Plugin for BetPriority {
    const NAME: &'static str = NAME;
    type Filter = PriorityFilter;

    fn configure(document: &[u8], host: &mut dyn Host) -> Result<Self, ConfigError> {
        let policy = Policy::compile(policy_kit::read_settings::<Config>(document)?, host)?;
        let worker =
            Worker::new(&policy, host).map_err(|fault| invalid("host", fault.to_string()))?;
        metrics::configured(host, Self::NAME, &policy.version, policy.endpoints.digest(), &[]);
        Ok(Self { policy: Rc::new(policy), worker: Rc::new(RefCell::new(worker)) })
    }

    fn profile(&self) -> Profile {
        self.policy.profile
    }

    fn filter(&self) -> PriorityFilter {
        PriorityFilter::new(Rc::clone(&self.policy), Rc::clone(&self.worker))
    }

    fn tick_period(&self) -> Option<Duration> {
        match self.policy.groups.rules.is_empty() {
            false => Some(QUEUE_TICK),
            true => Some(POLL_TICK),
        }
    }

    fn on_tick(&mut self, host: &mut dyn Host) -> Vec<SharedCall> {
        match self.worker.try_borrow_mut() {
            Ok(mut worker) => worker.tick(&self.policy, host),
            Err(_) => Vec::new(),
        }
    }

    fn released(&mut self, host: &mut dyn Host, most: usize) -> Vec<Ticket> {
        match self.worker.try_borrow_mut() {
            Ok(mut worker) => worker.released(host, most),
            Err(_) => Vec::new(),
        }
    }

    fn on_shared_reply(&mut self, host: &mut dyn Host, key: &str, reply: &CallReply) {
        if let Ok(mut worker) = self.worker.try_borrow_mut() {
            worker.take_reply(&self.policy, host, key, reply);
        }
    }

    fn on_drain(&mut self, host: &mut dyn Host) -> Vec<SharedCall> {
        if let Ok(mut worker) = self.worker.try_borrow_mut() {
            worker.drain(host);
        }
        Vec::new()
    }
}

//! The plugin: configured once per VM, it makes filters that share a policy and a store.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use policy_kit::metrics::{self, PerClass};
use policy_kit::{
    invalid, CallReply, ConfigError, DecisionRecorder, HeaderNames, Host, Plugin, Profile,
    SharedCall, MEANING_HEADERS, ROUTER_HEADERS,
};

use crate::config::document::Config;
use crate::filter::state::IdempotencyFilter;
use crate::filter::worker::{FaultLog, WorkerState};
use crate::names::{self, COMPLETED, SECOND};
use crate::policy::capacity::{Capacity, Limits};
use crate::policy::compiled::Policy;
use crate::policy::identity::{Part, PerPart};
use crate::store::boot::Boot;
use crate::store::level::FillLevel;
use crate::store::port::Store;
use crate::store::quota::Quota;
use crate::store::recent_bets::RecentBets;
use crate::store::shares::{ReconcileCalls, WaitPermits};
use crate::store::slots::Embedded;

/// How often waiting retries claim their key again.
const WAIT_TICK: Duration = Duration::from_millis(50);
/// How often the plugin ticks if no retry waits.
const TICK: Duration = Duration::from_secs(1);

/// The plugin.
#[derive(Debug)]
pub struct IdempotencyPlugin(Rc<WorkerState>);

impl IdempotencyPlugin {
    /// Configures the plugin over the store that `over` makes of the embedded one: for tests of stores that
    /// lie elsewhere, or fail.
    ///
    /// # Errors
    /// As [`Plugin::configure`].
    pub fn configure_over(
        document: &[u8],
        host: &mut dyn Host,
        over: impl FnOnce(Embedded) -> Box<dyn Store>,
    ) -> Result<Self, ConfigError> {
        let policy = Policy::compile(policy_kit::parse::<Config>(document)?, host)?;
        let capacity = &policy.capacity;
        let name = &capacity.name;
        let wanted = PerPart::new(|part| capacity.limits.of(part).slots);
        let boot = Boot::shared(host, name, wanted);
        let boot = boot.map_err(|_| invalid("store", "the gateway's shared data fails"))?;
        let limits = limits(capacity, &boot)?;
        let store = format!("store {} of {name}", boot.name());
        let store = match boot.found {
            true => format!("{store}, there since {} s after the epoch", boot.since / SECOND),
            false => format!("{store}, new and empty: no key of before is known"),
        };
        metrics::configured(host, Self::NAME, &policy.version, policy.catalogue(), &[store]);
        host.count(&names::boot(&boot.name(), boot.found));
        host.gauge(names::SINCE, boot.since / SECOND);
        let embedded = Embedded::new(name, &limits, boot.seed);
        let store = over(embedded.clone());
        let start = host.now().unwrap_or_default() >> 10;
        let levels = PerPart::new(|part| FillLevel::new(name, part, *limits.of(part), start));
        let quotas = PerPart::new(|part| {
            let (owners, allowance) = (*capacity.owners.of(part), *capacity.allowance.of(part));
            Quota::new(name, part, owners, allowance, boot.seed)
        });
        let double_click = policy.double_click.as_ref();
        let recent_bets =
            double_click.map(|it| RecentBets::new(name, it.bets, it.window, boot.seed));
        let evidence_end = format!(" version={} store={}", policy.version, boot.name());
        let routers: &[&str] = match policy.profile {
            Profile::Envoy => &ROUTER_HEADERS,
            Profile::Wasmx => &[],
        };
        let stripped_if_keyed = MEANING_HEADERS.into_iter().chain(routers.iter().copied());
        let recorder = DecisionRecorder::new(Self::NAME).with_replays();
        recorder.define(host);
        let worker = WorkerState {
            policy,
            store,
            embedded,
            levels,
            sampled: Cell::new(0),
            quotas,
            recent_bets,
            reconcile_calls: ReconcileCalls::default(),
            wait_permits: WaitPermits::default(),
            fault_log: FaultLog::default(),
            evidence_end,
            recorder,
            completed: PerClass::new(|class| names::outcome_metric(class, COMPLETED)),
            stripped: HeaderNames::new(MEANING_HEADERS),
            stripped_if_keyed: HeaderNames::new(stripped_if_keyed),
        };
        Ok(Self(Rc::new(worker)))
    }
}

/// The limits of the existing store, which keeps the slots that it began with.
///
/// # Errors
/// It has too few slots for the configuration.
fn limits(capacity: &Capacity, boot: &Boot) -> Result<PerPart<Limits>, ConfigError> {
    for part in Part::ALL {
        let (wanted, there) = (capacity.limits.of(part).slots, *boot.slots.of(part));
        if wanted > there {
            let problem = format!(
                "the existing store has {there} slots for {}, and this configuration needs {wanted}: another \
                 `store.name` begins a larger, empty store, and earlier requests can be carried out again",
                part.name()
            );
            return Err(invalid("store.name", problem));
        }
    }
    Ok(PerPart::new(|part| Limits { slots: *boot.slots.of(part), ..*capacity.limits.of(part) }))
}

impl Plugin for IdempotencyPlugin {
    const NAME: &'static str = names::NAME;
    type Filter = IdempotencyFilter;

    fn configure(document: &[u8], host: &mut dyn Host) -> Result<Self, ConfigError> {
        Self::configure_over(document, host, |embedded| Box::new(embedded))
    }

    fn profile(&self) -> Profile {
        self.0.policy.profile
    }

    fn filter(&self) -> IdempotencyFilter {
        IdempotencyFilter::new(Rc::clone(&self.0))
    }

    fn tick_period(&self) -> Option<Duration> {
        Some(if self.0.policy.waits() { WAIT_TICK } else { TICK })
    }

    fn on_tick(&mut self, host: &mut dyn Host) -> Vec<SharedCall> {
        if let Err(fault) = self.0.sample_levels(host) {
            host.log(log::Level::Warn, &format!("idempotency: {fault}"));
        }
        Vec::new()
    }

    fn on_shared_reply(&mut self, host: &mut dyn Host, key: &str, _: &CallReply) {
        self.0.reconcile_calls.complete(key, host.now().unwrap_or_default());
    }
}

//! The plugin: configured once per VM, it makes filters that share a policy and a store.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use policy_kit::metrics::{self, PerClass};
use policy_kit::{invalid, ConfigError, HeaderNames, Host, Plugin, Profile};
use policy_kit::{MEANING_HEADERS, ROUTER_HEADERS};

use crate::config::Config;
use crate::filter::Once;
use crate::names::{outcome, COMPLETED};
use crate::store::Store;
use crate::{DoubleClick, Policy, Quota, Scatter, Slots};

/// How often those look that wait for another's answer.
const TICK: Duration = Duration::from_millis(50);

/// The plugin.
#[derive(Debug)]
pub struct Idempotency(Rc<Shared>);

/// What the filters of a VM share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) policy: Policy,
    pub(crate) store: Box<dyn Store>,
    pub(crate) quota: Quota,
    pub(crate) click: Option<DoubleClick>,
    /// Counters of calls that go on, of replays, and of keys that were settled with their answer.
    pub(crate) passes: PerClass,
    pub(crate) replays: PerClass,
    pub(crate) completed: PerClass,
    /// How many retries wait for the first attempt.
    pub(crate) waiting: Rc<Cell<usize>>,
    /// Headers that would change what a call means after it was classified.
    pub(crate) strips: HeaderNames,
    /// The same of calls that may have a key, which nobody may have sent more than once.
    pub(crate) strips_of_keyed: HeaderNames,
}

impl Idempotency {
    /// Configures the plugin over the store that `over` makes of the embedded one: for tests of what the
    /// embedded store cannot show, such as a commit that takes its time.
    ///
    /// # Errors
    /// As [`Plugin::configure`].
    pub fn configure_over(
        document: &[u8],
        host: &mut dyn Host,
        over: impl FnOnce(Slots) -> Box<dyn Store>,
    ) -> Result<Self, ConfigError> {
        let policy = Policy::compile(policy_kit::parse::<Config>(document)?, host)?;
        metrics::configured(host, Self::NAME, policy.version(), policy.catalogue(), &[]);
        let room = policy.room();
        let scatter = Scatter::shared(host, &room.name);
        let scatter = scatter.map_err(|_| invalid("store", "the gateway's shared data fails"))?;
        let store = over(Slots::new(&room.name, room.limits, scatter));
        let owners = room.owners.div_ceil(16);
        let quota = Quota::new(&room.name, owners, policy.longest_retention());
        let click = policy.click().map(|c| DoubleClick::new(&room.name, c.bets, c.window, scatter));
        let strips = HeaderNames::new(MEANING_HEADERS);
        let routers: &[&str] = match policy.profile() {
            Profile::Envoy => &ROUTER_HEADERS,
            Profile::Wasmx => &[],
        };
        let all = MEANING_HEADERS.into_iter().chain(routers.iter().copied());
        let strips_of_keyed = HeaderNames::new(all);
        let passes = PerClass::requests(Self::NAME, "allow");
        let replays = PerClass::requests(Self::NAME, "replay");
        let completed = PerClass::new(|class| outcome(class, COMPLETED));
        let shared = Shared {
            policy,
            store,
            quota,
            click,
            passes,
            replays,
            completed,
            waiting: Rc::default(),
            strips,
            strips_of_keyed,
        };
        Ok(Self(Rc::new(shared)))
    }
}

impl Plugin for Idempotency {
    const NAME: &'static str = "idempotency";
    type Filter = Once;

    fn configure(document: &[u8], host: &mut dyn Host) -> Result<Self, ConfigError> {
        Self::configure_over(document, host, |slots| Box::new(slots))
    }

    fn profile(&self) -> Profile {
        self.0.policy.profile()
    }

    fn filter(&self) -> Once {
        Once::new(Rc::clone(&self.0))
    }

    fn tick_period(&self) -> Option<Duration> {
        self.0.policy.waits().then_some(TICK)
    }
}

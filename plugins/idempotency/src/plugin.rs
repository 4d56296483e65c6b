//! The plugin: configured once per VM, it makes filters that share a policy and a store.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use policy_kit::metrics::{self, PerClass};
use policy_kit::{
    invalid, CallReply, ConfigError, Fault, HeaderNames, Host, Plugin, Profile, SharedCall,
    MEANING_HEADERS, ROUTER_HEADERS,
};

use crate::config::Config;
use crate::filter::IdempotencyFilter;
use crate::inquiry::Inquiries;
use crate::level::Level;
use crate::lines::{Lines, Trouble};
use crate::names::{self, outcome, COMPLETED};
use crate::request::now;
use crate::rule::SECOND;
use crate::store::Store;
use crate::turn::Places;
use crate::{Boot, ClickRule, DoubleClick, Embedded, Limits, Part, PerPart, Policy, Quota, Room};

/// How often those look that wait for another's answer.
const TICK: Duration = Duration::from_millis(50);
/// How often it is looked how full the store is.
const LOOK: Duration = Duration::from_secs(1);
/// How often a part of the store is looked at, in nanoseconds.
const LOOK_EVERY: u64 = 8 * SECOND;

/// The plugin.
#[derive(Debug)]
pub struct Idempotency(Rc<Shared>);

/// What the filters of a VM share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) policy: Policy,
    pub(crate) store: Box<dyn Store>,
    /// The store of this node, and how full its parts are.
    embedded: Embedded,
    pub(crate) levels: PerPart<Level>,
    /// When that was looked at last.
    looked: Cell<u64>,
    pub(crate) quotas: PerPart<Quota>,
    pub(crate) click: Option<DoubleClick>,
    /// Who asks what became of calls.
    pub(crate) inquiries: Inquiries,
    /// Retries that wait for the first attempt.
    pub(crate) places: Places,
    pub(crate) lines: Lines,
    /// How all evidence ends: the document's version, and the store's id.
    pub(crate) tail: String,
    /// Counters of calls that go on, of replays, and of keys that were settled with their answer.
    pub(crate) passes: PerClass,
    pub(crate) replays: PerClass,
    pub(crate) completed: PerClass,
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
        over: impl FnOnce(Embedded) -> Box<dyn Store>,
    ) -> Result<Self, ConfigError> {
        let policy = Policy::compile(policy_kit::parse::<Config>(document)?, host)?;
        let room = policy.room();
        let wanted = PerPart::new(|part| room.limits.of(part).slots);
        let boot = Boot::shared(host, &room.name, wanted);
        let boot = boot.map_err(|_| invalid("store", "the gateway's shared data fails"))?;
        let limits = limits(room, &boot)?;
        let store = format!("store {} of {}", boot.name(), room.name);
        let store = match boot.found {
            true => format!("{store}, there since {} s after the epoch", boot.since / SECOND),
            false => format!("{store}, new and empty: no key of before is known"),
        };
        metrics::configured(host, Self::NAME, policy.version(), policy.catalogue(), &[store]);
        host.count(&names::boot(&boot.name(), boot.found));
        host.gauge(names::SINCE, boot.since / SECOND);
        let embedded = Embedded::new(&room.name, &limits, boot.scatter);
        let store = over(embedded.clone());
        let start = host.now().unwrap_or_default() >> 10;
        let levels = PerPart::new(|part| Level::new(&room.name, part, *limits.of(part), start));
        let quotas = PerPart::new(|part| {
            let (owners, allowance) = (*room.owners.of(part), *room.allowance.of(part));
            Quota::new(&room.name, part, owners, allowance, boot.scatter)
        });
        let click = |c: &ClickRule| DoubleClick::new(&room.name, c.bets, c.window, boot.scatter);
        let click = policy.click().map(click);
        let tail = format!(" version={} store={}", policy.version(), boot.name());
        let strips = HeaderNames::new(MEANING_HEADERS);
        let routers: &[&str] = match policy.profile() {
            Profile::Envoy => &ROUTER_HEADERS,
            Profile::Wasmx => &[],
        };
        let all = MEANING_HEADERS.into_iter().chain(routers.iter().copied());
        let strips_of_keyed = HeaderNames::new(all);
        let passes = PerClass::requests(Self::NAME, "allow");
        let replays = PerClass::requests(Self::NAME, "replay");
        replays.define(host);
        let completed = PerClass::new(|class| outcome(class, COMPLETED));
        let shared = Shared {
            policy,
            store,
            embedded,
            levels,
            looked: Cell::new(0),
            quotas,
            click,
            inquiries: Inquiries::default(),
            places: Places::default(),
            lines: Lines::default(),
            tail,
            passes,
            replays,
            completed,
            strips,
            strips_of_keyed,
        };
        Ok(Self(Rc::new(shared)))
    }
}

/// The limits of the store that is there: it keeps the slots that it began with.
///
/// # Errors
/// They are too few.
fn limits(room: &Room, boot: &Boot) -> Result<PerPart<Limits>, ConfigError> {
    for part in Part::ALL {
        let (wanted, there) = (room.limits.of(part).slots, *boot.slots.of(part));
        if wanted > there {
            let problem = format!(
                "the store that is there has {there} slots for {}, and this takes {wanted}: with another \
                 `store.name` a greater one begins, which is empty, so that calls of before are carried out \
                 again",
                part.name()
            );
            return Err(invalid("store.name", problem));
        }
    }
    Ok(PerPart::new(|part| Limits { slots: *boot.slots.of(part), ..*room.limits.of(part) }))
}

impl Plugin for Idempotency {
    const NAME: &'static str = "idempotency";
    type Filter = IdempotencyFilter;

    fn configure(document: &[u8], host: &mut dyn Host) -> Result<Self, ConfigError> {
        Self::configure_over(document, host, |embedded| Box::new(embedded))
    }

    fn profile(&self) -> Profile {
        self.0.policy.profile()
    }

    fn filter(&self) -> IdempotencyFilter {
        IdempotencyFilter::new(Rc::clone(&self.0))
    }

    fn tick_period(&self) -> Option<Duration> {
        Some(if self.0.policy.waits() { TICK } else { LOOK })
    }

    fn on_tick(&mut self, host: &mut dyn Host) -> Vec<SharedCall> {
        if let Err(fault) = self.0.look(host) {
            host.log(log::Level::Warn, &format!("idempotency: {fault}"));
        }
        Vec::new()
    }

    fn on_shared_reply(&mut self, host: &mut dyn Host, key: &str, _: &CallReply) {
        self.0.inquiries.landed(key, host.now().unwrap_or_default());
    }
}

impl Shared {
    /// Looks how full the store is, every eight seconds: the levels move by minutes.
    fn look(&self, host: &mut dyn Host) -> Result<(), Fault> {
        let now = now(host)?;
        if now.abs_diff(self.looked.get()) < LOOK_EVERY {
            return Ok(());
        }
        self.looked.set(now);
        for part in Part::ALL {
            let looked = self.levels.of(part).look(host, self.embedded.part(part), now);
            if let Err(fault) = looked {
                let line = || format!("store of {}: {fault:?}", part.name());
                self.lines.write(host, Trouble::Store, now, line);
            }
        }
        Ok(())
    }
}

//! How many requests may be in flight, as the operator writes it, and compiled.

use policy_kit::{invalid, member_within, settings, ConfigError, EndpointClass};

use crate::queue::lane::{Lane, PerLane};

settings! {
    /// How many requests may be in flight, per worker: `{"fixed": 64}` or `{"adaptive": {}}`, and the latter by default.
    #[derive(Debug)]
    pub struct LimitConfig {
        /// So many, 1 to 10000.
        pub fixed: Option<u32> = None,
        /// As many as the upstream takes without a queue of its own.
        pub adaptive: Option<AdaptiveConfig> = None,
    }
}

settings! {
    /// A limit that follows the upstream's latency.
    #[derive(Debug)]
    pub struct AdaptiveConfig {
        /// The limit at the start, `min` to `max`; 10 by default.
        pub initial: u32 = default_initial(),
        /// The least limit, 1 to 10000; 3 by default.
        pub min: u32 = default_min(),
        /// The greatest limit, `min` to 10000; 1000 by default.
        pub max: u32 = default_max(),
        /// Classes whose latency counts. By default all but `wager`, `cashout`, `deposit` and `withdrawal`, which
        /// may be slow by design: in-play delay, payment services. Other classes of the group must then have enough
        /// requests, or the limit does not move.
        pub latency_of: Option<Vec<EndpointClass>> = None,
        /// Seconds between two short times at seven tenths of the limit, in which the upstream's latency without a
        /// queue is measured anew, 5 to 300; 15 by default. Workers, and gateways with synchronised clocks, do it at
        /// the same time.
        pub probe_s: u32 = default_probe_s(),
    }
}

settings! {
    /// Sheds a growing part of what may be shed while the upstream fails.
    #[derive(Debug)]
    pub struct HealthConfig {
        /// It starts when less than so many percent of the upstream's answers of late are good, 1 to 95; 50 by
        /// default. It ends ten points above.
        pub good_percent: u32 = default_good_percent(),
        /// Fewer answers in ten seconds say nothing, 1 to 10000; 20 by default.
        pub answers: u32 = default_answers(),
    }
}

fn default_initial() -> u32 {
    10
}

fn default_min() -> u32 {
    3
}

fn default_max() -> u32 {
    1_000
}

fn default_probe_s() -> u32 {
    15
}

fn default_good_percent() -> u32 {
    50
}

fn default_answers() -> u32 {
    20
}

/// How many requests may be in flight.
#[derive(Clone, Copy, Debug)]
pub enum LimitRules {
    /// So many.
    Fixed(u32),
    /// As many as the upstream takes.
    Adaptive(AdaptiveRules),
}

/// A limit that follows the upstream's latency.
#[derive(Clone, Copy, Debug)]
pub struct AdaptiveRules {
    /// The limit at the start.
    pub initial: u32,
    /// The least limit.
    pub min: u32,
    /// The greatest limit.
    pub max: u32,
    /// Whether a lane's latency counts.
    pub counts: PerLane<bool>,
    /// Seconds between two probes.
    pub probe_s: u64,
}

/// The greatest limit that can be configured.
const MOST: u64 = 10_000;

impl LimitRules {
    /// Compiles the limit at path `at` of a group; `has` is whether a class is in it.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(
        raw: LimitConfig,
        at: &str,
        has: &dyn Fn(EndpointClass) -> bool,
    ) -> Result<Self, ConfigError> {
        match (raw.fixed, raw.adaptive) {
            (Some(_), Some(_)) => Err(invalid(at, "expected one of `fixed` and `adaptive`")),
            (Some(fixed), None) => {
                member_within(fixed.into(), (1, MOST), at, "fixed")?;
                Ok(Self::Fixed(fixed))
            }
            (None, raw) => adaptive(raw.unwrap_or_default(), &format!("{at}.adaptive"), has),
        }
    }
}

fn adaptive(
    raw: AdaptiveConfig,
    at: &str,
    has: &dyn Fn(EndpointClass) -> bool,
) -> Result<LimitRules, ConfigError> {
    member_within(raw.min.into(), (1, MOST), at, "min")?;
    member_within(raw.max.into(), (raw.min.into(), MOST), at, "max")?;
    let bounds = (raw.min.into(), raw.max.into());
    member_within(raw.initial.into(), bounds, at, "initial")?;
    member_within(raw.probe_s.into(), (5, 300), at, "probe_s")?;
    let field = || format!("{at}.latency_of");
    let mut counts = PerLane::default();
    use EndpointClass::{Cashout, Deposit, Wager, Withdrawal};
    let slow = |class| matches!(class, Wager | Cashout | Deposit | Withdrawal);
    for class in EndpointClass::ALL {
        let named = raw.latency_of.as_ref().map_or(!slow(class), |named| named.contains(&class));
        if named && has(class) {
            *counts.of_mut(Lane::of(class)) = true;
        } else if named && raw.latency_of.is_some() {
            return Err(invalid(field(), "names a class that the group does not have"));
        }
    }
    *counts.of_mut(Lane::UNPROVEN) = *counts.of(Lane::SETTLEMENT);
    if !counts.iter().any(|counts| *counts) {
        let problem = "required: the group's classes may be slow by design; name those that are \
                       not, or use `fixed`";
        return Err(invalid(field(), problem));
    }
    let AdaptiveConfig { initial, min, max, .. } = raw;
    let probe_s = raw.probe_s.into();
    Ok(LimitRules::Adaptive(AdaptiveRules { initial, min, max, counts, probe_s }))
}

/// When a failing upstream gets less.
#[derive(Clone, Copy, Debug)]
pub struct HealthRules {
    /// Percent of good answers below which it starts.
    pub good_percent: u32,
    /// Fewer answers say nothing.
    pub answers: u32,
}

impl HealthRules {
    /// Compiles `health` at path `at`.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(raw: HealthConfig, at: &str) -> Result<Self, ConfigError> {
        member_within(raw.good_percent.into(), (1, 95), at, "good_percent")?;
        member_within(raw.answers.into(), (1, 10_000), at, "answers")?;
        Ok(Self { good_percent: raw.good_percent, answers: raw.answers })
    }
}

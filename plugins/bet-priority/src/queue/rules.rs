//! The compiled rules of one group.

use policy_kit::{invalid, member_within, within, ConfigError, EndpointClass, SortedMap, MILLI};

use crate::limit::config::{HealthRules, LimitRules};
use crate::queue::config::{GroupConfig, QueueConfig, SurgeConfig};
use crate::queue::lane::{Lane, PerLane};
use crate::queue::profile::Profile;

/// Share of unproven settlement where the operator names none, in percent.
const UNPROVEN_PERCENT: u32 = 10;

/// How requests of one lane wait.
#[derive(Clone, Copy, Debug, Default)]
pub struct WaitRules {
    /// The longest wait in nanoseconds.
    pub longest: u64,
    /// How many may wait.
    pub length: u32,
}

/// One group: classes that share an upstream.
#[derive(Debug)]
pub struct GroupRules {
    /// The operator's name for it.
    pub name: String,
    /// How many may be in flight.
    pub limit: LimitRules,
    /// Shedding while the upstream fails.
    pub health: Option<HealthRules>,
    /// Ordinary times.
    pub calm: Profile,
    /// A surge.
    pub surge: Profile,
    /// How many may wait in all lanes.
    pub length: u32,
    /// How the requests of each lane wait.
    pub waits: PerLane<WaitRules>,
    /// One permit in so many goes to who waited longest; 0 for none.
    pub fairness: u32,
    /// Nanoseconds after which a permit that nobody returned is free.
    pub permit: u64,
}

impl GroupRules {
    /// Compiles the group at path `at`. `has` is whether a class is in the group; `length` how many requests wait
    /// where the operator names no number, and `None` where the gateway cannot hold requests.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(
        raw: GroupConfig,
        at: &str,
        has: &dyn Fn(EndpointClass) -> bool,
        length: Option<u32>,
    ) -> Result<Self, ConfigError> {
        if raw.queue.is_some() && length.is_none() {
            let problem = "this gateway cannot hold requests: take it out";
            return Err(invalid(format!("{at}.queue"), problem));
        }
        let queue = raw.queue.unwrap_or_default();
        let length = queue.length.or(length).unwrap_or(0);
        member_within(length.into(), (0, 1_000), at, "queue.length")?;
        if queue.fairness != 0 {
            member_within(queue.fairness.into(), (2, 1_000), at, "queue.fairness")?;
        }
        member_within(raw.permit_ms.into(), (1_000, 600_000), at, "permit_ms")?;
        let unproven = unproven(raw.unproven_settlement, at, has(EndpointClass::Settlement))?;
        let mut reserve = PerLane::default();
        *reserve.of_mut(Lane::UNPROVEN) = unproven;
        let field = format!("{at}.reserve");
        add(&mut reserve, &raw.reserve, (1, &field), has)?;
        let calm = Profile::new(reserve, &[]);
        let surge = match raw.surge {
            Some(raw) => surge(raw, reserve, at, has)?,
            None => calm,
        };
        Ok(Self {
            limit: LimitRules::compile(raw.limit, &format!("{at}.limit"), has)?,
            health: match raw.health {
                Some(raw) => Some(HealthRules::compile(raw, &format!("{at}.health"))?),
                None => None,
            },
            calm,
            surge,
            length,
            waits: waits(&queue, at, has)?,
            fairness: queue.fairness,
            permit: u64::from(raw.permit_ms) * MILLI,
            name: raw.name,
        })
    }
}

fn unproven(percent: Option<u32>, at: &str, has: bool) -> Result<u32, ConfigError> {
    let field = || format!("{at}.unproven_settlement");
    match percent {
        Some(_) if !has => Err(invalid(field(), "has no effect: the group has no `settlement`")),
        Some(percent) => within(percent.into(), (1, 50), field).map(|_| percent),
        None if has => Ok(UNPROVEN_PERCENT),
        None => Ok(0),
    }
}

/// Adds the reserves of classes, each at least so many percent.
fn add(
    reserve: &mut PerLane<u32>,
    of: &SortedMap<EndpointClass, u32>,
    (least, at): (u64, &str),
    has: &dyn Fn(EndpointClass) -> bool,
) -> Result<(), ConfigError> {
    for (class, percent) in of.iter() {
        let field = || format!("{at}.{class}");
        within((*percent).into(), (least, 100), field)?;
        if Lane::of(*class).is_exempt() {
            return Err(invalid(field(), "has no effect: the class is never shed"));
        }
        if !has(*class) {
            return Err(invalid(field(), "has no effect: the group does not have the class"));
        }
        *reserve.of_mut(Lane::of(*class)) = *percent;
    }
    if reserve.iter().copied().map(u64::from).sum::<u64>() > 100 {
        let problem = "expected at most 100 percent in all, `unproven_settlement` included";
        return Err(invalid(at, problem));
    }
    Ok(())
}

fn surge(
    raw: SurgeConfig,
    mut reserve: PerLane<u32>,
    at: &str,
    has: &dyn Fn(EndpointClass) -> bool,
) -> Result<Profile, ConfigError> {
    let of = raw.reserve.unwrap_or_else(|| {
        let mut usual = SortedMap::default();
        let known = [(EndpointClass::Wager, 30), (EndpointClass::Cashout, 10)];
        known.into_iter().filter(|(class, _)| has(*class)).for_each(|(class, percent)| {
            let before = *reserve.of(Lane::of(class));
            usual.insert(class, percent.max(before));
        });
        usual
    });
    let field = format!("{at}.surge.reserve");
    add(&mut reserve, &of, (0, &field), has)?;
    for (i, class) in raw.shed_first.iter().enumerate() {
        let field = || format!("{at}.surge.shed_first[{i}]");
        if Lane::of(*class).is_exempt() {
            return Err(invalid(field(), "the class is never shed"));
        }
        if raw.shed_first.iter().take(i).any(|other| other == class) {
            return Err(invalid(field(), "given twice"));
        }
    }
    Ok(Profile::new(reserve, &raw.shed_first))
}

/// Longest wait in milliseconds, and how many wait.
fn default_wait(class: EndpointClass) -> (u32, u32) {
    match class {
        EndpointClass::Content | EndpointClass::History => (1_000, 64),
        EndpointClass::Settlement => (2_000, 64),
        EndpointClass::Wager | EndpointClass::Round | EndpointClass::Cashout => (1_500, 256),
        _ => (1_500, 128),
    }
}

fn waits(
    queue: &QueueConfig,
    at: &str,
    has: &dyn Fn(EndpointClass) -> bool,
) -> Result<PerLane<WaitRules>, ConfigError> {
    let mut waits = PerLane::default();
    for class in EndpointClass::ALL {
        let lane = match Lane::of(class) {
            Lane::SETTLEMENT => Lane::UNPROVEN,
            lane => lane,
        };
        let field = |member| format!("{at}.queue.classes.{class}{member}");
        let raw = queue.classes.get(&class);
        if raw.is_some() && (lane.is_exempt() || !has(class)) {
            let problem = "has no effect: the class never waits, or is not in the group";
            return Err(invalid(field(""), problem));
        }
        if lane.is_exempt() || class == EndpointClass::Unclassified {
            continue;
        }
        let (default_ms, default_length) = default_wait(class);
        let ms = raw.and_then(|raw| raw.queue_ms).unwrap_or(default_ms);
        let length = raw.and_then(|raw| raw.queue_length).unwrap_or(default_length);
        within(ms.into(), (10, 60_000), || field(".queue_ms"))?;
        within(length.into(), (0, 1_000), || field(".queue_length"))?;
        *waits.of_mut(lane) = WaitRules { longest: u64::from(ms) * MILLI, length };
    }
    Ok(waits)
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;

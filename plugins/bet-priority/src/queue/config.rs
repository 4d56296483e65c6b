//! Requests in flight and waiting, as the operator writes it.

use policy_kit::{settings, EndpointClass, SortedMap};

use crate::limit::config::{HealthConfig, LimitConfig};

settings! {
    /// One entry of `concurrency`: classes that share an upstream. All numbers are per worker.
    #[derive(Debug)]
    pub struct GroupConfig {
        /// The group's name in metrics and evidence: up to 64 lower-case letters, digits and `-`.
        pub name: String,
        /// Its classes. Absent: all classes that no other group has, and requests without a class.
        pub classes: Option<Vec<EndpointClass>> = None,
        /// How many requests may be in flight.
        pub limit: LimitConfig = LimitConfig::default(),
        /// Permits that a class gets before all others, in percent of the limit, 1 to 100; with
        /// `unproven_settlement` at most 100 in all. Others borrow what a class does not use.
        pub reserve: SortedMap<EndpointClass, u32> = SortedMap::default(),
        /// Permits for settlement whose credential is not proven, in percent of the limit, 1 to 50: it gets so many
        /// before all other classes, as many again after reserves, and more while nobody else waits. 10 by default.
        pub unproven_settlement: Option<u32> = None,
        /// What differs in a surge.
        pub surge: Option<SurgeConfig> = None,
        /// Requests that wait. Only where the gateway can hold requests (Envoy).
        pub queue: Option<QueueConfig> = None,
        /// A permit that nobody returned for so many milliseconds is free again, 1000 to 600000. Longer than the
        /// longest request.
        pub permit_ms: u32 = default_permit_ms(),
        /// Sheds while the upstream fails. Absent: it does not.
        pub health: Option<HealthConfig> = None,
    }
}

settings! {
    /// What differs in a surge.
    #[derive(Debug)]
    pub struct SurgeConfig {
        /// Reserves in place of those of the same classes in `reserve`, in percent of the limit, 0 to 100. Absent:
        /// 30 for `wager` and 10 for `cashout`, as far as the group has them.
        pub reserve: Option<SortedMap<EndpointClass, u32>> = None,
        /// Classes that are shed before all others, the first one first. `odds` by default.
        pub shed_first: Vec<EndpointClass> = default_shed_first(),
    }
}

settings! {
    /// Requests that wait.
    #[derive(Debug)]
    pub struct QueueConfig {
        /// How many may wait, 0 to 1000; with 24 for each group at most 1024 in all groups, because a module can hold
        /// as many. By default 512, or less where there are several groups. 0: nobody waits.
        pub length: Option<u32> = None,
        /// Classes whose waiting differs from the defaults. `settlement` is unproven settlement.
        pub classes: SortedMap<EndpointClass, ClassQueueConfig> = SortedMap::default(),
        /// One permit in so many goes to the request that has waited the largest part of its longest wait, if that
        /// is more than a quarter of it: 2 to 1000, 8 by default. 0: none does, and what is shed first may starve.
        pub fairness: u32 = default_fairness(),
    }
}

settings! {
    /// The waiting of one class.
    #[derive(Debug)]
    pub struct ClassQueueConfig {
        /// Its longest wait in milliseconds, 10 to 60000: shorter than its clients wait for an answer. By default
        /// 1000 for `content` and `history`, 2000 for unproven `settlement`, 1500 for others.
        pub queue_ms: Option<u32> = None,
        /// How many may wait, 0 to 1000. By default 64 for `content`, `history` and unproven `settlement`, 256 for
        /// `wager`, `round` and `cashout`, 128 for others. Fewer wait where so many could not be served in time.
        pub queue_length: Option<u32> = None,
    }
}

fn default_permit_ms() -> u32 {
    60_000
}

fn default_fairness() -> u32 {
    8
}

fn default_shed_first() -> Vec<EndpointClass> {
    vec![EndpointClass::Odds]
}

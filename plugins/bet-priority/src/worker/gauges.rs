//! Gauges that all workers of a gateway share: each worker adds what changed since it last did.

use policy_kit::Host;

use crate::names::NAME;

/// One worker's part in a gauge.
#[derive(Debug)]
pub(crate) struct Part {
    name: String,
    reported: i64,
}

impl Part {
    /// Of the gauge `pitboss.bet-priority.<what>.<label>`; the label may be empty.
    pub(crate) fn new(what: &str, label: &str) -> Self {
        let mut name = ["pitboss.", NAME, ".", what].concat();
        if !label.is_empty() {
            name.push('.');
            name.push_str(label);
        }
        Self { name, reported: 0 }
    }

    /// Reports the value that this worker has now. What it takes off it has added before, so the sum never falls
    /// below zero, where Envoy (1.40) wraps.
    pub(crate) fn report(&mut self, host: &mut dyn Host, value: u64) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        if value != self.reported {
            host.adjust(&self.name, value - self.reported);
            self.reported = value;
        }
    }
}

/// The gauges of one group.
#[derive(Debug)]
pub(crate) struct GroupGauges {
    /// Requests in flight.
    pub(crate) in_flight: Part,
    /// Requests that wait.
    pub(crate) queued: Part,
    /// How many may be in flight.
    pub(crate) limit: Part,
}

impl GroupGauges {
    /// The gauges of the group of this name.
    pub(crate) fn new(group: &str) -> Self {
        let part = |what| Part::new(what, &["group=", group].concat());
        Self { in_flight: part("in_flight"), queued: part("queued"), limit: part("limit") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_kit::fake::FakeHost;

    #[test]
    fn workers_add_up() {
        let mut host = FakeHost::default();
        let (mut one, mut other) = (Part::new("queued", "group=g"), Part::new("queued", "group=g"));
        for (mine, others, sum) in [(3, 0, 3), (3, 4, 7), (0, 4, 4), (0, 0, 0)] {
            one.report(&mut host, mine);
            other.report(&mut host, others);
            assert_eq!(host.gauges["pitboss.bet-priority.queued.group=g"], sum);
        }
    }
}

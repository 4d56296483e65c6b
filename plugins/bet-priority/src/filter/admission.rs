//! The queue: a request takes a permit, waits for one, or is shed.

use policy_kit::{Fault, Host, Match, Mode, Step};

use crate::denials::CAPACITY;
use crate::filter::hold::{Hold, Running};
use crate::filter::state::{PriorityFilter, INCONSISTENT};
use crate::policy::compile::Policy;
use crate::queue::admission::{Admission, Arrival, Release};
use crate::worker::tickets::queued;

impl PriorityFilter {
    /// Asks for a permit.
    pub(super) fn admit(
        &mut self,
        policy: &Policy,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
    ) -> Result<Step, Fault> {
        let Some(group) = policy.group_of(endpoint.class) else {
            return self.allow(host, endpoint, "class");
        };
        let now = self.case.arrived;
        let key = self.retry_key(policy);
        let mut worker = self.worker()?;
        let arrival = Arrival {
            class: endpoint.class,
            exempt: self.case.is_exempt(endpoint),
            unproven: self.case.is_unproven_settlement(endpoint),
            retry: key.is_some_and(|key| worker.was_admitted(key, now)),
        };
        let mut admission = worker.arrive(group, arrival, now);
        let mut shed = None;
        if policy.mode == Mode::Shadow {
            // Nothing is held or refused: what would be takes a permit beyond the limit.
            if let Admission::Wait(wait) = admission {
                worker.leave(queued(group, wait));
            }
            if let Admission::Shed(it) = admission {
                shed = Some(it.reason);
            }
            if !matches!(admission, Admission::Admitted(_)) {
                admission = worker.arrive(group, Arrival { exempt: true, ..arrival }, now);
            }
        }
        match admission {
            Admission::Admitted(permit) => {
                worker.remember(key, now);
                drop(worker);
                self.hold = Hold::Running(Running { group, permit });
                if let Some(reason) = shed {
                    let rule = [policy.group_rule(group), " why=", reason.as_str()].concat();
                    self.watch(CAPACITY, rule);
                }
                self.allow(host, endpoint, policy.group_rule(group))
            }
            Admission::Wait(wait) => {
                let ticket = queued(group, wait);
                drop(worker);
                self.hold = Hold::Waiting { ticket, group, class: endpoint.class };
                Ok(Step::Wait(ticket))
            }
            Admission::Shed(shed) => {
                drop(worker);
                self.shed(host, endpoint, shed, policy.group_rule(group))
            }
        }
    }

    /// The ticket is released: with a permit, or without.
    pub(super) fn on_turn(&mut self, policy: &Policy, host: &mut dyn Host) -> Result<Step, Fault> {
        let endpoint = policy.endpoint(&self.case);
        match std::mem::take(&mut self.hold) {
            Hold::Waiting { ticket, group, class } => {
                let key = self.retry_key(policy);
                let endpoint = endpoint.with_class(class);
                let mut worker = self.worker()?;
                let now = worker.now();
                let Some((release, waited)) = worker.outcome(ticket) else {
                    return Err(INCONSISTENT);
                };
                worker.remember(key.filter(|_| matches!(release, Release::Admitted(_))), now);
                drop(worker);
                policy.rules.waited(host, class, waited);
                match release {
                    Release::Admitted(permit) => {
                        self.hold = Hold::Running(Running { group, permit });
                        self.allow(host, &endpoint, policy.group_rule(group))
                    }
                    Release::Shed(shed) => {
                        self.shed(host, &endpoint, shed, policy.group_rule(group))
                    }
                }
            }
            Hold::Delayed { reply, .. } => Ok(Step::Deny(*reply)),
            hold => {
                self.hold = hold;
                Err(INCONSISTENT)
            }
        }
    }

    /// What tells a retry of an admitted request: its caller and its idempotency key.
    fn retry_key(&self, policy: &Policy) -> Option<u64> {
        let headers = self.headers.as_ref()?;
        let key = headers.single(&policy.retry_header).filter(|key| !key.is_empty())?;
        let owner = self.case.player.as_deref().or(self.case.partner.as_deref())?;
        Some(policy.retry_digest(owner, key))
    }
}

//! The embedded store behind the port: it says everything at once, and calls nobody. Players and partners
//! have a part of their own each.

use policy_kit::{CallReply, Host};

use crate::store::{Ask, Asked, Said, Store};
use crate::{Kept, Limits, Op, Part, PerPart, Reply, Scatter, Scope, Settled, Slots, StoreFault};

/// The store.
#[derive(Clone, Debug)]
pub struct Embedded(PerPart<Slots>);

impl Embedded {
    /// A store of its own for each `name` and its limits: two that share both share their keys.
    pub fn new(name: &str, limits: &PerPart<Limits>, scatter: Scatter) -> Self {
        let part =
            |part: Part| Slots::new(&format!("{name}.{}", part.name()), *limits.of(part), scatter);
        Self(PerPart::new(part))
    }

    /// One of its parts.
    pub(crate) fn part(&self, part: Part) -> &Slots {
        self.0.of(part)
    }
}

impl Store for Embedded {
    fn ask(&self, host: &mut dyn Host, scope: &Scope, ask: &Ask, now: u64) -> Asked {
        self.part(scope.part()).ask(host, scope, ask, now)
    }

    fn heard(&self, _: &mut dyn Host, _: &Scope, _: &Ask, _: &CallReply, _: u64) -> Asked {
        Asked::Said(Err(StoreFault::Damaged))
    }
}

impl Store for Slots {
    fn ask(&self, host: &mut dyn Host, scope: &Scope, ask: &Ask, now: u64) -> Asked {
        Asked::Said(self.carry_out(host, scope, ask, now))
    }

    fn heard(&self, _: &mut dyn Host, _: &Scope, _: &Ask, _: &CallReply, _: u64) -> Asked {
        Asked::Said(Err(StoreFault::Damaged))
    }
}

impl Slots {
    fn carry_out(
        &self,
        host: &mut dyn Host,
        scope: &Scope,
        ask: &Ask,
        now: u64,
    ) -> Result<Said, StoreFault> {
        let (reply, way) = self.change(host, scope, now, |host, place| match ask {
            Ask::Claim { fingerprint, deadline, expires } => {
                Op::Claim { fingerprint: *fingerprint, deadline: *deadline, expires: *expires }
            }
            Ask::Read { fingerprint } => Op::Read { fingerprint: *fingerprint },
            Ask::Free { fence } => Op::Free { fence: *fence },
            Ask::Commit { fence, end, expires } => {
                let settled = self.keep(host, place, *fence, end);
                Op::Commit { fence: *fence, settled, expires: *expires }
            }
            Ask::Resolve { fence, end } => {
                let settled = end.as_ref().map(|end| self.keep(host, place, *fence, end));
                Op::Resolve { fence: *fence, settled }
            }
        })?;
        Ok(match reply {
            Reply::Granted(fence) => Said::Granted(fence),
            Reply::InProgress { left, .. } => Said::InProgress { left },
            Reply::Settled(fence, Settled::Completed { status, kept: Kept::Whole(length) }) => {
                let answer = way.and_then(|way| self.answer(host, scope, way, fence, length));
                answer.map_or(Said::NotKept { status }, Said::Answered)
            }
            Reply::Settled(
                _,
                Settled::Completed { status, kept: Kept::Digest(_) } | Settled::Oversize { status },
            ) => Said::NotKept { status },
            Reply::Settled(fence, Settled::Unknown) => Said::Unknown(fence),
            Reply::Mismatch => Said::Mismatch,
            Reply::Absent => Said::Absent,
            Reply::Done => Said::Done,
            Reply::Stale => Said::Stale,
        })
    }
}

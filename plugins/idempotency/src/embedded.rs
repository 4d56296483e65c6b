//! The embedded store behind the port: it says everything at once, and calls nobody.

use policy_kit::{CallReply, Host};

use crate::store::{Ask, Asked, Said, Store};
use crate::{Op, Reply, Scope, Settled, Slots, StoreFault};

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
        let reply = match ask {
            Ask::Claim { fingerprint, deadline, expires } => {
                let (fingerprint, deadline, expires) = (*fingerprint, *deadline, *expires);
                self.apply(host, scope, &Op::Claim { fingerprint, deadline, expires }, now)?
            }
            Ask::Read { fingerprint } => {
                self.apply(host, scope, &Op::Read { fingerprint: *fingerprint }, now)?
            }
            Ask::Free { fence } => self.apply(host, scope, &Op::Free { fence: *fence }, now)?,
            Ask::Commit { fence, end, expires } => {
                let (settled, fence, expires) =
                    (self.keep(host, scope, *fence, end)?, *fence, *expires);
                self.apply(host, scope, &Op::Commit { fence, settled, expires }, now)?
            }
            Ask::Resolve { fence, end, expires } => {
                let settled = match end {
                    Some(end) => Some(self.keep(host, scope, *fence, end)?),
                    None => None,
                };
                let (fence, expires) = (*fence, *expires);
                self.apply(host, scope, &Op::Resolve { fence, settled, expires }, now)?
            }
        };
        Ok(match reply {
            Reply::Granted(fence) => Said::Granted(fence),
            Reply::InProgress { left } => Said::InProgress { left },
            Reply::Settled(_, Settled::Completed { status, digest, kept }) => {
                let answer = kept.and_then(|_| self.answer(host, scope, &digest));
                answer.map_or(Said::NotKept { status }, Said::Answered)
            }
            Reply::Settled(_, Settled::Oversize { status }) => Said::NotKept { status },
            Reply::Settled(fence, Settled::Unknown) => Said::Unknown(fence),
            Reply::Mismatch => Said::Mismatch,
            Reply::Absent => Said::Absent,
            Reply::Done => Said::Done,
            Reply::Stale => Said::Stale,
        })
    }
}

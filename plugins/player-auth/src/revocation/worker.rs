//! The feed as one worker knows it: whose turn it is to poll, what the others have left, and what a
//! poll brought.

use policy_kit::{CallReply, Host, Plugin, SharedCall};

use super::control::Control;
use super::feed::Feed;
use super::page::{read, Page};
use super::table::Table;
use super::{Marks, Status};
use crate::plugin::PlayerAuth;

/// What a worker knows of the feed.
#[derive(Debug, Default)]
pub struct Worker {
    table: Table,
    control: Control,
    /// The generation of the shared table that is part of this one; 0 for none.
    adopted: u64,
    /// Whether this table may hold what the shared one does not.
    unshared: bool,
    /// Whether the poll under way is the one that serves all workers.
    leased: bool,
    /// Whether the table is more than the gateway would share: then each worker polls for itself.
    alone: bool,
}

impl Worker {
    /// What the feed says of a token at `now`, in seconds since the epoch. What is revoked stays so
    /// however old the feed is.
    pub fn status(&self, feed: &Feed, token: &Marks, now: u64) -> Status {
        if self.table.revokes(token) {
            return Status::Revoked;
        }
        self.control.lapse(now, feed.max_stale).map_or(Status::Clear, Status::Unknown)
    }

    /// The question for news, where it is this worker's turn to ask.
    pub fn tick(&mut self, feed: &Feed, host: &mut dyn Host, now: u64) -> Option<SharedCall> {
        let shared = self.look(feed, host, now);
        if !self.control.is_due(now, feed.every, feed.patience()) {
            return None;
        }
        let turn = Control { asked: now, flying: true, ..self.control.clone() };
        self.leased = match shared {
            // Somebody else may have been first.
            Some(version) => match feed.places.tell(host, &turn, version) {
                Some(false) => return None,
                Some(true) => true,
                None => false,
            },
            None => false,
        };
        let flight = feed.question(turn.cursor.as_deref());
        self.control = turn;
        Some(flight)
    }

    /// Takes over what other workers know. Tells the version of it; the outer `None` where this worker
    /// has to go on by itself.
    pub fn look(&mut self, feed: &Feed, host: &mut dyn Host, now: u64) -> Option<Option<u32>> {
        if self.alone {
            return None;
        }
        let (theirs, version) = feed.places.control(host)?;
        let Some(theirs) = theirs else { return Some(version) };
        if theirs.generation != self.adopted {
            let entries = feed.places.table(host, theirs.generation)?;
            self.table.merge(entries, now.saturating_sub(feed.kept), feed.most);
            self.adopted = theirs.generation;
        }
        if !self.control.is_after(&theirs, now) {
            self.control = theirs;
        }
        Some(version)
    }

    /// A poll has ended.
    pub fn landed(&mut self, feed: &Feed, host: &mut dyn Host, reply: &CallReply, now: u64) {
        let before = self.control.clone();
        self.control.flying = false;
        let (grown, result) = self.take(feed, host, reply, now);
        let name = PlayerAuth::NAME;
        host.count(&format!("pitboss.{name}.revocations.result={result}"));
        if self.control.overflown && !before.overflown {
            let most = feed.most;
            let line =
                format!("{name}: there are more than {most} revocations, the feed is ignored");
            host.log(log::Level::Error, &line);
        }
        self.unshared |= grown;
        if std::mem::take(&mut self.leased) {
            self.publish(feed, host, &before);
        }
    }

    /// Whether the table has grown, and the poll's result.
    fn take(
        &mut self,
        feed: &Feed,
        host: &mut dyn Host,
        reply: &CallReply,
        now: u64,
    ) -> (bool, &'static str) {
        let control = &mut self.control;
        let failed = match read(reply, &feed.owners) {
            Page::News { cursor, more: true, .. } if control.cursor.as_ref() == Some(&cursor) => {
                "a cursor that does not move".to_owned()
            }
            Page::News { entries, cursor, more } => {
                let merged = self.table.merge(entries, now.saturating_sub(feed.kept), feed.most);
                control.failures = 0;
                if merged.overflown {
                    // Something was left out: only all of it anew can make this good.
                    (control.overflown, control.cursor, control.more) = (true, None, false);
                    return (merged.grown, "overflow");
                }
                control.cursor = Some(cursor);
                control.more = more;
                if !more {
                    (control.loaded, control.overflown) = (control.asked, false);
                }
                return (merged.grown, "ok");
            }
            Page::Gone if control.cursor.is_some() => {
                (control.cursor, control.more) = (None, true);
                "a cursor that is not known any more".to_owned()
            }
            Page::Gone => "status 410".to_owned(),
            Page::Failed(what) => what,
        };
        if control.failures == 0 {
            let line = format!("{}: the feed of revocations: {failed}", PlayerAuth::NAME);
            host.log(log::Level::Warn, &line);
        }
        control.failures = control.failures.saturating_add(1);
        (false, "failed")
    }

    /// Tells the other workers, unless this one was so late that another took its turn.
    fn publish(&mut self, feed: &Feed, host: &mut dyn Host, turn: &Control) {
        let Some((Some(theirs), version)) = feed.places.control(host) else { return };
        if theirs != *turn {
            return;
        }
        if self.unshared {
            self.control.generation = turn.generation.wrapping_add(1);
            if !feed.places.leave(host, &self.table, self.control.generation) {
                self.alone = true;
                let line = "the gateway does not share so many revocations, each worker polls";
                host.log(log::Level::Warn, &format!("{}: {line}", PlayerAuth::NAME));
                return;
            }
            (self.adopted, self.unshared) = (self.control.generation, false);
        }
        feed.places.tell(host, &self.control, version);
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;

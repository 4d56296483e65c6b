//! The revocations as one worker knows them: whether it is its turn to poll, what the other workers have
//! shared, and the pages of its polls.

use policy_kit::{CallReply, Host, SharedCall};

use super::feed::Feed;
use super::mark::{RevocationCheck, TokenMarks};
use super::page::{read, Page};
use super::progress::Progress;
use super::table::Table;
use crate::names::NAME;

/// The revocations that a worker knows.
#[derive(Debug, Default)]
pub struct Revocations {
    table: Table,
    progress: Progress,
    /// The generation of the shared table that was merged into this one; 0 for none.
    adopted: u64,
    /// Whether this table may have revocations that the shared one lacks.
    unshared: bool,
    /// Whether the pending poll serves all workers.
    leased: bool,
    /// Whether the table is too large for the gateway to share: then each worker polls for itself.
    alone: bool,
}

impl Revocations {
    /// Checks a token at `now`, in seconds since the epoch. A revoked token stays revoked however old the
    /// feed is.
    pub fn check(&self, feed: &Feed, token: &TokenMarks, now: u64) -> RevocationCheck {
        if self.table.revokes(token) {
            return RevocationCheck::Revoked;
        }
        let outage = self.progress.outage(now, feed.max_stale);
        outage.map_or(RevocationCheck::Clear, RevocationCheck::Unknown)
    }

    /// The poll of the feed, if one is due and it is this worker's turn.
    pub fn tick(&mut self, feed: &Feed, host: &mut dyn Host, now: u64) -> Option<SharedCall> {
        let shared = self.adopt(feed, host, now);
        if !self.progress.is_due(now, feed.every, feed.timeout()) {
            return None;
        }
        let turn = Progress { polled: now, pending: true, ..self.progress.clone() };
        self.leased = match shared {
            // Another worker may have been first.
            Some(version) => match feed.shared.share_progress(host, &turn, version) {
                Some(false) => return None,
                Some(true) => true,
                None => false,
            },
            None => false,
        };
        let poll = feed.poll(turn.cursor.as_deref());
        self.progress = turn;
        Some(poll)
    }

    /// Adopts what other workers have shared, and returns its version. The outer `None` if this worker has
    /// to poll for itself.
    pub fn adopt(&mut self, feed: &Feed, host: &mut dyn Host, now: u64) -> Option<Option<u32>> {
        if self.alone {
            return None;
        }
        let (shared, version) = feed.shared.progress(host)?;
        let Some(shared) = shared else { return Some(version) };
        if shared.generation != self.adopted {
            let revocations = feed.shared.table(host, shared.generation)?;
            self.table.merge(revocations, now.saturating_sub(feed.kept), feed.most);
            self.adopted = shared.generation;
        }
        if !self.progress.is_after(&shared, now) {
            self.progress = shared;
        }
        Some(version)
    }

    /// Reads the reply to a poll.
    pub fn on_poll(&mut self, feed: &Feed, host: &mut dyn Host, reply: &CallReply, now: u64) {
        let before = self.progress.clone();
        self.progress.pending = false;
        let (grown, result) = self.read_page(feed, host, reply, now);
        host.count(&format!("pitboss.{NAME}.revocations.result={result}"));
        if self.progress.overflown && !before.overflown {
            let most = feed.most;
            let line =
                format!("{NAME}: there are more than {most} revocations, the feed is ignored");
            host.log(log::Level::Error, &line);
        }
        self.unshared |= grown;
        if std::mem::take(&mut self.leased) {
            self.share(feed, host, &before);
        }
    }

    /// Merges a page. Returns whether the table has grown, and the result for the counter.
    fn read_page(
        &mut self,
        feed: &Feed,
        host: &mut dyn Host,
        reply: &CallReply,
        now: u64,
    ) -> (bool, &'static str) {
        let progress = &mut self.progress;
        let failed = match read(reply, &feed.owners) {
            Page::Read { cursor, more: true, .. } if progress.cursor.as_ref() == Some(&cursor) => {
                "a cursor that does not move".to_owned()
            }
            Page::Read { revocations, cursor, more } => {
                let horizon = now.saturating_sub(feed.kept);
                let merged = self.table.merge(revocations, horizon, feed.most);
                progress.failures = 0;
                if merged.overflown {
                    // Revocations were dropped: the whole feed has to be read again.
                    (progress.overflown, progress.cursor, progress.more) = (true, None, false);
                    return (merged.grown, "overflow");
                }
                progress.cursor = Some(cursor);
                progress.more = more;
                if !more {
                    (progress.loaded, progress.overflown) = (progress.polled, false);
                }
                return (merged.grown, "ok");
            }
            Page::Gone if progress.cursor.is_some() => {
                (progress.cursor, progress.more) = (None, true);
                "a cursor that is not known any more".to_owned()
            }
            Page::Gone => "status 410".to_owned(),
            Page::Failed(what) => what,
        };
        if progress.failures == 0 {
            host.log(log::Level::Warn, &format!("{NAME}: the feed of revocations: {failed}"));
        }
        progress.failures = progress.failures.saturating_add(1);
        (false, "failed")
    }

    /// Shares table and progress, unless the poll took so long that another worker has taken its turn.
    fn share(&mut self, feed: &Feed, host: &mut dyn Host, turn: &Progress) {
        let Some((Some(shared), version)) = feed.shared.progress(host) else { return };
        if shared != *turn {
            return;
        }
        if self.unshared {
            self.progress.generation = turn.generation.wrapping_add(1);
            if !feed.shared.share_table(host, &self.table, self.progress.generation) {
                self.alone = true;
                let line = "the gateway does not share so many revocations, each worker polls";
                host.log(log::Level::Warn, &format!("{NAME}: {line}"));
                return;
            }
            (self.adopted, self.unshared) = (self.progress.generation, false);
        }
        feed.shared.share_progress(host, &self.progress, version);
    }
}

#[cfg(test)]
#[path = "revocations_tests.rs"]
mod tests;

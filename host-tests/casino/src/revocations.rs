//! The feed a gateway polls to learn what became invalid before its time.

use serde::Serialize;

use crate::player::PlayerState;
use crate::time::Time;

/// What became invalid.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Revoked {
    /// One session and every token of it.
    Session { sub: String, sid: String, reason: &'static str },
    /// What was known of a player's state.
    Player { sub: String, state: PlayerState, state_version: u64, until: Option<Time> },
}

/// One entry of the feed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Event {
    /// Counted from 1.
    pub(crate) cursor: u64,
    pub(crate) at: Time,
    #[serde(flatten)]
    pub(crate) revoked: Revoked,
}

/// Everything revoked since the start, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Revocations {
    events: Vec<Event>,
}

impl Revocations {
    pub(crate) fn push(&mut self, at: Time, revoked: Revoked) {
        let cursor = self.last() + 1;
        self.events.push(Event { cursor, at, revoked });
    }

    /// The newest cursor; 0 before the first event.
    pub(crate) fn last(&self) -> u64 {
        self.events.len() as u64
    }

    /// At most `limit` events after a cursor.
    pub(crate) fn since(&self, cursor: u64, limit: usize) -> &[Event] {
        let from = usize::try_from(cursor).unwrap_or(usize::MAX).min(self.events.len());
        let rest = self.events.get(from..).unwrap_or_default();
        rest.get(..limit).unwrap_or(rest)
    }
}

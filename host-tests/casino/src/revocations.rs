//! The feed of revocations, which gateways poll.

use serde::Serialize;

use crate::time::Time;

/// The subject of a revocation.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Revoked {
    /// Every token of a session.
    Session {
        #[serde(rename = "session")]
        sid: String,
        reason: &'static str,
    },
    /// Every token of a player that was issued before.
    Player {
        #[serde(rename = "player")]
        id: String,
    },
}

/// One entry of the feed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Event {
    #[serde(flatten)]
    pub(crate) revoked: Revoked,
    /// Seconds since the epoch, with milliseconds: a token of the same second may be older.
    pub(crate) revoked_at: f64,
}

/// Everything revoked since the start, oldest first. Cursors count entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Revocations {
    events: Vec<Event>,
}

impl Revocations {
    pub(crate) fn push(&mut self, at: Time, revoked: Revoked) {
        // Exact for milliseconds.
        let revoked_at = at.millis() as f64 / 1000.0;
        self.events.push(Event { revoked, revoked_at });
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

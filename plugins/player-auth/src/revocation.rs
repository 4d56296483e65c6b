//! Tokens that died before their time: players and sessions that a feed names, each with a time.

use hmac_sha256::Hash;

use crate::identity::Identity;

pub mod config;
pub mod control;
pub mod feed;
pub mod page;
pub mod places;
pub mod table;
pub mod worker;

/// A player or a session, as short as one can be told from all others: the first half of a SHA-256.
pub type Mark = [u8; 16];

/// The mark of a player's id.
pub fn player_mark(id: &str) -> Mark {
    mark("player", id)
}

/// The mark of a session's id.
pub fn session_mark(id: &str) -> Mark {
    mark("session", id)
}

fn mark(kind: &str, id: &str) -> Mark {
    let mut digest = Hash::new();
    digest.update(kind);
    digest.update([0]);
    digest.update(id);
    let mut mark = Mark::default();
    mark.iter_mut().zip(digest.finalize()).for_each(|(to, from)| *to = from);
    mark
}

/// What of a token can be revoked; computed once per token.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    /// Whose it is.
    pub player: Mark,
    /// Of which session, where it says so.
    pub session: Option<Mark>,
    /// When it was issued, in seconds since the epoch; 0 where it does not say so.
    pub issued: u64,
}

impl Marks {
    /// Those of whoever a token speaks of.
    pub fn of(who: &Identity) -> Self {
        Self {
            player: player_mark(&who.player),
            session: who.session.as_deref().map(session_mark),
            issued: who.issued.unwrap_or(0),
        }
    }
}

/// What the feed says of a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Nothing, or there is no feed.
    #[default]
    Clear,
    /// It is revoked.
    Revoked,
    /// Nothing, but the feed is not all there: why.
    Unknown(&'static str),
}

//! Sessions and their tokens.

use std::collections::BTreeMap;

use crate::keys::Alg;
use crate::time::Time;

/// The options of a login.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant {
    pub(crate) alg: Alg,
    /// An opaque token instead of a JWT, for introspection.
    pub(crate) opaque: bool,
    /// Life of an access token in seconds.
    pub(crate) ttl_secs: i64,
}

/// One login.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) sid: String,
    pub(crate) player: String,
    pub(crate) auth_time: Time,
    pub(crate) grant: Grant,
    pub(crate) ended: bool,
    /// The one refresh token that is good now.
    refresh: String,
}

/// An issued access token.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) sid: String,
    pub(crate) iat: Time,
    pub(crate) exp: Time,
}

/// Why a refresh token is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RefreshError {
    /// Never issued, or its session has ended.
    Unknown,
    /// Used before: it may be stolen, so its session ends.
    Reused(String),
}

/// All sessions, by ids that count from 1.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions {
    sessions: BTreeMap<String, Session>,
    refresh: BTreeMap<String, String>,
    issued: BTreeMap<String, Issued>,
    tokens: u64,
}

impl Sessions {
    /// Opens a session.
    pub(crate) fn open(
        &mut self,
        player: &str,
        auth_time: Time,
        grant: Grant,
        refresh: String,
    ) -> Session {
        let sid = format!("s-{}", self.sessions.len() + 1);
        let player = player.to_owned();
        let session =
            Session { sid, player, auth_time, grant, ended: false, refresh: refresh.clone() };
        self.refresh.insert(refresh, session.sid.clone());
        self.sessions.insert(session.sid.clone(), session.clone());
        session
    }

    /// Trades a refresh token for the next one.
    pub(crate) fn refresh(&mut self, token: &str, next: String) -> Result<Session, RefreshError> {
        let sid = self.refresh.get(token).cloned().ok_or(RefreshError::Unknown)?;
        let session = self.sessions.get_mut(&sid).ok_or(RefreshError::Unknown)?;
        if session.ended {
            return Err(RefreshError::Unknown);
        }
        if session.refresh != token {
            return Err(RefreshError::Reused(sid));
        }
        session.refresh.clone_from(&next);
        self.refresh.insert(next, sid);
        Ok(session.clone())
    }

    /// Ends a session; `None` if there is none or it had ended.
    pub(crate) fn end(&mut self, sid: &str) -> Option<Session> {
        let session = self.sessions.get_mut(sid).filter(|session| !session.ended)?;
        session.ended = true;
        Some(session.clone())
    }

    /// The number of the next token.
    pub(crate) fn next_token(&mut self) -> u64 {
        self.tokens += 1;
        self.tokens
    }

    /// Remembers an access token.
    pub(crate) fn remember(&mut self, token: &str, issued: Issued) {
        self.issued.insert(token.to_owned(), issued);
    }

    /// An access token this casino gave out, with its session.
    pub(crate) fn find(&self, token: &str) -> Option<(&Issued, &Session)> {
        let issued = self.issued.get(token)?;
        Some((issued, self.sessions.get(&issued.sid)?))
    }
}

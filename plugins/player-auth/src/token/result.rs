//! The result of checking a token, and what is derived once from a valid one.

use std::cell::OnceCell;
use std::rc::Rc;

use policy_kit::{Denial, SharedCall};

use super::identity::Identity;
use crate::player_state::pam_path::PamPath;
use crate::revocation::mark::TokenMarks;

/// The result of checking a token.
#[derive(Clone, Debug)]
pub enum TokenCheck {
    /// The token is valid.
    Valid(Rc<VerifiedToken>),
    /// The token is refused: the denial, and the evidence for the operator.
    Refused(Denial, &'static str),
    /// The result depends on the reply to this call.
    Pending(SharedCall),
    /// The token could not be checked: the denial, and after how many seconds to retry.
    Unavailable(Denial, u64),
}

/// A valid token.
#[derive(Debug)]
pub struct VerifiedToken {
    token: Box<[u8]>,
    /// The player.
    pub identity: Identity,
    /// When it expires, in seconds since the epoch, the permitted clock skew included.
    pub until: u64,
    /// The permitted clock skew of its issuer, in seconds.
    pub skew: u64,
    marks: OnceCell<TokenMarks>,
    pam_path: OnceCell<Option<String>>,
}

impl VerifiedToken {
    /// A valid token.
    pub fn new(token: &[u8], identity: Identity, until: u64, skew: u64) -> Self {
        let (marks, pam_path) = (OnceCell::new(), OnceCell::new());
        Self { token: token.into(), identity, until, skew, marks, pam_path }
    }

    /// The token as it was sent.
    pub fn bytes(&self) -> &[u8] {
        &self.token
    }

    /// The marks under which it may be revoked.
    pub fn marks(&self) -> &TokenMarks {
        self.marks.get_or_init(|| {
            let Identity { player, brand, issuer, session, issued, .. } = &self.identity;
            let owner = (brand.as_str(), issuer.as_deref());
            TokenMarks::new(owner, player, session.as_deref(), issued.unwrap_or(0))
        })
    }

    /// The path of the PAM's call about the player; `None` if a part of it is unknown.
    pub fn pam_path(&self, path: &PamPath) -> Option<&str> {
        let compute = || {
            let Identity { player, brand, issuer, .. } = &self.identity;
            path.of(player, brand, issuer.as_deref())
        };
        self.pam_path.get_or_init(compute).as_deref()
    }
}

//! The facts of a request that the policy decides by.

use std::net::IpAddr;
use std::rc::Rc;

use policy_kit::{BodyFormat, Classified, Denial};

use crate::player_state::state::PamPlayer;
use crate::revocation::mark::RevocationCheck;
use crate::token::result::TokenCheck;

/// The facts of a request, except for its token and its body.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub(super) classified: Classified,
    /// The brand of the host that the request was sent to.
    pub brand: Option<Rc<str>>,
    /// The client's address, once it was needed.
    pub source: Option<IpAddr>,
    /// The format of the body.
    pub body_format: BodyFormat,
    /// Whether the request asks for another protocol on this connection.
    pub(super) upgrade: bool,
    /// Whether the request is a browser's preflight.
    pub preflight: bool,
    /// Whether the token is revoked.
    pub revocation: RevocationCheck,
    /// The player as the PAM reports them, once it was asked.
    pub pam: Option<PamPlayer>,
}

/// The player's credential of a request.
#[derive(Clone, Debug, Default)]
pub enum Credential {
    /// None.
    #[default]
    Absent,
    /// A token, and the result of its check.
    Token(TokenCheck),
    /// More than one, or one that cannot be read.
    Unreadable(Denial),
}

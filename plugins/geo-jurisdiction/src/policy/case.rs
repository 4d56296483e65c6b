//! One request: its facts, and what the filter knows of it.

use std::net::IpAddr;
use std::rc::Rc;

use policy_kit::{BodyFormat, Classified, Headers};

use crate::location::check::TokenCheck;
use crate::place::located::Located;

/// What the policy reads of a request. Headers as bytes: clients need not send UTF-8.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// All request headers.
    pub headers: &'a Headers,
    /// Address of the connection.
    pub peer: Option<IpAddr>,
    /// Nanoseconds since the epoch; 0 where the policy does not depend on the time.
    pub now: u64,
}

/// A request as its headers describe it, and what the filter learns of it later.
#[derive(Clone, Debug, Default)]
pub struct Case {
    pub(super) classified: Classified,
    /// The brand of its host.
    pub brand: Option<Rc<str>>,
    /// Its place by address.
    pub located: Located,
    /// Whether headers about the client count.
    pub trusted_peer: bool,
    /// How its body is sent.
    pub body_format: BodyFormat,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// Nanoseconds since the epoch, or 0.
    pub now: u64,
    /// Its location token.
    pub location: TokenCheck,
    /// The player, as the filter that authenticates requests reports.
    pub player: Option<Vec<u8>>,
    /// The session, likewise.
    pub session: Option<Vec<u8>>,
    /// Whether that filter reports a partner for this endpoint: authenticated, or claimed until the body is there.
    pub partner: bool,
    /// The kinds of anonymous network that are reported for it.
    pub(super) anonymous: Vec<String>,
}

//! The facts of one request.

use std::net::IpAddr;
use std::rc::Rc;

use policy_kit::{BodyFormat, Classified, EndpointClass, Match};

/// What is known of a request before anything is decided.
#[derive(Clone, Debug, Default)]
pub struct Case {
    pub(crate) classified: Classified,
    pub(crate) body_format: BodyFormat,
    /// The client's address, by the trusted proxies.
    pub(crate) client: Option<IpAddr>,
    pub(crate) brand: Option<Rc<str>>,
    /// The player and the session of a valid token, as an earlier filter reports them.
    pub(crate) player: Option<Vec<u8>>,
    pub(crate) session: Option<Vec<u8>>,
    /// The partner, likewise.
    pub(crate) partner: Option<Vec<u8>>,
    pub(crate) proof: Proof,
    /// When the request arrived, in nanoseconds since the epoch.
    pub(crate) arrived: u64,
    /// The cost factor by the bot score.
    pub(crate) factor: u32,
}

/// What an earlier filter says about a partner's credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Proof {
    /// There is no partner, or nothing is known of its credential.
    #[default]
    Unknown,
    /// The body is still to be checked.
    Claimed,
    /// It is proven by a key or a signature, which anybody could make the gateway check.
    Unproven,
    /// It is proven by a client certificate or the partner's own network.
    Proven,
}

impl Proof {
    /// Reads the fact `pitboss.partner-proof`.
    pub(crate) fn read(fact: &[u8]) -> Self {
        match fact {
            b"certificate" | b"network" => Self::Proven,
            b"claimed" => Self::Claimed,
            b"key" | b"signature" => Self::Unproven,
            _ => Self::Unknown,
        }
    }
}

impl Case {
    /// Whether the request is never limited, held or shed: safer gambling, and settlements of a partner that is
    /// proven before its body.
    pub fn is_exempt(&self, endpoint: &Match<'_>) -> bool {
        if endpoint.needs_body() {
            return false;
        }
        match endpoint.class {
            EndpointClass::SaferGambling => true,
            EndpointClass::Settlement => self.proof == Proof::Proven,
            _ => false,
        }
    }

    /// Whether it is, or may be, a settlement without such a proof. It has a budget of its own.
    pub fn is_unproven_settlement(&self, endpoint: &Match<'_>) -> bool {
        endpoint.may_settle() && self.proof != Proof::Proven
    }
}

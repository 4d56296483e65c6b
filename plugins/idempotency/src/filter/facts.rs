//! What the gateway reports about a request: its headers, its caller, the time, and how the exchange with
//! the upstream ended.

use std::rc::Rc;

use policy_kit::{facts, Classified, Fault, Headers, Host, MapKind, Match, Profile};

use crate::names::{BRAND_HEADER, PARTNER_HEADER, PLAYER_HEADER};
use crate::policy::compiled::Policy;
use crate::policy::identity::Owner;
use crate::policy::outcome::{Attempt, Exchange};

/// The proof of a partner that is still to be checked.
const CLAIMED: &str = "claimed";
/// `response.flags` of requests that were never sent: no healthy upstream, connection failure, overflow of
/// the circuit breaker.
const NOT_CONNECTED: u64 = 0x2 | 0x20 | 0x80;
/// The flag for used-up retries, which is not conclusive by itself.
const RETRIES_USED_UP: u64 = 0x8000;

/// The headers of a request, until it goes on: Envoy does not hand them over in later phases.
#[derive(Debug, Default)]
pub(crate) struct Request {
    headers: Option<Rc<Headers>>,
    classified: Classified,
}

/// Who makes a request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The digest, for the store.
    pub(crate) owner: Owner,
    pub(crate) name: String,
    pub(crate) brand: String,
    pub(crate) is_partner: bool,
}

/// What is known of the caller.
#[derive(Clone, Debug)]
pub(crate) enum CallerCheck {
    /// Neither a player nor a proven partner.
    Unknown,
    /// A caller without a brand: under another brand, and under none, the same key would be another one.
    NoBrand {
        name: String,
        is_partner: bool,
    },
    Known(Caller),
}

impl CallerCheck {
    /// The name of the proven partner.
    pub(crate) fn partner(&self) -> Option<&str> {
        match self {
            Self::NoBrand { name, is_partner: true } => Some(name),
            Self::Known(Caller { name, is_partner: true, .. }) => Some(name),
            _ => None,
        }
    }
}

impl Request {
    pub(crate) fn read(policy: &Policy, headers: Rc<Headers>) -> Self {
        let one = |name| headers.single(name).unwrap_or_default();
        let classified = policy.endpoints.classify(one(":method"), one(":path"));
        Self { headers: Some(headers), classified }
    }

    pub(crate) fn headers(&self) -> &Headers {
        Headers::kept(&self.headers)
    }

    /// The endpoint, as far as the headers show it.
    pub(crate) fn endpoint<'p>(&self, policy: &'p Policy) -> Match<'p> {
        policy.endpoints.found(self.classified)
    }

    pub(crate) fn method(&self) -> &str {
        std::str::from_utf8(self.one(":method")).unwrap_or_default()
    }

    pub(crate) fn target(&self) -> &[u8] {
        self.one(":path")
    }

    /// Whether it is an upgrade, a tunnel or gRPC, and so has no single answer.
    pub(crate) fn is_stream(&self) -> bool {
        let grpc = |kind: &[u8]| {
            kind.get(..16).is_some_and(|kind| kind.eq_ignore_ascii_case(b"application/grpc"))
        };
        self.headers().all("content-type").any(grpc)
            || self.one(":method") == b"CONNECT"
            || self.headers().has("upgrade")
            || self.headers().has(":protocol")
    }

    /// The value of a header that was sent once.
    fn one<'a>(&'a self, name: &'a str) -> &'a [u8] {
        self.headers().single(name).unwrap_or_default()
    }

    /// WasmX: the text of a header that an earlier filter set.
    fn text(&self, name: &str) -> Option<String> {
        String::from_utf8(self.one(name).to_vec()).ok().filter(|text| !text.is_empty())
    }

    /// The caller: the proven partner on an endpoint of partners, the player on any other.
    pub(crate) fn caller(
        &self,
        host: &mut dyn Host,
        profile: Profile,
        endpoint: &Match<'_>,
    ) -> Result<CallerCheck, Fault> {
        let is_partner = endpoint.is_partners();
        let (header, name) = match is_partner {
            true => (PARTNER_HEADER, facts::PARTNER),
            false => (PLAYER_HEADER, facts::PLAYER),
        };
        let unproven = |proof: Option<String>| proof.is_none_or(|proof| proof == CLAIMED);
        let (name, brand) = match profile {
            Profile::Wasmx => (self.text(header), self.text(BRAND_HEADER)),
            Profile::Envoy if is_partner && unproven(fact(host, facts::PARTNER_PROOF)?) => {
                return Ok(CallerCheck::Unknown)
            }
            Profile::Envoy => (fact(host, name)?, fact(host, facts::BRAND)?),
        };
        let kind = if is_partner { "partner" } else { "player" };
        Ok(match (name, brand) {
            (None, _) => CallerCheck::Unknown,
            (Some(name), None) => CallerCheck::NoBrand { name, is_partner },
            (Some(name), Some(brand)) => {
                let owner = Owner::new(&brand, kind, &name);
                CallerCheck::Known(Caller { owner, name, brand, is_partner })
            }
        })
    }
}

/// The time in nanoseconds since the epoch. Zero is a fault: such a claim would expire at once.
pub(crate) fn now(host: &mut dyn Host) -> Result<u64, Fault> {
    let call = "proxy_get_current_time_nanoseconds";
    host.now().and_then(|now| Some(now).filter(|now| *now > 0).ok_or(Fault { call, status: None }))
}

/// A fact, if it is there. An empty one is a fault: the gateway has not looked.
fn fact(host: &mut dyn Host, name: &str) -> Result<Option<String>, Fault> {
    let call = "proxy_get_property";
    let Some(value) = host.fact(name)? else { return Ok(None) };
    let text = String::from_utf8(value).ok().filter(|text| !text.is_empty());
    text.map(Some).ok_or(Fault { call, status: None })
}

/// How the exchange ended, in the answer's header phase or when the stream is over; [`Exchange::Other`] if
/// that cannot be read.
pub(crate) fn exchange(host: &mut dyn Host, profile: Profile) -> Exchange {
    match profile {
        // WasmX does not report whose answer it is. Its own are 5xx, whose outcome is unknown anyway.
        Profile::Wasmx => match status(host) {
            Some(status) => Exchange::Upstream { status, attempt: Attempt::Only },
            None => Exchange::Other,
        },
        Profile::Envoy => exchange_of_envoy(host).unwrap_or(Exchange::Other),
    }
}

fn exchange_of_envoy(host: &mut dyn Host) -> Option<Exchange> {
    let details = host.property(&["response", "code_details"]).ok()?;
    let attempts = number(host, &["upstream", "request_attempt_count"])?;
    let attempt = if attempts == 1 { Attempt::Only } else { Attempt::Later };
    if details.as_deref() == Some(b"via_upstream") {
        return Some(Exchange::Upstream { status: status(host)?, attempt });
    }
    if attempts == 0 {
        // An upstream that was never asked has no address either. One of the two alone may be missing
        // because the gateway failed to report it, and that must not free a key.
        let address = host.property(&["upstream", "address"]).ok()?;
        return address.is_none().then_some(Exchange::Refused);
    }
    let flags = number(host, &["response", "flags"])?;
    let others = flags & !(NOT_CONNECTED | RETRIES_USED_UP);
    let connected = flags & NOT_CONNECTED == 0 || others != 0;
    Some(if connected { Exchange::Other } else { Exchange::NotConnected(attempt) })
}

fn status(host: &mut dyn Host) -> Option<u16> {
    let headers = host.headers(MapKind::Response).ok()?;
    std::str::from_utf8(headers.single(":status")?).ok()?.parse().ok()
}

/// A little-endian number; 0 if there is none.
fn number(host: &mut dyn Host, path: &[&str]) -> Option<u64> {
    match host.property(path).ok()? {
        None => Some(0),
        Some(bytes) => Some(u64::from_le_bytes(bytes.as_slice().try_into().ok()?)),
    }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;

//! What is kept of a request's headers: Envoy does not hand them over in later phases.

use std::rc::Rc;

use policy_kit::{facts, Classified, Fault, Headers, Host, Match, Profile};

use crate::names::{BRAND_HEADER, PARTNER_HEADER, PLAYER_HEADER};
use crate::{Owner, Policy};

/// A partner's proof that is still to come.
const CLAIMED: &str = "claimed";

/// A request, until it goes on.
#[derive(Debug, Default)]
pub(crate) struct Request {
    headers: Option<Rc<Headers>>,
    classified: Classified,
}

/// Who makes a call.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// As a digest, for the store.
    pub(crate) owner: Owner,
    /// By name.
    pub(crate) name: String,
    /// The brand it is with, since names are a brand's.
    pub(crate) brand: String,
    pub(crate) is_partner: bool,
}

/// What is known of who makes a call.
#[derive(Clone, Debug)]
pub(crate) enum Who {
    /// Neither a player nor a proven partner.
    Nobody,
    /// Somebody, at no brand: under another brand, and under none, the same key would be another one.
    Brandless {
        name: String,
        is_partner: bool,
    },
    Known(Caller),
}

impl Who {
    /// The partner that is proven to call.
    pub(crate) fn partner(&self) -> Option<&str> {
        match self {
            Self::Brandless { name, is_partner: true } => Some(name),
            Self::Known(Caller { name, is_partner: true, .. }) => Some(name),
            _ => None,
        }
    }
}

impl Request {
    pub(crate) fn read(policy: &Policy, headers: Rc<Headers>) -> Self {
        let one = |name| headers.single(name).unwrap_or_default();
        let classified = policy.endpoints().classify(one(":method"), one(":path"));
        Self { headers: Some(headers), classified }
    }

    pub(crate) fn headers(&self) -> &Headers {
        Headers::kept(&self.headers)
    }

    /// What kind of call it is, as far as its headers tell.
    pub(crate) fn endpoint<'p>(&self, policy: &'p Policy) -> Match<'p> {
        policy.endpoints().found(self.classified)
    }

    pub(crate) fn method(&self) -> &str {
        std::str::from_utf8(self.one(":method")).unwrap_or_default()
    }

    pub(crate) fn target(&self) -> &[u8] {
        self.one(":path")
    }

    /// Whether it is no request with one answer: an upgrade, a tunnel, or gRPC.
    pub(crate) fn streams(&self) -> bool {
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

    /// WasmX: who calls, by the word of the filter before this one.
    fn told(&self, name: &str) -> Option<String> {
        String::from_utf8(self.one(name).to_vec()).ok().filter(|text| !text.is_empty())
    }

    /// Who makes the call, and at which brand: on an endpoint of partners the partner that is proven,
    /// elsewhere the player.
    pub(crate) fn caller(
        &self,
        host: &mut dyn Host,
        profile: Profile,
        endpoint: &Match<'_>,
    ) -> Result<Who, Fault> {
        let is_partner = endpoint.is_partners();
        let (header, name) = match is_partner {
            true => (PARTNER_HEADER, facts::PARTNER),
            false => (PLAYER_HEADER, facts::PLAYER),
        };
        // Named in the header phase, but nobody has proven it: then it is nobody.
        let claimed = |proof: Option<String>| proof.is_none_or(|proof| proof == CLAIMED);
        let (name, brand) = match profile {
            Profile::Wasmx => (self.told(header), self.told(BRAND_HEADER)),
            Profile::Envoy if is_partner && claimed(fact(host, facts::PARTNER_PROOF)?) => {
                return Ok(Who::Nobody)
            }
            Profile::Envoy => (fact(host, name)?, fact(host, facts::BRAND)?),
        };
        let kind = if is_partner { "partner" } else { "player" };
        Ok(match (name, brand) {
            (None, _) => Who::Nobody,
            (Some(name), None) => Who::Brandless { name, is_partner },
            (Some(name), Some(brand)) => {
                let owner = Owner::new(&brand, kind, &name);
                Who::Known(Caller { owner, name, brand, is_partner })
            }
        })
    }
}

/// The time in nanoseconds since the epoch. A claim that was made at no time would be over at once.
pub(crate) fn now(host: &mut dyn Host) -> Result<u64, Fault> {
    let call = "proxy_get_current_time_nanoseconds";
    host.now().and_then(|now| Some(now).filter(|now| *now > 0).ok_or(Fault { call, status: None }))
}

/// A fact, if it is there. None is empty: a gateway that tells an empty one has not looked.
fn fact(host: &mut dyn Host, name: &str) -> Result<Option<String>, Fault> {
    let call = "proxy_get_property";
    let Some(value) = host.fact(name)? else { return Ok(None) };
    let text = String::from_utf8(value).ok().filter(|text| !text.is_empty());
    text.map(Some).ok_or(Fault { call, status: None })
}

//! What is kept of a request's headers: Envoy does not hand them over in later phases.

use policy_kit::{facts, Details, Fault, Headers, Host, Match, Profile};

use crate::names::{BRAND_HEADER, PARTNER_HEADER, PLAYER_HEADER};
use crate::{Owner, Policy, Sent};

/// A partner's proof that is still to come.
const CLAIMED: &str = "claimed";

/// A request, as far as it has to be known later.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) json: bool,
    /// Whether it is no request with one answer: an upgrade, a tunnel, or gRPC.
    pub(crate) streams: bool,
    /// Values of `accept-encoding`.
    pub(crate) accepts: Vec<Vec<u8>>,
    pub(crate) sent: Sent,
    pub(crate) details: Details,
    /// WasmX: who calls, by the word of the filter before this one.
    told: Told,
}

#[derive(Debug, Default)]
struct Told {
    player: String,
    partner: String,
    brand: String,
}

/// Who makes a call.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// As a digest, for the store.
    pub(crate) owner: Owner,
    /// By name.
    pub(crate) name: String,
    pub(crate) is_partner: bool,
}

impl Request {
    pub(crate) fn read(policy: &Policy, headers: &Headers) -> Self {
        let one = |name: &str| headers.single(name).unwrap_or_default().to_vec();
        let text = |name: &str| String::from_utf8(one(name)).unwrap_or_default();
        let told = match policy.profile() {
            Profile::Envoy => Told::default(),
            Profile::Wasmx => Told {
                player: text(PLAYER_HEADER),
                partner: text(PARTNER_HEADER),
                brand: text(BRAND_HEADER),
            },
        };
        let method = one(":method");
        let grpc = headers
            .all("content-type")
            .any(|t| t.get(..16).is_some_and(|t| t.eq_ignore_ascii_case(b"application/grpc")));
        Self {
            target: one(":path"),
            json: headers.is_json(),
            streams: grpc
                || method == b"CONNECT"
                || headers.has("upgrade")
                || headers.has(":protocol"),
            accepts: headers.all("accept-encoding").map(<[u8]>::to_vec).collect(),
            sent: policy.keep(headers),
            details: Details::read(headers),
            method,
            told,
        }
    }

    /// What kind of call it is, as far as its headers tell.
    pub(crate) fn classify<'p>(&self, policy: &'p Policy) -> Match<'p> {
        policy.endpoints().classify(&self.method, &self.target)
    }

    pub(crate) fn method(&self) -> &str {
        std::str::from_utf8(&self.method).unwrap_or_default()
    }

    /// Who makes the call: on an endpoint of partners the partner that is proven, elsewhere the player.
    /// `None` where nobody is known.
    pub(crate) fn caller(
        &self,
        host: &mut dyn Host,
        profile: Profile,
        endpoint: &Match<'_>,
    ) -> Result<Option<Caller>, Fault> {
        let is_partner = endpoint.is_partners();
        let (name, brand) = match (profile, is_partner) {
            (Profile::Wasmx, true) => (self.told.partner.clone(), self.told.brand.clone()),
            (Profile::Wasmx, false) => (self.told.player.clone(), self.told.brand.clone()),
            (Profile::Envoy, true) => {
                // Named in the header phase, but nobody has proven it: then it is nobody.
                if [Some(CLAIMED), None].contains(&fact(host, facts::PARTNER_PROOF)?.as_deref()) {
                    return Ok(None);
                }
                (known(host, facts::PARTNER)?, known(host, facts::BRAND)?)
            }
            (Profile::Envoy, false) => (known(host, facts::PLAYER)?, known(host, facts::BRAND)?),
        };
        let kind = if is_partner { "partner" } else { "player" };
        let owner = Owner::new(&brand, kind, &name);
        Ok(Some(Caller { owner, name, is_partner }).filter(|caller| !caller.name.is_empty()))
    }
}

/// The time in nanoseconds since the epoch. A claim that was made at no time would be over at once.
pub(crate) fn now(host: &mut dyn Host) -> Result<u64, Fault> {
    let call = "proxy_get_current_time_nanoseconds";
    host.now().and_then(|now| Some(now).filter(|now| *now > 0).ok_or(Fault { call, status: None }))
}

fn known(host: &mut dyn Host, name: &str) -> Result<String, Fault> {
    fact(host, name).map(Option::unwrap_or_default)
}

/// A fact, if it is there. None is empty: a gateway that tells an empty one has not looked, and without
/// its brand a call would be another one.
fn fact(host: &mut dyn Host, name: &str) -> Result<Option<String>, Fault> {
    let call = "proxy_get_property";
    let Some(value) = host.fact(name)? else { return Ok(None) };
    let text = String::from_utf8(value).ok().filter(|text| !text.is_empty());
    text.map(Some).ok_or(Fault { call, status: None })
}

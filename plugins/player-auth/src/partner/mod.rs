//! Partners: who they are, and what proves them. Aggregators, payment providers, kiosks, affiliates.
//!
//! 1. Whatever headers can prove is proven in the header phase. A signature over the body makes a
//!    partner only *claimed* until the body is there.
//! 2. An unknown key, a wrong one and one that has ended get one answer, in one time.
//! 3. What exempts a call from anything is a certificate, or a key or key id from a network of the
//!    partner's ([`Proof`]). Everybody else has a budget per address, and so many bodies held.
//! 4. Two credentials of two partners are nobody's.

pub mod config;

mod certificate;
mod compile;
mod document;
mod forms;
mod moment;
pub mod read;
mod shown;
mod signature;
mod unverified;
mod visit;
mod walk;

use std::net::IpAddr;

use ipnet::IpNet;
use policy_kit::{invalid, ConfigError, EndpointClass, Headers, Host, Match};

use crate::credential::Place;
use certificate::Certificate;
pub use certificate::Presented;
use config::Environment;
use shown::Shown;
use signature::Signature;
pub use unverified::Unverified;
pub use visit::Visit;

/// The partner's name, told to the upstream.
pub const PARTNER_HEADER: &str = "x-partner-id";
/// The name of the partner's quota, told to the upstream.
pub const TIER_HEADER: &str = "x-partner-tier";
/// Shortest secret, in bytes.
const SECRET: usize = 8;

/// All partners of a configuration.
#[derive(Debug)]
pub struct Partners {
    /// By name.
    all: Vec<Partner>,
    environment: Environment,
    /// Longest body that is held for a signature.
    max_body: usize,
    /// Whether certificates matter at all.
    certificates: bool,
}

/// One of them.
#[derive(Debug)]
struct Partner {
    name: String,
    key: Option<Shown>,
    id: Option<Shown>,
    signatures: Vec<Signature>,
    certificate: Option<Certificate>,
    network_only: bool,
    networks: Option<Vec<IpNet>>,
    paths: Vec<String>,
    brands: Option<Vec<String>>,
    classes: Vec<EndpointClass>,
    environment: Environment,
    tier: Option<String>,
    envelope: Option<String>,
    forward_credential: bool,
}

/// How a partner is proven ([`policy_kit::facts::PARTNER_PROOF`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By its client certificate.
    Certificate,
    /// By a key or key id from a network of its own, or by the network alone where that is its means.
    Network,
    /// By a key from anywhere.
    Key,
    /// By a signature over the body.
    Signature,
    /// Not yet.
    Claimed,
}

impl Proof {
    /// As the fact has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Network => "network",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Claimed => "claimed",
        }
    }

    /// Whether it exempts a call from budgets here, and from shedding elsewhere.
    pub const fn exempts(self) -> bool {
        matches!(self, Self::Certificate | Self::Network)
    }
}

/// A call that must be a partner's.
#[derive(Debug)]
pub struct Call<'a> {
    /// Its headers as they came.
    pub headers: &'a Headers,
    /// The endpoint it is for.
    pub endpoint: &'a Match<'a>,
    /// Its path, as it was classified.
    pub path: &'a str,
    /// The brand of its host.
    pub brand: Option<&'a str>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The client's certificate.
    pub certificate: Option<Presented>,
    /// Nanoseconds since the epoch.
    pub now: u64,
}

impl Partners {
    /// The certificate of the connection, if any partner has one.
    ///
    /// # Errors
    /// The gateway did not tell.
    pub fn certificate(&self, host: &mut dyn Host) -> Result<Option<Presented>, policy_kit::Fault> {
        if self.certificates {
            Presented::read(host)
        } else {
            Ok(None)
        }
    }

    /// Headers in which partners' credentials are.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.all.iter().flat_map(Partner::headers)
    }

    /// Whether any partner has a small network where an address is. One that is wider than a site may
    /// be a provider's, where anybody is.
    fn is_home(&self, client: Option<IpAddr>) -> bool {
        let small = |network: &&IpNet| match network {
            IpNet::V4(network) => network.prefix_len() >= 24,
            IpNet::V6(network) => network.prefix_len() >= 48,
        };
        let mut networks = self.all.iter().flat_map(|partner| partner.networks.iter().flatten());
        client.is_some_and(|client| networks.any(|net| small(&net) && net.contains(&client)))
    }

    /// Whether there is a partner of this name.
    pub fn has(&self, name: &str) -> bool {
        self.all.iter().any(|partner| partner.name == name)
    }
}

impl Partner {
    /// Whether an address is in a network of its own.
    fn is_home(&self, client: IpAddr) -> bool {
        self.networks.iter().flatten().any(|network| network.contains(&client))
    }

    /// How the headers alone prove it; `None` where only the body can.
    fn proof(&self) -> Option<Proof> {
        let shown = self.key.is_some() || self.id.is_some();
        if self.certificate.is_some() {
            Some(Proof::Certificate)
        } else if self.networks.is_some() && (self.network_only || shown) {
            Some(Proof::Network)
        } else if self.key.is_some() && self.signatures.is_empty() {
            Some(Proof::Key)
        } else {
            None
        }
    }

    /// Where its API key is, if that is not to go on.
    fn taken(&self) -> Option<&Place> {
        self.key.as_ref().filter(|_| !self.forward_credential).map(Shown::place)
    }

    /// Headers in which its credentials are.
    fn headers(&self) -> impl Iterator<Item = &str> {
        let shown = self.key.iter().chain(&self.id).filter_map(|shown| shown.place().header());
        let signed = self.signatures.iter().flat_map(Signature::own_headers);
        shown.chain(signed).chain(self.signatures.iter().filter_map(Signature::time_header))
    }
}

/// Reads a SHA-256 in hexadecimal digits.
fn digest(text: &str, at: &str) -> Result<[u8; 32], ConfigError> {
    let digest = hex(text.as_bytes()).and_then(|bytes| bytes.try_into().ok());
    digest.ok_or_else(|| invalid(at, "expected a SHA-256 of 64 hexadecimal digits"))
}

/// Bytes in hexadecimal digits of either case.
fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    text.chunks(2).map(pair).collect()
}

#[cfg(test)]
mod refused_tests;
#[cfg(test)]
mod starvation_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod visit_tests;

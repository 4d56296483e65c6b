//! The client's address, behind the operator's own proxies.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};
use policy_wire::{Fault, Headers, Host};
use serde::Deserialize;

use crate::config::check::within;
use crate::config::error::{invalid, ConfigError};

/// The first of the IPv4 addresses mapped into IPv6, `::ffff:0.0.0.0`.
const MAPPED: Ipv6Addr = Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0);

crate::settings! {
    /// Which proxies to trust, as the operator writes it.
    #[derive(Clone, Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct TrustConfig {
        /// Networks of the operator's own proxies. Headers of other peers about the client are ignored.
        pub trusted: Vec<String>,
        /// Most trusted proxies a request passes through, the peer included; 1 to 16.
        #[serde(default = "one")]
        pub hops: usize = one(),
    }
}

fn one() -> usize {
    1
}

/// Which proxies to trust about a client's address.
#[derive(Clone, Debug)]
pub struct Trust {
    networks: Vec<IpNet>,
    hops: usize,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The client's address; `None` where a trusted proxy sent none, or one that cannot be read.
    pub client: Option<IpAddr>,
    /// Whether the peer is a trusted proxy: only then do headers about the client count.
    pub trusted_peer: bool,
}

impl Trust {
    /// Compiles the configuration at path `at`.
    ///
    /// # Errors
    /// An invalid network, one of all addresses, or a number of hops out of bounds.
    #[inline]
    pub fn compile(raw: &TrustConfig, at: &str) -> Result<Self, ConfigError> {
        let mut networks = Vec::with_capacity(raw.trusted.len());
        for (i, text) in raw.trusted.iter().enumerate() {
            let field = format!("{at}.trusted[{i}]");
            let network = network(text, &field)?;
            if network.prefix_len() == 0 {
                return Err(invalid(field, "would trust every peer"));
            }
            networks.push(network);
        }
        within(raw.hops as u64, (1, 16), || format!("{at}.hops"))?;
        Ok(Self { networks, hops: raw.hops })
    }

    /// Finds the client by walking `X-Forwarded-For` from the right: each trusted proxy's entry is
    /// believed, the first address that is not a trusted proxy is the client.
    ///
    /// `peer` is the address of the connection. Envoy appends it to the header by itself, WasmX does
    /// not; an equal last entry is therefore the same hop.
    pub fn origin(&self, peer: Option<IpAddr>, headers: &Headers) -> Origin {
        let Some(peer) = peer else { return Origin { client: None, trusted_peer: false } };
        if !self.trusts(peer) {
            return Origin { client: Some(peer), trusted_peer: false };
        }
        let lines: Vec<&[u8]> = headers.all("x-forwarded-for").collect();
        let mut entries = lines.iter().rev().flat_map(|line| line.rsplit(|b| *b == b','));
        let mut entries = entries.by_ref().peekable();
        entries.next_if(|entry| address(entry) == Some(peer));
        let mut client = None;
        for _ in 0..self.hops {
            // An entry of a trusted proxy is believed or broken; there is no fallback for a broken one.
            client = entries.next().and_then(address);
            match client {
                Some(address) if self.trusts(address) => {}
                _ => break,
            }
        }
        Origin { client, trusted_peer: true }
    }

    /// Whether no proxy is trusted.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }
}

/// A network, or an address for one of its own.
fn written(text: &str) -> Option<IpNet> {
    let Some((address, length)) = text.split_once('/') else {
        return text.parse::<IpAddr>().ok().map(IpNet::from);
    };
    let digits = (1..=3).contains(&length.len()) && length.bytes().all(|b| b.is_ascii_digit());
    let length = length.parse().ok().filter(|_| digits)?;
    IpNet::new(address.parse().ok()?, length).ok()
}

/// Reads a network, `10.0.0.0/8` or a single address. The host bits must be zero, so that a typing error is not
/// taken for a wider network.
///
/// A network of IPv4 addresses mapped into IPv6 is read as the IPv4 network, since [`address`] reads
/// such addresses as IPv4: as written it would match no client. A network that holds the mapped addresses
/// among others belongs to no single family, and is refused.
///
/// # Errors
/// Names `at`.
pub fn network(text: &str, at: &str) -> Result<IpNet, ConfigError> {
    let network = written(text)
        .filter(|n| n.addr() == n.network())
        .ok_or_else(|| invalid(at, "expected a network without host bits, such as `10.0.0.0/8`"))?;
    let IpNet::V6(wide) = network else { return Ok(network) };
    let v4 = wide.addr().to_ipv4_mapped().zip(wide.prefix_len().checked_sub(96));
    match v4.and_then(|(address, length)| Ipv4Net::new(address, length).ok()) {
        Some(mapped) => Ok(IpNet::V4(mapped)),
        None if wide.contains(&MAPPED) => {
            let problem = "holds ::ffff:0:0/96, the IPv4 addresses mapped into IPv6, and more: \
                           write the IPv4 and the IPv6 networks apart (`2000::/3` is all of IPv6 \
                           that is routed)";
            Err(invalid(at, problem))
        }
        None => Ok(network),
    }
}

/// The address of the connection; `None` where the gateway has none, or one that cannot be read.
///
/// # Errors
/// As [`Host::property`].
pub fn peer(host: &mut dyn Host) -> Result<Option<IpAddr>, Fault> {
    Ok(host.property(&["source", "address"])?.as_deref().and_then(address))
}

/// Reads an address as proxies write it: with a port, in brackets, with a zone, IPv4 mapped into
/// IPv6. `None` for anything else.
pub fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    // The form of nearly all of them.
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Some(IpAddr::V4(address));
    }
    let text = text.trim_matches([' ', '\t']);
    let plain = |text: &str| -> Option<IpAddr> {
        // A zone is the sender's name for its own link.
        let text = match text.split_once('%') {
            Some((address, zone)) if address.contains(':') && !zone.is_empty() => address,
            Some(_) => return None,
            None => text,
        };
        text.parse::<IpAddr>().ok()
    };
    let found = match text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        Some((inner, port)) => {
            let port_fits = port.is_empty() || is_port(port.strip_prefix(':')?);
            plain(inner).filter(|a| a.is_ipv6() && port_fits)
        }
        None => plain(text).or_else(|| match text.parse::<SocketAddr>() {
            Ok(SocketAddr::V4(socket)) => Some(IpAddr::V4(*socket.ip())),
            _ => None,
        }),
    };
    found.map(|address| address.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;

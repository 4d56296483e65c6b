//! Addresses: equality, family and neighbourhood are kept.
use super::pseudonym::Key;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The networks of 198.18.0.0/15 assigned so far.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    given: BTreeMap<[u8; 3], u16>,
}

impl Addresses {
    /// The pseudonym of an address. Private addresses stay.
    pub(super) fn map(&mut self, key: &Key, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(it) if it.is_private() || it.is_loopback() || it.is_link_local() => address,
            IpAddr::V4(it) if it.is_unspecified() || it.is_broadcast() => address,
            IpAddr::V6(it) if it.is_loopback() || it.is_unspecified() => address,
            IpAddr::V6(it) if it.is_unique_local() || it.is_unicast_link_local() => address,
            IpAddr::V4(it) => IpAddr::V4(self.v4(key, it)),
            IpAddr::V6(it) => IpAddr::V6(v6(key, it)),
        }
    }

    /// A /24 becomes one of the 512 of 198.18.0.0/15; beyond these, two may share one.
    fn v4(&mut self, key: &Key, address: Ipv4Addr) -> Ipv4Addr {
        let [a, b, c, d] = address.octets();
        let network = [a, b, c];
        let mac = key.mac(&network);
        let byte = |at: usize| mac.get(at).copied().unwrap_or_default();
        let first = u16::from_be_bytes([byte(0) & 1, byte(1)]);
        let slot = self.given.get(&network).copied().unwrap_or_else(|| {
            let free = |slot: &u16| !self.given.values().any(|it| it == slot);
            (0..512).map(|step| (first + step) % 512).find(free).unwrap_or(first)
        });
        self.given.insert(network, slot);
        let [high, low] = slot.to_be_bytes();
        Ipv4Addr::new(198, 18 + high, low, d ^ byte(2))
    }
}

fn v6(key: &Key, address: Ipv6Addr) -> Ipv6Addr {
    let octets = address.octets();
    let part = |length: usize| key.mac(octets.get(..length).unwrap_or_default());
    let (site, network, whole) = (part(6), part(8), part(16));
    let pair = |mac: &[u8], at: usize| {
        let byte = |at: usize| mac.get(at).copied().unwrap_or_default();
        u16::from_be_bytes([byte(at), byte(at + 1)])
    };
    Ipv6Addr::new(
        0x2001,
        0xdb8,
        pair(&site, 0),
        pair(&network, 0),
        pair(&whole, 0),
        pair(&whole, 2),
        pair(&whole, 4),
        pair(&whole, 6),
    )
}

//! This machine's own address: what Envoy writes into X-Forwarded-For for a client on the loopback address.
use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;

/// The first IPv4 address of this machine's interfaces, in the system's order, that is not 127.0.0.1;
/// 127.0.0.1 where there is none (Envoy's `Network::Utility::getLocalAddress`). An alias on the loopback
/// interface counts, and so does an interface that no route leads to.
pub fn own_address() -> Ipv4Addr {
    static OWN: OnceLock<Ipv4Addr> = OnceLock::new();
    *OWN.get_or_init(|| {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let addresses = interfaces.iter().filter_map(|it| match it.ip() {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        });
        first(addresses)
    })
}

fn first(mut addresses: impl Iterator<Item = Ipv4Addr>) -> Ipv4Addr {
    addresses.find(|it| *it != Ipv4Addr::LOCALHOST).unwrap_or(Ipv4Addr::LOCALHOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_address_other_than_127_0_0_1_is_used() {
        for (addresses, own) in [
            (&[][..], [127, 0, 0, 1]),
            (&[[127, 0, 0, 1]], [127, 0, 0, 1]),
            (&[[127, 0, 0, 1], [10, 9, 9, 9], [192, 0, 2, 2]], [10, 9, 9, 9]),
            (&[[127, 0, 0, 1], [127, 0, 0, 2], [192, 0, 2, 2]], [127, 0, 0, 2]),
        ] {
            assert_eq!(first(addresses.iter().copied().map(Ipv4Addr::from)), Ipv4Addr::from(own));
        }
    }

    #[test]
    fn the_address_is_stable() {
        assert_eq!(own_address(), own_address());
        assert!(std::net::UdpSocket::bind((own_address(), 0)).is_ok());
    }
}

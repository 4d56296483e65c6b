//! Sources: a client as far as its address tells it from others, and the networks around it.

use std::net::IpAddr;

/// Prefix lengths (IPv6, IPv4) of the networks that count as one source, the narrowest first: a customer has at
/// least a /64 of IPv6, most have a /56, a site a /48, a provider a /32.
pub(crate) const WIDTHS: [(u32, u32); 4] = [(64, 32), (56, 24), (48, 24), (32, 16)];
/// Index in [`WIDTHS`] of the network of one site.
pub(crate) const SITE: usize = 2;

/// A source: an IPv4 address or an IPv6 /64, or a wider network that stands for all of its sources. All clients
/// of unknown address are one source. One number, so that tables of sources need no code of their own: the
/// family is in the lowest bits, where no assigned IPv6 network has any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Source(pub(crate) u64);

impl Source {
    /// The source that an address belongs to.
    pub fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => Self::v4(u64::from(u32::from(address))),
            Some(IpAddr::V6(address)) => {
                Self::v6(u64::try_from(u128::from(address) >> 64).unwrap_or(0))
            }
            None => Self::default(),
        }
    }

    const fn v4(address: u64) -> Self {
        Self(address << 2 | 1)
    }

    const fn v6(network: u64) -> Self {
        Self(network.rotate_left(2) ^ 2)
    }

    /// Whether the address is known.
    pub fn is_known(self) -> bool {
        self != Self::default()
    }

    /// A number for each source, for keys of tables.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The network around it, by its index in [`WIDTHS`].
    pub(crate) fn within(self, width: usize) -> Self {
        let Some((v6, v4)) = WIDTHS.get(width) else { return self };
        if self.0 & 3 == 1 && self.0 >> 34 == 0 {
            return Self::v4(self.0 >> 2 & u64::MAX << (32 - v4));
        }
        Self::v6((self.0 ^ 2).rotate_right(2) & u64::MAX << (64 - v6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_have_networks_around_them() {
        let of = |text: &str| Source::of(text.parse().ok());
        // Two addresses, and how many of the four widths it takes until one network holds both.
        for (one, other, apart) in [
            ("2001:db8::1", "2001:db8::2", 0),
            ("2001:db8::1", "2001:db8:0:1::1", 1),
            ("2001:db8::1", "2001:db8:0:100::1", 2),
            ("2001:db8::1", "2001:db8:1::1", 3),
            ("2001:db8::1", "2001:db9::1", 4),
            ("fd00::1", "fd00::2", 0),
            ("fd00::1", "fd00:0:0:1::1", 1),
            ("192.0.2.1", "::ffff:192.0.2.1", 0),
            ("192.0.2.1", "192.0.2.2", 1),
            ("192.0.2.1", "192.0.3.1", 3),
            ("255.0.0.1", "254.0.0.1", 4),
            ("0.0.0.0", "::", 4),
            ("no address", "0.0.0.0", 4),
            ("no address", "::", 4),
            ("no address", "none either", 0),
        ] {
            let same = |width: &usize| of(one).within(*width) == of(other).within(*width);
            let found = (0..WIDTHS.len()).find(same).unwrap_or(WIDTHS.len());
            assert_eq!(found, apart, "{one} {other}");
        }
        assert_eq!(
            [of("::").is_known(), of("0.0.0.0").is_known(), of("x").is_known()],
            [true, true, false]
        );
    }
}

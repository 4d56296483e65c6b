//! Networks and the places they are in; the longest prefix wins.

use std::collections::BTreeMap;
use std::net::IpAddr;

use policy_kit::{invalid, network, ConfigError};

use crate::place::Place;

/// A table of networks, 40 bytes an entry at the most.
#[derive(Debug, Default)]
pub struct Table {
    places: Vec<Place>,
    /// For each family and prefix length, longest first: network address and index into `places`,
    /// sorted by address.
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    v6: bool,
    length: u8,
    networks: Vec<(u128, u32)>,
}

impl Table {
    /// Compiles the configuration's `place.table`.
    ///
    /// # Errors
    /// An empty table, a place or network that is none, a network given to two places.
    pub fn compile(raw: &BTreeMap<String, Vec<String>>) -> Result<Self, ConfigError> {
        if raw.is_empty() {
            return Err(invalid("place.table", "must name at least one place"));
        }
        let mut places = Vec::with_capacity(raw.len());
        let mut levels: BTreeMap<(u8, bool), BTreeMap<u128, u32>> = BTreeMap::new();
        for (position, (code, networks)) in raw.iter().enumerate() {
            let place = Place::parse(code.as_bytes()).ok_or_else(|| {
                let at = format!("place.table (entry {} in alphabetical order)", position + 1);
                invalid(at, "expected an assigned ISO 3166 code such as `MT` or `US-NJ`")
            })?;
            for (i, text) in networks.iter().enumerate() {
                let at = format!("place.table.{}[{i}]", place.as_str());
                let network = network(text, &at)?;
                let (bits, v6) = bits(network.addr());
                let level = levels.entry((network.prefix_len(), v6)).or_default();
                let index = u32::try_from(position).unwrap_or(u32::MAX);
                if level.insert(bits, index).is_some() {
                    return Err(invalid(at, "is given twice"));
                }
            }
            places.push(place);
        }
        let levels = levels.into_iter().rev().map(|((length, v6), networks)| Level {
            v6,
            length,
            networks: networks.into_iter().collect(),
        });
        Ok(Self { places, levels: levels.collect() })
    }

    /// The place of an address.
    pub fn place(&self, address: IpAddr) -> Option<&Place> {
        let (bits, v6) = bits(address);
        let width = if v6 { 128 } else { 32 };
        self.levels.iter().filter(|level| level.v6 == v6).find_map(|level| {
            let host_bits = u32::from(width - level.length.min(width));
            let masked = bits.checked_shr(host_bits).unwrap_or(0).checked_shl(host_bits);
            let masked = masked.unwrap_or(0);
            let at = level.networks.binary_search_by_key(&masked, |(network, _)| *network).ok()?;
            let (_, index) = level.networks.get(at)?;
            self.places.get(usize::try_from(*index).ok()?)
        })
    }
}

fn bits(address: IpAddr) -> (u128, bool) {
    match address.to_canonical() {
        IpAddr::V4(address) => (u128::from(address.to_bits()), false),
        IpAddr::V6(address) => (address.to_bits(), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipnet::IpNet;
    use proptest::prelude::*;

    fn table(json: &str) -> Result<Table, ConfigError> {
        policy_kit::parse::<BTreeMap<String, Vec<String>>>(json.as_bytes())
            .and_then(|raw| Table::compile(&raw))
    }

    #[test]
    fn the_longest_prefix_wins() {
        let table = table(
            r#"{"US": ["198.51.0.0/16", "2001:db8::/32"],
                "US-NJ": ["198.51.100.0/24", "2001:db8:1::/48"],
                "MT": ["198.51.100.7", "0.0.0.0/0"], "SE": ["::/96", "2000::/3"]}"#,
        )
        .unwrap();
        for (address, want) in [
            ("198.51.1.1", "US"),
            ("198.51.100.1", "US-NJ"),
            ("198.51.100.7", "MT"),
            ("203.0.113.1", "MT"),
            ("::ffff:198.51.1.1", "US"),
            ("2001:db8::1", "US"),
            ("2001:db8:1::1", "US-NJ"),
            ("::1", "SE"),
            ("2a00::1", "SE"),
        ] {
            let got = table.place(address.parse().unwrap()).map(Place::as_str);
            assert_eq!(got, Some(want), "{address}");
        }
        let table = super::tests::table(r#"{"MT": ["203.0.113.0/24"]}"#).unwrap();
        assert_eq!(table.place("198.51.100.1".parse().unwrap()), None);
        assert_eq!(table.place("::cb00:7100".parse().unwrap()), None, "families are apart");
    }

    #[test]
    fn a_mapped_network_is_the_v4_network() {
        let table = table(
            r#"{"MT": ["::ffff:203.0.113.0/120"], "SE": ["203.0.113.7"],
                "GB": ["::ffff:198.51.100.1"]}"#,
        )
        .unwrap();
        for (address, want) in [
            ("203.0.113.0", Some("MT")),
            ("::ffff:203.0.113.255", Some("MT")),
            ("203.0.113.7", Some("SE")),
            ("::ffff:203.0.113.7", Some("SE")),
            ("198.51.100.1", Some("GB")),
            ("198.51.100.2", None),
        ] {
            let got = table.place(address.parse().unwrap()).map(Place::as_str);
            assert_eq!(got, want, "{address}");
        }
    }

    #[test]
    fn refused_tables() {
        for (json, field) in [
            ("{}", "place.table"),
            (r#"{"UK": ["10.0.0.0/8"]}"#, "place.table (entry 1 in alphabetical order)"),
            (r#"{"MT": ["10.0.0.1/8"]}"#, "place.table.MT[0]"),
            (r#"{"GB": ["10.0.0.0/8"], "MT": ["10.0.0.0/8"]}"#, "place.table.MT[0]"),
            (r#"{"GB": ["10.0.0.0/8"], "MT": ["::ffff:10.0.0.0/104"]}"#, "place.table.MT[0]"),
            (r#"{"MT": ["203.0.113.0/24", "::/0"]}"#, "place.table.MT[1]"),
            (r#"{"MT": ["::/64"]}"#, "place.table.MT[0]"),
        ] {
            assert_eq!(table(json).map(|_| ()).unwrap_err().field, field, "{json}");
        }
    }

    #[test]
    fn ten_thousand_networks_fit_in_a_megabyte() {
        let mut raw: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for n in 0..10_000u32 {
            let code = ["MT", "GB", "SE", "US-NJ"][(n % 4) as usize];
            let v4 = std::net::Ipv4Addr::from_bits((n << 14) | (n << 8 & 0x3f00));
            let v6 = format!("2001:{:x}:{:x}::/48", n / 100 + 1, n % 100);
            let text = if n % 2 == 0 { format!("{v4}/24") } else { v6 };
            raw.entry(code.to_owned()).or_default().push(text);
        }
        let document = serde_json::to_string(&raw).unwrap();
        assert!(document.len() < 1_000_000, "{} bytes as written", document.len());
        let table = Table::compile(&raw).unwrap();
        let entries: usize = table.levels.iter().map(|l| l.networks.capacity()).sum();
        assert_eq!(table.levels.iter().map(|l| l.networks.len()).sum::<usize>(), 10_000);
        let bytes = entries * std::mem::size_of::<(u128, u32)>();
        assert!(bytes < 1_000_000, "{bytes} bytes in memory");
    }

    proptest! {
        #[test]
        fn lookups_agree_with_a_naive_search(
            nets in prop::collection::btree_map((any::<u32>(), 0u8..=32), (0usize..4, any::<bool>()), 0..40),
            nets6 in prop::collection::btree_map((any::<u128>(), 0u8..=128), 0usize..4, 0..40),
            probes in prop::collection::vec((any::<u32>(), any::<bool>()), 20),
            probes6 in prop::collection::vec(any::<u128>(), 5),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 5),
        ) {
            let codes = ["MT", "GB", "SE", "US-NJ"];
            let v4 = nets.iter().map(|((bits, len), (code, mapped))| {
                let net = IpNet::new(IpAddr::V4((*bits).into()), *len).unwrap().trunc();
                let text = match net.addr() {
                    IpAddr::V4(a) if *mapped => format!("::ffff:{a}/{}", len + 96),
                    _ => net.to_string(),
                };
                (net, (codes[*code], text))
            });
            let v6 = nets6.iter().map(|((bits, len), code)| {
                let net = IpNet::new(IpAddr::V6((*bits).into()), *len).unwrap().trunc();
                (net, (codes[*code], net.to_string()))
            });
            // Those that hold IPv4 and more are refused, see the table above.
            let mapped: IpAddr = "::ffff:0:0".parse().unwrap();
            let all: BTreeMap<IpNet, _> = v4.chain(v6.filter(|(n, _)| !n.contains(&mapped))).collect();
            prop_assume!(!all.is_empty());
            let mut raw: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (code, text) in all.values() {
                raw.entry((*code).to_owned()).or_default().push(text.clone());
            }
            let table = Table::compile(&raw).unwrap();
            let near = picks.iter().map(|pick| all.keys().nth(pick.index(all.len())).unwrap().broadcast());
            let v4 = probes.iter().map(|(bits, mapped)| match std::net::Ipv4Addr::from_bits(*bits) {
                address if *mapped => IpAddr::V6(address.to_ipv6_mapped()),
                address => IpAddr::V4(address),
            });
            let v6 = probes6.iter().map(|bits| IpAddr::V6((*bits).into()));
            for address in v4.chain(v6).chain(near) {
                let hits = all.iter().filter(|(net, _)| net.contains(&address.to_canonical()));
                let want = hits.max_by_key(|(net, _)| net.prefix_len()).map(|(_, (code, _))| *code);
                prop_assert_eq!(table.place(address).map(Place::as_str), want, "{}", address);
            }
        }
    }
}

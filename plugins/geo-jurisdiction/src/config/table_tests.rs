//! The table, and against a naive search.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn table(json: &str) -> Result<Table, ConfigError> {
    policy_kit::parse::<TableConfig>(json.as_bytes()).and_then(Table::compile)
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
    let table = self::table(r#"{"MT": ["203.0.113.0/24"]}"#).unwrap();
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
fn rejects_invalid_tables() {
    for (json, field) in [
        ("{}", "place.table"),
        (r#"{"UK": ["10.0.0.0/8"]}"#, "place.table (entry 1)"),
        (r#"{"MT": [], "UK": 7}"#, "place.table (entry 2)"),
        (r#"{"MT": ["10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8"]}"#, "place.table.MT[2]"),
        (r#"{"MT": ["10.0.0.0/8", "secret"], "GB": []}"#, "place.table.MT[1]"),
        (r#"{"MT": ["10.0.0.1/8"]}"#, "place.table.MT[0]"),
        (r#"{"GB": ["10.0.0.0/8"], "MT": ["10.0.0.0/8"]}"#, "place.table.MT[0]"),
        (r#"{"GB": ["10.0.0.0/8"], "MT": ["::ffff:10.0.0.0/104"]}"#, "place.table.MT[0]"),
        (r#"{"MT": ["203.0.113.0/24", "::/0"]}"#, "place.table.MT[1]"),
        (r#"{"MT": ["::/64"]}"#, "place.table.MT[0]"),
    ] {
        let error = table(json).map(|_| ()).unwrap_err();
        assert_eq!(error.field, field, "{json}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

/// Tables of the wrong type: the error has the path, from the field that holds the table.
#[test]
fn rejects_mistyped_tables() {
    for (json, field) in [
        (r#"{"MT": ["10.0.0.0/8", 7]}"#, "MT[1]"),
        (r#"{"MT": "10.0.0.0/8"}"#, "MT"),
        (r#"["10.0.0.0/8"]"#, "$"),
    ] {
        let error = table(json).map(|_| ()).unwrap_err();
        assert_eq!(error.field, field, "{json}: {error}");
    }
}

#[test]
fn rows_are_small() {
    assert!(size_of::<Row<[u8; 4]>>() <= 12);
    assert!(size_of::<Row<[u8; 16]>>() <= 24);
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
        let table = table(&serde_json::to_string(&raw).unwrap()).unwrap();
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

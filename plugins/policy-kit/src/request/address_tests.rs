//! Addresses and the walk, as tables and against a naive model.

use super::*;
use crate::fake::FakeHost;
use proptest::prelude::*;

#[test]
fn addresses_as_proxies_write_them() {
    for (text, want) in [
        ("203.0.113.7", Some("203.0.113.7")),
        (" 203.0.113.7\t", Some("203.0.113.7")),
        ("203.0.113.7:49152", Some("203.0.113.7")),
        ("2001:db8::1", Some("2001:db8::1")),
        ("[2001:db8::1]", Some("2001:db8::1")),
        ("[2001:db8::1]:443", Some("2001:db8::1")),
        ("fe80::1%eth0", Some("fe80::1")),
        ("[fe80::1%25eth0]:443", Some("fe80::1")),
        ("::ffff:203.0.113.7", Some("203.0.113.7")),
        ("[::ffff:cb00:7107]:80", Some("203.0.113.7")),
        ("", None),
        ("unknown", None),
        ("_hidden", None),
        ("203.0.113", None),
        ("203.0.113.7.8", None),
        ("203.0.113.07", None),
        ("203.0.113.7:", None),
        ("203.0.113.7:99999", None),
        ("203.0.113.7%eth0", None),
        ("[203.0.113.7]", None),
        ("[2001:db8::1", None),
        ("[2001:db8::1]x", None),
        ("[2001:db8::1]:", None),
        ("[2001:db8::1]:+80", None),
        ("fe80::1%", None),
        ("203.0.113.7 203.0.113.8", None),
    ] {
        let got = address(text.as_bytes()).map(|a| a.to_string());
        assert_eq!(got.as_deref(), want, "{text:?}");
    }
}

const OURS: [&str; 3] = ["10.0.0.0/8", "fd00::/8", "192.0.2.1"];

fn trust(networks: &[&str], hops: usize) -> Trust {
    let trusted = networks.iter().map(|&n| n.to_owned()).collect();
    Trust::compile(&TrustConfig { trusted, hops }, "address").unwrap()
}

fn forwarded(lines: &[&str]) -> Headers {
    Headers::from_pairs(lines.iter().map(|l| (&b"x-forwarded-for"[..], l.as_bytes())))
}

#[test]
fn the_client_is_found_from_the_right() {
    type Case<'a> = (&'a str, &'a [&'a str], usize, Option<&'a str>, bool);
    let cases: &[Case<'_>] = &[
        // An untrusted peer is the client, whatever its headers hold.
        ("203.0.113.7", &[], 3, Some("203.0.113.7"), false),
        ("203.0.113.7", &["198.51.100.1"], 3, Some("203.0.113.7"), false),
        ("203.0.113.7", &["10.0.0.1"], 3, Some("203.0.113.7"), false),
        // A trusted one reports the client; entries left of it are the client's own.
        ("10.0.0.1", &["198.51.100.1"], 1, Some("198.51.100.1"), true),
        ("10.0.0.1", &["1.1.1.1, 198.51.100.1"], 3, Some("198.51.100.1"), true),
        ("10.0.0.1", &["1.1.1.1", "198.51.100.1"], 3, Some("198.51.100.1"), true),
        // Envoy appends the peer by itself.
        ("10.0.0.1", &["198.51.100.1,10.0.0.1"], 1, Some("198.51.100.1"), true),
        // Two proxies of ours, and a limit on how many are believed.
        ("10.0.0.1", &["198.51.100.1, 10.0.0.2"], 2, Some("198.51.100.1"), true),
        ("10.0.0.1", &["198.51.100.1, 10.0.0.2"], 1, Some("10.0.0.2"), true),
        ("fd00::1", &["2001:db8::9, [fd00::2]:443"], 2, Some("2001:db8::9"), true),
        ("192.0.2.1", &["198.51.100.1:5000"], 1, Some("198.51.100.1"), true),
        // A trusted proxy whose entry cannot be read.
        ("10.0.0.1", &[], 1, None, true),
        ("10.0.0.1", &["unknown"], 1, None, true),
        ("10.0.0.1", &["198.51.100.1, "], 1, None, true),
        ("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"], 3, None, true),
    ];
    for (peer, lines, hops, client, trusted_peer) in cases {
        let origin = trust(&OURS, *hops).origin(peer.parse().ok(), &forwarded(lines));
        let got = (origin.client.map(|a| a.to_string()), origin.trusted_peer);
        assert_eq!(got, (client.map(str::to_owned), *trusted_peer), "{peer} {lines:?} {hops}");
    }
    let nobody = trust(&OURS, 1).origin(None, &forwarded(&["198.51.100.1"]));
    assert_eq!(nobody, Origin { client: None, trusted_peer: false });
}

#[test]
fn rejects_invalid_proxies() {
    for (network_text, hops, field) in [
        ("10.0.0.1/8", 1, "address.trusted[0]"),
        ("10.0.0.0/33", 1, "address.trusted[0]"),
        ("example", 1, "address.trusted[0]"),
        ("0.0.0.0/0", 1, "address.trusted[0]"),
        ("::/0", 1, "address.trusted[0]"),
        ("::ffff:0:0/96", 1, "address.trusted[0]"),
        ("::ffff:0:0/95", 1, "address.trusted[0]"),
        ("10.0.0.0/8", 0, "address.hops"),
        ("10.0.0.0/8", 17, "address.hops"),
    ] {
        let raw = TrustConfig { trusted: vec![network_text.to_owned()], hops };
        assert_eq!(Trust::compile(&raw, "address").unwrap_err().field, field);
    }
}

#[test]
fn networks_have_no_host_bits() {
    const APART: &str = "write the IPv4 and the IPv6 networks apart";
    const HOST_BITS: &str = "without host bits";
    for (text, want) in [
        ("10.0.0.0/8", Ok("10.0.0.0/8")),
        ("203.0.113.7", Ok("203.0.113.7/32")),
        ("2001:db8::/32", Ok("2001:db8::/32")),
        ("2001:db8::1", Ok("2001:db8::1/128")),
        // IPv4 in IPv6: an address of it is read as IPv4, so its network must be.
        ("::ffff:10.0.0.0/104", Ok("10.0.0.0/8")),
        ("::ffff:203.0.113.7", Ok("203.0.113.7/32")),
        ("::ffff:cb00:7107/128", Ok("203.0.113.7/32")),
        ("::ffff:0:0/96", Ok("0.0.0.0/0")),
        ("::ffff:10.0.0.1/104", Err(HOST_BITS)),
        ("::/0", Err(APART)),
        ("::/1", Err(APART)),
        ("::/80", Err(APART)),
        ("::fffe:0:0/95", Err(APART)),
        ("::ffff:0:0/95", Err(HOST_BITS)),
        // Neighbours of the mapped range are IPv6 like any other.
        ("::/96", Ok("::/96")),
        ("::fffe:0:0/96", Ok("::fffe:0:0/96")),
        ("::1:0:0:0/80", Ok("::1:0:0:0/80")),
        ("2000::/3", Ok("2000::/3")),
        ("", Err(HOST_BITS)),
        ("::ffff:10.0.0.0/200", Err(HOST_BITS)),
    ] {
        let got = network(text, "at").map(|n| n.to_string()).map_err(|e| e.to_string());
        match (&got, want) {
            (Ok(got), Ok(want)) => assert_eq!(got, want, "{text}"),
            (Err(got), Err(want)) => assert!(got.contains(want), "{text}: {got}"),
            _ => panic!("{text}: {got:?}"),
        }
    }
}

/// The same walk, written the slow way: all hops in one list, right to left.
fn naive(peer: IpAddr, chain: &[Option<IpAddr>], hops: usize) -> Option<IpAddr> {
    let ours = |a: IpAddr| match a {
        IpAddr::V4(a) => a.octets()[0] == 10,
        IpAddr::V6(a) => a.octets()[0] == 0xfd,
    };
    let mut list = chain.to_vec();
    if list.last() == Some(&Some(peer)) {
        list.pop();
    }
    let mut at = Some(peer);
    for _ in 0..hops {
        if at.is_some_and(ours) {
            at = list.pop().flatten();
        }
    }
    at
}

fn any_address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0u8..4).prop_map(|n| IpAddr::from([10, 0, 0, n])),
        (0u8..4).prop_map(|n| IpAddr::from([203, 0, 113, n])),
        (0u16..4).prop_map(|n| IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, n])),
        any::<[u8; 16]>().prop_map(|a| IpAddr::from(a).to_canonical()),
        any::<[u8; 4]>().prop_map(IpAddr::from),
    ]
}

/// One address as proxies may write it; every way is the same address.
fn written(address: IpAddr, way: usize) -> String {
    match address {
        IpAddr::V4(a) => match way {
            0 => a.to_string(),
            1 => format!("{a}:49152"),
            2 => format!("::ffff:{a}"),
            3 => a.to_ipv6_mapped().to_string(),
            4 => format!("[::ffff:{a}]"),
            _ => format!("[::ffff:{a}%eth0]:443"),
        },
        IpAddr::V6(a) => match way {
            0 => a.to_string(),
            1 => format!("[{a}]:443"),
            2 => format!("{a}%eth0"),
            3 => format!("[{a}]"),
            4 => format!("[{a}%25eth0]:443"),
            _ => a.segments().map(|s| format!("{s:04X}")).join(":"),
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn the_walk_agrees_with_the_naive_model(
        peer in any_address(),
        chain in prop::collection::vec((prop::option::weighted(0.95, any_address()), 0..6usize), 0..6),
        hops in 1usize..5,
        split in 0usize..6,
        mapped in any::<bool>(),
    ) {
        let told: Vec<String> = chain
            .iter()
            .map(|(hop, way)| hop.map_or("unknown".to_owned(), |a| written(a, *way)))
            .collect();
        let (left, right) = told.split_at(split.min(told.len()));
        let lines: Vec<String> =
            [left, right].iter().filter(|l| !l.is_empty()).map(|l| l.join(", ")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        // The same networks, the way that a host with one socket for both families writes them.
        let trusted = if mapped { ["::ffff:10.0.0.0/104", "fd00::/8"] } else { ["10.0.0.0/8", "fd00::/8"] };
        let trust = trust(&trusted, hops);
        let got = trust.origin(Some(peer), &forwarded(&lines)).client;
        let chain: Vec<_> = chain.iter().map(|(hop, _)| *hop).collect();
        prop_assert_eq!(got, naive(peer, &chain, hops));
    }
}

#[test]
fn the_peer_is_the_gateways_source_address() {
    let mut host = FakeHost::default();
    assert_eq!(peer(&mut host), Ok(None));
    for (text, want) in [("10.0.0.1:40000", Some("10.0.0.1")), ("@unix", None)] {
        host.properties.insert("source.address".to_owned(), text.into());
        assert_eq!(peer(&mut host), Ok(want.map(|text| text.parse().unwrap())), "{text}");
    }
    assert!(peer(&mut host.failing("proxy_get_property", 10)).is_err());
}

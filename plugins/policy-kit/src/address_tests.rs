//! Addresses and the walk, as tables and against a naive model.

use super::*;
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

fn trust(hops: usize) -> Trust {
    let trusted = ["10.0.0.0/8", "fd00::/8", "192.0.2.1"].map(str::to_owned).to_vec();
    Trust::compile(&TrustConfig { trusted, hops }, "address").unwrap()
}

fn forwarded(lines: &[&str]) -> Headers {
    Headers::from_pairs(lines.iter().map(|l| (&b"x-forwarded-for"[..], l.as_bytes())))
}

#[test]
fn the_walk_from_the_right() {
    type Case<'a> = (&'a str, &'a [&'a str], usize, Option<&'a str>, bool);
    let cases: &[Case<'_>] = &[
        // An untrusted peer is the client, whatever it says of others.
        ("203.0.113.7", &[], 3, Some("203.0.113.7"), false),
        ("203.0.113.7", &["198.51.100.1"], 3, Some("203.0.113.7"), false),
        ("203.0.113.7", &["10.0.0.1"], 3, Some("203.0.113.7"), false),
        // A trusted one tells of the client; what stands left of it is the client's own.
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
        // A trusted proxy that tells nothing readable.
        ("10.0.0.1", &[], 1, None, true),
        ("10.0.0.1", &["unknown"], 1, None, true),
        ("10.0.0.1", &["198.51.100.1, "], 1, None, true),
        ("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"], 3, None, true),
    ];
    for (peer, lines, hops, client, trusted_peer) in cases {
        let origin = trust(*hops).origin(peer.parse().ok(), &forwarded(lines));
        let got = (origin.client.map(|a| a.to_string()), origin.trusted_peer);
        assert_eq!(got, (client.map(str::to_owned), *trusted_peer), "{peer} {lines:?} {hops}");
    }
    let nobody = trust(1).origin(None, &forwarded(&["198.51.100.1"]));
    assert_eq!(nobody, Origin { client: None, trusted_peer: false });
}

#[test]
fn refused_trust() {
    for (network_text, hops, field) in [
        ("10.0.0.1/8", 1, "address.trusted[0]"),
        ("10.0.0.0/33", 1, "address.trusted[0]"),
        ("example", 1, "address.trusted[0]"),
        ("0.0.0.0/0", 1, "address.trusted[0]"),
        ("::/0", 1, "address.trusted[0]"),
        ("10.0.0.0/8", 0, "address.hops"),
        ("10.0.0.0/8", 17, "address.hops"),
    ] {
        let raw = TrustConfig { trusted: vec![network_text.to_owned()], hops };
        assert_eq!(Trust::compile(&raw, "address").unwrap_err().field, field);
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn the_walk_agrees_with_the_naive_model(
        peer in any_address(),
        chain in prop::collection::vec(prop::option::weighted(0.95, any_address()), 0..6),
        hops in 1usize..5,
        split in 0usize..6,
    ) {
        let written: Vec<String> = chain
            .iter()
            .map(|hop| hop.map_or("unknown".to_owned(), |a| match a {
                IpAddr::V4(_) => a.to_string(),
                IpAddr::V6(_) => format!("[{a}]:443"),
            }))
            .collect();
        let (left, right) = written.split_at(split.min(written.len()));
        let lines: Vec<String> =
            [left, right].iter().filter(|l| !l.is_empty()).map(|l| l.join(", ")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let got = trust(hops).origin(Some(peer), &forwarded(&lines)).client;
        prop_assert_eq!(got, naive(peer, &chain, hops));
    }
}

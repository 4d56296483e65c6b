//! A peer that is not a trusted proxy may send any header; none of them counts.

use crate::names::{CLASS_HEADER, JURISDICTION_HEADER};
use crate::plugin::GeoJurisdiction;
use policy_kit::fake::{run, FakeHost};
use policy_kit::Action;
use proptest::prelude::*;

/// All that an edge can report, so that there is something to forge.
const CONFIG: &str = r#"{
    "address": {"trusted": ["10.0.0.0/8"], "hops": 2},
    "blocked": ["KP"],
    "anonymous": {"headers": {"x-vpn": "vpn", "x-tor": "tor", "x-hosting": "hosting"},
                  "refuse": {"account": ["vpn"], "wager": ["tor", "hosting"]}},
    "place": {"first": "header", "second": "table",
              "header": {"country": "x-geo-country", "region": "x-geo-region"},
              "table": {"MT": ["198.51.100.0/24"], "SE": ["2001:db8::/32"]}},
    "brands": {"otter.example": "otter", "kings.example": "kings"},
    "licences": [{"brand": "otter", "markets": ["MT"]}, {"brand": "kings", "markets": ["SE"]}],
    "blocked_by": "https://otter.example/licences",
    "endpoints": [
        {"path": "/c", "class": "content"}, {"path": "/a", "class": "account"},
        {"path": "/d", "class": "deposit"}, {"path": "/sg", "class": "safer-gambling"},
        {"path": "/w", "class": "wager"},
        {"path": "/slots", "class": "wager", "product": "casino"}
    ]
}"#;

/// Headers by which a client might claim a place, an address, another call or another brand.
fn any_headers() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let name = prop::sample::select(vec![
        "x-geo-country",
        "X-Geo-Country",
        "x-geo-region",
        "x-forwarded-for",
        "x-vpn",
        "x-tor",
        "x-hosting",
        "x-jurisdiction",
        "x-endpoint-class",
        "x-real-ip",
        "x-client-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "cf-ipcountry",
        "forwarded",
        "via",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-prefix",
        "x-http-method-override",
        "x-original-url",
        "x-rewrite-url",
        "x-envoy-external-address",
        "x-envoy-internal",
        "x-envoy-original-path",
        "x-envoy-peer-metadata",
    ]);
    let value = prop_oneof![
        prop::sample::select(vec![
            "MT",
            "NJ",
            "KP",
            "true",
            "false",
            "GET",
            "/c",
            "wager",
            "kings.example",
            "10.0.0.9",
            "::ffff:10.0.0.9",
            "198.51.100.1, 10.0.0.9",
            "for=10.0.0.9;host=kings.example",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,12}",
    ];
    prop::collection::vec((name, value), 0..8)
}

/// All that a whole filter did about a request, seen from outside.
fn over_a_gateway(target: &str, peer: &str, more: &[(&str, &str)]) -> [String; 5] {
    let mut pairs = vec![(":method", "POST"), (":path", target), (":authority", "otter.example")];
    pairs.extend_from_slice(more);
    let mut host = FakeHost::request(&pairs);
    host.properties.insert("source.address".into(), peer.as_bytes().to_vec());
    let (action, host) = run::<GeoJurisdiction>(CONFIG, host).unwrap();
    let told = [JURISDICTION_HEADER, CLASS_HEADER].map(|name| host.upstream(name));
    let edge = ["x-geo-country", "x-geo-region", "x-vpn", "x-tor", "x-hosting", "forwarded"];
    let meaning = ["x-forwarded-host", "x-http-method-override", "x-original-url", "x-rewrite-url"];
    // What the upstream still sees of a forged header; a refused request has no upstream.
    let left = edge.iter().chain(&meaning).flat_map(|name| host.upstream(name));
    let left: Vec<_> = left.filter(|_| action == Action::Continue).collect();
    [
        format!("{action:?} {:?}", host.replied),
        format!("{:?}", host.facts),
        format!("{:?}", host.counters),
        format!("{told:?}"),
        format!("{left:?}"),
    ]
}

proptest! {
    /// Whatever a peer that is not trusted sends along, the decision is the one without it; and so
    /// is all that the upstream, the access log and the metrics are told of it.
    #[test]
    fn no_header_from_an_untrusted_peer_changes_a_decision(
        more in any_headers(),
        peer in prop::sample::select(vec![
            "198.51.100.1", "203.0.113.9", "2001:db8::7", "11.0.0.1", "::ffff:198.51.100.1",
            "[::ffff:11.0.0.1]:443", "198.51.100.1:40000", "2001:db8::7%eth0", "unreadable",
        ]),
        target in prop::sample::select(vec!["/w", "/a", "/d", "/slots", "/sg", "/x//", "/c"]),
    ) {
        let more: Vec<_> = more.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let with = over_a_gateway(target, peer, &more);
        let without = over_a_gateway(target, peer, &[]);
        prop_assert_eq!(with, without);
    }
}

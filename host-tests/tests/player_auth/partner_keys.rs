//! Keys and certificates of partners: what they prove, and that wrong and unknown keys get the same reply.

use abi_host::{Chain, Engine, EngineOptions, HostError, Profile, Request, UpstreamRequest};
use serde_json::{json, Value};
use sha2::{Digest, Sha256};

use crate::fixture::{self, outcome, run, through_the_edge};
use crate::partners::{proof, with};

fn sha256(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One partner with a key that has ended and one that lives, one with a key in the query, one for
/// tests, one with an id.
fn keyed() -> Value {
    json!({
        "kiosk": {
            "api_key": {"header": "x-api-key", "keys": [
                {"sha256": sha256("ended-key-000001"), "expires": "2027-01-15T08:00:00Z"},
                {"sha256": sha256("second-key-00001")},
            ]},
            "paths": ["/"], "tier": "kiosks",
        },
        "terminal": {
            "api_key": {"query": "api_key", "keys": [{"sha256": sha256("terminal-key-001")}]},
            "cidrs": ["192.0.2.0/24"], "paths": ["/wallet"],
        },
        "tests": {
            "api_key": {"header": "x-api-key", "keys": [{"sha256": sha256("sandbox-key-0001")}]},
            "environment": "sandbox", "paths": ["/"],
        },
        "affiliate": {
            "key_id": {"header": "x-key-id", "value": "affiliate-01"},
            "api_key": {"header": "x-secret", "keys": [{"sha256": sha256("affiliate-key-01")}]},
            "paths": ["/wallet"],
        },
    })
}

fn win(target: &str, headers: &[(&str, &str)]) -> Request {
    let request = through_the_edge("POST", target).header("content-length", "2").chunk("{}");
    headers.iter().fold(request, |request, (name, value)| request.header(name, value))
}

fn upstream_of(chain: &mut Chain, request: Request) -> (String, Option<UpstreamRequest>) {
    let report = run(chain, request);
    assert_eq!(report.traps, []);
    (outcome(&report), report.upstream)
}

#[test]
fn valid_keys_pass_and_are_removed() {
    let key = |key: &'static str| vec![("x-api-key", key)];
    let affiliate = |id: &'static str, key: &'static str| vec![("x-key-id", id), ("x-secret", key)];
    for profile in fixture::PROFILES {
        let mut chain = fixture::chain(profile, &with(&keyed()));
        for (target, headers, want, partner) in [
            ("/wallet/win", key("second-key-00001"), "allow", "kiosk"),
            ("/wallet/win", key("ended-key-000001"), "partner_unknown", ""),
            ("/wallet/win", key("other-key-000001"), "partner_unknown", ""),
            ("/wallet/win", key("sandbox-key-0001"), "partner_environment", ""),
            ("/wallet/win", vec![], "partner_unknown", ""),
            (
                "/wallet/win",
                [key("second-key-00001"), key("second-key-00001")].concat(),
                "credential_conflict",
                "",
            ),
            ("/wallet/win", affiliate("affiliate-01", "affiliate-key-01"), "allow", "affiliate"),
            ("/wallet/win", affiliate("affiliate-02", "affiliate-key-01"), "partner_unknown", ""),
            ("/wallet/win", affiliate("affiliate-01", "affiliate-key-02"), "partner_unknown", ""),
            (
                "/psp/callback",
                affiliate("affiliate-01", "affiliate-key-01"),
                "partner_not_allowed",
                "",
            ),
            (
                "/wallet/win",
                [affiliate("affiliate-01", "affiliate-key-01"), key("second-key-00001")].concat(),
                "credential_conflict",
                "",
            ),
        ] {
            let case = format!("{target} {headers:?} under {profile:?}");
            let forged = win(target, &headers).header("x-partner-id", "forged");
            let forged = forged.header("x-partner-tier", "forged");
            let (got, upstream) = upstream_of(&mut chain, forged);
            assert_eq!(got, want, "{case}");
            let Some(upstream) = upstream.filter(|_| want == "allow") else { continue };
            let all = |name| upstream.headers.get_all(name).collect::<Vec<_>>();
            assert_eq!(all("x-partner-id"), [partner.as_bytes()], "{case}");
            let tier: &[&[u8]] = if partner == "kiosk" { &[b"kiosks"] } else { &[] };
            assert_eq!(all("x-partner-tier"), tier, "{case}");
            for gone in ["x-api-key", "x-secret"] {
                assert!(all(gone).is_empty(), "{gone} of {case}");
            }
        }
        // A key in the query, from home and from elsewhere.
        let target = "/wallet/win?a=1&api_key=terminal-key-001&b=2";
        let mut home = win(target, &[]);
        home.headers.set("x-forwarded-for", "192.0.2.7");
        let (got, upstream) = upstream_of(&mut chain, home);
        assert_eq!(got, "allow", "{profile:?}");
        assert_eq!(upstream.unwrap().headers.text(":path"), Some("/wallet/win?a=1&b=2"));
        assert_eq!(upstream_of(&mut chain, win(target, &[])).0, "partner_network", "{profile:?}");
    }
}

/// Byte for byte the same answer, and instruction for instruction the same work.
#[test]
fn wrong_and_unknown_keys_get_the_same_reply() {
    let cache_directory = Some(std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fuel"));
    let options = EngineOptions { fuel: true, cache_directory, ..EngineOptions::default() };
    let engine = Engine::new(options).unwrap();
    let module = engine.load(fixture::wasm_dir().join("player_auth.wasm")).unwrap();
    for profile in fixture::PROFILES {
        let configuration = fixture::configuration(profile, &with(&keyed()));
        let plugin = abi_host::PluginConfig::new(fixture::PLUGIN, configuration);
        let clock = abi_host::Clock::at(fixture::NOW * fixture::SECOND);
        let builder = Chain::builder(&engine).clock(clock).profile(profile);
        let mut chain = builder.wasm(&module, plugin).start().unwrap();
        let mut seen = Vec::new();
        // The first requests of a worker make what later ones find.
        for turn in 0..3 {
            for headers in [
                [
                    ("x-api-key", "unknown-key-0001"),
                    ("x-key-id", "affiliate-02"),
                    ("x-secret", "affiliate-key-02"),
                ],
                [
                    ("x-api-key", "second-key-00002"),
                    ("x-key-id", "affiliate-02"),
                    ("x-secret", "affiliate-key-02"),
                ],
                [
                    ("x-api-key", "ended-key-000001"),
                    ("x-key-id", "affiliate-02"),
                    ("x-secret", "affiliate-key-02"),
                ],
                [
                    ("x-api-key", "unknown-key-0001"),
                    ("x-key-id", "affiliate-01"),
                    ("x-secret", "affiliate-key-02"),
                ],
                [
                    ("x-api-key", "unknown-key-0001"),
                    ("x-key-id", "affiliate-02"),
                    ("x-secret", "affiliate-key-01"),
                ],
            ] {
                let before = chain.fuel(fixture::PLUGIN).total;
                // Twice: the allocator's work differs between two requests in a row, and repeats with the
                // third.
                run(&mut chain, win("/wallet/win", &headers));
                let report = run(&mut chain, win("/wallet/win", &headers));
                let fuel = chain.fuel(fixture::PLUGIN).total - before;
                assert_eq!(outcome(&report), "partner_unknown", "{headers:?}");
                let response = report.response.unwrap();
                if turn == 2 {
                    seen.push((fuel, response.body, format!("{:?}", response.headers)));
                }
            }
        }
        assert!(seen[0].0 > 10_000, "{seen:?}");
        assert!(seen.iter().all(|one| *one == seen[0]), "{profile:?}: {seen:?}");
    }
}

#[test]
fn certificates_must_match() {
    let partners = json!({"mesh": {
        "certificate": {"sha256": ["ab".repeat(32)], "sans": ["spiffe://mesh/wallet"]},
        "paths": ["/wallet"],
    }});
    let (digest, san) = ("ab".repeat(32), "spiffe://mesh/wallet");
    let configuration = fixture::configuration(Profile::Envoy, &with(&partners));
    for (name, mtls, digest, san, want) in [
        ("its own", 1, digest.as_str(), san, "allow"),
        ("none", 0, "", "", "partner_unknown"),
        ("not shown on this connection", 0, digest.as_str(), san, "partner_unknown"),
        ("another", 1, &"cd".repeat(32), san, "partner_unknown"),
        ("of another name", 1, &digest, "spiffe://mesh/other", "partner_unknown"),
    ] {
        let builder = fixture::builder(Profile::Envoy, &configuration);
        let builder = builder.property(&["connection", "mtls"], [mtls]);
        let builder = builder.property(&["connection", "sha256_peer_certificate_digest"], digest);
        let builder = builder.property(&["connection", "uri_san_peer_certificate"], san);
        let mut chain = builder.start().unwrap();
        let report = run(&mut chain, win("/wallet/win", &[]));
        assert_eq!(outcome(&report), want, "{name}");
        assert_eq!(proof(&report), if want == "allow" { "certificate" } else { "" }, "{name}");
    }
    // A host without client certificates refuses a configuration with them.
    let configuration = fixture::configuration(Profile::Wasmx, &with(&partners));
    let Err(HostError::Start(error)) = fixture::builder(Profile::Wasmx, &configuration).start()
    else {
        panic!("it started")
    };
    assert!(error.logs[0].message.contains("partners.mesh.certificate: "), "{:?}", error.logs);
}

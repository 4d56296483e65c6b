//! Headers that identify the player to the upstream: never the client's own.

use abi_host::{Profile, Request, UpstreamRequest};
use policy_token::Alg;
use serde_json::json;

use crate::fixture::{self, forge, outcome, run, through_the_edge, with_token};

/// Headers that only we may set, as clients write them.
const FORGED: [(&str, &str); 18] = [
    ("x-player-id", "p-666"),
    ("x-player-id", "p-667"),
    ("X-Player-Id", "p-668"),
    ("X-PLAYER-ID", ""),
    ("x-brand", "river-kings"),
    ("X-Brand", "blue-heron"),
    ("x-session-id", "s-666"),
    ("X-Session-ID", "s-667"),
    ("x-kyc-level", "full"),
    ("X-Kyc-Level", "vip"),
    ("x-player-jurisdiction", "SE"),
    ("X-Player-Jurisdiction", "GB"),
    ("x-http-method-override", "GET"),
    ("X-HTTP-Method", "GET"),
    ("x-method-override", "GET"),
    ("x-original-url", "/api/lobby"),
    ("X-Original-URI", "/api/lobby"),
    ("x-rewrite-url", "/api/lobby"),
];

fn forged(mut request: Request, profile: Profile) -> Request {
    for (name, value) in FORGED {
        // Envoy lower-cases names before any filter sees them, WasmX leaves them alone.
        match profile {
            Profile::Envoy => request.headers.add(name.to_ascii_lowercase(), value),
            Profile::Wasmx => request.headers.add(name, value),
        }
    }
    request
}

/// All values of a header, however its name is written.
fn values(upstream: &UpstreamRequest, name: &str) -> Vec<String> {
    let named = upstream.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()));
    named.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
}

#[test]
fn the_clients_own_headers_never_reach_the_upstream() {
    let token = forge().sign(Alg::Es256, &forge().claims_with(&json!({"jurisdiction": "MT"})));
    let bare = forge().claims_with(&json!({"sid": null, "kyc_level": null}));
    let bare = forge().sign(Alg::Es256, &bare);
    let preflight = through_the_edge("OPTIONS", "/api/bets").header("origin", "https://x.example");
    let preflight = preflight.header("access-control-request-method", "POST");
    let login = || through_the_edge("POST", "/api/session/login");
    let all = [
        ("x-player-id", "p-1"),
        ("x-brand", "lucky-otter"),
        ("x-session-id", "s-1"),
        ("x-kyc-level", "full"),
        ("x-player-jurisdiction", "MT"),
    ];
    let brand = &all[1..2];
    for profile in fixture::PROFILES {
        let mut chain = fixture::chain(profile, &fixture::inline(forge()));
        for (who, request, headers) in [
            ("a player", fixture::bet(&token), &all[..]),
            ("a player, known", fixture::bet(&token), &all[..]),
            ("a player whose token says little", fixture::bet(&bare), &all[..2]),
            (
                "a player in the lobby",
                with_token(through_the_edge("GET", "/api/lobby"), &token),
                &all[..],
            ),
            ("anonymous", through_the_edge("GET", "/api/lobby"), brand),
            ("a browser that asks", preflight.clone(), brand),
            ("a player to be", login(), brand),
            ("a partner", through_the_edge("POST", "/psp/callback"), brand),
        ] {
            let case = format!("{who} under {profile:?}");
            let report = run(&mut chain, forged(request, profile));
            assert_eq!(outcome(&report), "allow", "{case}");
            let upstream = report.upstream.unwrap();
            for (name, _) in FORGED {
                let name = name.to_ascii_lowercase();
                let want: Vec<&str> =
                    headers.iter().filter(|(n, _)| *n == name).map(|(_, value)| *value).collect();
                assert_eq!(values(&upstream, &name), want, "{name} of {case}");
            }
        }
    }
}

/// The credential is removed unless `forward_credential` is set. Other cookies stay, and so do credentials of
/// requests that need no token.
#[test]
fn the_credential_is_removed() {
    let token = forge().good();
    let bet = || through_the_edge("POST", "/api/bets");
    let cookies = format!("theme=dark; session={token}; lang=mt");
    for profile in fixture::PROFILES {
        for forward in [false, true] {
            let mut changes = fixture::inline(forge());
            changes["forward_credential"] = forward.into();
            let mut chain = fixture::chain(profile, &changes);
            let basic =
                || through_the_edge("POST", "/psp/callback").header("authorization", "Basic x");
            for (name, request, header, kept, value) in [
                ("Bearer", with_token(bet(), &token), "authorization", forward, None),
                ("a header", bet().header("x-token", &token), "x-token", forward, None),
                (
                    "a cookie",
                    bet().header("cookie", &cookies),
                    "cookie",
                    forward,
                    Some("theme=dark; lang=mt"),
                ),
                ("a partner's", basic(), "authorization", true, None),
            ] {
                let sent = request.headers.text(header).unwrap().to_owned();
                let report = run(&mut chain, request);
                let case = format!("{name} under {profile:?}, forward {forward}");
                assert_eq!(outcome(&report), "allow", "{case}");
                let upstream = report.upstream.unwrap();
                let want = if kept { Some(sent.as_str()) } else { value };
                assert_eq!(upstream.headers.text(header), want, "{case}");
            }
        }
    }
}

//! The recorded contracts of partners: only what each signs passes.

use abi_host::{Chain, Profile, Report, Request};
use casino::partner::{
    sign_bee, sign_psp, HubPartner, BEE_HEADER, BEE_SECRET, HUB_HEADER, PSP_HEADER, PSP_SECRET,
};
use serde_json::{json, Value};

use crate::fixture::{self, outcome, run, through_the_edge};

pub(crate) const BODY: &str = r#"{"transaction_uuid":"t-1","amount":100}"#;
pub(crate) const FOREIGN: &str = "198.51.100.23";

/// The partners of the recordings, each from the network it is recorded from. What cannot be proven by
/// the headers of its contract is proven by where it comes from.
pub(crate) fn recorded() -> Value {
    let hub = HubPartner::demo().unwrap().public_pem().unwrap();
    let hmac = |header: &str, secret: &str| json!({"header": header, "secrets": [secret]});
    json!({
        "hub": {
            "rsa": {"header": HUB_HEADER, "keys": [hub]},
            "cidrs": ["192.0.2.80"], "paths": ["/wallet/hub"], "tier": "aggregator",
        },
        "bee": {
            "hmac": hmac(BEE_HEADER, BEE_SECRET),
            "cidrs": ["192.0.2.90"], "paths": ["/wallet/bee"], "tier": "aggregator",
        },
        "psp": {
            "hmac": hmac(PSP_HEADER, PSP_SECRET),
            "cidrs": ["192.0.2.110"], "paths": ["/psp"],
        },
        "one": {
            "network_only": true, "cidrs": ["192.0.2.100"], "paths": ["/wallet/one"],
            "classes": ["settlement", "account", "history"],
        },
        "house": {"network_only": true, "cidrs": ["192.0.2.10"], "paths": ["/wallet/win"]},
    })
}

/// Changes to the example: these partners, and failures without an end.
pub(crate) fn with(partners: &Value) -> Value {
    let mut changes = fixture::inline(fixture::forge());
    changes["partners"] = partners.clone();
    changes["unverified"] = json!({"per_minute": 60_000, "burst": 10_000});
    changes
}

/// A request from `client` with a body and a header of its contract.
pub(crate) fn call(client: &str, path: &str, header: (&str, &str), body: &str) -> Request {
    let request = through_the_edge("POST", path).header(header.0, header.1);
    let mut request = request.header("content-length", body.len().to_string());
    request.headers.set("x-forwarded-for", client);
    request.headers.add("content-type", "application/json");
    if body.is_empty() {
        return request;
    }
    request.chunk(body)
}

/// The proof that other filters see.
pub(crate) fn proof(report: &Report) -> String {
    let fact = report.filter_state.get("wasm.pitboss.partner-proof");
    fact.map(|fact| String::from_utf8_lossy(fact).into_owned()).unwrap_or_default()
}

/// The code that stands in a refusal, whosever words those are.
fn code(report: &Report) -> String {
    match outcome(report).as_str() {
        "allow" => "allow".to_owned(),
        _ => {
            let body: Value = serde_json::from_str(&report.text()).unwrap_or_default();
            let places = ["/code", "/message", "/meta/api_message", "/error"].into_iter().rev();
            let found = places.filter_map(|place| body.pointer(place)?.as_str());
            found.map(str::to_owned).next().unwrap_or_else(|| format!("{:?}", report.ending))
        }
    }
}

struct Contract {
    path: &'static str,
    client: &'static str,
    header: &'static str,
    sign: fn(&str) -> String,
    /// Status of a refusal, and how its document begins.
    words: (Option<u16>, &'static str),
}

const CONTRACTS: [Contract; 3] = [
    Contract {
        path: "/wallet/hub/transaction/win",
        client: "192.0.2.80",
        header: HUB_HEADER,
        sign: |body| HubPartner::demo().unwrap().sign(body.as_bytes()),
        words: (Some(200), r#"{"message":"#),
    },
    Contract {
        path: "/wallet/bee/betwin",
        client: "192.0.2.90",
        header: BEE_HEADER,
        sign: |body| sign_bee(body.as_bytes()),
        words: (Some(400), r#"{"code":"invalid_argument""#),
    },
    Contract {
        path: "/psp/callback",
        client: "192.0.2.110",
        header: PSP_HEADER,
        sign: |body| sign_psp(body.as_bytes()),
        words: (None, r#"{"code":"#),
    },
];

/// One bit of the first half of a text changed.
fn flipped(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = bytes.len() / 3;
    bytes[at] ^= 1;
    String::from_utf8(bytes).unwrap()
}

/// A change of a good call, and its outcome.
type Attack = (&'static str, fn(&Contract) -> Request, &'static str);

fn good(it: &Contract, body: &str) -> Request {
    call(it.client, it.path, (it.header, &(it.sign)(body)), body)
}

fn with_body(it: &Contract, body: &str) -> Request {
    call(it.client, it.path, (it.header, &(it.sign)(BODY)), body)
}

const ATTACKS: [Attack; 13] = [
    ("nothing changed", |it| good(it, BODY), "allow"),
    ("one bit of the body", |it| with_body(it, &flipped(BODY)), "partner_signature"),
    ("whitespace", |it| with_body(it, &BODY.replace(',', ", ")), "partner_signature"),
    ("a byte more", |it| with_body(it, &format!("{BODY}\n")), "partner_signature"),
    ("a byte less", |it| with_body(it, &BODY[..BODY.len() - 1]), "partner_signature"),
    ("no body", |it| with_body(it, ""), "partner_signature"),
    ("a signed empty body", |it| good(it, ""), "partner_signature"),
    (
        "one bit of the signature",
        |it| call(it.client, it.path, (it.header, &flipped(&(it.sign)(BODY))), BODY),
        "partner_signature",
    ),
    (
        "another partner's key",
        |it| {
            let other = if it.header == BEE_HEADER { sign_psp } else { sign_bee };
            call(it.client, it.path, (it.header, &other(BODY.as_bytes())), BODY)
        },
        "partner_signature",
    ),
    ("no signature", |it| call(it.client, it.path, ("x-a", "b"), BODY), "partner_unknown"),
    (
        "two signatures",
        |it| good(it, BODY).header(it.header, (it.sign)(BODY)),
        "credential_conflict",
    ),
    (
        "a foreign network",
        |it| call(FOREIGN, it.path, (it.header, &(it.sign)(BODY)), BODY),
        "partner_network",
    ),
    ("a body over the cap", |it| good(it, &"x".repeat(65_537)), "body_too_large"),
];

#[test]
fn the_recorded_contracts() {
    for profile in fixture::PROFILES {
        let mut chain = fixture::chain(profile, &with(&recorded()));
        for contract in &CONTRACTS {
            for (name, request, want) in ATTACKS {
                let report = run(&mut chain, request(contract));
                let case = format!("{name}, {} under {profile:?}", contract.path);
                assert_eq!(code(&report), want, "{case}: {}", report.text());
                assert_eq!(report.traps, [], "{case}");
                if want == "allow" {
                    assert_eq!(report.upstream.as_ref().unwrap().body, BODY.as_bytes(), "{case}");
                    continue;
                }
                assert!(report.upstream.is_none_or(|upstream| !upstream.complete), "{case}");
                let denials = player_auth::denials::ALL;
                let denial = denials.into_iter().find(|denial| denial.code == want).unwrap();
                let denial = player_auth::denials::as_sent(denial, true);
                let (status, words) = match contract.words {
                    // What is no fault of the call is not over for the bee.
                    (Some(400), _) if denial.status == 503 => (Some(500), r#"{"code":"internal""#),
                    words => words,
                };
                let response = report.response.as_ref().unwrap();
                assert_eq!(response.status(), status.unwrap_or(denial.status), "{case}");
                assert!(response.text().starts_with(words), "{case}: {}", response.text());
                let challenged = response.headers.get("www-authenticate").is_some();
                assert_eq!(challenged, status.is_none() && denial.status == 401, "{case}");
            }
        }
        // A path of another partner's, with a signature that is good.
        let body = sign_psp(BODY.as_bytes());
        let report =
            run(&mut chain, call("192.0.2.110", "/wallet/bee/betwin", (PSP_HEADER, &body), BODY));
        assert_eq!(code(&report), "partner_not_allowed", "{profile:?}");
    }
}

/// Without a proof by headers a partner is claimed until the body is verified; a refused one is never proven.
#[test]
fn a_forged_settlement_gets_no_exemption() {
    let mut chain = fixture::chain(Profile::Envoy, &with(&recorded()));
    let psp = ("192.0.2.110", "/psp/callback");
    let (good, forged) = (sign_psp(BODY.as_bytes()), sign_bee(BODY.as_bytes()));
    let house = call("192.0.2.10", "/wallet/win", ("x-a", "b"), BODY);
    let foreign = call(FOREIGN, "/wallet/win", ("x-a", "b"), BODY);
    for (name, request, want, proven) in [
        ("good", call(psp.0, psp.1, (PSP_HEADER, &good), BODY), "allow", "signature"),
        ("forged", call(psp.0, psp.1, (PSP_HEADER, &forged), BODY), "partner_signature", "claimed"),
        ("no credential", call(psp.0, psp.1, ("x-a", "b"), BODY), "partner_unknown", ""),
        ("the house", house, "allow", "network"),
        ("not the house", foreign, "partner_unknown", ""),
    ] {
        let report = run(&mut chain, request.header("x-partner-id", "house"));
        assert_eq!((code(&report).as_str(), proof(&report).as_str()), (want, proven), "{name}");
    }
    // Before its body is there, a signer is claimed to every other filter.
    let mut waiting = call(psp.0, psp.1, (PSP_HEADER, &good), "");
    waiting.headers.set("content-length", BODY.len().to_string());
    waiting.open_ended = true;
    let report = run(&mut chain, waiting.leaving_after(std::time::Duration::from_secs(1)));
    assert_eq!(proof(&report), "claimed");
    assert_eq!(report.filter_state["wasm.pitboss.partner"], b"psp");
    assert!(report.upstream.is_none_or(|upstream| !upstream.complete));
}

/// Forgers use up their address's budget, exempt partners have no part in it, and bodies that never
/// come give their places back when their clients leave.
#[test]
fn callers_have_budgets_and_permits() {
    let mut changes = with(&recorded());
    changes["unverified"] = json!({"per_minute": 60, "burst": 4, "max_held": 8});
    for profile in fixture::PROFILES {
        let mut chain = fixture::chain(profile, &changes);
        let good = sign_psp(BODY.as_bytes());
        let psp = |sign: &str| call("192.0.2.110", "/psp/callback", (PSP_HEADER, sign), BODY);
        let mut ask = |request: Request| code(&run(&mut chain, request));
        for _ in 0..20 {
            assert_eq!(ask(psp(&good)), "allow", "{profile:?}");
        }
        for _ in 0..4 {
            assert_eq!(ask(psp(&"00".repeat(32))), "partner_signature", "{profile:?}");
        }
        let refused = run(&mut chain, psp(&good));
        assert_eq!(code(&refused), "partner_budget", "{profile:?}");
        assert_eq!(refused.status(), 503, "money may be owed: no 4xx");
        assert!(refused.header("retry-after").is_some(), "{profile:?}");
        let mut ask = |request: Request| code(&run(&mut chain, request));
        assert_eq!(ask(call("192.0.2.10", "/wallet/win", ("x-a", "b"), BODY)), "allow");
        chain.clock().advance(std::time::Duration::from_secs(60));
        let slow = |chain: &mut Chain| {
            let mut request = call("192.0.2.110", "/psp/callback", (PSP_HEADER, &good), "");
            request.headers.set("content-length", BODY.len().to_string());
            request.open_ended = true;
            let stream = chain.open(0, request);
            chain.run_for(std::time::Duration::from_millis(1), &mut fixture::hello);
            stream
        };
        let (one, two) = (slow(&mut chain), slow(&mut chain));
        let report = run(&mut chain, psp(&good));
        assert_eq!(code(&report), "partner_busy", "{profile:?}");
        assert_eq!(report.status(), 503);
        for stream in [one, two] {
            chain.leave(stream);
            chain.finish(stream, &mut fixture::hello);
        }
        assert_eq!(code(&run(&mut chain, psp(&good))), "allow", "{profile:?}");
    }
}

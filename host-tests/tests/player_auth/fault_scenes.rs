//! The requests during which host calls fail: one scene for each path through the module.

use abi_host::Request;
use casino::partner::{sign_bee, sign_psp, PSP_HEADER};
use policy_token::Alg;
use serde_json::{json, Value};

use crate::fixture::{self, bet, forge, through_the_edge, with_token};
use crate::partners::{call, recorded, with, BODY};
use crate::{player_states, revocations};

/// A request, and its outcome without faults.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) changes: fn() -> Value,
    pub(crate) answer: fn() -> Vec<u8>,
    pub(crate) request: fn(u64) -> Request,
    pub(crate) want: &'static str,
    /// Whether a chain serves one request only: what it learns changes the next one's way.
    pub(crate) alone: bool,
}

pub(crate) fn inline() -> Value {
    fixture::inline(forge())
}

fn asking() -> Value {
    let mut changes = inline();
    changes["introspection"] = json!({
        "cluster": "casino", "path": "/oauth/introspect", "any_audience": true,
    });
    changes
}

fn jwks() -> Vec<u8> {
    forge().jwks().into_bytes()
}

fn active() -> Vec<u8> {
    br#"{"active": true, "sub": "p-1", "brand": "lucky-otter"}"#.to_vec()
}

pub(crate) fn cold(n: u64) -> Request {
    bet(forge().sign(Alg::Es256, &forge().claims_with(&json!({"jti": n.to_string()}))))
}

fn cached(_: u64) -> Request {
    thread_local!(static TOKEN: String = forge().good());
    TOKEN.with(|token| bet(token))
}

pub(crate) fn forged(_: u64) -> Request {
    let good = forge().good();
    let signature = good.rfind('.').unwrap();
    bet(format!("{}.{}", &good[..signature], "A".repeat(86)))
}

fn opaque(n: u64) -> Request {
    bet(format!("opaque-{n}"))
}

fn lobby(_: u64) -> Request {
    through_the_edge("GET", "/api/lobby")
}

fn anonymous(_: u64) -> Request {
    through_the_edge("POST", "/api/bets")
}

fn bad_in_lobby(_: u64) -> Request {
    with_token(through_the_edge("GET", "/api/lobby"), "a.b.c")
}

fn partners() -> Value {
    with(&recorded())
}

fn house(_: u64) -> Request {
    call("192.0.2.10", "/wallet/win", ("x-a", "b"), BODY)
}

fn signed(_: u64) -> Request {
    call("192.0.2.110", "/psp/callback", (PSP_HEADER, &sign_psp(BODY.as_bytes())), BODY)
}

fn unsigned(_: u64) -> Request {
    call("192.0.2.110", "/psp/callback", (PSP_HEADER, &sign_bee(BODY.as_bytes())), BODY)
}

fn asking_the_pam() -> Value {
    player_states::changes(&player_states::pam())
}

fn is_active() -> Vec<u8> {
    br#"{"state": "active"}"#.to_vec()
}

fn is_excluded() -> Vec<u8> {
    br#"{"state": "self_excluded"}"#.to_vec()
}

/// A feed that revokes every player's tokens.
fn everybody() -> Vec<u8> {
    br#"{"revocations": [{"player": "p-1", "revoked_at": 1800000001}], "cursor": "1"}"#.to_vec()
}

fn wager(_: u64) -> Request {
    player_states::known("wager")
}

pub(crate) const SCENES: [Scene; 14] = [
    Scene {
        name: "cached",
        changes: inline,
        answer: jwks,
        request: cached,
        want: "allow",
        alone: false,
    },
    Scene {
        name: "cold",
        changes: inline,
        answer: jwks,
        request: cold,
        want: "allow",
        alone: false,
    },
    Scene {
        name: "fetch",
        changes: fixture::fetched,
        answer: jwks,
        request: cold,
        want: "allow",
        alone: true,
    },
    Scene {
        name: "opaque",
        changes: asking,
        answer: active,
        request: opaque,
        want: "allow",
        alone: false,
    },
    Scene {
        name: "state",
        changes: asking_the_pam,
        answer: is_active,
        request: wager,
        want: "allow",
        alone: true,
    },
    Scene {
        name: "excluded",
        changes: asking_the_pam,
        answer: is_excluded,
        request: wager,
        want: "player_excluded",
        alone: true,
    },
    Scene {
        name: "revoked",
        changes: revocations::changes,
        answer: everybody,
        request: wager,
        want: "token_revoked",
        alone: false,
    },
    Scene {
        name: "anonymous",
        changes: inline,
        answer: jwks,
        request: lobby,
        want: "allow",
        alone: false,
    },
    Scene {
        name: "forged",
        changes: inline,
        answer: jwks,
        request: forged,
        want: "token_signature",
        alone: false,
    },
    Scene {
        name: "bad",
        changes: inline,
        answer: jwks,
        request: bad_in_lobby,
        want: "token_malformed",
        alone: false,
    },
    Scene {
        name: "missing",
        changes: inline,
        answer: jwks,
        request: anonymous,
        want: "token_missing",
        alone: false,
    },
    Scene {
        name: "house",
        changes: partners,
        answer: jwks,
        request: house,
        want: "allow",
        alone: false,
    },
    Scene {
        name: "psp",
        changes: partners,
        answer: jwks,
        request: signed,
        want: "allow",
        alone: false,
    },
    Scene {
        name: "forged partner",
        changes: partners,
        answer: jwks,
        request: unsigned,
        want: "partner_signature",
        alone: false,
    },
];

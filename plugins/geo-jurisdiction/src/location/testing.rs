//! A location provider, its tokens, and a document that trusts it, for tests.

use std::rc::Rc;
use std::sync::OnceLock;

use policy_kit::fake::FakeHost;
use policy_kit::ConfigError;
use policy_token::testing::{Forge, ALGORITHMS, AUDIENCE, ISSUER};
use policy_token::{Alg, Claims};
use serde_json::{json, Value};

use crate::config::document::Config;
use crate::location::check::TokenCheck;
use crate::location::claims::ClaimMapping;
use crate::policy::compile::Policy;

/// The time in tests, in seconds since the epoch.
pub(crate) const NOW: u64 = 1_800_000_000;
/// The client's address.
pub(crate) const CLIENT: &str = "203.0.113.7";

/// The provider.
pub(crate) fn forge() -> &'static Forge {
    static FORGE: OnceLock<Forge> = OnceLock::new();
    FORGE.get_or_init(|| Forge::at(NOW))
}

/// The claims of a check in New Jersey that passed, with some replaced; `null` removes one.
pub(crate) fn claims(changes: Value) -> Value {
    let mut all = json!({
        "exp": NOW + 80_000, "passed": true, "region": "US-NJ", "confident": true, "ip": CLIENT,
        "jti": "loc-7",
    });
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    forge().claims_with(&all)
}

/// The check of a genuine token with these claims.
pub(crate) fn genuine(changes: Value) -> TokenCheck {
    let mapping = ClaimMapping::compile(policy_kit::parse(b"{}").unwrap(), Vec::new()).unwrap();
    let claims = Claims::parse(claims(changes).to_string().as_bytes()).unwrap();
    TokenCheck::Genuine(Rc::new(mapping.read(&claims).unwrap()))
}

/// A token of these claims.
pub(crate) fn token(changes: Value) -> String {
    forge().sign(Alg::Es256, &claims(changes))
}

/// The `location` of a document, with some members replaced; `null` removes one.
pub(crate) fn location(changes: Value) -> Value {
    let keys: Value = serde_json::from_str(&forge().jwks()).unwrap();
    let mut all = json!({
        "issuer": ISSUER, "audiences": [AUDIENCE], "keys": {"jwks": keys},
        "algorithms": ALGORITHMS.map(Alg::name),
        "recheck": "/location-check", "reasons": ["OUT_OF_BOUNDARY", "vpn"],
    });
    replace(&mut all, changes);
    all
}

fn replace(all: &mut Value, changes: Value) {
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(all.as_object_mut().unwrap().remove(name)),
            value => all[name] = value.clone(),
        }
    }
}

/// A document with this `location`, with some of its own members replaced.
pub(crate) fn document(location: Value, changes: Value) -> Value {
    let mut all = json!({
        "version": "v1",
        "address": {"trusted": ["10.0.0.0/8"]},
        "place": {"first": "header", "header": {"country": "x-geo-country", "region": "x-geo-region"}},
        "brands": {"otter.example": "otter"},
        "licences": [{"brand": "otter", "markets": ["MT", "US-NJ", "US-ME"]}],
        "blocked": ["KP"],
        "blocked_by": "https://otter.example/licences",
        "location": location,
        "endpoints": [
            {"path": "/bets", "class": "wager"}, {"path": "/launch", "class": "launch"},
            {"path": "/deposits", "class": "deposit"}, {"path": "/cashout", "class": "cashout"},
            {"path": "/withdrawals", "class": "withdrawal"}, {"path": "/balance", "class": "account"},
            {"path": "/limits", "class": "safer-gambling"}, {"path": "/wins", "class": "settlement"},
            {"path": "/debit", "class": "wager", "caller": "partner"},
            {"path": "/one", "select": {"pointer": "/type", "classes":
                {"debit": "wager", "balance": "account"}}},
        ],
    });
    replace(&mut all, changes);
    all
}

/// The policy of a document.
pub(crate) fn policy(document: &Value) -> Result<Policy, ConfigError> {
    let config = policy_kit::parse::<Config>(document.to_string().as_bytes())?;
    Policy::compile(config, &mut FakeHost::default())
}

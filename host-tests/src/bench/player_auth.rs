//! player-auth and Envoy's `jwt_authn` with the same task: one issuer, keys in the configuration, the
//! credential removed, five claims as headers.
use super::build::Build;
use super::error::BenchError;
use super::issuer::{forged, Issuer, AUDIENCE, ISSUER};
use super::names::{
    ATTACKED, CALLS, CALM, COLD, HIT, JWT_CLAIMS_AND_NO_OP, JWT_FACTS_AND_NO_OP, JWT_HIT_AND_NO_OP,
};
use super::variant::{bet, deployed, wasm, Attack, Variant, PLAYER_ADDRESS};
use serde_json::{json, Value};

/// Players with a cached token.
const PLAYERS: usize = 16;
/// Addresses that forged tokens come from.
const ADDRESSES: usize = 50;
/// Forged tokens, all different.
const FORGED: usize = 2000;

pub(super) fn variants(build: &Build) -> Result<Vec<Variant>, BenchError> {
    let issuer = Issuer::open()?;
    let keys = issuer.keys()?;
    let one = |alg: &str| Ok::<_, BenchError>(vec![asks(&issuer.token(1000, alg)?)]);
    let quiet = |name, filters, requests| Variant::new(name, filters, requests, 200);
    let mut all = vec![
        quiet("jwt_authn, hit", vec![jwt_authn(&keys, true)], one("ES256")?),
        quiet(JWT_HIT_AND_NO_OP, vec![jwt_authn(&keys, true), wasm("noop")], one("ES256")?),
        quiet(
            JWT_CLAIMS_AND_NO_OP,
            vec![with_payload(jwt_authn(&keys, true)), wasm("noop")],
            one("ES256")?,
        ),
        quiet(
            JWT_FACTS_AND_NO_OP,
            vec![with_payload(jwt_authn(&keys, true)), facts(), wasm("noop")],
            one("ES256")?,
        ),
        quiet(HIT, player_auth(build, &keys, true)?, one("ES256")?),
        quiet(CALLS, vec![wasm("hit_calls")], one("ES256")?),
    ];
    for (alg, theirs, ours) in COLD {
        all.push(quiet(theirs, vec![jwt_authn(&keys, false)], one(alg)?));
        all.push(quiet(ours, player_auth(build, &keys, false)?, one(alg)?));
    }
    let players: Vec<Vec<u8>> = (0..PLAYERS)
        .map(|player| Ok(asks(&issuer.token(1000 + player, "ES256")?)))
        .collect::<Result<_, BenchError>>()?;
    all.push(quiet(CALM, player_auth(build, &keys, true)?, players.clone()));
    let attacked = quiet(ATTACKED, player_auth(build, &keys, true)?, players);
    all.push(Variant { attack: Some(attack(&issuer)?), ..attacked });
    Ok(all)
}

fn asks(token: &str) -> Vec<u8> {
    bet(token, "MT", PLAYER_ADDRESS)
}

/// Forged tokens of the algorithm that costs most to check: no gateway checks EdDSA for a module.
/// One of the addresses is the one that the players share.
fn attack(issuer: &Issuer) -> Result<Attack, BenchError> {
    let good = issuer.token(1000, "EdDSA")?;
    let requests = (0..FORGED).map(|number| {
        let token = forged(&good, number).ok_or(BenchError::Issuer("a token has no signature"))?;
        let address = match number % ADDRESSES {
            0 => PLAYER_ADDRESS.to_owned(),
            other => format!("203.0.113.{other}"),
        };
        Ok(bet(&token, "MT", &address))
    });
    let requests = requests.collect::<Result<_, BenchError>>()?;
    Ok(Attack { requests, sources: ADDRESSES, at_first: 401, in_the_end: 429 })
}

/// The example as deployed, with these keys, with or without a cache.
fn player_auth(build: &Build, keys: &Value, cache: bool) -> Result<Vec<Value>, BenchError> {
    let mut filters = deployed(build, "player-auth")?;
    let text = filters.first_mut();
    let text = text.and_then(|it| it.pointer_mut("/typed_config/config/configuration/value"));
    let text = text.ok_or(BenchError::Nothing)?;
    let policy = serde_json::from_str::<Value>(text.as_str().unwrap_or_default());
    let mut policy = policy.map_err(|_| BenchError::Nothing)?;
    *policy.pointer_mut("/issuers/0/keys").ok_or(BenchError::Nothing)? = json!({"jwks": keys});
    if let Some(policy) = policy.as_object_mut() {
        // jwt_authn does not check the player state, so it is disabled here too.
        policy.insert("player_state".to_owned(), Value::Null);
        if !cache {
            policy.insert("cache_tokens".to_owned(), json!(0));
        }
    }
    *text = policy.to_string().into();
    Ok(filters)
}

fn jwt_authn(keys: &Value, cache: bool) -> Value {
    let claim = |header: &str, claim: &str| json!({"header_name": header, "claim_name": claim});
    let mut provider = json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "forward": false,
        "local_jwks": {"inline_string": keys.to_string()},
        "claim_to_headers": [
            claim("x-player-id", "sub"),
            claim("x-brand", "brand"),
            claim("x-session-id", "sid"),
            claim("x-kyc-level", "kyc_level"),
            claim("x-player-jurisdiction", "jurisdiction"),
        ],
    });
    if let (true, Some(provider)) = (cache, provider.as_object_mut()) {
        provider.insert("jwt_cache_config".to_owned(), json!({"jwt_cache_size": 4096}));
    }
    json!({"name": "envoy.filters.http.jwt_authn", "typed_config": {
        "@type": concat!("type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.",
            "JwtAuthentication"),
        "providers": {"casino": provider},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "casino"}}],
    }})
}

/// `jwt_authn` that leaves the claims for other filters.
fn with_payload(mut jwt_authn: Value) -> Value {
    let provider = jwt_authn.pointer_mut("/typed_config/providers/casino");
    if let Some(provider) = provider.and_then(Value::as_object_mut) {
        provider.insert("payload_in_metadata".to_owned(), json!("payload"));
    }
    jwt_authn
}

/// The facts that player-auth leaves, set by Envoy's own filter for that.
fn facts() -> Value {
    let fact = |name: &str, text: &str| {
        json!({
            "object_key": name,
            "factory_key": "envoy.string",
            "format_string": {"text_format_source": {"inline_string": text}},
        })
    };
    let claim = |name: &str, claim: &str| {
        fact(name, &format!("%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:payload:{claim})%"))
    };
    json!({"name": "envoy.filters.http.set_filter_state", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
        "on_request_headers": [
            fact("class", "wager"),
            claim("player", "sub"),
            claim("brand", "brand"),
            claim("session", "sid"),
            claim("kyc", "kyc_level"),
            fact("decision", "allow"),
        ],
    }})
}

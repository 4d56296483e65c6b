//! idempotency: the cost of a claim, a replay and a mismatch over a no-op.
use super::build::Build;
use super::error::BenchError;
use super::names::{ANSWERED, CLAIM, DIRECT, MISMATCH, REPLAY};
use super::variant::{deployed, wasm, Variant, NUMBER};
use serde_json::{json, Value};

/// Keys in turn, so that no two requests with one key overlap.
const KEYS: usize = 16;

/// Filters between a filter that knows the player and an upstream that answers.
pub(super) fn variants(build: &Build) -> Result<Vec<Variant>, BenchError> {
    let noop = || vec![wasm("facts"), wasm("noop"), buffer()];
    let ours = || Ok::<_, BenchError>(vec![wasm("facts"), idempotency(build)?, buffer()]);
    let keyed = |stake| (0..KEYS).map(|n| bet(&format!("kept-{n:04}"), stake)).collect::<Vec<_>>();
    let fresh = vec![bet(&format!("fresh-{}", String::from_utf8_lossy(NUMBER)), 500)];
    let plain = |name, filters, requests, status| Variant::new(name, filters, requests, status);
    let answered = Variant { upstream: true, ..plain(ANSWERED, noop(), fresh.clone(), 200) };
    let claim = Variant { upstream: true, numbered: true, ..plain(CLAIM, ours()?, fresh, 200) };
    let before = keyed(500);
    let replay = plain(REPLAY, ours()?, keyed(500), 200);
    let replay = Variant { upstream: true, before: before.clone(), ..replay };
    let mismatch = plain(MISMATCH, ours()?, keyed(600), 422);
    let mismatch = Variant { upstream: true, before, ..mismatch };
    Ok(vec![answered, claim, plain(DIRECT, noop(), keyed(500), 200), replay, mismatch])
}

/// The buffer filter of the examples.
fn buffer() -> Value {
    json!({"name": "envoy.filters.http.buffer", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
        "max_request_bytes": 131_072,
    }})
}

/// The example's configuration with more slots and without double clicks.
fn idempotency(build: &Build) -> Result<Value, BenchError> {
    let mut filters = deployed(build, "idempotency")?;
    let mut filter = filters.pop().ok_or(BenchError::Nothing)?;
    let text = filter.pointer_mut("/typed_config/config/configuration/value");
    let text = text.ok_or(BenchError::Nothing)?;
    let policy = serde_json::from_str::<Value>(text.as_str().unwrap_or_default());
    let mut policy = policy.map_err(|_| BenchError::Nothing)?;
    if let Some(policy) = policy.as_object_mut() {
        policy.remove("double_click");
        // A build whose store has no parts takes half as many, of which one player may have as many.
        let has_parts = policy.get("store").is_some_and(|store| store.get("rate").is_some());
        let slots = if has_parts { 2_097_152 } else { 1_048_576 };
        policy.insert("store".to_owned(), json!({"single_node": true, "slots": slots}));
        policy.insert("answers".to_owned(), json!({"max_bytes": 4096}));
        policy.insert("quota".to_owned(), json!({"player": 524_288}));
    }
    *text = policy.to_string().into();
    Ok(filter)
}

/// A bet as it comes from an app, and past the policy that knows the player.
fn bet(key: &str, stake: u32) -> Vec<u8> {
    let body = format!(r#"{{"event":"ev-1","selection":"home","stake":{stake}}}"#);
    let head = [
        "POST /api/bets HTTP/1.1",
        "host: play.lucky-otter.example",
        "user-agent: LuckyOtter/7.4 (iPhone; iOS 19.1; Scale/3.00)",
        "accept: application/json",
        "accept-language: en-MT,en;q=0.9",
        "accept-encoding: gzip, deflate, br",
        "content-type: application/json",
        &format!("idempotency-key: \"{key}-6f1c1f9a-5d5e-4a0e\""),
        "x-fact-player: p-1001",
        "x-fact-brand: lucky-otter",
        &format!("content-length: {}", body.len()),
        "\r\n",
    ];
    (head.join("\r\n") + &body).into_bytes()
}

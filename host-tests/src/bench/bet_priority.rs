//! bet-priority with ten rate limits beside the rest of its example.
use super::build::Build;
use super::error::BenchError;
use super::names::{TEN_MATCH, TEN_RULES};
use super::variant::{bet, deployed, Variant, PLAYER_ADDRESS};
use serde_json::{json, Value};

/// The file with the configuration.
const EXAMPLE: &str = "bet-priority";

/// Whether the build has this policy; earlier ones do not.
pub(super) fn is_in(build: &Build) -> bool {
    build.examples.join(EXAMPLE).with_extension("yaml").is_file()
}

/// A bet that three of ten rules are for, and one that all ten are for.
pub(super) fn variants(build: &Build) -> Result<Vec<Variant>, BenchError> {
    let variant = |name, rules: Vec<Value>| {
        let requests = vec![bet(&"e".repeat(400), "MT", PLAYER_ADDRESS)];
        Ok::<_, BenchError>(Variant::new(name, vec![limited(build, rules)?], requests, 200))
    };
    Ok(vec![variant(TEN_RULES, rules())?, variant(TEN_MATCH, ten_for_a_bet())?])
}

/// Ten rules as a casino has them: each of three is for bets.
fn rules() -> Vec<Value> {
    let rules = [
        ("bets-of-a-player", json!({"classes": ["wager", "cashout"]}), json!(["player"])),
        ("bets-of-an-address", json!({"classes": ["wager"]}), json!(["client"])),
        ("all-of-an-address", json!({}), json!(["client"])),
        ("odds", json!({"classes": ["odds"]}), json!(["client"])),
        ("content", json!({"classes": ["content"]}), json!(["client"])),
        ("logins", json!({"classes": ["session"], "methods": ["POST"]}), json!(["client"])),
        ("deposits", json!({"classes": ["deposit"]}), json!(["player"])),
        ("withdrawals", json!({"classes": ["withdrawal"]}), json!(["player"])),
        ("history", json!({"classes": ["history"]}), json!(["player"])),
        ("launches", json!({"classes": ["launch"]}), json!(["player"])),
    ];
    rules.into_iter().map(|(name, matching, key)| rule(name, matching, key)).collect()
}

fn ten_for_a_bet() -> Vec<Value> {
    let wager = || json!({"classes": ["wager"]});
    (0..10).map(|number| rule(&format!("bets-{number}"), wager(), json!(["client"]))).collect()
}

/// A rule that refuses nothing here.
fn rule(name: &str, matching: Value, key: Value) -> Value {
    json!({"name": name, "match": matching, "key": key, "requests": 1_000_000, "per": "second"})
}

/// The example's filter with these rate limits.
fn limited(build: &Build, rules: Vec<Value>) -> Result<Value, BenchError> {
    let filters = deployed(build, EXAMPLE)?;
    let name = Some(json!(EXAMPLE));
    let own = |it: &Value| it.pointer("/typed_config/config/name").cloned() == name;
    let mut filter = filters.into_iter().find(own).ok_or(BenchError::Nothing)?;
    let text = filter.pointer_mut("/typed_config/config/configuration/value");
    let text = text.ok_or(BenchError::Nothing)?;
    let policy = serde_json::from_str::<Value>(text.as_str().unwrap_or_default());
    let mut policy = policy.map_err(|_| BenchError::Nothing)?;
    if let Some(policy) = policy.as_object_mut() {
        policy.insert("limits".to_owned(), rules.into());
    }
    *text = policy.to_string().into();
    Ok(filter)
}

//! What scores cost, and which rules are refused.

use super::*;
use serde_json::{json, Value};

fn rules(change: Value) -> Result<BotRules, ConfigError> {
    let mut raw = json!({
        "header": "x-bot-score", "headers_stripped_by": "edge",
        "factors": [{"at": 50, "cost": 4}, {"at": 90.5, "cost": 20}],
    });
    for (name, value) in change.as_object().unwrap() {
        raw[name] = value.clone();
    }
    BotRules::compile(policy_kit::read_settings(raw.to_string().as_bytes())?)
}

fn factor(rules: &BotRules, values: &[&str]) -> u32 {
    let pairs = values.iter().map(|value| (&b"X-Bot-Score"[..], value.as_bytes()));
    rules.factor(&Headers::from_pairs(pairs))
}

#[test]
fn bad_scores_cost_more() {
    let higher = rules(json!({})).unwrap();
    let factors = json!([{"at": 0.7, "cost": 2}, {"at": 0.3, "cost": 8}, {"at": 0, "cost": 50}]);
    let lower = rules(json!({"worse": "lower", "factors": factors})).unwrap();
    for (values, if_higher, if_lower) in [
        (&[][..], 1, 1),
        (&["0"], 1, 50),
        (&["0.0"], 1, 50),
        (&["0.001"], 1, 8),
        (&["0.3"], 1, 8),
        (&["0.30"], 1, 8),
        (&["0.301"], 1, 2),
        (&["0.7"], 1, 2),
        (&["0.7001"], 1, 2),
        (&["0.701"], 1, 1),
        (&["49.999"], 1, 1),
        (&["49.9999999999"], 1, 1),
        (&["50"], 4, 1),
        (&[" 50 "], 4, 1),
        (&["90.499"], 4, 1),
        (&["90.5"], 20, 1),
        (&["1000"], 20, 1),
        // What is no score counts as the worst.
        (&["1000.001"], 20, 50),
        (&["99999"], 20, 50),
        (&[""], 20, 50),
        (&["-1"], 20, 50),
        (&["+1"], 20, 50),
        (&["1e1"], 20, 50),
        (&["bot"], 20, 50),
        (&["1."], 20, 50),
        (&[".5"], 20, 50),
        (&["1,5"], 20, 50),
        (&["1.2.3"], 20, 50),
        (&["NaN"], 20, 50),
        (&["1", "1"], 20, 50),
        (&["4294967297"], 20, 50),
    ] {
        assert_eq!(factor(&higher, values), if_higher, "{values:?}");
        assert_eq!(factor(&lower, values), if_lower, "{values:?}");
    }
}

#[test]
fn rejects_invalid_configurations() {
    for (change, want) in [
        (json!({"header": "X-Bot"}), "abuse.bot.header"),
        (json!({"header": ""}), "abuse.bot.header"),
        (json!({"headers_stripped_by": ""}), "abuse.bot.headers_stripped_by"),
        (json!({"headers_stripped_by": "a b"}), "abuse.bot.headers_stripped_by"),
        (json!({"factors": []}), "abuse.bot.factors"),
        (json!({"factors": vec![json!({"at": 1, "cost": 2}); 17]}), "abuse.bot.factors"),
        (json!({"factors": [{"at": -1, "cost": 2}]}), "abuse.bot.factors[0].at"),
        (json!({"factors": [{"at": 1001, "cost": 2}]}), "abuse.bot.factors[0].at"),
        (json!({"factors": [{"at": 1, "cost": 1}]}), "abuse.bot.factors[0].cost"),
        (json!({"factors": [{"at": 1, "cost": 1001}]}), "abuse.bot.factors[0].cost"),
        (
            json!({"factors": [{"at": 2, "cost": 2}, {"at": 2, "cost": 3}]}),
            "abuse.bot.factors[1].at",
        ),
        (
            json!({"factors": [{"at": 2, "cost": 2}, {"at": 1, "cost": 3}]}),
            "abuse.bot.factors[1].at",
        ),
        (
            json!({"worse": "lower", "factors": [{"at": 1, "cost": 2}, {"at": 2, "cost": 3}]}),
            "abuse.bot.factors[1].at",
        ),
        (
            json!({"factors": [{"at": 1, "cost": 3}, {"at": 2, "cost": 3}]}),
            "abuse.bot.factors[1].cost",
        ),
    ] {
        let error = rules(change.clone()).unwrap_err();
        assert_eq!(error.field, want, "{change}: {error}");
    }
}

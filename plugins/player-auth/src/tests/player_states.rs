//! The test kit for player states.

use policy_kit::CallReply;
use serde_json::{json, Value};

use crate::tests::gateway::{answer, bearer, token, TestGateway, CLAIMS, CONFIG};

/// A path for each class that checks a player's token.
pub(crate) const PATHS: [(&str, &str); 12] = [
    ("content", "/lobby"),
    ("promotions", "/promotions"),
    ("history", "/history"),
    ("odds", "/odds"),
    ("account", "/balance"),
    ("launch", "/launch"),
    ("deposit", "/deposit"),
    ("withdrawal", "/withdraw"),
    ("wager", "/bets"),
    ("round", "/hit"),
    ("cashout", "/cashout"),
    ("safer-gambling", "/limits"),
];

/// The test configuration with a path for every class, and this `player_state`.
pub(crate) fn configuration(state: &Value) -> Value {
    let mut document: Value = serde_json::from_str(CONFIG).unwrap();
    let endpoints = document["endpoints"].as_array_mut().unwrap();
    for class in ["history", "odds", "launch", "deposit", "round", "cashout"] {
        let path = PATHS.iter().find(|(of, _)| *of == class).unwrap().1;
        endpoints.push(json!({"path": path, "class": class, "product": "casino"}));
    }
    endpoints.push(json!({"path": "/promotions", "class": "content", "product": "promotions"}));
    endpoints.push(
        json!({"path": "/wallet/bet", "class": "wager", "caller": "partner", "product": "casino"}),
    );
    document["unclassified"] = "forward".into();
    document["player_state"] = state.clone();
    document["classes"] = json!({"withdrawal": {"max_auth_age_s": 0}});
    document
}

/// A `player_state` with a PAM.
pub(crate) fn pam_config() -> Value {
    json!({"pam": {"cluster": "pam", "cache_s": 5, "path": "/{brand}/{sub}"}})
}

/// A valid token.
pub(crate) fn good() -> (&'static str, String) {
    bearer(&token(CLAIMS))
}

/// The PAM's response that reports a state.
pub(crate) fn reports(state: &str) -> CallReply {
    answer(200, json!({ "state": state }).to_string())
}

/// One request in a new VM whose PAM gives this reply; the outcome, and the number of calls to the PAM.
pub(crate) fn once(config: &Value, path: &str, reply: &CallReply) -> (String, usize, TestGateway) {
    let mut gateway = TestGateway::new(&config.to_string());
    let (mut driver, action) = gateway.start(path, &[good()]);
    let mut got = gateway.outcome(action);
    if got == "waits" {
        got = gateway.complete(&mut driver, reply);
    }
    (got, gateway.host.flights.len(), gateway)
}

/// The class of a path of [`PATHS`].
pub(crate) fn class_of(path: &str) -> &'static str {
    PATHS.iter().find(|(_, of)| *of == path).map_or("unclassified", |(class, _)| class)
}

//! What a decision leaves behind: headers for the upstream, facts, counters; and what `shadow` does.

use serde_json::json;

use crate::fixture::{Ask, House};

#[test]
fn the_upstream_gets_the_class_and_the_urgency() {
    let mut house = House::new(json!({"concurrency": []}));
    for (path, class, priority) in [
        ("/lobby", "content", "low"),
        ("/odds", "odds", "low"),
        ("/balance", "account", "normal"),
        ("/bets", "wager", "high"),
        ("/wallet", "settlement", "critical"),
        ("/limits", "safer-gambling", "critical"),
        // Until the body is known it is the strictest and the most urgent that it may be.
        ("/hub", "wager", "critical"),
    ] {
        let mut ask = Ask::get(path);
        for name in
            ["x-request-priority", "X_Request_Priority", "x-endpoint-class", "x_endpoint-class"]
        {
            ask = ask.with(name, "forged");
        }
        let stream = house.headers(&ask.with("x-original-url", "/admin"));
        let it = house.at(stream);
        assert_eq!(it.upstream("x-request-priority"), [priority], "{path}");
        assert_eq!(it.upstream("x-endpoint-class"), [class], "{path}");
        let forged = it.request.iter().filter(|(_, value)| value == b"forged").count();
        assert_eq!(forged + it.upstream("x-original-url").len(), 0, "{path}: {:?}", it.request);
    }
}

#[test]
fn descriptors_are_set_and_the_clients_own_stripped() {
    let mut house = House::new(json!({"descriptors": [
        {"header": "x-limit-key", "key": ["brand", "player"]}, {"header": "x-limit-client", "key": ["client"]}]}));
    for (ask, key) in [
        (
            Ask::get("/odds").with("x-limit-key", "forged").with("x_limit_key", "forged"),
            "lucky-otter|p-1",
        ),
        (Ask::get("/odds").player(""), "lucky-otter|198.51.100.7"),
    ] {
        let stream = house.send(&ask);
        let it = house.at(stream);
        assert_eq!(it.upstream("x-limit-key"), [key]);
        assert_eq!(it.upstream("x-limit-client"), ["198.51.100.7"]);
        assert!(it.upstream("x_limit_key").is_empty());
        house.leave(stream);
    }
}

/// In shadow nothing is refused or held, and each request is reported once, with what would have been.
#[test]
fn shadow_only_watches() {
    let limits = json!([{"name": "bets", "match": {"classes": ["wager"]}, "key": ["client"], "requests": 1, "per": "minute"}]);
    let mut house = House::new(json!({"mode": "shadow", "limits": limits,
        "market": {"id": {"pointer": "/market"}, "suspended": ["m-1"]},
        "concurrency": [{"name": "casino", "limit": {"fixed": 3}, "queue": {"length": 0}}]}));
    let bet = || Ask::post("/bets").body(r#"{"market": "m-2"}"#);
    let mut all = Vec::new();
    for (ask, decision, evidence) in [
        (Ask::get("/nowhere"), "shadow:endpoint_unclassified", "rule=endpoints"),
        (bet(), "allow", "rule=concurrency.casino"),
        (bet(), "shadow:quota_exceeded", "rule=limits.bets"),
        (bet().body(r#"{"market": "m-1"}"#), "shadow:market_suspended", "rule=market why=market"),
        (Ask::get("/lobby"), "shadow:capacity_reduced", "rule=concurrency.casino why=no_permit"),
        (Ask::post("/hub").body("x".repeat(1 << 20)), "shadow:body_too_large", "rule=body"),
    ] {
        let stream = house.send(&ask);
        let it = house.at(stream);
        assert_eq!(
            (it.state().as_str(), it.decision(), it.evidence()),
            ("upstream", decision, evidence)
        );
        all.push(stream);
    }
    let counted: u64 = house
        .host
        .counters
        .iter()
        .filter(|(name, _)| name.starts_with("pitboss.bet-priority.requests"))
        .map(|(_, n)| n)
        .sum();
    assert_eq!(counted, all.len() as u64, "each once: {:?}", house.host.counters);
    house.tick();
    assert!(house.gauge("in_flight") > 3, "{}", house.gauge("in_flight"));
    for stream in all {
        house.answer(stream, 200, 50);
    }
    house.is_empty();
}

/// Half of a queue in shadow: who would wait goes on, and is no refusal.
#[test]
fn shadow_holds_nobody() {
    let mut house = House::new(json!({"mode": "shadow"}));
    let all = [(); 3].map(|()| house.send(&Ask::get("/bets")));
    assert_eq!(house.states(&all), ["upstream"; 3]);
    assert_eq!(house.at(all[2]).decision(), "allow");
    for stream in all {
        house.answer(stream, 200, 50);
    }
    house.is_empty();
}

//! Rate limits: what is refused, what the answer says, what does not count.

use std::collections::BTreeMap;

use policy_kit::{facts, CallReply, SECOND};
use serde_json::{json, Value};

use crate::fixture::{replied, Ask, House, NOT_TAKEN};

fn limits(rule: Value) -> Value {
    let mut all = json!({"name": "bets", "match": {"classes": ["wager"]}, "key": ["player"],
        "requests": 2, "per": "minute", "jitter": 0, "fields": "always"});
    all.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
    json!([all])
}

#[test]
fn a_refusal_says_when_and_why() {
    let mut house = House::new(json!({"limits": limits(json!({})), "concurrency": []}));
    let bet = Ask::get("/bets");
    let first = house.send(&bet);
    house.send(&bet);
    let refused = house.send(&bet);
    let it = house.at(refused);
    assert_eq!(it.state(), "429 quota_exceeded");
    let problem = it.problem();
    assert_eq!(problem["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert_eq!(problem["violated-policies"], json!(["bets"]));
    assert_eq!(it.header("retry-after"), Some("30"));
    assert_eq!(it.header("ratelimit-policy"), Some("\"bets\";q=2;w=60"));
    assert_eq!(it.header("ratelimit"), Some("\"bets\";r=0;t=30"));
    assert_eq!(it.header("x-ratelimit-limit"), None);
    assert_eq!((it.decision(), it.evidence()), ("deny:quota_exceeded", "rule=limits.bets"));
    let other = house.send(&bet.clone().player("p-2"));
    assert_eq!(house.state(other), "upstream");
    // Those that pass say what is left.
    house.respond(first, 200, 5);
    let field = house.at(first).response.iter().find(|(name, _)| name == b"ratelimit").unwrap();
    assert_eq!(field.1, b"\"bets\";r=1;t=30");
    // Not before the limit allows, and then at once.
    house.host.now += 29 * SECOND;
    let early = house.send(&bet);
    house.host.now += SECOND;
    let due = house.send(&bet);
    assert_eq!(house.states(&[early, due]), ["429 quota_exceeded", "upstream"]);
    assert_eq!(house.host.counters["pitboss.bet-priority.limits.rule=bets.result=refused"], 2);
}

/// Refused calls do not count: by another rule, or because they are shed after all.
#[test]
fn refused_calls_do_not_count() {
    let other = json!({"name": "all", "match": {"classes": ["wager"]}, "key": [], "requests": 1, "per": "minute"});
    let mut both = limits(json!({}));
    both.as_array_mut().unwrap().push(other);
    let mut house = House::new(json!({"limits": both, "concurrency": []}));
    let bet = Ask::get("/bets").player("p-2");
    house.send(&Ask::get("/bets"));
    for _ in 0..5 {
        let refused = house.send(&bet);
        assert_eq!(house.state(refused), "429 quota_exceeded");
    }
    house.host.now += 60 * SECOND;
    let [one, two] = [house.send(&bet), {
        house.host.now += 60 * SECOND;
        house.send(&bet)
    }];
    assert_eq!(house.states(&[one, two]), ["upstream", "upstream"]);

    let mut house = House::new(json!({"limits": limits(json!({})), "concurrency": [
        {"name": "casino", "limit": {"fixed": 1}, "queue": {"length": 1}}]}));
    let running = house.send(&Ask::get("/balance"));
    let waiting = house.send(&bet);
    for _ in 0..5 {
        let shed = house.send(&bet);
        assert_eq!(house.state(shed), "503 capacity_reduced");
        house.end(shed);
    }
    // It was charged while it waited, and is not when it is shed.
    house.pass(1_600);
    assert_eq!(house.state(waiting), "503 capacity_reduced");
    house.end(waiting);
    house.answer(running, 200, 50);
    for want in ["upstream", "upstream", "429 quota_exceeded"] {
        let stream = house.send(&bet);
        assert_eq!(house.state(stream), want);
        if want == "upstream" {
            house.answer(stream, 200, 50);
        } else {
            house.end(stream);
        }
    }
    house.is_empty();
}

#[test]
fn a_rule_in_shadow_refuses_nothing() {
    let mut house =
        House::new(json!({"limits": limits(json!({"mode": "shadow"})), "concurrency": []}));
    for (n, decision) in ["allow", "allow", "shadow:quota_exceeded"].into_iter().enumerate() {
        let stream = house.send(&Ask::get("/bets"));
        assert_eq!(
            (house.at(stream).state().as_str(), house.at(stream).decision()),
            ("upstream", decision),
            "{n}"
        );
    }
}

/// Anybody can claim to be a partner: until the body proves it, nothing of the partner's is used up.
#[test]
fn a_claimed_partner_is_charged_once_it_is_proven() {
    let rule = json!({"match": {"classes": ["settlement"]}, "key": ["partner"], "requests": 1});
    let mut house = House::new(json!({"limits": limits(rule), "concurrency": []}));
    let claimed = Ask::post("/wallet").partner("psp", "claimed");
    let forged: Vec<_> = (0..9).map(|_| house.headers(&claimed)).collect();
    let proven = BTreeMap::from([(facts::PARTNER_PROOF.to_owned(), "signature".to_owned())]);
    let one = house.headers(&claimed);
    house.body(one, &proven);
    assert_eq!(house.state(one), "upstream");
    let two = house.headers(&claimed);
    house.body(two, &proven);
    assert_eq!(house.state(two), "503 quota_exceeded");
    for stream in forged {
        // Refused by the filter that checks signatures.
        house.leave(stream);
    }
}

fn fleet() -> Value {
    let rule = json!({"scope": "fleet", "key": ["player", {"pointer": "/market"}], "requests": 100, "per": "second", "burst": 100});
    json!({"limits": limits(rule), "concurrency": [], "workers": 1,
        "fleet": {"cluster": "redis", "gateways": 2}})
}

fn bet() -> Ask {
    Ask::post("/bets").body(r#"{"market": "m-1"}"#)
}

/// Redis answers as `pitboss_lease` does.
fn grant(house: &House, tokens: u32, wait_us: u64) -> CallReply {
    let command: Value = serde_json::from_slice(&house.host.calls.last().unwrap().body).unwrap();
    replied(json!({"result": [command[8], tokens, wait_us]}))
}

#[test]
fn tokens_of_the_fleet_are_waited_for() {
    let mut house = House::new(fleet());
    let [one, two] = [house.send(&bet()), house.send(&bet())];
    assert_eq!(house.states(&[one, two]), ["joined", "joined"]);
    let key = house.call_of(one);
    assert_eq!(key, house.call_of(two), "one call for both");
    let reply = grant(&house, 1, 0);
    house.reply(&key, &reply);
    assert_eq!(house.states(&[one, two]), ["upstream", "joined"]);
    let reply = grant(&house, 1, 0);
    house.reply(&key, &reply);
    assert_eq!(house.states(&[one, two]), ["upstream", "upstream"]);
    // None is left, and Redis has none.
    let three = house.send(&bet());
    assert_eq!(house.state(three), "joined");
    let (key, reply) = (house.call_of(three), grant(&house, 0, 500_000));
    house.reply(&key, &reply);
    assert_eq!(house.state(three), "429 quota_exceeded");
    let refused = house.send(&bet());
    assert_eq!(house.state(refused), "429 quota_exceeded", "no call for what is known");
}

/// One that waits again keeps its body, without which it would have another key.
#[test]
fn a_request_that_waits_twice_keeps_its_body() {
    let mut house = House::new(fleet());
    let all: Vec<_> = (0..3).map(|_| house.send(&bet())).collect();
    let key = house.call_of(all[0]);
    let reply = grant(&house, 1, 0);
    house.reply(&key, &reply);
    assert_eq!(house.states(&all), ["upstream", "joined", "joined"]);
    assert_eq!(house.call_of(all[1]), key);
    let reply = grant(&house, 2, 0);
    house.reply(&key, &reply);
    assert_eq!(house.states(&all), ["upstream"; 3]);
}

/// Without Redis each worker goes on with its share.
#[test]
fn without_redis_a_share_counts() {
    for reply in
        [CallReply::NoResponse, replied("{}"), NOT_TAKEN, replied(json!({"error": "LOADING"}))]
    {
        let mut house = House::new(fleet());
        let first = house.send(&bet());
        let key = house.call_of(first);
        house.reply(&key, &reply);
        assert_eq!(house.state(first), "upstream", "{reply:?}");
        let more: Vec<_> = (0..60).map(|_| house.send(&bet())).collect();
        let passed = more.iter().filter(|it| house.state(**it) == "upstream").count();
        assert_eq!(passed, 49, "{reply:?}: 100 by two gateways");
        assert!(house.host.counters["pitboss.bet-priority.fleet_faults"] >= 1);
    }
    // The gateway does not take the call.
    let mut house = House::new(fleet());
    house.host.faults.insert("proxy_http_call", 2);
    let first = house.send(&bet());
    assert_eq!(house.state(first), "upstream");
    assert_eq!(house.host.counters["pitboss.bet-priority.fleet_faults"], 1);
}

/// A stream that may not wait goes on with what the worker has, or is refused.
#[test]
fn too_many_waiting_is_no_fault_of_redis() {
    let mut house = House::new(fleet());
    let first = house.send(&bet());
    let key = house.call_of(first);
    house.reply_to_streams(&key, &CallReply::TooManyWaiting);
    assert_eq!(house.state(first), "429 quota_exceeded");
    assert!(!house.host.counters.contains_key("pitboss.bet-priority.fleet_faults"));
}

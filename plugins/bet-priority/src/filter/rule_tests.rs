//! Markets, logins, deposits and the surge profile, through whole requests.

use policy_kit::SECOND;
use serde_json::{json, Value};

use crate::fixture::{replied, Ask, House, START};

fn bet(market: &str) -> Ask {
    Ask::post("/bets").body(json!({"market": market}))
}

#[test]
fn suspended_and_busy_markets_are_refused() {
    let market = json!({"id": {"pointer": "/market"}, "suspended": ["m-1"], "in_flight": 1});
    let mut house = House::new(json!({"market": market, "concurrency": []}));
    let suspended = house.send(&bet("m-1"));
    assert_eq!(house.state(suspended), "409 market_suspended");
    let one = house.send(&bet("m-2"));
    let two = house.send(&bet("m-2"));
    let other = house.send(&bet("m-3"));
    assert_eq!(house.states(&[one, two, other]), ["upstream", "503 market_busy", "upstream"]);
    assert_eq!(house.at(two).header("retry-after"), Some("1"));
    for (how, stream) in [("answer", one), ("leave", other)] {
        match how {
            "answer" => house.answer(stream, 200, 50),
            _ => house.vanish(stream),
        }
    }
    for market in ["m-2", "m-3"] {
        let stream = house.send(&bet(market));
        assert_eq!(house.state(stream), "upstream", "{market}");
    }
}

const REPLY: &str = r#"{"error":"wrong credentials"}"#;

fn logins(delay_ms: u64) -> Value {
    json!({"abuse": {"login": {
        "endpoints": [{"endpoint": "/login", "account": "/user"}], "delay_ms": delay_ms,
        "reply": {"headers": [{"name": "content-type", "value": "application/json"}, {"name": "x-casino", "value": "otter"}],
            "body": REPLY}}}})
}

fn login(user: &str) -> Ask {
    Ask::post("/login").body(json!({"user": user, "password": "x"}))
}

fn fails(house: &mut House, ask: &Ask, times: u32) {
    for _ in 0..times {
        let stream = house.send(ask);
        assert_eq!(house.state(stream), "upstream");
        house.answer(stream, 401, 90);
    }
}

#[test]
fn a_locked_login_gets_the_casinos_own_reply_after_its_own_time() {
    let mut house = House::new(logins(200));
    fails(&mut house, &login("anna"), 3);
    assert_eq!(
        house.host.counters["pitboss.bet-priority.abuse.rule=login.result=account_locked"],
        1
    );
    let locked = house.send(&login("anna"));
    assert_eq!(house.state(locked), "held");
    assert_eq!(house.at(locked).decision(), "deny:login_locked");
    assert_eq!(house.at(locked).evidence(), "rule=abuse.login why=account");
    let before = house.host.now;
    while house.state(locked) == "held" {
        house.pass(20);
    }
    let waited = (house.host.now - before) / 1_000_000;
    assert!((150..=270).contains(&waited), "{waited} ms");
    let reply = house.at(locked).replied.clone().unwrap();
    let header =
        |name: &str, value: &str| (name.to_owned().into(), value.as_bytes().to_vec().into());
    let headers = vec![header("content-type", "application/json"), header("x-casino", "otter")];
    assert_eq!(
        (reply.status, reply.headers, reply.body),
        (401, headers, REPLY.as_bytes().to_vec())
    );
    house.end(locked);
    // Others, and sessions in use, are not touched.
    for ask in [login("bert"), Ask::get("/balance")] {
        let stream = house.send(&ask);
        assert_eq!(house.state(stream), "upstream");
        house.answer(stream, 200, 50);
    }
    house.host.now += 1_801 * SECOND;
    let open = house.send(&login("anna"));
    assert_eq!(house.state(open), "upstream");
    house.answer(open, 200, 50);
    house.is_empty();
}

/// It takes as long as the upstream's own refusals did.
#[test]
fn the_delay_follows_the_upstreams_time() {
    let mut house = House::new(logins(5_000));
    for user in 0..12 {
        fails(&mut house, &login(&format!("user-{user}")).from("203.0.113.1:1"), 1);
    }
    fails(&mut house, &login("anna"), 3);
    let locked = house.send(&login("anna"));
    house.pass(80);
    assert_eq!(house.state(locked), "held");
    house.pass(20);
    assert_eq!(house.state(locked), "401 login_locked");
    let gone = house.send(&login("anna"));
    house.vanish(gone);
    house.end(locked);
    house.is_empty();
}

/// Without a place to wait, or on WasmX, the reply comes at once and is the same.
#[test]
fn a_delay_without_a_place_is_none() {
    let mut document = logins(10_000);
    document["host"] = json!("wasmx");
    let mut house = House::new(document);
    fails(&mut house, &login("anna"), 3);
    let locked = house.send(&login("anna"));
    assert_eq!(house.at(locked).replied.as_ref().unwrap().code, "", "nothing in the reason phrase");
    let mut house = House::new(logins(10_000));
    fails(&mut house, &login("anna"), 3);
    let all: Vec<_> = (0..200).map(|_| house.send(&login("anna"))).collect();
    let held = all.iter().filter(|it| house.state(**it) == "held").count();
    assert_eq!(held, 128);
    assert_eq!(house.state(all[199]), "401 login_locked");
    for stream in all {
        house.leave(stream);
    }
    house.is_empty();
}

/// A login that the upstream never judged is no failure.
#[test]
fn logins_without_an_answer_do_not_count() {
    let mut house = House::new(logins(0));
    for ending in ["upstream_reset_before_response_started{}", "", "response_timeout", "leave"] {
        let stream = house.send(&login("anna"));
        assert_eq!(house.state(stream), "upstream", "{ending}");
        match ending {
            "leave" => house.leave(stream),
            details => house.end_by(stream, details),
        }
    }
    house.pass(1_300);
    fails(&mut house, &login("anna").from("203.0.113.2:1"), 3);
}

#[test]
fn failed_deposits_block_deposits_alone() {
    let mut house = House::new(json!({"abuse": {"deposits": {}}}));
    let deposit = Ask::post("/deposits");
    for _ in 0..5 {
        let stream = house.send(&deposit);
        house.answer(stream, 402, 50);
    }
    let blocked = house.send(&deposit);
    assert_eq!(house.state(blocked), "403 deposits_blocked");
    assert_eq!(house.at(blocked).evidence(), "rule=abuse.deposits why=blocked");
    house.end(blocked);
    for ask in [deposit.clone().player("p-2"), Ask::get("/balance"), Ask::get("/bets")] {
        let stream = house.send(&ask);
        assert_eq!(house.state(stream), "upstream");
        house.answer(stream, 200, 50);
    }
    assert_eq!(house.host.counters["pitboss.bet-priority.abuse.rule=deposits.result=blocked"], 1);
    house.is_empty();
}

/// In a surge odds leave the queue before the lobby, and bets have permits of their own.
fn sheds_odds_first(house: &mut House) -> bool {
    let first = house.send(&Ask::get("/bets"));
    let lobby = house.send(&Ask::get("/lobby"));
    let odds = house.send(&Ask::get("/odds"));
    let late = house.send(&Ask::get("/balance"));
    let states = house.states(&[lobby, odds]);
    for stream in [lobby, odds, late] {
        house.leave(stream);
    }
    house.answer(first, 200, 50);
    states == ["held", "503 capacity_reduced"]
}

fn surge(surge: Value) -> Value {
    json!({"surge": surge, "concurrency": [
        {"name": "casino", "limit": {"fixed": 1}, "queue": {"length": 2, "fairness": 0}}]})
}

#[test]
fn the_schedule_turns_the_surge_on_and_off() {
    let mut house = House::new(surge(json!({"schedule": [
        {"from": "2027-01-15T08:00:10Z", "until": "2027-01-15T08:00:20Z"}]})));
    assert_eq!(START, 1_800_000_000 * SECOND, "2027-01-15T08:00:00Z");
    for (passes, want) in [(0, false), (11, true), (10, false)] {
        house.host.now += passes * SECOND;
        house.tick();
        assert_eq!(sheds_odds_first(&mut house), want, "after {passes} s");
        house.tick();
        let on = house.host.gauges.get("pitboss.bet-priority.surge").copied().unwrap_or(0);
        assert_eq!(on, u64::from(want));
    }
    house.is_empty();
}

#[test]
fn the_switch_turns_it_on_and_suspends_markets() {
    let mut document = surge(json!({"switch": {"cluster": "ops"}}));
    document["market"] = json!({"id": {"pointer": "/market"}});
    let mut house = House::new(document);
    house.tick();
    let key = house.polls.pop().expect("a poll");
    assert!(!sheds_odds_first(&mut house));
    house.reply(&key, &replied(json!({"surge": true, "suspended_markets": ["m-1"]})));
    house.tick();
    assert!(sheds_odds_first(&mut house));
    let bet = house.send(&bet("m-1"));
    assert_eq!(house.state(bet), "409 market_suspended");
    house.end(bet);
    // Out of reach, it stays as it was.
    house.reply(&key, &policy_kit::CallReply::NoResponse);
    house.tick();
    assert!(sheds_odds_first(&mut house));
    house.is_empty();
}

#[test]
fn shedding_turns_it_on() {
    let mut house = House::new(surge(json!({"auto": {"after_ms": 500, "calm_ms": 1_000}})));
    let first = house.send(&Ask::get("/bets"));
    for _ in 0..40 {
        let all = [(); 3].map(|()| house.send(&Ask::get("/bets")));
        all.into_iter().for_each(|stream| house.leave(stream));
        house.pass(20);
    }
    assert_eq!(house.host.gauges["pitboss.bet-priority.surge"], 1);
    house.answer(first, 200, 50);
    house.pass(1_500);
    assert_eq!(house.host.gauges["pitboss.bet-priority.surge"], 0);
    house.is_empty();
}

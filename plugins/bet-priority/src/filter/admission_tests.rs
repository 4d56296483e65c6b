//! Requests that take a permit, wait for one, or are shed; and those that never wait.

use policy_kit::MILLI;
use serde_json::{json, Value};

use crate::fixture::{Ask, House};

/// One permit, and so many places.
fn queue(length: u32) -> Value {
    json!({"concurrency": [
        {"name": "casino", "limit": {"fixed": 1}, "queue": {"length": length, "fairness": 0}}]})
}

#[test]
fn a_permit_that_comes_free_goes_to_the_class_kept_longest() {
    let mut house = House::new(json!({}));
    let first = house.send(&Ask::get("/lobby"));
    let paths = ["/lobby", "/odds", "/bets", "/balance", "/bets", "/cashout"];
    let waiting = paths.map(|path| house.send(&Ask::get(path)));
    assert_eq!(house.state(first), "upstream");
    assert_eq!(house.states(&waiting), ["held"; 6]);
    house.tick();
    assert_eq!([house.gauge("in_flight"), house.gauge("queued"), house.gauge("limit")], [1, 6, 1]);
    let mut order = Vec::new();
    let mut running = first;
    for _ in 0..6 {
        house.answer(running, 200, 50);
        running = *waiting.iter().find(|it| !order.contains(*it) && house.at_is_up(**it)).unwrap();
        order.push(running);
    }
    let want = [5, 2, 4, 3, 1, 0].map(|at: usize| waiting[at]);
    assert_eq!(order, want);
    house.answer(running, 200, 50);
    house.is_empty();
    assert_eq!(house.counted("wager", "allow", "none"), 2);
    let waits = &house.host.histograms["pitboss.bet-priority.wait_ms.class=wager"];
    assert_eq!(waits.len(), 2);
}

#[test]
fn who_waits_too_long_is_refused() {
    let mut house = House::new(json!({}));
    let first = house.send(&Ask::get("/bets"));
    let waiting = house.send(&Ask::get("/bets"));
    house.pass(1_480);
    assert_eq!(house.state(waiting), "held");
    house.pass(60);
    assert_eq!(house.state(waiting), "503 capacity_reduced");
    let stream = house.at(waiting);
    assert!(stream.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    let problem = stream.problem();
    let kind = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity";
    assert_eq!(problem["type"], kind);
    assert_eq!(stream.decision(), "deny:capacity_reduced");
    assert_eq!(stream.evidence(), "rule=concurrency.casino why=expired");
    house.end(waiting);
    house.answer(first, 200, 50);
    house.is_empty();
    assert_eq!(house.counted("wager", "deny", "capacity_reduced"), 1);
}

#[test]
fn a_full_queue_sheds_what_is_kept_shortest() {
    let mut house = House::new(queue(2));
    let first = house.send(&Ask::get("/lobby"));
    let [lobby, odds] = ["/lobby", "/odds"].map(|path| house.send(&Ask::get(path)));
    let late = house.send(&Ask::get("/lobby"));
    assert_eq!(house.state(late), "503 capacity_reduced");
    assert!(house.at(late).evidence().ends_with("why=group_full"), "{}", house.at(late).evidence());
    let bet = house.send(&Ask::get("/bets"));
    assert_eq!(house.states(&[lobby, odds, bet]), ["503 capacity_reduced", "held", "held"]);
    assert!(house.at(lobby).evidence().ends_with("why=displaced"));
    for gone in [lobby, late] {
        house.end(gone);
    }
    house.answer(first, 200, 50);
    assert_eq!(house.states(&[odds, bet]), ["held", "upstream"]);
    house.answer(bet, 200, 50);
    house.answer(odds, 200, 50);
    house.is_empty();
}

/// Clients leave at every moment: while they wait, after they were released and before they heard of it, with and
/// without a log callback.
#[test]
fn clients_that_leave_lose_nothing() {
    for how in ["log", "drop"] {
        let mut house = House::new(json!({}));
        let first = house.send(&Ask::get("/bets"));
        let [gone, stays, last] = [(); 3].map(|()| house.send(&Ask::get("/bets")));
        match how {
            "log" => house.leave(gone),
            _ => house.vanish(gone),
        }
        house.tick();
        assert_eq!(house.gauge("queued"), 2, "{how}");
        // Released, and gone before it hears of it: the permit is the next one's.
        house.finish_without_release(first);
        let tickets = house.take_released();
        assert_eq!(tickets.len(), 1, "{how}");
        match how {
            "log" => house.leave(stays),
            _ => house.vanish(stays),
        }
        house.release();
        assert_eq!(house.state(last), "upstream", "{how}");
        house.answer(last, 200, 50);
        house.is_empty();
    }
}

/// The upstream still works on a request whose client left in flight.
#[test]
fn a_permit_is_kept_for_the_upstreams_usual_time() {
    for how in ["log", "drop"] {
        let mut house = House::new(json!({}));
        for _ in 0..20 {
            let one = house.send(&Ask::get("/bets"));
            house.answer(one, 200, 100);
        }
        let first = house.send(&Ask::get("/bets"));
        let next = house.send(&Ask::get("/bets"));
        match how {
            "log" => house.leave(first),
            _ => house.vanish(first),
        }
        house.pass(80);
        assert_eq!((house.state(next), house.gauge("in_flight")), ("held".to_owned(), 1), "{how}");
        house.pass(60);
        assert_eq!(house.state(next), "upstream", "{how}");
        house.answer(next, 200, 100);
        house.is_empty();
    }
}

/// Never held, whatever is in flight.
#[test]
fn exempt_classes_never_wait() {
    let mut house = House::new(json!({}));
    let mut running = vec![house.send(&Ask::get("/bets"))];
    for ask in [
        Ask::get("/limits"),
        Ask::post("/limits"),
        Ask::post("/wallet").partner("psp", "certificate"),
        Ask::post("/wallet").partner("psp", "network"),
        Ask::post("/hub").partner("hub", "network").body(r#"{"type": "credit"}"#),
    ] {
        let stream = house.send(&ask);
        assert_eq!(house.state(stream), "upstream", "{ask:?}");
        running.push(stream);
    }
    house.tick();
    assert_eq!(house.gauge("in_flight"), 6);
    for ask in [
        Ask::post("/wallet").partner("psp", "claimed"),
        Ask::post("/wallet").partner("psp", "signature"),
        Ask::post("/wallet").partner("psp", "key"),
        Ask::post("/wallet"),
        Ask::post("/hub").partner("hub", "signature").body(r#"{"type": "credit"}"#),
        Ask::post("/hub").partner("hub", "network").body(r#"{"type": "debit"}"#),
        Ask::post("/hub").partner("hub", "network").body("{"),
    ] {
        let stream = house.send(&ask);
        let want = if ask.has_body("{") { "403" } else { "held" };
        assert!(
            house.state(stream).starts_with(want) || house.state(stream).starts_with("503"),
            "{ask:?}: {}",
            house.state(stream)
        );
        running.push(stream);
    }
    for stream in running {
        house.leave(stream);
    }
    house.is_empty();
}

/// A flood of settlements that nobody has proven leaves every second permit to bets.
#[test]
fn unproven_settlement_waits_in_its_own_lane() {
    let mut house =
        House::new(json!({"concurrency": [{"name": "casino", "limit": {"fixed": 10}}]}));
    let mut running: Vec<_> = (0..10).map(|_| house.send(&Ask::get("/bets"))).collect();
    let claims = Ask::post("/wallet").partner("psp", "claimed");
    let settlements: Vec<_> = (0..8).map(|_| house.send(&claims)).collect();
    let bets: Vec<_> = (0..8).map(|_| house.send(&Ask::get("/bets"))).collect();
    for _ in 0..8 {
        house.answer(running.remove(0), 200, 50);
    }
    let up = |house: &House, all: &[usize]| all.iter().filter(|it| house.at_is_up(**it)).count();
    let (settled, placed) = (up(&house, &settlements), up(&house, &bets));
    assert_eq!(settled + placed, 8);
    assert!((1..=4).contains(&settled), "{settled} settlements, {placed} bets");
    for stream in running.into_iter().chain(settlements).chain(bets) {
        house.leave(stream);
    }
    house.is_empty();
}

/// What may be owed is never refused as final.
#[test]
fn refusals_of_what_may_be_a_settlement_can_be_retried() {
    let limits = json!([{"name": "psp", "match": {"classes": ["settlement", "wager"]}, "key": ["client"],
        "requests": 1, "per": "minute", "fields": "always"}]);
    let mut house = House::new(json!({"limits": limits, "concurrency": [
        {"name": "casino", "limit": {"fixed": 1}, "queue": {"length": 0}}]}));
    let settle = Ask::post("/wallet").partner("psp", "signature");
    let first = house.send(&settle);
    assert_eq!(house.state(first), "upstream");
    let limited = house.send(&settle);
    assert_eq!(house.state(limited), "503 quota_exceeded");
    let after: u64 = house.at(limited).header("retry-after").unwrap().parse().unwrap();
    assert!((60..=75).contains(&after), "{after}");
    for (path, body) in [("/wallet", "{}"), ("/hub", r#"{"type": "credit"}"#)] {
        let ask = Ask::post(path).partner("psp", "signature").body(body).from("203.0.113.9:1");
        let shed = house.send(&ask);
        assert_eq!(house.state(shed), "503 capacity_reduced", "{path}");
        house.end(shed);
    }
    let large = Ask::post("/hub").partner("psp", "signature").body("x".repeat(1 << 20));
    let large = house.send(&large);
    assert_eq!(house.state(large), "503 body_too_large");
    let unknown = house.send(&Ask::get("/nowhere"));
    assert_eq!(house.state(unknown), "403 endpoint_unclassified");
    for gone in [limited, large, unknown] {
        house.end(gone);
    }
    house.answer(first, 200, 50);
    house.is_empty();
}

/// A request whose class only its body tells waits as what it is.
#[test]
fn requests_wait_after_their_body() {
    let mut house = House::new(json!({}));
    let first = house.send(&Ask::get("/bets"));
    let ask = |kind: &str| Ask::post("/hub").body(json!({"type": kind})).partner("hub", "network");
    let balance = house.send(&ask("balance"));
    let debit = house.send(&ask("debit"));
    let unknown = house.send(&ask("jackpot"));
    assert_eq!(house.states(&[balance, debit]), ["held", "held"]);
    assert_eq!(house.state(unknown), "503 endpoint_unclassified");
    house.end(unknown);
    house.answer(first, 200, 50);
    assert_eq!(house.states(&[balance, debit]), ["held", "upstream"]);
    house.answer(debit, 200, 50);
    assert_eq!(house.at(balance).facts["pitboss.class"], "account");
    house.answer(balance, 200, 50);
    house.is_empty();
}

#[test]
fn retries_of_an_admitted_key_go_first() {
    let mut house = House::new(json!({}));
    let bet = |key: &str| Ask::get("/bets").with("idempotency-key", key);
    let first = house.send(&bet("one"));
    let fresh = house.send(&bet("two"));
    let others = house.send(&bet("one").player("p-2"));
    let retry = house.send(&bet("one"));
    house.leave(first);
    house.pass(1_300);
    let want = ["held", "held", "upstream"];
    assert_eq!(house.states(&[fresh, others, retry]), want, "another player's key is another");
    for stream in [fresh, others, retry] {
        house.leave(stream);
    }
    house.is_empty();
}

/// The gateway's clock steps while requests wait: none is stuck, none is thrown out at once.
#[test]
fn steps_of_the_clock_end_no_wait() {
    for step in [-3_600_000_i64, 3_600_000, i64::from(i32::MAX) * 1_000] {
        let mut house = House::new(json!({}));
        let first = house.send(&Ask::get("/bets"));
        let next = house.send(&Ask::get("/bets"));
        house.host.now = house.host.now.saturating_add_signed(step * MILLI as i64 / 1_000);
        house.tick();
        assert_eq!(house.state(next), "held", "{step}");
        house.pass(1_600);
        assert_eq!(house.state(next), "503 capacity_reduced", "{step}");
        house.end(next);
        house.answer(first, 200, 50);
        house.is_empty();
    }
}

/// A configuration that ends takes its part off the gauges, also if a tick comes later.
#[test]
fn gauges_return_to_zero() {
    let mut house = House::new(json!({}));
    let first = house.send(&Ask::get("/bets"));
    let next = house.send(&Ask::get("/bets"));
    house.tick();
    assert_eq!([house.gauge("in_flight"), house.gauge("queued"), house.gauge("limit")], [1, 1, 1]);
    policy_kit::Plugin::on_drain(&mut house.plugin, &mut house.host);
    house.tick();
    assert_eq!([house.gauge("in_flight"), house.gauge("queued"), house.gauge("limit")], [0; 3]);
    for stream in [next, first] {
        house.leave(stream);
    }
}

/// Nothing waits and nobody's identity is believed on WasmX, unless the document says who strips it.
#[test]
fn wasmx_holds_nothing() {
    let mut house = House::new(json!({"host": "wasmx"}));
    let first = house.send(&Ask::get("/bets"));
    let [odds, bet] = ["/odds", "/bets"].map(|path| house.send(&Ask::get(path)));
    assert_eq!(
        house.states(&[first, odds, bet]),
        ["upstream", "503 capacity_reduced", "503 capacity_reduced"]
    );
    let exempt = house.send(&Ask::get("/limits"));
    assert_eq!(house.state(exempt), "upstream");
    for stream in [first, odds, bet, exempt] {
        house.end(stream);
    }
    let limits = json!([{"name": "bets", "key": ["player"], "requests": 1, "per": "minute"}]);
    let document = json!({"host": "wasmx", "limits": limits, "concurrency": []});
    let error = House::configure(&document, Default::default()).err().unwrap();
    assert_eq!(error.field, "limits[0].key[0]");
    let mut document = document;
    document["identity"] = json!({"headers_stripped_by": "player-auth"});
    let mut house = House::new(document);
    for (player, want) in [("a", "upstream"), ("a", "429 quota_exceeded"), ("b", "upstream")] {
        let stream = house.send(&Ask::get("/bets").with("x-player-id", player));
        assert_eq!(house.state(stream), want, "{player}");
    }
}

//! Every host call fails with every status, in every phase: money never passes unchecked, settlement is never stopped,
//! nothing waits for ever, and no permit is lost.

use serde_json::json;

use crate::fixture::{Ask, House};

const CALLS: [&str; 15] = [
    "proxy_get_header_map_pairs",
    "proxy_replace_header_map_value",
    "proxy_remove_header_map_value",
    "proxy_get_property",
    "proxy_set_property",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_get_current_time_nanoseconds",
    "proxy_increment_metric",
    "proxy_record_metric",
    "proxy_send_local_response",
    "proxy_http_call",
    "proxy_continue_stream",
    "proxy_get_buffer_bytes",
    "await_release",
];

const STATUSES: [u32; 13] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99];

fn document() -> serde_json::Value {
    json!({
        "limits": [{"name": "bets", "key": ["player"], "requests": 1, "per": "minute"}],
        "market": {"id": {"pointer": "/market"}, "suspended": ["m-1"]},
        "abuse": {"deposits": {}, "login": {"endpoints": [{"endpoint": "/login", "account": "/user"}],
            "reply": {"body": "no"}}},
        "surge": {"auto": {}},
    })
}

fn asks() -> Vec<(&'static str, Ask)> {
    vec![
        ("bet", Ask::post("/bets").body(r#"{"market": "m-2"}"#).with("x-request-priority", "x")),
        ("deposit", Ask::post("/deposits")),
        ("login", Ask::post("/login").body(r#"{"user": "anna"}"#)),
        ("settlement", Ask::post("/wallet").partner("psp", "network")),
        ("unproven", Ask::post("/wallet").partner("psp", "signature")),
        ("limits", Ask::get("/limits")),
        ("hub", Ask::post("/hub").partner("hub", "network").body(r#"{"type": "credit"}"#)),
    ]
}

#[test]
fn no_failure_of_the_gateway_stops_settlement_or_loses_a_permit() {
    for call in CALLS {
        for status in STATUSES {
            for (name, ask) in asks() {
                let case = format!("{call} {status} {name}");
                let mut house = House::new(document());
                let first = house.send(&Ask::get("/odds").player("p-0").from("203.0.113.7:1"));
                house.host.faults.insert(call, status);
                let stream = house.send(&ask);
                let state = house.state(stream);
                match name {
                    "settlement" | "limits" => assert!(
                        state == "upstream" || call == "proxy_get_header_map_pairs",
                        "{case}: {state}"
                    ),
                    "unproven" | "hub" => assert!(
                        state == "held"
                            || state == "upstream"
                            || state.starts_with("503")
                            || state == "reset"
                            || call == "proxy_get_header_map_pairs",
                        "{case}: {state}"
                    ),
                    _ => assert_ne!(state, "upstream", "{case}"),
                }
                // Still failing, its turn comes.
                house.answer(first, 200, 50);
                house.pass(2_100);
                assert_ne!(house.state(stream), "held", "{case}");
                house.host.faults.clear();
                house.pass(2_100);
                assert_ne!(house.state(stream), "held", "{case}");
                house.end(stream);
                house.pass(1_300);
                let next = house.send(&Ask::get("/odds").player("p-9").from("203.0.113.8:1"));
                assert_eq!(house.state(next), "upstream", "{case}: a permit is lost");
                house.answer(next, 200, 50);
                // A change of a gauge that the gateway did not take is lost.
                if call != "proxy_increment_metric" {
                    house.is_empty();
                }
            }
        }
    }
}

/// The module starts without shared data, and refuses to without a clock.
#[test]
fn a_document_compiles_whatever_fails() {
    for call in CALLS {
        for status in STATUSES {
            let host = policy_kit::fake::FakeHost::default().failing(call, status);
            let started = House::configure(&document(), host);
            assert_eq!(
                started.is_err(),
                call == "proxy_get_current_time_nanoseconds",
                "{call} {status}"
            );
        }
    }
}

/// `on_error: forward` lets pass what moves no money.
#[test]
fn what_moves_no_money_may_pass() {
    for (ask, want) in [
        (Ask::get("/odds"), "upstream"),
        (Ask::get("/lobby"), "upstream"),
        (Ask::get("/balance"), "upstream"),
        (Ask::get("/bets"), "503 policy_unavailable"),
        (Ask::get("/cashout"), "503 policy_unavailable"),
        (Ask::post("/deposits"), "503 policy_unavailable"),
        (Ask::post("/hub").body("{}"), "503 policy_unavailable"),
        (Ask::get("/wallet"), "upstream"),
    ] {
        let mut house = House::new(json!({"on_error": "forward"}));
        house.host.faults.insert("proxy_replace_header_map_value", 2);
        let stream = house.send(&ask);
        assert_eq!(house.state(stream), want, "{ask:?}");
        house.end(stream);
        house.is_empty();
    }
}

/// One that fails after it got its permit gives it back: it was never sent.
#[test]
fn the_permit_of_a_failed_request_is_free_at_once() {
    let mut house = House::new(
        json!({"limits": [{"name": "bets", "key": ["player"], "requests": 1, "per": "minute"}]}),
    );
    house.host.faults.insert("proxy_set_property", 2);
    let failed = house.send(&Ask::get("/bets"));
    assert_eq!(house.state(failed), "503 policy_unavailable");
    house.host.faults.clear();
    let next = house.send(&Ask::get("/bets"));
    assert_eq!(house.state(next), "upstream", "not charged, and no permit is kept");
    house.end(failed);
    house.answer(next, 200, 50);
    house.is_empty();
}

//! How streams end, and what that says about the upstream.

use serde_json::json;

use crate::fixture::{Ask, House};

/// After each ending the permit is free: at once, or after the upstream's usual time where it may still work.
#[test]
fn every_ending_returns_the_permit() {
    for (ending, at_once) in [
        ("via_upstream", true),
        ("upstream_reset_before_response_started{connection_termination}", true),
        ("response_timeout", true),
        ("http2.remote_reset", true),
        ("idempotency_in_progress", true),
        ("", true),
        ("client", false),
        ("no log", false),
    ] {
        let mut house = House::new(json!({}));
        let first = house.send(&Ask::get("/bets"));
        let next = house.send(&Ask::get("/bets"));
        match ending {
            "via_upstream" => house.answer(first, 200, 50),
            "client" => house.leave(first),
            "no log" => house.vanish(first),
            details => house.end_by(first, details),
        }
        house.tick();
        let want = if at_once { "upstream" } else { "held" };
        assert_eq!(house.state(next), want, "{ending}");
        house.pass(1_300);
        assert_eq!(house.state(next), "upstream", "{ending}");
        house.answer(next, 200, 50);
        house.is_empty();
    }
}

/// WasmX gives numbers in digits.
#[test]
fn numbers_are_read_as_either_gateway_writes_them() {
    for latency in [50_000_000_u64.to_le_bytes().to_vec(), b"50000000".to_vec()] {
        let mut house = House::new(json!({}));
        let first = house.send(&Ask::get("/bets"));
        let next = house.send(&Ask::get("/bets"));
        house.set(first, "response.backend_latency", &latency);
        house.end(first);
        assert_eq!(house.state(next), "upstream");
    }
}

/// Whatever the log callback fails to read, no permit is lost.
#[test]
fn a_log_without_attributes_returns_the_permit() {
    for call in ["proxy_get_property", "proxy_get_current_time_nanoseconds"] {
        let mut house = House::new(json!({}));
        let first = house.send(&Ask::get("/bets"));
        let next = house.send(&Ask::get("/bets"));
        house.host.faults.insert(call, 2);
        house.end(first);
        house.host.faults.clear();
        house.pass(1_300);
        assert_eq!(house.state(next), "upstream", "{call}");
        house.answer(next, 200, 50);
        house.is_empty();
    }
}

/// WasmX has neither the upstream's latency nor whose answer it is.
#[test]
fn failed_logins_count_on_wasmx() {
    let mut house = House::new(json!({"host": "wasmx", "abuse": {"login": {
        "endpoints": [{"endpoint": "/login", "account": "/user"}], "reply": {}}}}));
    let login = Ask::post("/login").body(r#"{"user": "anna"}"#);
    for (status, want) in [
        ("499", "upstream"),
        ("502", "upstream"),
        ("401", "upstream"),
        ("401", "upstream"),
        ("401", "upstream"),
        ("401", "401 "),
    ] {
        let stream = house.send(&login);
        assert_eq!(house.state(stream), want, "{status}");
        house.set(stream, "response.code", status.as_bytes());
        house.end(stream);
        house.pass(1_300);
    }
    house.is_empty();
}

//! The first recording: an evening at two brands, with foreign and hostile clients.
use super::script::{json, Client, Script};
use crate::traffic::Request;
use std::net::SocketAddr;

const OTTER: &str = "play.lucky-otter.example";
const KINGS: &str = "bet.river-kings.example";

const fn client(
    address: &'static str,
    host: &'static str,
    player: &'static str,
    country: Option<&'static str>,
    region: Option<&'static str>,
) -> Client {
    Client { address, host, player, place: (country, region) }
}

const ALICE: Client = client("203.0.113.10", OTTER, "p-alice", Some("MT"), None);
const BOB: Client = client("198.51.100.20", OTTER, "p-bob", Some("GB"), Some("ENG"));
const BOB_AT_KINGS: Client = client("198.51.100.20", KINGS, "p-bob", Some("GB"), Some("ENG"));
const CAROL: Client = client("2001:db8:1::30", OTTER, "p-carol", Some("US"), Some("NJ"));
const SVEN: Client = client("203.0.113.40", KINGS, "p-4", Some("SE"), None);
const SVEN_AT_OTTER: Client = client("203.0.113.40", OTTER, "p-4", Some("SE"), None);
const TEXAN: Client = client("198.51.100.50", OTTER, "p-5", Some("US"), Some("TX"));
const NOWHERE: Client = client("198.51.100.60", OTTER, "p-6", Some("XX"), None);
const TOR: Client = client("198.51.100.61", OTTER, "p-6", Some("T1"), None);
const UNTOLD: Client = client("198.51.100.62", OTTER, "p-6", None, None);
const STATELESS: Client = client("198.51.100.63", OTTER, "p-6", Some("US"), None);
const PARTNER: Client = client("192.0.2.80", OTTER, "p-alice", None, None);

const BET: &str = r#"{"event":"ev-1","selection":"home","stake":500}"#;
const MONEY: &str = r#"{"amount":2500}"#;

/// About sixty requests of one evening.
pub fn first_light() -> Vec<Request> {
    let mut script = Script::new(20_260_302);
    everyday(&mut script);
    elsewhere(&mut script);
    spoofed(&mut script);
    broken(&mut script);
    script.requests
}

/// Requests of players in licensed markets.
fn everyday(script: &mut Script) {
    for player in [&ALICE, &BOB, &CAROL, &SVEN] {
        script.ask(player, "GET", "/api/lobby");
        script.ask(player, "GET", "/api/odds/ev-1?format=decimal");
        script.ask(player, "GET", "/api/account/balance");
        script.post(player, "/api/bets", BET);
    }
    script.ask(&ALICE, "GET", "/static/otter.css");
    script.ask(&ALICE, "HEAD", "/static/otter.css");
    script.ask(&ALICE, "GET", "/api/history?limit=5");
    script.post(&ALICE, "/api/deposits", MONEY);
    script.post(&BOB, "/api/withdrawals", MONEY);
    script.post(&BOB_AT_KINGS, "/api/bets", BET);
    script.ask(&BOB_AT_KINGS, "GET", "/api/account/balance");
    script.ask(&CAROL, "GET", "/api/safer-gambling/limits");
    script.post(
        &PARTNER,
        "/wallet/win",
        r#"{"player":"p-alice","amount":900,"transaction_id":"w-1"}"#,
    );
    script.add(&ALICE, "OPTIONS", "/api/bets", |it| {
        it.header("origin", "https://play.lucky-otter.example")
            .header("access-control-request-method", "POST")
    });
    script.add(&SVEN, "POST", "/api/bets", |it| Request {
        body: BET.as_bytes().to_vec(),
        ..it.header("content-type", "application/json").header("transfer-encoding", "chunked")
    });
}

/// The same requests from unlicensed or unknown places.
fn elsewhere(script: &mut Script) {
    for guest in [&TEXAN, &NOWHERE, &TOR, &UNTOLD, &STATELESS, &SVEN_AT_OTTER] {
        script.post(guest, "/api/bets", BET);
    }
    script.ask(&TEXAN, "GET", "/api/lobby");
    script.ask(&TEXAN, "GET", "/api/odds/ev-2");
    script.post(&TEXAN, "/api/deposits", MONEY);
    script.post(&TEXAN, "/api/withdrawals", MONEY);
    script.post(&TEXAN, "/api/safer-gambling/self-exclusion", r#"{"days":30}"#);
    script.ask(&UNTOLD, "GET", "/api/history");
    let stranger = Client { host: "casino.example", ..ALICE };
    script.post(&stranger, "/api/bets", BET);
}

/// Spoofed headers.
fn spoofed(script: &mut Script) {
    for (name, value) in [
        ("x-jurisdiction", "MT"),
        ("x-endpoint-class", "safer-gambling"),
        ("x-geo-country", "MT"),
        ("X-Geo-Country", "GB"),
        ("x-forwarded-host", "bet.river-kings.example"),
    ] {
        script.add(&TEXAN, "POST", "/api/bets", |it| json(it.header(name, value), BET));
    }
    // The edge appends the peer to what the client wrote.
    script.add(&TEXAN, "POST", "/api/bets", |mut it| {
        it.headers.retain(|(name, _)| name != b"x-forwarded-for");
        json(it.header("x-forwarded-for", "203.0.113.10, 198.51.100.50"), BET)
    });
    // Directly to the gateway, with the headers of an edge.
    let own = SocketAddr::from(([198, 51, 100, 50], 41_000));
    let posing = Client { place: (Some("MT"), None), ..TEXAN };
    script.add(&posing, "POST", "/api/bets", |it| json(it.from(own), BET));
    script.add(&TEXAN, "POST", "/api/lobby", |it| {
        json(it.header("X-HTTP-Method-Override", "GET"), BET)
    });
    script.add(&TEXAN, "GET", "/api/lobby", |it| it.header("X-Original-URL", "/api/bets"));
    script.add(&TEXAN, "GET", "/api/lobby", |it| it.header("X-Rewrite-URL", "/api/bets"));
}

/// Requests that two parsers may read differently.
fn broken(script: &mut Script) {
    let mumbling = Client { place: (Some("mt"), None), ..ALICE };
    script.post(&mumbling, "/api/bets", BET);
    script.add(&UNTOLD, "POST", "/api/bets", |it| json(it.header("x-geo-country", b"M\xd4"), BET));
    for target in [
        "/api//bets",
        "/api/./bets",
        "/api/%2e/bets",
        "/api/lobby/%2e%2e/bets",
        "/api%2fbets",
        "/api/bets;x=1",
        "/api/%62ets",
        "/api/bets%00",
        "/api/bets#x",
        "/API/bets",
        "/api/bets/",
        "http://bet.river-kings.example/api/bets",
    ] {
        script.add(&TEXAN, "POST", target, |it| json(it, BET));
    }
    script.ask(&TEXAN, "GET", b"/api/bets\0");
    script.ask(&TEXAN, "GET", b"/api/b\xe9ts");
    script.add(&TEXAN, "GET", "/api/lobby", |it| it.header("x geo-country", "MT"));
    script.add(&TEXAN, "GET", "/api/lobby", |mut it| {
        it.headers.retain(|(name, _)| name != b"host");
        it
    });
}

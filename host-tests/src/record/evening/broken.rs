//! Broken, old and hostile clients: paths, framings and bodies that two parsers may read differently.
use super::client::SimulatedClient;
use super::dice::Dice;
use super::schedule::Evening;
use super::table::{HERON, MARKETS, OTTER};
use crate::traffic::Request;
use serde_json::json;

const BET: &str = r#"{"event":"ev-1","selection":"home","stake":500}"#;

/// Larger than the part of a body that a policy reads for the class.
const TOO_LARGE: usize = (64 << 10) + 1;

/// One from a licensed place, one from elsewhere, and one at the single-URL wallet.
pub(super) fn add_scripts(evening: &mut Evening, dice: &mut Dice) {
    for (address, minutes) in [("203.0.113.28", 130), ("198.51.100.171", 160)] {
        let dice = dice.split();
        evening.add(move |mut sender| {
            sender.wait(minutes * 60_000);
            let mut guest =
                SimulatedClient::new(sender, dice, String::new(), OTTER, address.to_owned());
            guest.token = Some("demo.p-8".to_owned());
            guest.place = match MARKETS.first() {
                Some(malta) if minutes == 130 => vec![("x-geo-country", malta.country)],
                _ => vec![("x-geo-country", "US"), ("x-geo-region", "TX")],
            };
            paths(guest)
        });
    }
    let dice = dice.split();
    evening.add(move |mut sender| {
        sender.wait(190 * 60_000);
        let mut guest =
            SimulatedClient::new(sender, dice, String::new(), HERON, "192.0.2.101".to_owned());
        guest.agent = "one-wallet/0.1";
        bodies(guest)
    });
}

async fn paths(mut me: SimulatedClient) {
    for target in [
        "/api//bets",
        "/api/./bets",
        "/api/lobby/../bets",
        "/api/%2e/bets",
        "/api/lobby/%2e%2e/bets",
        "/api%2fbets",
        "/api%5cbets",
        "/api/bets;x=1",
        "/api/;/bets",
        "/api/%62ets",
        "/api/bets%00",
        "/api/bets%20",
        "/api/bets?x=1#y",
        "/API/bets",
        "/api/bets/",
        "/api/bets/%2e%2e/lobby",
        "/static/../api/bets",
        "/static/%252e%252e/api/bets",
        "/api/b\u{e4}ts",
        "*",
        "http://bet.river-kings.example/api/bets",
        "https://play.lucky-otter.example/api/bets",
    ] {
        me.think(1, 5);
        let request = me.request("POST", target.chars().map(|it| it as u8).collect::<Vec<_>>());
        me.sender.send(request.header("content-type", "application/json").body(BET)).await;
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "FOO"] {
        me.think(1, 5);
        me.sender.send(me.request(method, "/api/bets").body("{}")).await;
    }
    for (name, value) in [
        ("x geo-country", &b"MT"[..]),
        ("x_geo_country", b"MT"),
        ("x-note", b"\xff\xfe"),
        ("x-note", b"a\0b"),
        ("host", b"bet.river-kings.example"),
        ("transfer-encoding", b"gzip"),
        ("content-length", b"0"),
        ("content-length", b"-1"),
        ("upgrade", b"websocket"),
        ("expect", b"100-continue"),
    ] {
        me.think(1, 5);
        me.sender.send(me.request("GET", "/api/lobby").header(name, value)).await;
    }
    for keep in [true, false] {
        let mut request = me.request("GET", "/api/lobby");
        request.headers.retain(|(name, _)| keep || name != b"host");
        let request = Request { method: b"HEAD".to_vec(), ..request };
        me.sender.send(request).await;
    }
    let chunked = me.request("POST", "/api/bets").header("transfer-encoding", "chunked");
    me.sender.send(Request { body: BET.as_bytes().to_vec(), ..chunked }).await;
    let preflight =
        me.request("OPTIONS", "/api/bets").header("origin", "https://go.blue-heron.example");
    me.sender.send(preflight.header("access-control-request-method", "POST")).await;
}

/// Bodies at the wallet, where the body decides the class.
async fn bodies(mut me: SimulatedClient) {
    let large = |size: usize| format!("{{\"type\":\"ping\",\"x\":\"{}\"}}", "x".repeat(size - 21));
    for body in [
        r#"{"type":"ping"}"#.to_owned(),
        r#"{"type":"debit","type":"ping"}"#.to_owned(),
        r#"{"type":"ping","Type":"debit"}"#.to_owned(),
        r#"{"type":["ping"]}"#.to_owned(),
        r#"{"type":"ping"}{"type":"debit"}"#.to_owned(),
        "type=debit&userid=p-1".to_owned(),
        "{".to_owned(),
        String::new(),
        json!({"type": "transfer", "userid": "p-1"}).to_string(),
        large(TOO_LARGE - 1),
        large(TOO_LARGE),
    ] {
        me.think(1, 5);
        let request = me.request("POST", "/wallet/one").header("content-type", "application/json");
        me.sender.send(request.body(&body)).await;
        if body.len() > 1 && body.len() < 100 {
            let chunked = me.request("POST", "/wallet/one").header("transfer-encoding", "chunked");
            me.sender.send(Request { body: body.into_bytes(), ..chunked }).await;
        }
    }
    me.sender.send(me.request("GET", "/wallet/one?type=ping")).await;
}

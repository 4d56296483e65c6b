//! Bots: they scrape odds, try passwords, forge tokens and spoof headers.
use super::client::{member, SimulatedClient};
use super::dice::Dice;
use super::schedule::Evening;
use super::sender::Sender;
use super::table::{KINGS, MARKETS, OTTER};
use crate::traffic::Request;
use serde_json::json;
use std::net::SocketAddr;

const BET: &str = r#"{"event":"ev-1","selection":"home","stake":500}"#;

/// All of them.
pub(super) fn add_scripts(evening: &mut Evening, dice: &mut Dice) {
    let mut add =
        |address: &'static str, host, place: &[(&'static str, &'static str)], minutes: u64| {
            let (dice, place) = (dice.split(), place.to_vec());
            move |mut sender: Sender| {
                sender.wait(minutes * 60_000);
                let mut guest =
                    SimulatedClient::new(sender, dice, String::new(), host, address.to_owned());
                (guest.place, guest.agent) = (place, "python-requests/2.32");
                guest
            }
        };
    let hosting = [("x-geo-country", "DE"), ("x-geo-hosting", "true")];
    let scraper = add("198.18.20.1", OTTER, &hosting, 10);
    evening.add(|sender| scrape(scraper(sender)));
    let stuffer = add("198.18.20.2", OTTER, &[("x-geo-country", "SE")], 25);
    evening.add(|sender| stuff(stuffer(sender)));
    let tor = add("198.18.20.3", KINGS, &[("x-geo-country", "T1"), ("x-geo-tor", "1")], 40);
    evening.add(|sender| stuff(tor(sender)));
    let forger = add("203.0.113.30", OTTER, &[("x-geo-country", "MT")], 55);
    evening.add(|sender| forge(forger(sender)));
    let poser =
        add("198.51.100.170", OTTER, &[("x-geo-country", "US"), ("x-geo-region", "TX")], 70);
    evening.add(|sender| pose(poser(sender)));
    let blocked = add("203.0.113.230", KINGS, &[("x-geo-country", "KP")], 85);
    evening.add(|sender| wander(blocked(sender)));
    let unknown = add("198.18.20.4", OTTER, &[], 100);
    evening.add(|sender| wander(unknown(sender)));
    let nobody = add("203.0.113.29", "casino.example", &[("x-geo-country", "MT")], 115);
    evening.add(|sender| wander(nobody(sender)));
}

/// Scrapes prices.
async fn scrape(mut me: SimulatedClient) {
    for round in 0..4 {
        for event in 1..=20 {
            me.sender.wait(120);
            me.sender.send(me.request("GET", format!("/api/odds/ev-{event}?r={round}"))).await;
        }
        me.think(300, 900);
    }
    me.post("/api/bets", &json!({"event": "ev-1", "selection": "home", "stake": 1})).await;
}

/// Tries passwords.
async fn stuff(mut me: SimulatedClient) {
    for number in 0..24 {
        me.sender.wait(700);
        let player = format!("p-{}", 4000 + number * 5);
        let password = *me.dice.pick(&["123456", "casino", "otter2025", "demo1"]);
        let body = json!({"player": player, "password": password});
        me.sender.send(me.json("POST", "/api/session/login", &body)).await;
    }
}

/// Forged and altered tokens.
async fn forge(mut me: SimulatedClient) {
    let login = json!({"player": "p-1999", "password": "demo", "ttl_secs": 60});
    let answer = me.post("/api/session/login", &login).await;
    let good = member(&answer, "/access_token").unwrap_or_default();
    let parts: Vec<&str> = good.split('.').collect();
    let part = |n: usize| parts.get(n).copied().unwrap_or_default();
    let none = "eyJhbGciOiJub25lIn0";
    let alice = "eyJzdWIiOiJwLWFsaWNlIn0";
    let tokens = [
        good.clone(),
        format!("{none}.{}.", part(1)),
        format!("{none}.{alice}."),
        format!("{}.{alice}.{}", part(0), part(2)),
        format!("{}.{}.{}", part(0), part(1), part(2).chars().rev().collect::<String>()),
        format!("{}.{}", part(0), part(1)),
        format!("{good}x"),
        "demo.p-bob".to_owned(),
        "null".to_owned(),
        String::new(),
    ];
    for token in tokens {
        me.token = Some(token);
        me.get("/api/account/balance").await;
        let request =
            me.keyed("/api/bets", &json!({"event": "ev-2", "selection": "away", "stake": 50}));
        me.sender.send(request).await;
    }
    // The valid one, expired.
    me.token = Some(good);
    me.think(300, 600);
    me.get("/api/account/balance").await;
    me.post("/api/withdrawals", &json!({"amount": 100})).await;
}

/// Headers that only the edge, or the gateway itself, may set.
async fn pose(mut me: SimulatedClient) {
    me.token = Some("demo.p-3998".to_owned());
    for (name, value) in [
        ("x-jurisdiction", "US-NJ"),
        ("x-endpoint-class", "settlement"),
        ("x-geo-country", "MT"),
        ("X-Geo-Region", "NJ"),
        ("x-geo-vpn", "false"),
        ("x-forwarded-host", KINGS),
        ("x-real-ip", "203.0.113.10"),
        ("forwarded", "for=203.0.113.10"),
        ("x-envoy-internal", "true"),
        ("x-envoy-external-address", "203.0.113.10"),
        ("connection", "x-geo-country"),
        ("X-HTTP-Method-Override", "GET"),
        ("X-Original-URL", "/api/lobby"),
        ("X-Rewrite-URL", "/wallet/win"),
    ] {
        me.think(1, 9);
        me.sender.send(json_bet(me.request("POST", "/api/bets").header(name, value))).await;
        me.sender.send(me.request("GET", "/api/lobby").header(name, value)).await;
    }
    // A chain of addresses with the edge's own; and directly to the gateway with the headers of an edge.
    for chain in ["203.0.113.10, 198.51.100.170", "198.51.100.170, 10.20.0.9", "10.20.0.9", ""] {
        let mut request = me.request("POST", "/api/bets");
        request.headers.retain(|(name, _)| name != b"x-forwarded-for");
        me.think(1, 9);
        me.sender.send(json_bet(request.header("x-forwarded-for", chain))).await;
    }
    me.place = MARKETS.first().map_or(Vec::new(), |it| vec![("x-geo-country", it.country)]);
    for target in ["/api/bets", "/api/deposits", "/wallet/win", "/api/games/blackjack/launch"] {
        let own = SocketAddr::from(([198, 51, 100, 170], 0));
        me.think(1, 9);
        me.sender.send(json_bet(me.request("POST", target).from(own))).await;
    }
}

fn json_bet(request: Request) -> Request {
    request.header("content-type", "application/json").body(BET)
}

/// Various requests from unlicensed or unknown places.
async fn wander(mut me: SimulatedClient) {
    me.token = Some("demo.p-7".to_owned());
    for target in [
        "/",
        "/api/lobby",
        "/api/odds/ev-1",
        "/api/account/balance",
        "/api/history",
        "/api/safer-gambling/limits",
        "/_ledger",
        "/players/p-alice/status",
        "/.well-known/jwks.json",
        "/revocations?since=0",
        "/admin",
        "/api/account/balance/",
    ] {
        me.get(target).await;
    }
    let money = json!({"amount": 500});
    for target in ["/api/bets", "/api/bets/b-1/cashout", "/api/games/comet-reels/launch"] {
        me.think(1, 5);
        me.sender.send(json_bet(me.request("POST", target))).await;
    }
    me.post("/api/deposits", &money).await;
    me.post("/api/withdrawals", &money).await;
    me.post("/api/games/comet-reels/spin", &json!({"stake": 50})).await;
    me.post("/oauth/introspect", &json!({"token": "x"})).await;
}

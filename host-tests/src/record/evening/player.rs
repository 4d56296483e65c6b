//! Sixty players: they log in, play, pay and log out; some of them from unlicensed places.
use super::client::{member, SimulatedClient, LOCATION_HEADER};
use super::dice::Dice;
use super::partners;
use super::schedule::Evening;
use super::table::{Market, HERON, KINGS, MARKETS, OTTER};
use crate::traffic::{Answer, Request};
use serde_json::{json, Value};

/// How a player's evening differs from that of most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It does not.
    None,
    /// Comes by a VPN that the edge knows.
    Vpn,
    /// The edge and the table do not agree on the address.
    Elsewhere,
    /// Is abroad, where nothing is licensed.
    Abroad,
    /// The edge does not know the place.
    Nowhere,
    /// Plays at a brand that is not licensed at home.
    OtherBrand,
    /// Never refreshes the token, and plays on with the expired one.
    Expired,
    /// Ends the evening by self-exclusion, and tries to bet all the same.
    Excluded,
    /// Gets another address in mid-evening.
    Moved,
    /// Sends the location token of another player.
    Borrowed,
    /// Has an app without location checks.
    Unlocated,
    /// Fakes the position, until that is detected.
    Mocked,
    /// Is close to a border.
    Border,
}

const TURNS: [Turn; 25] = [
    Turn::None,
    Turn::None,
    Turn::Vpn,
    Turn::None,
    Turn::Expired,
    Turn::None,
    Turn::Elsewhere,
    Turn::None,
    Turn::None,
    Turn::Abroad,
    Turn::None,
    Turn::OtherBrand,
    Turn::None,
    Turn::Nowhere,
    Turn::None,
    Turn::None,
    Turn::Excluded,
    Turn::None,
    Turn::Expired,
    Turn::None,
    Turn::Moved,
    Turn::Borrowed,
    Turn::Unlocated,
    Turn::Mocked,
    Turn::Border,
];

/// Names of the casino's own demo players, in the order of the markets of [`MARKETS`].
const NAMED: [(&str, usize); 6] =
    [("p-alice", 0), ("p-bob", 1), ("p-carol", 2), ("p-dave", 0), ("p-erin", 0), ("p-frank", 2)];

/// All sixty, ten of each market but for the named ones.
pub(super) fn add_scripts(evening: &mut Evening, dice: &mut Dice) {
    for number in 0..60_u64 {
        let index = usize::try_from(number).unwrap_or_default();
        let (name, home) = match NAMED.get(index) {
            Some((name, home)) => ((*name).to_owned(), *home),
            None => (String::new(), index % MARKETS.len()),
        };
        let Some(market) = MARKETS.get(home).copied() else { continue };
        let name =
            if name.is_empty() { format!("p-{}", market.thousand * 1000 + number) } else { name };
        let turn = TURNS.get(index % TURNS.len()).copied().unwrap_or(Turn::None);
        let mut dice = dice.split();
        evening.add(move |mut sender| {
            sender.wait(dice.between(1_000, 3 * 3_600_000));
            let address = address(&market, number, &mut dice);
            let mut guest =
                SimulatedClient::new(sender, dice, name, market.host, address).at_home_in(&market);
            turned(&mut guest, turn, number);
            night(guest, turn, market.thousand)
        });
    }
}

/// Two of three come from networks that the gateway's table knows.
fn address(market: &Market, number: u64, dice: &mut Dice) -> String {
    if dice.chance(66) {
        format!("{}{}", market.known.0, market.known.1 + number % 28)
    } else {
        format!("{}{}", market.unknown, 10 + number)
    }
}

fn turned(guest: &mut SimulatedClient, turn: Turn, number: u64) {
    match turn {
        Turn::Vpn => guest.place.push(("x-geo-vpn", "true")),
        Turn::Elsewhere => guest.address = format!("203.0.113.{}", 129 + number % 28),
        Turn::Abroad => {
            guest.place = vec![("x-geo-country", "DE")];
            guest.address = format!("198.18.9.{number}");
        }
        Turn::Nowhere => {
            guest.place = vec![("x-geo-country", "XX")];
            guest.address = format!("198.18.8.{number}");
        }
        Turn::OtherBrand => guest.host = if guest.host == KINGS { OTTER } else { KINGS },
        Turn::None
        | Turn::Expired
        | Turn::Excluded
        | Turn::Moved
        | Turn::Borrowed
        | Turn::Unlocated
        | Turn::Mocked
        | Turn::Border => {}
    }
}

async fn night(mut me: SimulatedClient, turn: Turn, thousand: u64) {
    me.get("/static/otter.css").await;
    me.get("/api/lobby").await;
    if me.dice.chance(50) {
        me.get("/api/promotions").await;
    }
    if turn == Turn::Borrowed {
        borrow(&mut me, thousand).await;
    }
    let Some(mut refresh) = login(&mut me).await else { return };
    if !matches!(turn, Turn::Borrowed | Turn::Unlocated) {
        locate(&mut me, turn).await;
    }
    me.get("/api/account/balance").await;
    for part in 0..me.dice.between(3, 6) {
        if me.sender.is_late() {
            break;
        }
        if turn == Turn::Moved && part == 2 {
            me.address = format!("198.18.7.{}", me.dice.between(10, 250));
        }
        me.think(20, 200);
        match me.dice.between(1, 100) {
            1..=40 => bet(&mut me, turn).await,
            41..=58 => slot(&mut me, turn).await,
            59..=68 => cards(&mut me, turn).await,
            69..=78 => deposit(&mut me).await,
            79..=84 => withdraw(&mut me).await,
            85..=92 => look_back(&mut me).await,
            _ => limits(&mut me).await,
        }
        if turn != Turn::Expired && me.dice.chance(35) {
            refresh = renew(&mut me, refresh).await;
        }
    }
    if turn == Turn::Excluded {
        me.post("/api/safer-gambling/self-exclusion", &json!({"days": 30})).await;
        bet(&mut me, turn).await;
        withdraw(&mut me).await;
    }
    if me.dice.chance(70) {
        me.post("/api/session/logout", &json!({})).await;
    }
}

/// Logs in through the gateway; the refresh token, once it worked.
async fn login(me: &mut SimulatedClient) -> Option<String> {
    let alg = *me.dice.pick(&["ES256", "ES256", "ES256", "EdDSA", "RS256"]);
    let format = if me.dice.chance(5) { "opaque" } else { "jwt" };
    let attempts = if me.dice.chance(12) { me.dice.between(1, 3) } else { 0 };
    for _ in 0..attempts {
        me.post("/api/session/login", &json!({"player": me.player, "password": "Demo"})).await;
    }
    let body = json!({"player": me.player, "password": "demo", "alg": alg, "format": format});
    let answer = me.post("/api/session/login", &body).await;
    keep(me, &answer)
}

/// Requests a location token and keeps it.
async fn locate(me: &mut SimulatedClient, turn: Turn) {
    let region = me.place.iter().map(|(_, value)| *value).take(2).collect::<Vec<_>>().join("-");
    let border = if turn == Turn::Border { 900 } else { 9000 };
    // A detected player stops faking.
    let mocked = turn == Turn::Mocked && me.location.is_none();
    let fix = json!({"region": region, "ip": me.address, "confidence": 40, "border": border,
        "mocked": mocked});
    let answer = me.post("/api/safer-gambling/location-check", &fix).await;
    me.location = member(&answer, "/location_token");
}

/// Requests a location token where nothing is amiss.
pub(super) async fn locate_at_home(me: &mut SimulatedClient) {
    locate(me, Turn::None).await;
}

/// Requests the location token of another player at the same address, and keeps it.
async fn borrow(me: &mut SimulatedClient, thousand: u64) {
    let friend = thousand * 1000 + me.dice.between(900, 990);
    let own = std::mem::replace(&mut me.player, format!("p-{friend}"));
    if login(me).await.is_some() {
        locate(me, Turn::None).await;
    }
    (me.player, me.token) = (own, None);
}

/// Sends a request that needs a location. If a new location is required, checks it once and retries.
async fn play(me: &mut SimulatedClient, turn: Turn, request: Request) -> Answer {
    let answer = me.sender.send(request.clone()).await;
    let code = member(&answer, "/code").unwrap_or_default();
    if turn == Turn::Unlocated || !code.starts_with("geo_") {
        return answer;
    }
    locate(me, turn).await;
    let Some(location) = me.location.clone() else { return answer };
    let mut again = request;
    again.headers.retain(|(name, _)| name != LOCATION_HEADER.as_bytes());
    me.think(1, 3);
    me.sender.send(again.header(LOCATION_HEADER, location)).await
}

/// Trades the refresh token in; one in twenty clients sends the old one once more, by mistake.
async fn renew(me: &mut SimulatedClient, refresh: String) -> String {
    let answer = me.post("/api/session/refresh", &json!({"refresh_token": refresh})).await;
    if me.dice.chance(5) {
        me.post("/api/session/refresh", &json!({"refresh_token": refresh})).await;
    }
    keep(me, &answer).unwrap_or(refresh)
}

/// Keeps the access token of an answer to a login; the refresh token, if it worked.
pub(super) fn keep(me: &mut SimulatedClient, answer: &Answer) -> Option<String> {
    me.token = Some(member(answer, "/access_token")?);
    member(answer, "/refresh_token")
}

/// Odds, a slip, a bet; sometimes a double click or a retry; then the state of the bet or a cash-out.
async fn bet(me: &mut SimulatedClient, turn: Turn) {
    let event = format!("ev-{}", me.dice.between(1, 20));
    let side = *me.dice.pick(&["home", "draw", "away"]);
    for _ in 0..me.dice.between(1, 4) {
        me.get(&format!("/api/odds/{event}?format=decimal")).await;
    }
    let slip = json!({"event": event, "selection": side, "stake": me.dice.between(1, 40) * 50});
    if me.dice.chance(60) {
        me.post("/api/slips/validate", &slip).await;
    }
    let request = me.keyed("/api/bets", &slip);
    me.think(1, 4);
    let answer = play(me, turn, request.clone()).await;
    if me.dice.chance(25) {
        // A retry: the same key. A double click: another one.
        me.sender.wait(400);
        let again = if me.dice.chance(50) { request } else { me.keyed("/api/bets", &slip) };
        me.sender.send(again).await;
    }
    let Some(bet) = member(&answer, "/bet_id") else { return };
    me.think(60, 600);
    match me.dice.between(1, 10) {
        1..=4 => {
            me.get(&format!("/api/bets/{bet}")).await;
            let part = if me.dice.chance(30) { json!({"amount": 25}) } else { json!({}) };
            let request = me.keyed(&format!("/api/bets/{bet}/cashout"), &part);
            me.sender.send(request).await;
        }
        5..=7 => partners::settle(me, &bet).await,
        _ => {}
    }
}

async fn slot(me: &mut SimulatedClient, turn: Turn) {
    let game = *me.dice.pick(&["comet-reels", "harbour-gold"]);
    let launch = me.json("POST", &format!("/api/games/{game}/launch"), &json!({}));
    me.think(1, 8);
    play(me, turn, launch).await;
    for _ in 0..me.dice.between(2, 5) {
        let stake = json!({"stake": me.dice.between(1, 8) * 25});
        let request = me.keyed(&format!("/api/games/{game}/spin"), &stake);
        me.think(2, 5);
        let answer = play(me, turn, request).await;
        let Some(round) = member(&answer, "/round_id") else { return };
        let free = member(&answer, "/free_spins").and_then(|it| it.parse().ok()).unwrap_or(0_u64);
        for _ in 0..free {
            let request = me.keyed(&format!("/api/rounds/{round}/free-spin"), &json!({}));
            me.think(2, 4);
            me.sender.send(request).await;
        }
    }
}

async fn cards(me: &mut SimulatedClient, turn: Turn) {
    let launch = me.json("POST", "/api/games/blackjack/launch", &json!({}));
    me.think(1, 8);
    play(me, turn, launch).await;
    let stake = json!({"stake": me.dice.between(2, 20) * 50});
    let request = me.keyed("/api/games/blackjack/rounds", &stake);
    let answer = play(me, turn, request).await;
    let Some(round) = member(&answer, "/round/round_id") else { return };
    for _ in 0..me.dice.between(0, 3) {
        let request = me.keyed(&format!("/api/rounds/{round}/hit"), &json!({}));
        me.think(2, 6);
        me.sender.send(request).await;
    }
    let request = me.keyed(&format!("/api/rounds/{round}/close"), &json!({}));
    me.sender.send(request).await;
}

async fn deposit(me: &mut SimulatedClient) {
    let method = if me.dice.chance(60) { "redirect" } else { "card" };
    let body = json!({"amount": me.dice.between(1, 20) * 500, "method": method});
    let request = me.keyed("/api/deposits", &body);
    let answer = me.sender.send(request).await;
    if let Some(deposit) = member(&answer, "/deposit_id").filter(|_| method == "redirect") {
        partners::confirm(me, &deposit).await;
    }
    me.get("/api/account/balance").await;
}

async fn withdraw(me: &mut SimulatedClient) {
    let money = json!({"amount": me.dice.between(1, 6) * 500});
    let request = me.keyed("/api/withdrawals", &money);
    me.think(2, 9);
    me.sender.send(request).await;
}

async fn look_back(me: &mut SimulatedClient) {
    me.get("/api/history?limit=5").await;
    me.get("/api/account/balance").await;
    if me.host != HERON && me.dice.chance(40) {
        let known: Value = json!({"event": "ev-3", "selection": "home", "stake": 100, "odds": 1});
        me.post("/api/slips/validate", &known).await;
    }
}

async fn limits(me: &mut SimulatedClient) {
    me.get("/api/safer-gambling/limits").await;
    let limits = json!({"stake_max": me.dice.between(5, 50) * 100, "session_minutes": 120});
    let method = if me.dice.chance(50) { "PUT" } else { "POST" };
    let request = me.json(method, "/api/safer-gambling/limits", &limits);
    me.sender.send(request).await;
}

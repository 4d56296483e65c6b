//! The third recording: a goal is scored. Everybody asks for prices, some bet and cash out, and some of those who do
//! are scripts.
//!
//! Times are chosen so that no decision of a rate limit is closer than 20 ms to the other one: Envoy's clock runs
//! on between a request's recorded time and the moment at which a filter reads it.
use super::client::{member, SimulatedClient};
use super::dice::Dice;
use super::partners;
use super::player::{keep, locate_at_home};
use super::schedule::Evening;
use super::sender::Sender;
use super::table::{MARKETS, OTTER};
use crate::traffic::{Answer, Request};
use serde_json::json;

/// When the goal is scored, in milliseconds from the start.
const GOAL: u64 = 60_000;
/// The event that everybody watches.
const EVENT: &str = "ev-7";
/// An event that takes no bets in the example's configuration.
const SUSPENDED: &str = "ev-900";

/// How many there are of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowd {
    /// Players who watch.
    pub fans: u64,
    /// Requests for prices of each.
    pub polls: u64,
    /// Requests of the device that floods, in groups of four.
    pub floods: u64,
}

impl Crowd {
    /// A few hundred requests.
    pub const SAMPLE: Self = Self { fans: 12, polls: 12, floods: 10 };
    /// About twenty thousand requests.
    pub const ALL: Self = Self { fans: 400, polls: 42, floods: 120 };
}

/// All scripts of the goal.
pub(super) fn add_scripts(evening: &mut Evening, dice: &mut Dice, crowd: Crowd) {
    for number in 0..crowd.fans {
        let dice = dice.split();
        evening.add(move |sender| watch(fan(sender, dice, number), number, crowd.polls));
    }
    let mut guest = |address: &'static str| {
        let dice = dice.split();
        move |sender: Sender| {
            let market = &MARKETS[0];
            SimulatedClient::new(sender, dice, "p-1900".to_owned(), OTTER, address.to_owned())
                .at_home_in(market)
        }
    };
    let (device, bot, better) =
        (guest("198.18.1.201"), guest("198.18.1.202"), guest("198.18.1.203"));
    let (guesser, stuffer) = (guest("198.18.1.204"), guest("198.18.1.205"));
    let (declined, reader) = (guest("198.18.1.206"), guest("198.18.1.207"));
    evening.add(move |sender| flood(device(sender), crowd.floods));
    evening.add(move |sender| scrape(bot(sender)));
    evening.add(move |sender| bet_on_every_move(better(sender)));
    evening.add(move |sender| guess(guesser(sender)));
    evening.add(move |sender| stuff(stuffer(sender)));
    evening.add(move |sender| pay_in_vain(declined(sender)));
    evening.add(move |sender| reload_history(reader(sender)));
}

fn fan(sender: Sender, dice: Dice, number: u64) -> SimulatedClient {
    let market = &MARKETS[0];
    let address = format!("198.18.{}.{}", 100 + number / 200, 1 + number % 200);
    SimulatedClient::new(sender, dice, format!("p-{}", 1_000 + number), OTTER, address)
        .at_home_in(market)
}

/// A request of this client's app.
fn from_app(me: &SimulatedClient, request: Request) -> Request {
    let device = format!("app-{}", me.player);
    request.header("x-device-id", device)
}

async fn log_in(me: &mut SimulatedClient) {
    let body = json!({"player": me.player, "password": "demo", "alg": "ES256"});
    let answer = me.sender.send(me.json("POST", "/api/session/login", &body)).await;
    keep(me, &answer);
    locate_at_home(me).await;
}

async fn prices(me: &mut SimulatedClient, event: &str) -> Answer {
    let request = me.request("GET", format!("/api/odds/{event}"));
    me.sender.send(from_app(me, request)).await
}

async fn bet(me: &mut SimulatedClient, event: &str) -> Answer {
    let stake = me.dice.between(1, 20) * 50;
    let slip = json!({"event": event, "selection": "home", "stake": stake});
    let request = me.keyed("/api/bets", &slip);
    me.sender.send(request).await
}

/// A player follows the match; from the goal on the app asks for prices about once a second.
async fn watch(mut me: SimulatedClient, number: u64, polls: u64) {
    let begin = me.dice.between(0, 50_000);
    me.sender.wait(begin);
    me.sender.send(me.request("GET", "/api/lobby")).await;
    log_in(&mut me).await;
    let offset = me.dice.between(0, 900);
    me.sender.wait_until(GOAL + offset);
    let (first, mut placed) = (me.dice.between(1, 4), None);
    for poll in 0..polls {
        prices(&mut me, EVENT).await;
        let pause = me.dice.between(700, 1_100);
        me.sender.wait(pause);
        if poll == first {
            let event = if number % 9 == 4 { SUSPENDED } else { EVENT };
            placed = member(&bet(&mut me, event).await, "/bet_id");
            me.sender.wait(300);
        }
        let Some(bet) = placed.as_ref().filter(|_| poll == first + 5) else { continue };
        match number % 4 {
            0 => partners::settle(&mut me, &bet.clone()).await,
            1 => {
                let request = me.keyed(&format!("/api/bets/{bet}/cashout"), &json!({}));
                me.sender.send(request).await;
            }
            2 => _ = me.sender.send(me.request("GET", "/api/account/balance")).await,
            _ => _ = me.sender.send(me.request("GET", "/api/lobby")).await,
        }
    }
}

/// A device asks for prices as fast as it is answered, then four times in 400 ms; a limit of five a second gives way to
/// half of these.
async fn flood(mut me: SimulatedClient, groups: u64) {
    me.sender.wait_until(GOAL + 5);
    for _ in 0..23 {
        prices(&mut me, EVENT).await;
    }
    for group in 0..groups {
        me.sender.wait_until(GOAL + 5 + 480 + 400 * group);
        for _ in 0..4 {
            prices(&mut me, EVENT).await;
        }
    }
}

/// A bot that the edge knows: its score makes each request count as ten.
async fn scrape(mut me: SimulatedClient) {
    for poll in 0..10 {
        me.sender.wait_until(GOAL + 11 + 1_650 * poll);
        let request = me.request("GET", "/api/odds/ev-3").header("x-bot-score", "91");
        me.sender.send(request).await;
    }
}

/// Seven bets of one player on one event within half a second, each with a key and a stake of its own.
async fn bet_on_every_move(mut me: SimulatedClient) {
    me.player = "p-1901".to_owned();
    log_in(&mut me).await;
    for number in 0..7 {
        me.sender.wait_until(GOAL + 7 + 75 * number);
        let slip = json!({"event": EVENT, "selection": "away", "stake": 100 + number});
        let request = me.keyed("/api/bets", &slip);
        me.sender.send(request).await;
    }
}

/// Six wrong passwords of one account, then the right one: locked by then.
async fn guess(mut me: SimulatedClient) {
    me.sender.wait(3_000);
    for password in ["1234", "casino", "otter", "goal", "Demo", "DEMO", "demo"] {
        me.sender.wait(1_500);
        let body = json!({"player": "p-1902", "password": password});
        me.sender.send(me.json("POST", "/api/session/login", &body)).await;
    }
}

/// One wrong password of each of many accounts: the address is locked.
async fn stuff(mut me: SimulatedClient) {
    me.sender.wait(20_000);
    for number in 0..34 {
        me.sender.wait(700);
        let body = json!({"player": format!("p-{}", 1_950 + number), "password": "otter2026"});
        me.sender.send(me.json("POST", "/api/session/login", &body)).await;
    }
}

/// Seven deposits of which the casino takes none.
async fn pay_in_vain(mut me: SimulatedClient) {
    me.player = "p-1903".to_owned();
    log_in(&mut me).await;
    for _ in 0..7 {
        me.sender.wait(4_000);
        let request = me.keyed("/api/deposits", &json!({"amount": 0}));
        me.sender.send(request).await;
    }
}

/// A player who reloads the history: a limit in shadow counts it.
async fn reload_history(mut me: SimulatedClient) {
    me.player = "p-1904".to_owned();
    log_in(&mut me).await;
    for number in 0..7 {
        me.sender.wait_until(GOAL + 13 + 260 * number);
        me.sender.send(me.request("GET", "/api/history?limit=5")).await;
    }
}

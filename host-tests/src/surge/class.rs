//! The classes of the surge, and a request of each.
use crate::traffic::Request;
use serde::Serialize;

/// Players that take turns.
const PLAYERS: usize = 2400;
/// Events and bets that they ask for.
const EVENTS: usize = 300;

/// What a request of the surge asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The lobby.
    Content,
    /// Prices.
    Odds,
    /// A bet.
    Wager,
    /// A cash-out.
    Cashout,
    /// A payment provider's callback.
    Settlement,
}

impl Class {
    /// All classes, in the order of the table.
    pub const ALL: [Self; 5] =
        [Self::Content, Self::Odds, Self::Wager, Self::Cashout, Self::Settlement];

    /// The classes of which every request must be answered.
    pub const MONEY: [Self; 3] = [Self::Wager, Self::Cashout, Self::Settlement];

    /// Its share of the arrivals, in percent.
    pub const fn percent(self) -> usize {
        match self {
            Self::Content => 55,
            Self::Odds => 25,
            Self::Wager => 10,
            Self::Cashout | Self::Settlement => 5,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Odds => "odds",
            Self::Wager => "wager",
            Self::Cashout => "cash-out",
            Self::Settlement => "settlement",
        }
    }

    /// The request with this number in the surge, as it comes from an edge and past the policy that knows
    /// players and partners. No two players share an address; the payment provider is proven before its body,
    /// by its network.
    pub fn request(self, number: usize) -> Request {
        let (player, event) = (number % PLAYERS, number % EVENTS);
        let (method, path, body) = match self {
            Self::Content => ("GET", "/api/lobby".to_owned(), None),
            Self::Odds => ("GET", format!("/api/odds/ev-{event}"), None),
            Self::Wager => {
                let bet = format!(r#"{{"event":"ev-{event}","selection":"home","stake":500}}"#);
                ("POST", "/api/bets".to_owned(), Some(bet))
            }
            Self::Cashout => {
                ("POST", format!("/api/bets/b-{number}/cashout"), Some("{}".to_owned()))
            }
            Self::Settlement => {
                let paid = format!(r#"{{"deposit":"d-{number}","result":"paid"}}"#);
                ("POST", "/psp/callback".to_owned(), Some(paid))
            }
        };
        let address = format!("198.18.{}.{}", player / 250, player % 250 + 1);
        let mut request = Request::new(method, path);
        request.number = number;
        request.headers = vec![(b"host".to_vec(), b"play.lucky-otter.example".to_vec())];
        request = request.header("x-forwarded-for", address).header("connection", "close");
        request = match self {
            Self::Settlement => {
                request.header("x-fact-partner", "psp").header("x-fact-partner-proof", "network")
            }
            _ => request
                .header("x-fact-player", format!("p-{player}"))
                .header("x-fact-brand", "lucky-otter"),
        };
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .header("idempotency-key", format!("\"surge-{number}\""))
                .body(body);
        }
        request
    }
}

//! Games and their rounds.

use std::collections::BTreeMap;

use serde::Serialize;

/// What kind of game, and so which actions a round of it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GameKind {
    /// One spin is one round; some spins leave free spins behind.
    Slot,
    /// A round is opened, played with hits and closed.
    Cards,
}

/// A game of the lobby.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Game {
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    pub(crate) kind: GameKind,
}

/// The lobby's games.
pub(crate) const GAMES: [Game; 4] = [
    Game { code: "comet-reels", name: "Comet Reels", kind: GameKind::Slot },
    Game { code: "harbour-gold", name: "Harbour Gold", kind: GameKind::Slot },
    Game { code: "blackjack", name: "Blackjack", kind: GameKind::Cards },
    Game { code: "punto-banco", name: "Punto Banco", kind: GameKind::Cards },
];

/// The game of a code.
pub(crate) fn game(code: &str) -> Option<&'static Game> {
    GAMES.iter().find(|game| game.code == code)
}

/// A round that was paid for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Round {
    #[serde(rename = "round_id")]
    pub(crate) id: String,
    #[serde(skip)]
    pub(crate) player: String,
    pub(crate) game: &'static str,
    /// Minor units.
    pub(crate) stake: i64,
    pub(crate) free_spins: u64,
    pub(crate) hits: u64,
    pub(crate) open: bool,
}

/// Every round, by a number that counts from 1.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rounds {
    rounds: BTreeMap<String, Round>,
    opened: u64,
    launches: u64,
}

impl Rounds {
    /// The number and name the next round gets.
    pub(crate) fn next(&self) -> (u64, String) {
        (self.opened + 1, format!("rd-{}", self.opened + 1))
    }

    pub(crate) fn add(&mut self, round: Round) {
        self.opened += 1;
        self.rounds.insert(round.id.clone(), round);
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Round> {
        self.rounds.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Round> {
        self.rounds.get_mut(id)
    }

    /// The number of the next launch.
    pub(crate) fn launch(&mut self) -> u64 {
        self.launches += 1;
        self.launches
    }

    /// Rounds opened since the start.
    pub(crate) fn opened(&self) -> u64 {
        self.opened
    }
}

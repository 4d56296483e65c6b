//! The state of the casino.

use crate::betting::Bets;
use crate::faults::Faults;
use crate::games::Rounds;
use crate::keys::{KeyError, Keys};
use crate::ledger::{Ledger, LedgerError};
use crate::oracle::Oracle;
use crate::partner::HubPartner;
use crate::payments::Payments;
use crate::player::Players;
use crate::revocations::Revocations;
use crate::session::Sessions;
use crate::tally::Tally;
use crate::time::Time;
use crate::wallet::book::Book;

/// The settings of a casino.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Determines odds, spins, keys and tokens.
    pub seed: u64,
    /// What every player starts with, in minor units.
    pub opening_balance: i64,
    /// Whether the wallet contracts deduplicate as their providers specify. Off by default, so that a
    /// repeated request shows as a double effect.
    pub wallet_dedup: bool,
    /// Whether the signatures of partners and of the payment provider are verified. Off by default, so that
    /// requests that a gateway lets through are visible.
    pub verify_partners: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { seed: 1, opening_balance: 100_000, wallet_dedup: false, verify_partners: false }
    }
}

/// The settings are not usable.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The opening balance is not an amount the ledger takes.
    #[error("opening balance: {0}")]
    OpeningBalance(#[from] LedgerError),
    /// The seed gives no usable keys.
    #[error("keys: {0}")]
    Keys(#[from] KeyError),
}

/// The demo casino without its network. See the crate's documentation.
#[derive(Debug)]
pub struct Casino {
    pub(crate) settings: Settings,
    pub(crate) oracle: Oracle,
    pub(crate) players: Players,
    pub(crate) ledger: Ledger,
    pub(crate) tally: Tally,
    pub(crate) bets: Bets,
    pub(crate) rounds: Rounds,
    pub(crate) payments: Payments,
    pub(crate) keys: Keys,
    pub(crate) sessions: Sessions,
    pub(crate) revocations: Revocations,
    pub(crate) faults: Faults,
    pub(crate) hub_partner: HubPartner,
    pub(crate) hub_book: Book,
    pub(crate) bee_book: Book,
    pub(crate) one_book: Book,
    /// Stakes taken from players in a state that forbids them.
    pub(crate) stakes_while_excluded: u64,
}

impl Casino {
    /// Opens a casino with the six demo players.
    ///
    /// # Errors
    /// [`SetupError`] names the setting that cannot be used.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        let oracle = Oracle::new(settings.seed);
        let mut casino = Self {
            keys: Keys::new(&oracle)?,
            hub_partner: HubPartner::demo()?,
            oracle,
            players: Players::demo(),
            ledger: Ledger::new(),
            tally: Tally::default(),
            bets: Bets::default(),
            rounds: Rounds::default(),
            payments: Payments::default(),
            sessions: Sessions::default(),
            revocations: Revocations::default(),
            faults: Faults::default(),
            hub_book: Book::default(),
            bee_book: Book::default(),
            one_book: Book::default(),
            stakes_while_excluded: 0,
            settings,
        };
        let demo: Vec<_> = casino.players.iter().map(|p| (p.id.clone(), p.currency)).collect();
        for (id, currency) in demo {
            casino.opening(Time::default(), &id, currency)?;
        }
        Ok(casino)
    }

    /// The books.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Resets everything but the settings.
    ///
    /// # Errors
    /// As [`Casino::new`]; the casino is unchanged then.
    pub fn reset(&mut self) -> Result<(), SetupError> {
        *self = Self::new(self.settings.clone())?;
        Ok(())
    }
}

//! The core: state, and one function from request to answer.

use bytes::Bytes;
use http::{Request, Response};

use crate::betting::Bets;
use crate::call::Call;
use crate::faults::{Faults, Slot};
use crate::games::Rounds;
use crate::keys::{KeyError, Keys};
use crate::ledger::{Ledger, LedgerError};
use crate::oracle::Oracle;
use crate::partner::HubPartner;
use crate::payments::Payments;
use crate::player::Players;
use crate::reply::Refusal;
use crate::revocations::Revocations;
use crate::routes;
use crate::session::Sessions;
use crate::tally::Tally;
use crate::time::Time;
use crate::wallet::Book;

/// What a casino is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Everything that looks random follows from it: odds, spins, keys, tokens.
    pub seed: u64,
    /// What every player starts with, in minor units.
    pub opening_balance: i64,
    /// Whether the wallet contracts answer duplicates as their providers say. Off, so that a
    /// repeated call shows as a double effect.
    pub wallet_dedup: bool,
    /// Whether the signatures of partners and of the payment provider are verified. Off, so that
    /// what a gateway lets through shows.
    pub verify_partners: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { seed: 1, opening_balance: 100_000, wallet_dedup: false, verify_partners: false }
    }
}

/// A casino could not be made from its settings.
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

    /// Answers one request at a time given by the caller. Never fails: what cannot be carried out
    /// is answered with a status of 4xx and `{"error": {"code", "message"}}`.
    ///
    /// What a fault rule asks of the transport is in the answer's extensions as
    /// [`Transport`](crate::Transport).
    pub fn handle(&mut self, now: Time, request: &Request<Bytes>) -> Response<Bytes> {
        let (method, path) = (request.method(), request.uri().path());
        let own = path.starts_with("/_");
        let strike = if own { None } else { self.faults.strike(method, path) };
        let (label, answer) = match routes::find(method, path) {
            Ok(found) => {
                let call = Call::new(now, request, found.params);
                let answer = match strike.as_ref().filter(|strike| strike.prevents()) {
                    Some(strike) => Err(strike.refusal()),
                    None => (found.route.run)(self, &call),
                };
                (found.route.label(), answer)
            }
            Err(refusal) => ("unmatched".to_owned(), Err(refusal)),
        };
        let response = answer.unwrap_or_else(Refusal::into_response);
        let response = match strike {
            Some(strike) => strike.bend(response),
            None => response,
        };
        if !own {
            self.tally.count(&label, response.status());
        }
        response
    }

    /// Lets a request in under the `concurrency` of the fault rules; whoever serves several
    /// requests at once asks before [`Casino::handle`] and calls [`Casino::leave`] afterwards.
    ///
    /// # Errors
    /// The answer, 503 `at_capacity`, when too many are inside.
    pub fn enter(&mut self, request: &Request<Bytes>) -> Result<Slot, Box<Response<Bytes>>> {
        let (method, path) = (request.method(), request.uri().path());
        self.faults.enter(method, path).map_err(|refusal| {
            let found = routes::find(method, path);
            let label = found.map_or_else(|_| "unmatched".to_owned(), |found| found.route.label());
            self.tally.count(&label, refusal.status);
            Box::new(refusal.into_response())
        })
    }

    /// Gives back what [`Casino::enter`] gave.
    pub fn leave(&mut self, slot: &Slot) {
        self.faults.leave(slot);
    }

    /// The books.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Back to the first day: same settings, everything else forgotten.
    ///
    /// # Errors
    /// As [`Casino::new`]; the casino is unchanged then.
    pub fn reset(&mut self) -> Result<(), SetupError> {
        *self = Self::new(self.settings.clone())?;
        Ok(())
    }
}

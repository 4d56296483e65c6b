//! The demo casino: the upstream of demos and tests.
//!
//! Two layers:
//! - [`Casino`], the core: requests in, answers out, with the time as an argument. No network, no
//!   clock, no randomness; the same seed, requests and times give the same answers, byte for byte.
//!   A replay calls it in-process.
//! - [`serve`], an HTTP/1.1 server around one shared `Casino`, used by the `casino` binary.
//!
//! Four rules run through it:
//! 1. Money is an `i64` in minor units (cents, pence) and each player has one currency.
//! 2. The casino trusts the gateway. It reads which player a request is for and never checks whether the
//!    player is allowed to do it: every request that a policy lets through takes effect and is in the ledger.
//! 3. A repeated bet, deposit or withdrawal of a player takes effect again. Only the wallet contracts
//!    deduplicate, and only with [`Settings::wallet_dedup`].
//! 4. The books are double-entry and checked: `GET /_ledger` says `"invariants": "hold"` or lists
//!    what broke.

mod betting;
mod call;
mod casino;
mod faults;
mod games;
mod handler;
mod invariants;
mod keys;
mod ledger;
mod oracle;
pub mod partner;
mod payments;
mod player;
mod posting;
mod purse;
mod reply;
mod revocations;
mod routes;
mod server;
mod session;
mod tally;
mod time;
mod torn;
mod wallet;

pub use casino::{Casino, Settings, SetupError};
pub use faults::{FaultRule, Reset, Slot, Transport};
pub use invariants::Broken;
pub use keys::KeyError;
pub use ledger::{Ledger, LedgerError};
pub use player::{Currency, PlayerState};
pub use posting::{Account, Entry, Kind, Posting, MAX_AMOUNT};
pub use routes::{route_table, RouteInfo};
pub use server::{serve, TIME_HEADER};
pub use time::Time;

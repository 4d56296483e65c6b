//! The demo casino: the upstream that the policies are shown and tested in front of.
//!
//! Two layers:
//! - [`Casino`], the core: requests in, answers out, with the time as an argument. No network, no
//!   clock, no randomness; the same seed, requests and times give the same answers, byte for byte.
//!   A replay calls it in-process.
//! - [`serve`], an HTTP/1.1 server around one shared `Casino`, used by the `casino` binary.
//!
//! Four rules run through it:
//! 1. Money is an `i64` in minor units (cents, pence) and each player has one currency.
//! 2. The casino believes the gateway. It reads *who* a request is for and never checks whether
//!    that player may do it: what a policy lets through takes effect, and the ledger shows it.
//! 3. A repeated player-facing bet, deposit or withdrawal takes effect again. Only the wallet
//!    contracts know duplicates, and only with [`Settings::wallet_dedup`].
//! 4. The books are double-entry and checked: `GET /_ledger` says `"invariants": "hold"` or lists
//!    what broke.

mod betting;
mod call;
mod casino;
mod faults;
mod games;
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
pub use keys::KeyError;
pub use ledger::{Broken, Ledger, LedgerError};
pub use player::{Currency, PlayerState};
pub use posting::{Account, Entry, Kind, Posting, MAX_AMOUNT};
pub use routes::{route_table, RouteInfo};
pub use server::{serve, TIME_HEADER};
pub use time::Time;

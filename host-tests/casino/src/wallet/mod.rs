//! The wallet contracts of partners: three protocols for the same operations (balance, bet, win, rollback),
//! each with its own signature, errors and deduplication. Modelled after public documentation of Hub88,
//! Beexar and Fundist OneWallet; texts and units of amounts are ours.
//!
//! They share a book of the partner's transactions ([`book`]) and decimal amounts.

mod amounts;
mod bee;
pub(crate) mod book;
mod hub;
mod one;
mod orders;

pub(crate) use bee::{balance as bee_balance, betwin, finish, rollback as bee_rollback};
pub(crate) use hub::{
    balance as hub_balance, bet as hub_bet, info as hub_info, rollback as hub_rollback,
    win as hub_win,
};
pub(crate) use one::single as one_single;

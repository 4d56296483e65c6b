//! Postings: what the ledger is made of.

use serde::Serialize;

use crate::player::Currency;
use crate::time::Time;

/// The largest amount of one posting, in minor units: a thousand million of the major unit.
pub const MAX_AMOUNT: i64 = 100_000_000_000;

/// Who holds money.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// A player's purse. Never negative.
    Player(String),
    /// The house: takes stakes, pays wins.
    House,
    /// The world of banks and cards: deposits come from there, withdrawals go there.
    Cashier,
}

/// Why money moved. The kind fixes the direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The balance a demo player starts with: cashier to player.
    Opening,
    /// Cashier to player.
    Deposit,
    /// Player to cashier.
    Withdrawal,
    /// A bet, a spin or a partner's bet: player to house.
    Stake,
    /// House to player.
    Win,
    /// The price of a bet bought back before its end: house to player.
    CashOut,
    /// A stake given back: house to player.
    Refund,
    /// A win or a deposit taken back: player to house.
    Reversal,
}

impl Kind {
    /// Whether the player's purse grows.
    pub fn credits_player(self) -> bool {
        matches!(self, Self::Opening | Self::Deposit | Self::Win | Self::CashOut | Self::Refund)
    }

    /// The account on the other side of the player's.
    pub fn counterpart(self) -> Account {
        match self {
            Self::Opening | Self::Deposit | Self::Withdrawal => Account::Cashier,
            Self::Stake | Self::Win | Self::CashOut | Self::Refund | Self::Reversal => {
                Account::House
            }
        }
    }
}

/// One movement of money.
#[derive(Clone, Debug, Serialize)]
pub struct Posting {
    /// Counted from 1 without gaps.
    pub id: u64,
    /// When, by the time of the request that caused it.
    pub at: Time,
    /// Why.
    pub kind: Kind,
    /// The account that gives.
    pub debit: Account,
    /// The account that gets.
    pub credit: Account,
    /// The currency of both.
    pub currency: Currency,
    /// Minor units, always positive.
    pub amount: i64,
    /// The bet, round, payment or wallet transaction of the casino that this belongs to.
    pub subject: String,
    /// What the caller named the operation (idempotency key, transaction id), if it did.
    pub external: Option<String>,
    /// The player's balance after it, in minor units.
    pub balance: i64,
}

/// What a posting is about: everything but the time.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Why money moves.
    pub kind: Kind,
    /// Whose purse.
    pub player: &'a str,
    /// The player's currency.
    pub currency: Currency,
    /// Minor units.
    pub amount: i64,
    /// See [`Posting::subject`].
    pub subject: &'a str,
    /// See [`Posting::external`].
    pub external: Option<&'a str>,
}

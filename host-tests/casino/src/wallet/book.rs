//! A partner's transactions as the casino keeps them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::posting::Kind;

/// Which contract, and so which partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contract {
    Hub,
    Bee,
    One,
}

impl Contract {
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Bee => "bee",
            Self::One => "one",
        }
    }
}

/// A transaction that took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transaction {
    /// The casino's own id of it.
    pub(crate) own_id: String,
    pub(crate) kind: Kind,
    pub(crate) player: String,
    /// Minor units; zero for a win that only closes a round.
    pub(crate) amount: i64,
    /// The other terms that a repetition must match.
    pub(crate) fingerprint: String,
    /// The player's balance after it, in minor units.
    pub(crate) balance: i64,
}

/// Everything one partner did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    transactions: BTreeMap<String, Transaction>,
    replies: BTreeMap<String, Bytes>,
    tombstones: BTreeSet<String>,
    effects: u64,
}

impl Book {
    /// The number of the next transaction that takes effect, from 1.
    pub(super) fn next_number(&self) -> u64 {
        self.effects + 1
    }

    /// Counts a transaction that took effect, and keeps it if it is the first of that name.
    pub(super) fn record(&mut self, id: &str, transaction: &Transaction) {
        self.effects += 1;
        self.transactions.entry(id.to_owned()).or_insert_with(|| transaction.clone());
    }

    /// The first transaction of that name.
    pub(crate) fn transaction(&self, id: &str) -> Option<&Transaction> {
        self.transactions.get(id)
    }

    /// The first answer to a request of that name.
    pub(crate) fn reply(&self, request: &str) -> Option<&Bytes> {
        self.replies.get(request)
    }

    /// Keeps the first answer; later ones are not kept.
    pub(crate) fn keep_reply(&mut self, request: &str, reply: &Bytes) {
        self.replies.entry(request.to_owned()).or_insert_with(|| reply.clone());
    }

    /// Whether a transaction was rolled back, also before it arrived.
    pub(crate) fn is_buried(&self, id: &str) -> bool {
        self.tombstones.contains(id)
    }

    /// Marks a transaction as rolled back, known or not.
    pub(crate) fn bury(&mut self, id: &str) {
        self.tombstones.insert(id.to_owned());
    }
}

/// The kind of posting that reverses `kind`.
pub(crate) fn opposite(kind: Kind) -> Kind {
    if kind.credits_player() {
        Kind::Reversal
    } else {
        Kind::Refund
    }
}

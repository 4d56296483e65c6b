//! A partner's transactions as the casino keeps them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::casino::Casino;
use crate::ledger::LedgerError;
use crate::posting::Kind;
use crate::purse::Purse;
use crate::time::Time;

/// Which contract, and so which partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contract {
    Hub,
    Bee,
    One,
}

impl Contract {
    fn prefix(self) -> &'static str {
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
    /// Whatever else must be the same for a repetition to be one.
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

    /// Whether a transaction was rolled back, or is to be refused when it comes.
    pub(crate) fn is_buried(&self, id: &str) -> bool {
        self.tombstones.contains(id)
    }

    /// Marks a transaction as rolled back, known or not.
    pub(crate) fn bury(&mut self, id: &str) {
        self.tombstones.insert(id.to_owned());
    }
}

/// What a partner wants done.
pub(crate) struct Order<'a> {
    pub(crate) contract: Contract,
    /// The partner's name for the transaction.
    pub(crate) id: &'a str,
    pub(crate) kind: Kind,
    pub(crate) purse: &'a Purse,
    /// Minor units; zero moves nothing and is kept all the same.
    pub(crate) amount: i64,
    pub(crate) fingerprint: String,
}

impl Casino {
    pub(crate) fn book(&self, contract: Contract) -> &Book {
        match contract {
            Contract::Hub => &self.hub_book,
            Contract::Bee => &self.bee_book,
            Contract::One => &self.one_book,
        }
    }

    pub(crate) fn book_mut(&mut self, contract: Contract) -> &mut Book {
        match contract {
            Contract::Hub => &mut self.hub_book,
            Contract::Bee => &mut self.bee_book,
            Contract::One => &mut self.one_book,
        }
    }

    /// Carries out an order and writes it into the partner's book. The ledger knows it as
    /// `<contract>:<id>`, so that a second effect of the same transaction shows.
    pub(crate) fn carry_out(
        &mut self,
        now: Time,
        order: Order<'_>,
    ) -> Result<Transaction, LedgerError> {
        let Order { contract, id, kind, purse, amount, fingerprint } = order;
        let prefix = contract.prefix();
        let own_id = format!("{prefix}-{}", self.book(contract).effects + 1);
        let balance = if amount == 0 {
            self.balance(purse)
        } else {
            let external = format!("{prefix}:{id}");
            self.post(now, kind, purse, amount, &own_id, Some(&external))?.balance
        };
        let player = purse.id.clone();
        let transaction = Transaction { own_id, kind, player, amount, fingerprint, balance };
        let book = self.book_mut(contract);
        book.effects += 1;
        book.transactions.entry(id.to_owned()).or_insert_with(|| transaction.clone());
        Ok(transaction)
    }
}

/// The posting that takes one of `kind` back.
pub(crate) fn opposite(kind: Kind) -> Kind {
    if kind.credits_player() {
        Kind::Reversal
    } else {
        Kind::Refund
    }
}

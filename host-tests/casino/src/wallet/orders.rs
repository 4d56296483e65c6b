//! Transactions of partners and their effect.

use super::book::{Book, Contract, Transaction};
use crate::casino::Casino;
use crate::ledger::LedgerError;
use crate::posting::Kind;
use crate::purse::Purse;
use crate::time::Time;

/// A transaction of a partner's request.
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
        let own_id = format!("{prefix}-{}", self.book(contract).next_number());
        let balance = if amount == 0 {
            self.balance(purse)
        } else {
            let external = format!("{prefix}:{id}");
            self.post(now, kind, purse, amount, &own_id, Some(&external))?.balance
        };
        let player = purse.id.clone();
        let transaction = Transaction { own_id, kind, player, amount, fingerprint, balance };
        self.book_mut(contract).record(id, &transaction);
        Ok(transaction)
    }
}

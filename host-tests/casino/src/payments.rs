//! Deposits that wait for the payment provider, and the counting of payments.

use std::collections::BTreeMap;

/// A deposit that the payment provider has not confirmed yet.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) player: String,
    /// Minor units.
    pub(crate) amount: i64,
}

/// Payments, by numbers that count from 1.
#[derive(Clone, Debug, Default)]
pub(crate) struct Payments {
    deposits: u64,
    withdrawals: u64,
    settlements: u64,
    pending: BTreeMap<String, Pending>,
}

impl Payments {
    pub(crate) fn next_deposit(&mut self) -> String {
        self.deposits += 1;
        format!("d-{}", self.deposits)
    }

    pub(crate) fn next_withdrawal(&mut self) -> String {
        self.withdrawals += 1;
        format!("w-{}", self.withdrawals)
    }

    pub(crate) fn next_settlement(&mut self) -> String {
        self.settlements += 1;
        format!("st-{}", self.settlements)
    }

    /// Lets a deposit wait for its callback.
    pub(crate) fn wait(&mut self, id: &str, pending: Pending) {
        self.pending.insert(id.to_owned(), pending);
    }

    /// A deposit that was sent to the provider. It stays known after its callback, so that a
    /// repeated callback takes effect again.
    pub(crate) fn pending(&self, id: &str) -> Option<&Pending> {
        self.pending.get(id)
    }
}

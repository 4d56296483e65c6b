//! The double-entry ledger: every movement of money is one posting with a debit and a credit.
//!
//! The balances are kept as postings come in; [`Ledger::check`] computes them again from the
//! postings alone and compares.

use std::collections::BTreeMap;

use crate::invariants::{self, Balances, Broken};
use crate::player::Currency;
use crate::posting::{Account, Entry, Kind, Posting, MAX_AMOUNT};
use crate::time::Time;

/// Why a posting was refused. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Zero, negative, or above [`MAX_AMOUNT`].
    #[error("the amount must be from 1 to {MAX_AMOUNT} minor units")]
    Amount,
    /// The purse holds less than the amount.
    #[error("the balance is {balance} minor units")]
    Insufficient {
        /// What the purse holds, in minor units.
        balance: i64,
    },
    /// A balance would leave the range of an `i64`.
    #[error("a balance would overflow")]
    Overflow,
}

/// The books.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    postings: Vec<Posting>,
    balances: Balances,
    totals: BTreeMap<(Kind, Currency), (u64, i64)>,
}

impl Ledger {
    /// Empty books.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves money and returns the posting.
    ///
    /// # Errors
    /// [`LedgerError`]; the books are unchanged.
    pub fn post(&mut self, at: Time, entry: Entry<'_>) -> Result<Posting, LedgerError> {
        let Entry { kind, player, currency, amount, subject, external } = entry;
        if !(1..=MAX_AMOUNT).contains(&amount) {
            return Err(LedgerError::Amount);
        }
        let purse = (Account::Player(player.to_owned()), currency);
        let other = (kind.counterpart(), currency);
        let signed = if kind.credits_player() { amount } else { -amount };
        let held = self.balances.get(&purse).copied().unwrap_or(0);
        let balance = held.checked_add(signed).ok_or(LedgerError::Overflow)?;
        if balance < 0 {
            return Err(LedgerError::Insufficient { balance: held });
        }
        let counter = self.balances.get(&other).copied().unwrap_or(0);
        let counter = counter.checked_sub(signed).ok_or(LedgerError::Overflow)?;
        let (count, total) = self.totals.get(&(kind, currency)).copied().unwrap_or((0, 0));
        let total = total.checked_add(amount).ok_or(LedgerError::Overflow)?;

        let (debit, credit) = if kind.credits_player() {
            (other.0.clone(), purse.0.clone())
        } else {
            (purse.0.clone(), other.0.clone())
        };
        self.balances.insert(purse, balance);
        self.balances.insert(other, counter);
        self.totals.insert((kind, currency), (count + 1, total));
        let posting = Posting {
            id: self.postings.len() as u64 + 1,
            at,
            kind,
            debit,
            credit,
            currency,
            amount,
            subject: subject.to_owned(),
            external: external.map(str::to_owned),
            balance,
        };
        self.postings.push(posting.clone());
        Ok(posting)
    }

    /// A player's balance in minor units; 0 for an unknown purse.
    pub fn balance(&self, player: &str, currency: Currency) -> i64 {
        let purse = (Account::Player(player.to_owned()), currency);
        self.balances.get(&purse).copied().unwrap_or(0)
    }

    /// Every posting, oldest first.
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }

    /// How many postings of a kind there are, over all currencies.
    pub fn count(&self, kind: Kind) -> u64 {
        self.totals.iter().filter(|((k, _), _)| *k == kind).map(|(_, (count, _))| count).sum()
    }

    /// The sum of a kind per currency, in minor units.
    pub fn totals(&self, kind: Kind) -> BTreeMap<Currency, i64> {
        let of_kind = self.totals.iter().filter(|((k, _), _)| *k == kind);
        of_kind.map(|((_, currency), (_, total))| (*currency, *total)).collect()
    }

    /// Operations that took effect more than once: the count for each external id, per kind of posting. Not
    /// a broken invariant, but what idempotency prevents.
    pub fn double_effects(&self) -> BTreeMap<String, u64> {
        let mut seen: BTreeMap<(Kind, &Account, &str), u64> = BTreeMap::new();
        for posting in &self.postings {
            let purse =
                if posting.kind.credits_player() { &posting.credit } else { &posting.debit };
            if let Some(external) = &posting.external {
                *seen.entry((posting.kind, purse, external)).or_default() += 1;
            }
        }
        let doubled = seen.into_iter().filter(|(_, times)| *times > 1);
        doubled.map(|((_, _, external), times)| (external.to_owned(), times)).collect()
    }

    /// Checks the books; empty when every invariant holds.
    pub fn check(&self) -> Vec<Broken> {
        invariants::check(&self.postings, &self.balances)
    }

    #[cfg(test)]
    pub(crate) fn tamper(&mut self, change: impl FnOnce(&mut Vec<Posting>)) {
        change(&mut self.postings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: Kind, amount: i64) -> Entry<'static> {
        let (player, subject, external) = ("p-1", "s", Some("x"));
        Entry { kind, player, currency: Currency::Eur, amount, subject, external }
    }

    #[test]
    fn postings_follow_the_rules() {
        use Kind::{Deposit, Reversal, Stake, Win, Withdrawal};
        let poor = |balance| Err(LedgerError::Insufficient { balance });
        // What is posted on top of a deposit of 100, and the balance or the refusal.
        let cases = [
            (Deposit, 1, Ok(101)),
            (Win, MAX_AMOUNT, Ok(MAX_AMOUNT + 100)),
            (Stake, 100, Ok(0)),
            (Stake, 101, poor(100)),
            (Withdrawal, 101, poor(100)),
            (Reversal, 101, poor(100)),
            (Stake, 0, Err(LedgerError::Amount)),
            (Deposit, -1, Err(LedgerError::Amount)),
            (Deposit, i64::MIN, Err(LedgerError::Amount)),
            (Win, MAX_AMOUNT + 1, Err(LedgerError::Amount)),
        ];
        for (kind, amount, want) in cases {
            let mut ledger = Ledger::new();
            ledger.post(Time::default(), entry(Deposit, 100)).unwrap();
            let got = ledger.post(Time::default(), entry(kind, amount)).map(|p| p.balance);
            assert_eq!(got, want, "{kind:?} {amount}");
            assert_eq!(ledger.check(), vec![], "{kind:?} {amount}");
            let postings = if want.is_ok() { 2 } else { 1 };
            assert_eq!(ledger.postings().len(), postings, "{kind:?} {amount}");
        }
    }

    #[test]
    fn repeated_external_ids_are_double_effects() {
        let mut ledger = Ledger::new();
        ledger.post(Time::default(), entry(Kind::Deposit, 100)).unwrap();
        ledger.post(Time::default(), entry(Kind::Stake, 10)).unwrap();
        assert!(ledger.double_effects().is_empty(), "one name, two kinds");
        let again = Entry { subject: "t", ..entry(Kind::Stake, 10) };
        ledger.post(Time::default(), again).unwrap();
        assert_eq!(ledger.double_effects().get("x"), Some(&2));
        assert_eq!(ledger.check(), vec![]);
    }
}

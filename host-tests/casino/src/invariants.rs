//! The invariants of the books, computed from the postings alone.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::player::Currency;
use crate::posting::{Account, Kind, Posting};

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The stable name of the invariant.
    pub invariant: &'static str,
    /// Which posting or account, and how.
    pub detail: String,
}

/// Balances by account and currency, in minor units.
pub(crate) type Balances = BTreeMap<(Account, Currency), i64>;

/// Checks every invariant; empty when all hold.
///
/// 1. `posting_ids`: counted from 1 without gap or repeat.
/// 2. `positive_amounts`: every posting moves more than nothing.
/// 3. `known_directions`: a player's purse is credited by deposits, wins and money given back, and
///    debited by stakes, withdrawals and money taken back; nothing else touches it.
/// 4. `no_negative_balance`: at no posting was a purse below zero.
/// 5. `running_balances`: the balance written on each posting is the sum of those before it.
/// 6. `balances_follow_postings`: the balances kept are the balances computed.
/// 7. `books_sum_to_zero`: per currency, all accounts together hold nothing.
/// 8. `stakes_debit_once`: no bet, round step or transaction was debited twice.
pub(crate) fn check(postings: &[Posting], kept: &Balances) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut found = |invariant, detail| broken.push(Broken { invariant, detail });
    let mut computed = Balances::new();
    let mut stakes: BTreeMap<&str, u64> = BTreeMap::new();

    for (posting, expected) in postings.iter().zip(1_u64..) {
        let Posting { id, kind, amount, currency, .. } = *posting;
        if id != expected {
            found("posting_ids", format!("posting {id} stands where {expected} belongs"));
        }
        if amount <= 0 {
            found("positive_amounts", format!("posting {id} moves {amount}"));
        }
        let (purse, other) = if kind.credits_player() {
            (&posting.credit, &posting.debit)
        } else {
            (&posting.debit, &posting.credit)
        };
        if !matches!(purse, Account::Player(_)) || *other != kind.counterpart() {
            found("known_directions", format!("posting {id}: {purse:?} and {other:?}"));
        }
        let debit = computed.entry((posting.debit.clone(), currency)).or_default();
        *debit = debit.saturating_sub(amount);
        let credit = computed.entry((posting.credit.clone(), currency)).or_default();
        *credit = credit.saturating_add(amount);

        let balance = computed.get(&(purse.clone(), currency)).copied().unwrap_or(0);
        if balance < 0 {
            found("no_negative_balance", format!("posting {id} leaves {balance}"));
        }
        if balance != posting.balance {
            let written = posting.balance;
            found("running_balances", format!("posting {id} has {written}, the sum is {balance}"));
        }
        if kind == Kind::Stake {
            let times = stakes.entry(&posting.subject).or_default();
            *times += 1;
            if *times > 1 {
                found("stakes_debit_once", format!("`{}` at posting {id}", posting.subject));
            }
        }
    }

    if computed != *kept {
        let detail = "the balances kept differ from those computed from the postings";
        found("balances_follow_postings", detail.to_owned());
    }
    let mut sums: BTreeMap<Currency, i64> = BTreeMap::new();
    for ((_, currency), balance) in kept {
        let sum = sums.entry(*currency).or_default();
        *sum = sum.saturating_add(*balance);
    }
    for (currency, sum) in sums.into_iter().filter(|(_, sum)| *sum != 0) {
        found("books_sum_to_zero", format!("{currency:?}: {sum}"));
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;
    use crate::posting::Entry;
    use crate::time::Time;

    fn books() -> Ledger {
        let mut ledger = Ledger::new();
        for (kind, amount, subject) in
            [(Kind::Opening, 100, "o"), (Kind::Stake, 30, "b-1"), (Kind::Win, 5, "b-1")]
        {
            let (player, currency) = ("p-1", Currency::Eur);
            let entry = Entry { kind, player, currency, amount, subject, external: None };
            ledger.post(Time::default(), entry).unwrap();
        }
        ledger
    }

    #[test]
    fn valid_books_have_no_broken_invariant() {
        assert_eq!(books().check(), vec![]);
        assert_eq!(Ledger::new().check(), vec![]);
    }

    #[test]
    fn every_damage_breaks_its_invariant() {
        type Damage = fn(&mut Vec<Posting>);
        let cases: [(&str, Damage); 7] = [
            ("posting_ids", |p| p[2].id = 2),
            ("positive_amounts", |p| p[2].amount = 0),
            ("known_directions", |p| p[2].debit = Account::Cashier),
            ("no_negative_balance", |p| p[1].amount = 101),
            ("running_balances", |p| p[1].balance = 71),
            ("balances_follow_postings", |p| p.truncate(2)),
            ("stakes_debit_once", |p| {
                let again = Posting { id: 4, balance: 45, ..p[1].clone() };
                p.push(again);
            }),
        ];
        for (want, damage) in cases {
            let mut ledger = books();
            ledger.tamper(damage);
            let broken = ledger.check();
            assert!(broken.iter().any(|b| b.invariant == want), "{want}: {broken:?}");
        }
    }

    #[test]
    fn books_must_sum_to_zero() {
        let kept = Balances::from([((Account::House, Currency::Gbp), 3)]);
        assert!(check(&[], &kept).iter().any(|b| b.invariant == "books_sum_to_zero"));
    }
}

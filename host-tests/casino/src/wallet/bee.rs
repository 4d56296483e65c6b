//! The bee contract, in the manner of Beexar and SoftSwiss (PyPI `beexar` 1.0.2): an HMAC over the body,
//! errors as HTTP 400 with the code in `meta.api_code`, amounts as decimals, any non-empty ids. `finish` names
//! a round and no transaction, and moves nothing.
//!
//! Duplicates, with `wallet_dedup`:
//! 1. A transaction seen before does nothing and gets its first id and the first balance.
//! 2. A rollback leaves a tombstone even if its original is unknown; a bet that comes after is
//!    refused with `api_code` 409.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{json, Value};

use super::amounts::{decimal, minor_units};
use super::book::{opposite, Contract, Transaction};
use super::orders::Order;
use crate::call::Call;
use crate::casino::Casino;
use crate::ledger::LedgerError;
use crate::partner::{same, sign_bee, BEE_HEADER};
use crate::player::Currency;
use crate::posting::{Kind, MAX_AMOUNT};
use crate::purse::Purse;
use crate::reply::{json_response, ok, Answer};

const CONTRACT: Contract = Contract::Bee;

/// An `api_code`, its message, and the balance where funds are the matter.
struct Failure(&'static str, &'static str, Option<i64>);

impl Failure {
    fn into_answer(self) -> Answer {
        let Self(code, message, balance) = self;
        let mut meta = json!({ "api_code": code, "api_message": message });
        if let (Some(balance), Some(fields)) = (balance, meta.as_object_mut()) {
            fields.insert("balance".to_owned(), decimal(balance).into());
        }
        let body = json!({ "code": "invalid_argument", "msg": message, "meta": meta });
        Ok(json_response(StatusCode::BAD_REQUEST, &body))
    }
}

#[derive(Deserialize)]
struct Message {
    account_id: String,
    currency: Currency,
    /// Not in a `finish`.
    #[serde(default)]
    game_id: String,
    #[serde(default)]
    round_id: String,
    /// A rollback names the round so.
    #[serde(default)]
    round_id_provider: String,
    #[serde(default)]
    transactions: Vec<Action>,
}

#[derive(Deserialize)]
struct Action {
    id_provider: String,
    #[serde(rename = "type")]
    kind: ActionKind,
    #[serde(default)]
    amount: Option<String>,
    #[serde(default)]
    original_id_provider: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActionKind {
    Bet,
    Win,
    Rollback,
}

/// `POST /wallet/bee/balance`.
pub(crate) fn balance(casino: &mut Casino, call: &Call<'_>) -> Answer {
    told_balance(casino, call, |message| &message.game_id)
}

/// `POST /wallet/bee/finish`: the round is over; nothing moves.
pub(crate) fn finish(casino: &mut Casino, call: &Call<'_>) -> Answer {
    told_balance(casino, call, |message| &message.round_id)
}

/// `POST /wallet/bee/betwin`: bets and wins of one round, all or none.
pub(crate) fn betwin(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let done = open(casino, call).and_then(|(message, purse)| {
        named([&message.game_id, &message.round_id])?;
        let orders = orders(casino, &message, &purse)?;
        let (mut done, mut last_balance) = (Vec::new(), casino.balance(&purse));
        for (action, kind, amount) in orders {
            let tx = carry_out(casino, call, &purse, &action.id_provider, kind, amount)?;
            last_balance = tx.balance;
            let id = &action.id_provider;
            done.push(json!({ "id_provider": id, "id": tx.own_id, "bonus_amount": "0.00" }));
        }
        Ok(answered(&message.round_id, done, last_balance))
    });
    done.map_or_else(Failure::into_answer, |body| ok(&body))
}

/// `POST /wallet/bee/rollback`: takes transactions back one after the other, and buries those that
/// never came. One that cannot be taken back ends the list; those before it stay taken back.
pub(crate) fn rollback(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let done = open(casino, call).and_then(|(message, purse)| {
        named([&message.round_id_provider, &message.round_id_provider])?;
        let (mut done, mut last_balance) = (Vec::new(), casino.balance(&purse));
        for action in &message.transactions {
            let original = action.original_id_provider.as_deref();
            let (ActionKind::Rollback, Some(original)) = (action.kind, original) else {
                return Err(Failure("400", "a rollback names its original", None));
            };
            named([&action.id_provider, original])?;
            let tx = take_back(casino, call, &purse, action, original)?;
            last_balance = tx.balance;
            // No id of ours where there was nothing to take back.
            let own = if tx.amount == 0 { "" } else { &tx.own_id };
            done.push(json!({ "id_provider": action.id_provider, "id": own }));
        }
        if done.is_empty() {
            return Err(Failure("400", "no transactions", None));
        }
        Ok(answered(&message.round_id_provider, done, last_balance))
    });
    done.map_or_else(Failure::into_answer, |body| ok(&body))
}

fn open(casino: &mut Casino, call: &Call<'_>) -> Result<(Message, Purse), Failure> {
    let signature = call.header(BEE_HEADER).unwrap_or_default();
    if casino.settings.verify_partners && !same(signature, &sign_bee(call.body())) {
        return Err(Failure("403", "the signature does not fit", None));
    }
    let message: Message =
        call.json().map_err(|_| Failure("400", "the body does not fit the contract", None))?;
    let purse = casino
        .purse(call.now, &message.account_id)
        .map_err(|_| Failure("101", "no such player", None))?;
    if message.currency != purse.currency {
        return Err(Failure("154", "not the player's currency", None));
    }
    Ok((message, purse))
}

fn told_balance(casino: &mut Casino, call: &Call<'_>, needed: fn(&Message) -> &str) -> Answer {
    let result = open(casino, call).and_then(|(message, purse)| {
        named([needed(&message), &message.account_id])?;
        Ok(json!({ "balance": decimal(casino.balance(&purse)) }))
    });
    result.map_or_else(Failure::into_answer, |body| ok(&body))
}

/// Names are not empty.
fn named(names: [&str; 2]) -> Result<(), Failure> {
    match names.iter().any(|name| name.is_empty()) {
        true => Err(Failure("400", "required, must be a non-empty string", None)),
        false => Ok(()),
    }
}

/// Reads every action before any takes effect, so that a refused one leaves no half.
fn orders<'m>(
    casino: &Casino,
    message: &'m Message,
    purse: &Purse,
) -> Result<Vec<(&'m Action, Kind, i64)>, Failure> {
    let dedup = casino.settings.wallet_dedup;
    let held = casino.balance(purse);
    let mut balance = held;
    let mut orders = Vec::new();
    for action in &message.transactions {
        named([&action.id_provider, &action.id_provider])?;
        let amount = action.amount.as_deref().and_then(minor_units);
        let amount = amount.filter(|minor| (1..=MAX_AMOUNT).contains(minor));
        let amount = amount.ok_or(Failure("400", "an amount is a decimal above zero", None))?;
        let kind = match action.kind {
            ActionKind::Bet => Kind::Stake,
            ActionKind::Win => Kind::Win,
            ActionKind::Rollback => return Err(Failure("400", "bet or win", None)),
        };
        let book = casino.book(CONTRACT);
        if dedup && book.is_buried(&action.id_provider) {
            return Err(Failure("409", "this transaction was rolled back", None));
        }
        if !(dedup && book.transaction(&action.id_provider).is_some()) {
            let change = if kind.credits_player() { amount } else { -amount };
            balance = balance.saturating_add(change);
        }
        if balance < 0 {
            return Err(Failure("100", "not enough money", Some(held)));
        }
        orders.push((action, kind, amount));
    }
    if orders.is_empty() {
        return Err(Failure("400", "no transactions", None));
    }
    Ok(orders)
}

fn carry_out(
    casino: &mut Casino,
    call: &Call<'_>,
    purse: &Purse,
    id: &str,
    kind: Kind,
    amount: i64,
) -> Result<Transaction, Failure> {
    if casino.settings.wallet_dedup {
        if let Some(first) = casino.book(CONTRACT).transaction(id) {
            return Ok(first.clone());
        }
    }
    let (contract, fingerprint) = (CONTRACT, String::new());
    let order = Order { contract, id, kind, purse, amount, fingerprint };
    casino.carry_out(call.now, order).map_err(|error| match error {
        LedgerError::Insufficient { balance } => Failure("100", "not enough money", Some(balance)),
        LedgerError::Amount | LedgerError::Overflow => {
            Failure("400", "an amount out of range", None)
        }
    })
}

fn take_back(
    casino: &mut Casino,
    call: &Call<'_>,
    purse: &Purse,
    action: &Action,
    original: &str,
) -> Result<Transaction, Failure> {
    let dedup = casino.settings.wallet_dedup;
    let book = casino.book(CONTRACT);
    let known = book.transaction(original).filter(|tx| tx.player == purse.id).cloned();
    // Rolled back under another name before: a rollback that moves nothing.
    let amount = match &known {
        Some(tx) if !(dedup && book.is_buried(original)) => tx.amount,
        _ => 0,
    };
    let kind = known.map_or(Kind::Refund, |tx| opposite(tx.kind));
    let done = carry_out(casino, call, purse, &action.id_provider, kind, amount)?;
    casino.book_mut(CONTRACT).bury(original);
    Ok(done)
}

/// The balance of the answer is the first one if the last transaction was a repetition.
fn answered(round: &str, transactions: Vec<Value>, balance: i64) -> Value {
    json!({ "round_id": round, "transactions": transactions, "balance": decimal(balance) })
}

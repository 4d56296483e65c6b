//! The single-URL contract, in the manner of Fundist OneWallet: one URL, the operation in `type`, a signature
//! in the field `hmac` of request and response, errors as HTTP 200.
//!
//! `i_rollback` names the transaction that a debit or credit takes back: such a credit gives a stake
//! back, such a debit takes a win back, so that a credit always adds. A `ping` carries nothing but its
//! type, a `roundinfo` no transaction.
//!
//! Duplicates, with `wallet_dedup`: the same `tid` with the same fields gets the first answer; with
//! other fields it is `TID_MISMATCH`.

use http::StatusCode;
use serde_json::{json, Map, Value};

use super::amounts::{decimal, minor_units};
use super::book::{opposite, Contract};
use super::orders::Order;
use crate::call::Call;
use crate::casino::Casino;
use crate::ledger::LedgerError;
use crate::partner::{same, sign_one};
use crate::posting::Kind;
use crate::purse::Purse;
use crate::reply::{json_response, raw, Answer};

const CONTRACT: Contract = Contract::One;

/// The word in the field `error`.
type Failure = &'static str;
type Fields = Map<String, Value>;

/// `POST /wallet/one`: `ping`, `balance`, `debit`, `credit`, `roundinfo`.
pub(crate) fn single(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let fields: Fields = match call.json() {
        Ok(fields) => fields,
        Err(_) => return Ok(signed(failed("SYNTAX"))),
    };
    let given = text(&fields, "hmac").unwrap_or_default();
    let fits = sign_one(&fields).is_some_and(|wanted| same(given, &wanted));
    if casino.settings.verify_partners && !fits {
        return Ok(signed(failed("INVALID_HMAC")));
    }
    let money = match text(&fields, "type") {
        Some("ping" | "roundinfo") => return Ok(signed(json!({ "status": "OK" }))),
        Some("balance") => None,
        Some("debit") => Some(Kind::Stake),
        Some("credit") => Some(Kind::Win),
        _ => return Ok(signed(failed("TYPE_UNKNOWN"))),
    };
    let purse = match purse(casino, call, &fields) {
        Ok(purse) => purse,
        Err(failure) => return Ok(signed(failed(failure))),
    };
    let Some(kind) = money else {
        let balance = decimal(casino.balance(&purse));
        return Ok(signed(json!({ "status": "OK", "balance": balance })));
    };
    let Some(tid) = text(&fields, "tid").filter(|tid| !tid.is_empty()) else {
        return Ok(signed(failed("SYNTAX")));
    };
    // The signature is part of the message, as a repetition must be signed alike.
    let fingerprint = Value::Object(fields.clone()).to_string();
    let dedup = casino.settings.wallet_dedup;
    if dedup {
        let book = casino.book(CONTRACT);
        if book.transaction(tid).is_some_and(|first| first.fingerprint != fingerprint) {
            return Ok(signed(failed("TID_MISMATCH")));
        }
        if let Some(first) = book.reply(tid) {
            return Ok(raw(StatusCode::OK, "application/json", "no-store", first.clone()));
        }
    }
    match move_money(casino, call, &fields, &purse, kind, tid, fingerprint) {
        Err(failure) => Ok(signed(failed(failure))),
        Ok(balance) => {
            let body = json!({ "status": "OK", "tid": tid, "balance": decimal(balance) });
            let response = signed(body);
            if dedup {
                casino.book_mut(CONTRACT).keep_reply(tid, response.body());
            }
            Ok(response)
        }
    }
}

fn purse(casino: &mut Casino, call: &Call<'_>, fields: &Fields) -> Result<Purse, Failure> {
    let user = text(fields, "userid").ok_or("SYNTAX")?;
    let purse = casino.purse(call.now, user).map_err(|_| "USER_UNKNOWN")?;
    match fields.get("currency") {
        Some(currency) if *currency != json!(purse.currency) => Err("CURRENCY_MISMATCH"),
        _ => Ok(purse),
    }
}

fn move_money(
    casino: &mut Casino,
    call: &Call<'_>,
    fields: &Fields,
    purse: &Purse,
    kind: Kind,
    id: &str,
    fingerprint: String,
) -> Result<i64, Failure> {
    let amount = text(fields, "amount").and_then(minor_units).ok_or("SYNTAX")?;
    if amount == 0 && kind == Kind::Stake {
        return Err("SYNTAX");
    }
    let original = text(fields, "i_rollback");
    let (kind, amount) = match original {
        None => (kind, amount),
        Some(original) => {
            let book = casino.book(CONTRACT);
            if casino.settings.wallet_dedup && book.is_buried(original) {
                return Ok(casino.balance(purse));
            }
            match book.transaction(original) {
                Some(tx) if tx.player == purse.id && is_other_way(tx.kind, kind) => {
                    (opposite(tx.kind), tx.amount)
                }
                _ => return Err("TRANSACTION_UNKNOWN"),
            }
        }
    };
    let order = Order { contract: CONTRACT, id, kind, purse, amount, fingerprint };
    let done = casino.carry_out(call.now, order).map_err(|error| match error {
        LedgerError::Insufficient { .. } => "INSUFFICIENT_FUNDS",
        LedgerError::Amount | LedgerError::Overflow => "SYNTAX",
    })?;
    if let Some(original) = original {
        casino.book_mut(CONTRACT).bury(original);
    }
    Ok(done.balance)
}

/// A credit takes back a stake, a debit a win.
fn is_other_way(taken_back: Kind, by: Kind) -> bool {
    matches!((taken_back, by), (Kind::Stake, Kind::Win) | (Kind::Win, Kind::Stake))
}

fn text<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    fields.get(name).and_then(Value::as_str)
}

fn failed(failure: Failure) -> Value {
    json!({ "error": failure })
}

fn signed(mut body: Value) -> http::Response<bytes::Bytes> {
    if let Some(fields) = body.as_object_mut() {
        if let Some(hmac) = sign_one(fields) {
            fields.insert("hmac".to_owned(), hmac.into());
        }
    }
    json_response(StatusCode::OK, &body)
}

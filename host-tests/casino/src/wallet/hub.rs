//! The hub contract, in the manner of Hub88: a signature over the body, every answer in HTTP 200,
//! the outcome in `status`.
//!
//! Duplicates, with `wallet_dedup`:
//! 1. The same `request_uuid` gets the first answer, byte for byte (balance excepted).
//! 2. The same `transaction_uuid` with the same terms does nothing and succeeds.
//! 3. The same `transaction_uuid` with other terms is `RS_ERROR_DUPLICATE_TRANSACTION`.
//!
//! Tokens are ignored: a win must be accepted after the player's token expired.

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{json, Value};

use super::book::{opposite, Contract};
use super::orders::Order;
use crate::call::Call;
use crate::casino::Casino;
use crate::ledger::LedgerError;
use crate::partner::HUB_HEADER;
use crate::player::Currency;
use crate::posting::Kind;
use crate::purse::Purse;
use crate::reply::{json_response, raw, Answer};

const CONTRACT: Contract = Contract::Hub;

#[derive(Deserialize)]
struct Message {
    user: String,
    request_uuid: String,
    #[serde(default)]
    currency: Option<Currency>,
    #[serde(default)]
    transaction_uuid: String,
    #[serde(default)]
    reference_transaction_uuid: Option<String>,
    /// Minor units, unlike the provider's own. A rollback carries none.
    #[serde(default)]
    amount: i64,
    #[serde(default)]
    round: Option<String>,
    #[serde(default)]
    game_code: Option<String>,
}

impl Message {
    /// The terms that make a repeated transaction the same one.
    fn fingerprint(&self) -> String {
        json!([
            self.user,
            self.currency,
            self.amount,
            self.reference_transaction_uuid,
            self.round,
            self.game_code
        ])
        .to_string()
    }
}

/// A status other than `RS_OK`.
type Failure = &'static str;

/// `POST /wallet/hub/user/info`: who the player is, as far as the casino knows.
pub(crate) fn info(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let (message, purse) = match open(casino, call) {
        Ok(opened) => opened,
        Err((failure, request)) => return Ok(failed(failure, &request)),
    };
    Ok(json_response(
        StatusCode::OK,
        &json!({ "status": "RS_OK", "user": purse.id, "request_uuid": message.request_uuid }),
    ))
}

/// `POST /wallet/hub/user/balance`.
pub(crate) fn balance(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let (message, purse) = match open(casino, call) {
        Ok(opened) => opened,
        Err((failure, request)) => return Ok(failed(failure, &request)),
    };
    let balance = casino.balance(&purse);
    Ok(json_response(StatusCode::OK, &succeeded(&message, &purse, balance)))
}

/// `POST /wallet/hub/transaction/bet`.
pub(crate) fn bet(casino: &mut Casino, call: &Call<'_>) -> Answer {
    transact(casino, call, |casino, message, purse| {
        if message.amount <= 0 {
            return Err("RS_ERROR_WRONG_SYNTAX");
        }
        apply(casino, call, message, purse, Kind::Stake, message.amount)
    })
}

/// `POST /wallet/hub/transaction/win`; an amount of zero only closes the round.
pub(crate) fn win(casino: &mut Casino, call: &Call<'_>) -> Answer {
    transact(casino, call, |casino, message, purse| {
        if message.amount < 0 || message.reference_transaction_uuid.is_none() {
            return Err("RS_ERROR_WRONG_SYNTAX");
        }
        apply(casino, call, message, purse, Kind::Win, message.amount)
    })
}

/// `POST /wallet/hub/transaction/rollback`: takes the referenced transaction back.
pub(crate) fn rollback(casino: &mut Casino, call: &Call<'_>) -> Answer {
    transact(casino, call, |casino, message, purse| {
        let reference = message.reference_transaction_uuid.as_deref();
        let reference = reference.ok_or("RS_ERROR_WRONG_SYNTAX")?;
        let book = casino.book(CONTRACT);
        let original = book.transaction(reference).filter(|tx| tx.player == purse.id).cloned();
        let original = original.ok_or("RS_ERROR_TRANSACTION_DOES_NOT_EXIST")?;
        if casino.settings.wallet_dedup && book.is_buried(reference) {
            return Ok(casino.balance(purse));
        }
        let kind = opposite(original.kind);
        let balance = apply(casino, call, message, purse, kind, original.amount)?;
        casino.book_mut(CONTRACT).bury(reference);
        Ok(balance)
    })
}

fn open(casino: &mut Casino, call: &Call<'_>) -> Result<(Message, Purse), (Failure, Value)> {
    let signature = call.header(HUB_HEADER).unwrap_or_default();
    if casino.settings.verify_partners && !casino.hub_partner.verify(call.body(), signature) {
        return Err(("RS_ERROR_INVALID_SIGNATURE", Value::Null));
    }
    let message: Message = call.json().map_err(|_| ("RS_ERROR_WRONG_SYNTAX", Value::Null))?;
    let uuid = || json!(message.request_uuid);
    let purse = casino.purse(call.now, &message.user).map_err(|_| ("RS_ERROR_UNKNOWN", uuid()))?;
    if message.currency.is_some_and(|currency| currency != purse.currency) {
        return Err(("RS_ERROR_WRONG_CURRENCY", uuid()));
    }
    Ok((message, purse))
}

fn transact(
    casino: &mut Casino,
    call: &Call<'_>,
    act: impl FnOnce(&mut Casino, &Message, &Purse) -> Result<i64, Failure>,
) -> Answer {
    let (message, purse) = match open(casino, call) {
        Ok(opened) => opened,
        Err((failure, request)) => return Ok(failed(failure, &request)),
    };
    let dedup = casino.settings.wallet_dedup;
    if dedup {
        if let Some(first) = casino.book(CONTRACT).reply(&message.request_uuid) {
            return Ok(raw(StatusCode::OK, "application/json", "no-store", first.clone()));
        }
    }
    let response = match act(casino, &message, &purse) {
        Ok(balance) => json_response(StatusCode::OK, &succeeded(&message, &purse, balance)),
        Err(failure) => failed(failure, &json!(message.request_uuid)),
    };
    if dedup {
        casino.book_mut(CONTRACT).keep_reply(&message.request_uuid, response.body());
    }
    Ok(response)
}

fn apply(
    casino: &mut Casino,
    call: &Call<'_>,
    message: &Message,
    purse: &Purse,
    kind: Kind,
    amount: i64,
) -> Result<i64, Failure> {
    let id = message.transaction_uuid.as_str();
    if id.is_empty() {
        return Err("RS_ERROR_WRONG_SYNTAX");
    }
    let fingerprint = message.fingerprint();
    if casino.settings.wallet_dedup {
        if let Some(first) = casino.book(CONTRACT).transaction(id) {
            let same = first.kind == kind && first.fingerprint == fingerprint;
            let balance = casino.balance(purse);
            return if same { Ok(balance) } else { Err("RS_ERROR_DUPLICATE_TRANSACTION") };
        }
    }
    let order = Order { contract: CONTRACT, id, kind, purse, amount, fingerprint };
    match casino.carry_out(call.now, order) {
        Ok(transaction) => Ok(transaction.balance),
        Err(LedgerError::Insufficient { .. }) => Err("RS_ERROR_NOT_ENOUGH_MONEY"),
        Err(LedgerError::Amount | LedgerError::Overflow) => Err("RS_ERROR_WRONG_SYNTAX"),
    }
}

fn succeeded(message: &Message, purse: &Purse, balance: i64) -> Value {
    json!({
        "status": "RS_OK", "user": purse.id, "request_uuid": message.request_uuid,
        "currency": purse.currency, "balance": balance,
    })
}

fn failed(failure: Failure, request: &Value) -> http::Response<Bytes> {
    json_response(StatusCode::OK, &json!({ "status": failure, "request_uuid": request }))
}

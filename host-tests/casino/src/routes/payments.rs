//! Deposits and withdrawals.

use serde::Deserialize;
use serde_json::json;

use crate::call::Call;
use crate::casino::Casino;
use crate::ledger::LedgerError;
use crate::partner::{same, sign_psp, PSP_HEADER};
use crate::payments::Pending;
use crate::posting::{Account, Kind, MAX_AMOUNT};
use crate::purse::{money_refusal, Purse};
use crate::reply::{created, ok, Answer, Refusal};
use crate::time::Time;

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Method {
    /// Credited at once.
    #[default]
    Card,
    /// Credited when the payment provider calls back.
    Redirect,
}

#[derive(Deserialize)]
struct Payment {
    /// Minor units.
    amount: i64,
    #[serde(default)]
    method: Method,
}

/// `POST /api/deposits`: a repeated request deposits again.
pub(super) fn deposit(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let purse = casino.player(call)?;
    let Payment { amount, method } = call.json()?;
    check_daily(casino, call.now, &purse, amount)?;
    let key = call.idempotency_key();
    let id = casino.payments.next_deposit();
    if method == Method::Redirect {
        if !(1..=MAX_AMOUNT).contains(&amount) {
            return Err(money_refusal(LedgerError::Amount));
        }
        casino.payments.wait(&id, Pending { player: purse.id, amount });
        let url = format!("/static/psp/{id}");
        return created(&json!({
            "deposit_id": id, "status": "pending", "amount": amount, "url": url,
        }));
    }
    let posting = casino
        .post(call.now, Kind::Deposit, &purse, amount, &id, key.as_deref())
        .map_err(money_refusal)?;
    created(&json!({
        "deposit_id": id, "status": "approved", "amount": amount,
        "posting": posting.id, "balance": posting.balance,
    }))
}

/// Refuses a deposit above the player's own daily limit.
fn check_daily(casino: &Casino, now: Time, purse: &Purse, amount: i64) -> Result<(), Refusal> {
    let Some(limit) = casino.known(&purse.id)?.limits(now).deposit_daily else {
        return Ok(());
    };
    let own = Account::Player(purse.id.clone());
    let today: i64 = casino
        .ledger
        .postings()
        .iter()
        .filter(|p| p.kind == Kind::Deposit && p.credit == own && p.at.day() == now.day())
        .fold(0, |sum: i64, posting| sum.saturating_add(posting.amount));
    if today.saturating_add(amount) > limit {
        let message = format!("{today} of {limit} minor units were deposited today");
        return Err(Refusal::unprocessable("deposit_limit", message));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum PaymentStatus {
    Approved,
    Declined,
}

#[derive(Deserialize)]
struct Callback {
    deposit_id: String,
    status: PaymentStatus,
    transaction_id: String,
}

/// `POST /psp/callback`: the payment provider's result of a deposit. A repeated callback credits again.
pub(super) fn callback(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let signature = call.header(PSP_HEADER).unwrap_or_default();
    if casino.settings.verify_partners && !same(signature, &sign_psp(call.body())) {
        return Err(Refusal::unauthorized("signature_invalid", "x-psp-signature does not fit"));
    }
    let Callback { deposit_id, status, transaction_id } = call.json()?;
    let pending = casino.payments.pending(&deposit_id).cloned();
    let Pending { player, amount } = pending
        .ok_or_else(|| Refusal::not_found("deposit_unknown", "no deposit waits by that name"))?;
    let purse = casino.purse(call.now, &player)?;
    if let PaymentStatus::Approved = status {
        casino
            .post(call.now, Kind::Deposit, &purse, amount, &deposit_id, Some(&transaction_id))
            .map_err(money_refusal)?;
    }
    ok(&json!({ "status": "ok", "deposit_id": deposit_id, "transaction_id": transaction_id }))
}

/// `POST /api/withdrawals`: a repeated request pays out again.
pub(super) fn withdraw(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let purse = casino.player(call)?;
    let Payment { amount, .. } = call.json()?;
    let key = call.idempotency_key();
    let id = casino.payments.next_withdrawal();
    let posting = casino
        .post(call.now, Kind::Withdrawal, &purse, amount, &id, key.as_deref())
        .map_err(money_refusal)?;
    created(&json!({
        "withdrawal_id": id, "status": "requested", "amount": amount,
        "posting": posting.id, "balance": posting.balance,
    }))
}

//! The player's account.

use serde_json::json;

use crate::call::Call;
use crate::casino::Casino;
use crate::posting::Account;
use crate::reply::{ok, Answer};

/// `GET /api/account/balance`.
pub(super) fn balance(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let purse = casino.player(call)?;
    ok(&json!({
        "player": purse.id, "currency": purse.currency, "balance": casino.balance(&purse),
    }))
}

/// `GET /api/history?limit=N`: the player's newest postings first, 50 by default, at most 500.
pub(super) fn history(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let purse = casino.player(call)?;
    let limit = call.query_number("limit")?.unwrap_or(50).min(500);
    let own = Account::Player(purse.id.clone());
    let entries: Vec<_> = casino
        .ledger
        .postings()
        .iter()
        .rev()
        .filter(|posting| posting.debit == own || posting.credit == own)
        .take(usize::try_from(limit).unwrap_or(0))
        .map(|p| {
            json!({
                "posting": p.id, "at": p.at, "kind": p.kind, "amount": p.amount,
                "subject": p.subject, "balance": p.balance,
            })
        })
        .collect();
    ok(&json!({ "player": purse.id, "currency": purse.currency, "entries": entries }))
}

//! The casino's own settlement feed.

use serde::Deserialize;
use serde_json::json;

use crate::betting::BetState;
use crate::call::Call;
use crate::casino::Casino;
use crate::posting::Kind;
use crate::purse::money_refusal;
use crate::reply::{ok, Answer, Refusal};

#[derive(Deserialize)]
struct Win {
    player: String,
    /// Minor units.
    amount: i64,
    transaction_id: String,
    bet_id: Option<String>,
}

/// `POST /wallet/win`: pays a win. A repeated request pays again, which the ledger lists under
/// `double_effects`.
pub(super) fn win(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let win: Win = call.json()?;
    let purse = casino.purse(call.now, &win.player)?;
    let bet = win.bet_id.as_deref().map(|id| match casino.bets.get(id) {
        Some(bet) if bet.player == purse.id => Ok(id),
        _ => Err(Refusal::not_found("bet_unknown", "the player has no such bet")),
    });
    let bet = bet.transpose()?;
    let subject = match bet {
        Some(id) => id.to_owned(),
        None => casino.payments.next_settlement(),
    };
    let posting = casino
        .post(call.now, Kind::Win, &purse, win.amount, &subject, Some(&win.transaction_id))
        .map_err(money_refusal)?;
    if let Some(bet) = bet.and_then(|id| casino.bets.get_mut(id)) {
        bet.state = BetState::Won;
    }
    ok(&json!({
        "status": "ok", "transaction_id": win.transaction_id, "posting": posting.id,
        "balance": posting.balance,
    }))
}

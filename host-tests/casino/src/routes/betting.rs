//! Prices and bets.

use serde::Deserialize;
use serde_json::json;

use crate::betting::{event_number, payout, price, Bet, BetState, Odds, PRICE_SECS, SELECTIONS};
use crate::call::Call;
use crate::casino::Casino;
use crate::posting::{Kind, MAX_AMOUNT};
use crate::purse::{money_refusal, Purse};
use crate::reply::{created, ok, Answer, Refusal};
use crate::time::Time;

/// The bet of a request.
#[derive(Deserialize)]
struct Slip {
    event: String,
    selection: String,
    /// Minor units.
    stake: i64,
    /// The odds that the player saw, in thousandths; without it any odds are accepted.
    odds: Option<Odds>,
}

/// `GET /api/odds/{event}`: the current prices.
pub(super) fn odds(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let event = call.param(0);
    if event_number(event).is_none() {
        return Err(unknown_event());
    }
    let prices: serde_json::Map<_, _> = SELECTIONS
        .into_iter()
        .filter_map(|s| Some((s.to_owned(), price(&casino.oracle, event, s, call.now)?.into())))
        .collect();
    ok(&json!({ "event": event, "odds": prices, "valid_seconds": PRICE_SECS }))
}

/// `POST /api/bets`: takes the stake and opens a bet. A repeated request opens another bet.
pub(super) fn place(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let purse = casino.player(call)?;
    let slip: Slip = call.json()?;
    let odds = price_of(casino, &slip, call.now)?;
    casino.check_stake(call.now, &purse, slip.stake)?;
    let key = call.idempotency_key();
    let id = casino.bets.next_id();
    let posting = casino
        .post(call.now, Kind::Stake, &purse, slip.stake, &id, key.as_deref())
        .map_err(money_refusal)?;
    let Slip { event, selection, stake, .. } = slip;
    let answer = json!({
        "bet_id": id, "event": event, "selection": selection, "stake": stake, "odds": odds,
        "potential_return": payout(stake, odds), "posting": posting.id, "balance": posting.balance,
    });
    let (player, state, placed_at) = (purse.id, BetState::Open, call.now);
    casino.bets.add(Bet { id, player, event, selection, stake, odds, state, placed_at });
    created(&answer)
}

/// `POST /api/slips/validate`: checks a bet without placing it.
pub(super) fn validate(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let purse = casino.player(call)?;
    let slip: Slip = call.json()?;
    let odds = price_of(casino, &slip, call.now)?;
    casino.check_stake(call.now, &purse, slip.stake)?;
    ok(&json!({
        "valid": (1..=casino.balance(&purse)).contains(&slip.stake), "odds": odds,
        "potential_return": payout(slip.stake, odds),
    }))
}

/// `GET /api/bets/{bet}`: one bet of the player.
pub(super) fn show(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let purse = casino.player(call)?;
    ok(own_bet(casino, &purse, call.param(0))?)
}

#[derive(Deserialize, Default)]
struct CashOut {
    /// The part of the stake to sell, in minor units; all that is at risk without it.
    amount: Option<i64>,
}

/// `POST /api/bets/{bet}/cashout`: sells a bet, or a part of it, at the current price.
pub(super) fn cash_out(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let purse = casino.player(call)?;
    let CashOut { amount } = call.json_or_default()?;
    let bet = own_bet(casino, &purse, call.param(0))?.clone();
    if bet.state != BetState::Open {
        return Err(Refusal::conflict("bet_closed", "the bet is not open any more"));
    }
    let part = amount.unwrap_or(bet.stake);
    if !(1..=bet.stake).contains(&part) {
        let message = format!("from 1 to {} minor units are at risk", bet.stake);
        return Err(Refusal::unprocessable("amount_out_of_range", message));
    }
    let odds = price(&casino.oracle, &bet.event, &bet.selection, call.now).unwrap_or(bet.odds);
    let paid = bet.offer(part, odds).clamp(1, MAX_AMOUNT);
    let key = call.idempotency_key();
    let posting = casino
        .post(call.now, Kind::CashOut, &purse, paid, &bet.id, key.as_deref())
        .map_err(money_refusal)?;
    if let Some(bet) = casino.bets.get_mut(&bet.id) {
        bet.stake -= part;
        if bet.stake == 0 {
            bet.state = BetState::CashedOut;
        }
    }
    ok(&json!({
        "bet_id": bet.id, "sold": part, "paid": paid, "left": bet.stake - part,
        "posting": posting.id, "balance": posting.balance,
    }))
}

fn own_bet<'c>(casino: &'c Casino, purse: &Purse, id: &str) -> Result<&'c Bet, Refusal> {
    let bet = casino.bets.get(id).filter(|bet| bet.player == purse.id);
    bet.ok_or_else(|| Refusal::not_found("bet_unknown", "the player has no such bet"))
}

fn price_of(casino: &Casino, slip: &Slip, now: Time) -> Result<Odds, Refusal> {
    if event_number(&slip.event).is_none() {
        return Err(unknown_event());
    }
    let odds = price(&casino.oracle, &slip.event, &slip.selection, now)
        .ok_or_else(|| Refusal::not_found("selection_unknown", "home, draw or away"))?;
    if slip.odds.is_some_and(|seen| seen != odds) {
        return Err(Refusal::conflict("odds_changed", format!("the odds are {odds} now")));
    }
    Ok(odds)
}

fn unknown_event() -> Refusal {
    Refusal::not_found("event_unknown", "the events are ev-1 to ev-20")
}

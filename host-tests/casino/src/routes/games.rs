//! Games and rounds.

use serde::Deserialize;
use serde_json::json;

use crate::call::Call;
use crate::casino::Casino;
use crate::games::{game, Game, GameKind, Round};
use crate::ledger::LedgerError;
use crate::posting::{Kind, Posting};
use crate::purse::{money_refusal, Purse};
use crate::reply::{created, ok, Answer, Refusal};

/// `POST /api/games/{game}/launch`: an address with a word that is good for one game session.
pub(super) fn launch(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let purse = casino.player(call)?;
    let game = known_game(call.param(0))?;
    let number = casino.rounds.launch();
    let session = casino.oracle.word("game session", number);
    ok(&json!({
        "game": game.code, "player": purse.id, "game_session": session,
        "url": format!("/static/games/{}?session={session}", game.code),
    }))
}

#[derive(Deserialize)]
struct Wager {
    /// Minor units.
    stake: i64,
}

/// `POST /api/games/{game}/spin`: one paid spin of a slot. One in four pays twice the stake, one
/// in eight leaves two free spins and an open round.
pub(super) fn spin(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let (purse, game, stake) = wager(casino, call, GameKind::Slot)?;
    let (number, id) = casino.rounds.next();
    let paid = pay_stake(casino, call, &purse, stake, &id)?;
    let free_spins = if casino.oracle.pick("bonus", number, 8) == 0 { 2 } else { 0 };
    let win = if casino.oracle.pick("spin", number, 4) == 0 { stake.saturating_mul(2) } else { 0 };
    let won = pay_win(casino, call, &purse, win, &id)?;
    let open = free_spins > 0;
    let player = purse.id.clone();
    casino.rounds.add(Round {
        id: id.clone(),
        player,
        game: game.code,
        stake,
        free_spins,
        hits: 0,
        open,
    });
    created(&json!({
        "round_id": id, "stake": stake, "win": win, "free_spins": free_spins, "open": open,
        "posting": paid.id, "balance": won.map_or(paid.balance, |won| won.balance),
    }))
}

/// `POST /api/games/{game}/rounds`: pays for a round of cards and leaves it open.
pub(super) fn open(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let (purse, game, stake) = wager(casino, call, GameKind::Cards)?;
    let (_, id) = casino.rounds.next();
    let paid = pay_stake(casino, call, &purse, stake, &id)?;
    let (player, game) = (purse.id, game.code);
    let round = Round { id, player, game, stake, free_spins: 0, hits: 0, open: true };
    let answer = json!({ "round": round, "posting": paid.id, "balance": paid.balance });
    casino.rounds.add(round);
    created(&answer)
}

/// `POST /api/rounds/{round}/hit`: one more card; costs nothing.
pub(super) fn hit(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let (_, round) = open_round(casino, call)?;
    if game(round.game).is_some_and(|game| game.kind != GameKind::Cards) {
        return Err(Refusal::conflict("action_unknown", "no cards are dealt in this game"));
    }
    let card = casino.oracle.pick(&format!("card {}", round.id), round.hits, 52) + 1;
    let round = change(casino, &round.id, |round| round.hits += 1)?;
    ok(&json!({ "round": round, "card": card }))
}

/// `POST /api/rounds/{round}/free-spin`: plays one free spin; half of them pay the stake. The last
/// one closes the round.
pub(super) fn free_spin(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let (purse, round) = open_round(casino, call)?;
    if round.free_spins == 0 {
        return Err(Refusal::conflict("no_free_spins", "the round has no free spins"));
    }
    let lucky = casino.oracle.pick(&format!("free {}", round.id), round.free_spins, 2) == 0;
    let win = if lucky { round.stake } else { 0 };
    pay_win(casino, call, &purse, win, &round.id)?;
    let round = change(casino, &round.id, |round| {
        round.free_spins = round.free_spins.saturating_sub(1);
        round.open = round.free_spins > 0;
    })?;
    ok(&json!({ "round": round, "win": win, "balance": casino.balance(&purse) }))
}

/// `POST /api/rounds/{round}/close`: ends the round; half of the card rounds pay twice the stake.
pub(super) fn close(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let (purse, round) = open_round(casino, call)?;
    let cards = game(round.game).is_some_and(|game| game.kind == GameKind::Cards);
    let lucky = cards && casino.oracle.pick(&format!("close {}", round.id), round.hits, 2) == 0;
    let win = if lucky { round.stake.saturating_mul(2) } else { 0 };
    pay_win(casino, call, &purse, win, &round.id)?;
    let round = change(casino, &round.id, |round| round.open = false)?;
    ok(&json!({ "round": round, "win": win, "balance": casino.balance(&purse) }))
}

fn wager(
    casino: &mut Casino,
    call: &Call<'_>,
    kind: GameKind,
) -> Result<(Purse, &'static Game, i64), Refusal> {
    let purse = casino.player(call)?;
    let game = known_game(call.param(0))?;
    if game.kind != kind {
        return Err(Refusal::conflict("action_unknown", "this game is not played that way"));
    }
    let Wager { stake } = call.json()?;
    casino.check_stake(call.now, &purse, stake)?;
    Ok((purse, game, stake))
}

fn known_game(code: &str) -> Result<&'static Game, Refusal> {
    game(code).ok_or_else(|| Refusal::not_found("game_unknown", "the lobby lists the games"))
}

fn open_round(casino: &mut Casino, call: &Call<'_>) -> Result<(Purse, Round), Refusal> {
    let purse = casino.player(call)?;
    match casino.rounds.get(call.param(0)) {
        Some(round) if round.player == purse.id && round.open => Ok((purse, round.clone())),
        Some(round) if round.player == purse.id => {
            Err(Refusal::conflict("round_closed", "the round is over"))
        }
        _ => Err(Refusal::not_found("round_unknown", "the player has no such round")),
    }
}

fn change(casino: &mut Casino, id: &str, how: impl FnOnce(&mut Round)) -> Result<Round, Refusal> {
    let round = casino
        .rounds
        .get_mut(id)
        .ok_or_else(|| Refusal::not_found("round_unknown", "the player has no such round"))?;
    how(round);
    Ok(round.clone())
}

fn pay_stake(
    casino: &mut Casino,
    call: &Call<'_>,
    purse: &Purse,
    stake: i64,
    round: &str,
) -> Result<Posting, Refusal> {
    let key = call.idempotency_key();
    casino.post(call.now, Kind::Stake, purse, stake, round, key.as_deref()).map_err(money_refusal)
}

fn pay_win(
    casino: &mut Casino,
    call: &Call<'_>,
    purse: &Purse,
    win: i64,
    round: &str,
) -> Result<Option<Posting>, Refusal> {
    if win == 0 {
        return Ok(None);
    }
    let posted = casino.post(call.now, Kind::Win, purse, win, round, None);
    // A win too large for one posting is capped.
    let posted = match posted {
        Err(LedgerError::Amount) => {
            casino.post(call.now, Kind::Win, purse, crate::posting::MAX_AMOUNT, round, None)
        }
        other => other,
    };
    posted.map(Some).map_err(money_refusal)
}

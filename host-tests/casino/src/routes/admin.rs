//! Test aids: what no real casino has.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{json, Value};

use crate::call::Call;
use crate::casino::Casino;
use crate::ledger::Kind;
use crate::reply::{ok, Answer, Refusal};

/// `GET /_ledger?postings=N`: the counts, and the newest N postings (all unless told), oldest
/// first.
pub(super) fn ledger(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let books = &casino.ledger;
    let shown = call.query_number("postings")?.unwrap_or(u64::MAX);
    let all = books.postings();
    let skipped = all.len().saturating_sub(usize::try_from(shown).unwrap_or(usize::MAX));
    let broken = books.check();
    let invariants = if broken.is_empty() { json!("hold") } else { json!(broken) };
    let players: BTreeMap<&str, Value> = casino
        .players
        .iter()
        .map(|player| {
            let balance = books.balance(&player.id, player.currency);
            let told = json!({
                "currency": player.currency, "balance": balance, "state": player.state,
            });
            (player.id.as_str(), told)
        })
        .collect();
    ok(&json!({
        "invariants": invariants,
        "bets_placed": casino.bets.placed(),
        "rounds_opened": casino.rounds.opened(),
        "stakes": books.count(Kind::Stake),
        "total_staked": books.totals(Kind::Stake),
        "total_won": books.totals(Kind::Win),
        "total_deposited": books.totals(Kind::Deposit),
        "total_withdrawn": books.totals(Kind::Withdrawal),
        "stakes_while_excluded": casino.stakes_while_excluded,
        "double_effects": books.double_effects(),
        "requests": casino.tally.requests(),
        "statuses": casino.tally.statuses(),
        "players": players,
        "postings_total": all.len(),
        "postings": all.iter().skip(skipped).collect::<Vec<_>>(),
    }))
}

/// `POST /_reset`: forgets everything but the settings.
pub(super) fn reset(casino: &mut Casino, _: &Call<'_>) -> Answer {
    casino.reset().map_err(|error| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "reset_failed", error.to_string())
    })?;
    ok(&json!({ "status": "reset" }))
}

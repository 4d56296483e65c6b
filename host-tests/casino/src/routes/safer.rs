//! Safer gambling: limits and self-exclusion.

use serde::Deserialize;
use serde_json::json;

use crate::call::Call;
use crate::casino::Casino;
use crate::player::{Limits, PlayerState};
use crate::reply::{ok, Answer, Refusal};

/// `GET /api/safer-gambling/limits`: the current limits, and the pending ones.
pub(super) fn limits(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let purse = casino.player(call)?;
    let player = casino.known(&purse.id)?;
    let pending = player
        .pending_limits(call.now)
        .map(|(from, limits)| json!({ "from": from, "limits": limits }));
    ok(&json!({
        "player": player.id, "limits": player.limits(call.now), "pending": pending,
    }))
}

/// `PUT` or `POST /api/safer-gambling/limits`: the whole set of limits; one left out is lifted.
/// Tighter ones apply at once, looser ones after 24 hours (GLI-19 A.3.7).
pub(super) fn set_limits(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let purse = casino.player(call)?;
    let wanted: Limits = call.json()?;
    let all = [wanted.stake_max, wanted.deposit_daily, wanted.session_minutes];
    if all.iter().flatten().any(|limit| *limit < 0) {
        return Err(Refusal::unprocessable("limit_negative", "limits are zero or more"));
    }
    casino.known_mut(&purse.id)?.set_limits(call.now, wanted);
    limits(casino, call)
}

#[derive(Deserialize, Default)]
struct Exclusion {
    /// How long; without it, until the operator lifts it.
    days: Option<u32>,
}

/// `POST /api/safer-gambling/self-exclusion`: applies at once and is published in the player's status. Bets
/// that still arrive are accepted and counted.
pub(super) fn exclude(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let purse = casino.player(call)?;
    let Exclusion { days } = call.json_or_default()?;
    let until = days.map(|days| call.now.plus_secs(i64::from(days) * 86_400));
    casino.change_state(call.now, &purse, PlayerState::SelfExcluded, until)?;
    let player = casino.known(&purse.id)?;
    ok(&json!({
        "player": player.id, "state": player.state, "state_version": player.state_version,
        "until": until,
    }))
}

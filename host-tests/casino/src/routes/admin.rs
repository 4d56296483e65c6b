//! Test routes.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{json, Value};

use crate::call::Call;
use crate::casino::Casino;
use crate::faults::FaultRule;
use crate::partner;
use crate::player::PlayerState;
use crate::posting::Kind;
use crate::reply::{ok, Answer, Refusal};
use crate::time::Time;

/// `GET /_ledger?postings=N`: the counts, and the newest N postings (default: all), oldest first.
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
            let summary = json!({
                "currency": player.currency, "balance": balance, "state": player.state,
            });
            (player.id.as_str(), summary)
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

/// `POST /_reset`: resets everything but the settings.
pub(super) fn reset(casino: &mut Casino, _: &Call<'_>) -> Answer {
    casino.reset().map_err(|error| internal("reset_failed", &error))?;
    ok(&json!({ "status": "reset" }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    rules: Vec<FaultRule>,
}

/// `GET /_faults`: the rules, each with the requests under way.
pub(super) fn faults(casino: &mut Casino, _: &Call<'_>) -> Answer {
    let rules: Vec<_> = casino
        .faults
        .rules()
        .map(|(rule, under_way)| json!({ "rule": rule, "under_way": under_way }))
        .collect();
    ok(&json!({ "rules": rules }))
}

/// `POST /_faults`: replaces all rules.
pub(super) fn set_faults(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let Rules { rules } = call.json()?;
    casino.faults.replace(rules).map_err(|why| Refusal::bad_request("faults_invalid", why))?;
    faults(casino, call)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switches {
    wallet_dedup: Option<bool>,
    verify_partners: Option<bool>,
}

/// `POST /_settings`: changes settings; an omitted one stays.
pub(super) fn set_settings(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let Switches { wallet_dedup, verify_partners } = call.json()?;
    let settings = &mut casino.settings;
    settings.wallet_dedup = wallet_dedup.unwrap_or(settings.wallet_dedup);
    settings.verify_partners = verify_partners.unwrap_or(settings.verify_partners);
    ok(&json!({
        "wallet_dedup": settings.wallet_dedup, "verify_partners": settings.verify_partners,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlayerChange {
    state: Option<PlayerState>,
    /// Milliseconds since the epoch.
    until: Option<i64>,
    kyc_level: Option<u8>,
}

/// `POST /_players/{sub}`: changes a player's state. A state that ends sessions adds a revocation.
pub(super) fn set_player(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let PlayerChange { state, until, kyc_level } = call.json()?;
    let purse = casino.purse(call.now, call.param(0))?;
    if let Some(level) = kyc_level {
        casino.known_mut(&purse.id)?.kyc_level = level;
    }
    if let Some(state) = state {
        casino.change_state(call.now, &purse, state, until.map(Time::from_millis))?;
    }
    ok(casino.known(&purse.id)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rotation {
    /// Whether the keys before stay published, so that their tokens can still be verified.
    keep_previous: bool,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { keep_previous: true }
    }
}

/// `POST /_keys/rotate`: signs with new keys from now on.
pub(super) fn rotate(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let Rotation { keep_previous } = call.json_or_default()?;
    let generation = casino
        .keys
        .rotate(&casino.oracle, keep_previous)
        .map_err(|error| internal("rotation_failed", &error))?;
    ok(&json!({ "generation": generation }))
}

/// `GET /_partners`: the keys and headers to verify partners. Test values.
pub(super) fn partners(casino: &mut Casino, _: &Call<'_>) -> Answer {
    let pem = casino.hub_partner.public_pem().map_err(|error| internal("key_failed", &error))?;
    ok(&json!({
        "hub": { "header": partner::HUB_HEADER, "public_key": pem },
        "bee": { "header": partner::BEE_HEADER, "secret": partner::BEE_SECRET },
        "one": { "field": "hmac", "secret": partner::ONE_SECRET },
        "psp": { "header": partner::PSP_HEADER, "secret": partner::PSP_SECRET },
    }))
}

fn internal(code: &'static str, error: &dyn std::error::Error) -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, code, error.to_string())
}

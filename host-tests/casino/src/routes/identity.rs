//! Services for gateways: keys, player states, revocations, introspection.

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use serde_json::json;

use super::session::{AUDIENCE, ISSUER};
use crate::call::Call;
use crate::casino::Casino;
use crate::keys::Issuer;
use crate::reply::{ok, Answer, Refusal};

/// The only client that may introspect, as `user:password` of HTTP Basic. A demo value.
const INTROSPECTION_CLIENT: &str = "gateway:demo-introspection";
/// Most revocations of one page.
const PAGE: usize = 1_000;

/// `GET /.well-known/jwks.json`: the keys of player tokens.
pub(super) fn jwks(casino: &mut Casino, _: &Call<'_>) -> Answer {
    ok(&casino.keys.jwks(Issuer::Player))
}

/// `GET /.well-known/location-jwks.json`: the keys of location tokens, which are another issuer's.
pub(super) fn location_jwks(casino: &mut Casino, _: &Call<'_>) -> Answer {
    ok(&casino.keys.jwks(Issuer::Location))
}

/// `GET /players/{sub}/status`: the state of a player as the account management system has it.
pub(super) fn status(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let purse = casino.purse(call.now, call.param(0))?;
    let player = casino.known(&purse.id)?;
    ok(&json!({
        "sub": player.id, "brand": player.brand, "jurisdiction": player.jurisdiction,
        "state": player.state, "state_version": player.state_version,
        "kyc_level": player.kyc_level, "excluded_until": player.excluded_until,
        "limits": player.limits(call.now),
    }))
}

/// `GET /revocations?since=CURSOR`: at most 1000 revocations after a cursor, from the beginning where
/// none is given. A cursor from before a reset is answered with 410, and the reader starts again
/// without one.
pub(super) fn revocations(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let since = call.query_number("since")?.unwrap_or(0);
    let feed = &casino.revocations;
    if since > feed.last() {
        return Err(Refusal::gone("cursor_unknown", "start again without `since`"));
    }
    let revocations = feed.since(since, PAGE);
    let cursor = since + revocations.len() as u64;
    ok(&json!({
        "cursor": cursor.to_string(), "more": cursor < feed.last(), "revocations": revocations,
    }))
}

/// `POST /oauth/introspect`: RFC 7662. Only opaque and JWT tokens of this casino are active.
pub(super) fn introspect(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let expected = format!("Basic {}", STANDARD.encode(INTROSPECTION_CLIENT));
    if call.header("authorization") != Some(expected.as_str()) {
        return Err(Refusal::unauthorized("invalid_client", "HTTP Basic as the gateway's client"));
    }
    let token = call
        .form("token")
        .ok_or_else(|| Refusal::bad_request("invalid_request", "the form field `token`"))?;
    let found = casino.sessions.find(&token);
    let live = found.filter(|(issued, session)| issued.exp > call.now && !session.ended);
    let Some((issued, session)) = live else {
        return ok(&json!({ "active": false }));
    };
    let player = casino.known(&session.player)?;
    ok(&json!({
        "active": true, "token_type": "Bearer", "iss": ISSUER, "aud": AUDIENCE,
        "sub": player.id, "sid": session.sid, "brand": player.brand,
        "iat": issued.iat.secs(), "exp": issued.exp.secs(),
        "auth_time": session.auth_time.secs(), "kyc_level": player.kyc_level,
        "player_state": player.state, "state_version": player.state_version,
    }))
}

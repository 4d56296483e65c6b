//! Login, refresh and logout.

use serde::Deserialize;
use serde_json::json;

use crate::call::Call;
use crate::casino::Casino;
use crate::keys::{unverified_claims, Alg, Issuer};
use crate::reply::{ok, Answer, Refusal};
use crate::revocations::Revoked;
use crate::session::{Grant, Issued, RefreshError, Session};
use crate::time::Time;

/// The password of every demo player.
const PASSWORD: &str = "demo";
/// The issuer of player tokens.
pub(crate) const ISSUER: &str = "https://casino.test";
/// The audience of player tokens.
pub(crate) const AUDIENCE: &str = "casino-api";
/// Failed logins in a row before an account is locked (GLI-19 2.5.3(d): for example three).
const MAX_FAILED: u32 = 3;
/// How long it stays locked, in seconds.
const LOCK_SECS: i64 = 30 * 60;

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Jwt,
    Opaque,
}

#[derive(Deserialize)]
struct Login {
    player: String,
    password: String,
    #[serde(default)]
    alg: Alg,
    #[serde(default)]
    format: Format,
    /// Life of the access token in seconds, from 1 to 86400.
    #[serde(default = "default_ttl")]
    ttl_secs: i64,
}

fn default_ttl() -> i64 {
    900
}

/// `POST /api/session/login`. All failures have the same answer, including a locked account.
pub(super) fn login(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let Login { player, password, alg, format, ttl_secs } = call.json()?;
    if !(1..=86_400).contains(&ttl_secs) {
        return Err(Refusal::bad_request("body_invalid", "`ttl_secs` is from 1 to 86400"));
    }
    let wrong = || Refusal::unauthorized("bad_credentials", "the credentials are not right");
    let purse = casino.purse(call.now, &player).map_err(|_| wrong())?;
    let account = casino.known_mut(&purse.id)?;
    if account.locked_until.is_some_and(|until| until > call.now) {
        return Err(wrong());
    }
    if password != PASSWORD {
        account.failed_logins += 1;
        if account.failed_logins >= MAX_FAILED {
            account.failed_logins = 0;
            account.locked_until = Some(call.now.plus_secs(LOCK_SECS));
        }
        return Err(wrong());
    }
    account.failed_logins = 0;
    let grant = Grant { alg, opaque: format == Format::Opaque, ttl_secs };
    let refresh = next_refresh(casino);
    let session = casino.sessions.open(&purse.id, call.now, grant, refresh.clone());
    tokens(casino, call.now, &session, &refresh)
}

#[derive(Deserialize)]
struct Refresh {
    refresh_token: String,
}

/// `POST /api/session/refresh`: new tokens, the time of authentication unchanged. A refresh token
/// used twice ends its session.
pub(super) fn refresh(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let Refresh { refresh_token } = call.json()?;
    let next = next_refresh(casino);
    match casino.sessions.refresh(&refresh_token, next.clone()) {
        Ok(session) => tokens(casino, call.now, &session, &next),
        Err(error) => {
            if let RefreshError::Reused(sid) = error {
                end(casino, call.now, &sid, "refresh_reused");
            }
            Err(Refusal::unauthorized("refresh_invalid", "log in again"))
        }
    }
}

/// `POST /api/session/logout`: ends the session of the bearer token and adds a revocation.
pub(super) fn logout(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let sid = call.bearer().and_then(|token| session_of(casino, token));
    let sid = sid.ok_or_else(|| Refusal::unauthorized("session_missing", "no bearer token"))?;
    let ended = end(casino, call.now, &sid, "logout");
    ok(&json!({ "sid": sid, "ended": ended }))
}

/// The session a bearer token belongs to.
pub(super) fn session_of(casino: &Casino, token: &str) -> Option<String> {
    if let Some((_, session)) = casino.sessions.find(token) {
        return Some(session.sid.clone());
    }
    Some(unverified_claims(token)?.get("sid")?.as_str()?.to_owned())
}

fn end(casino: &mut Casino, now: Time, sid: &str, reason: &'static str) -> bool {
    let Some(session) = casino.sessions.end(sid) else { return false };
    casino.revocations.push(now, Revoked::Session { sid: session.sid, reason });
    true
}

fn next_refresh(casino: &mut Casino) -> String {
    let number = casino.sessions.next_token();
    casino.oracle.word("refresh token", number)
}

fn tokens(casino: &mut Casino, now: Time, session: &Session, refresh: &str) -> Answer {
    let number = casino.sessions.next_token();
    let Grant { alg, opaque, ttl_secs } = session.grant;
    let exp = now.plus_secs(ttl_secs);
    let player = casino.known(&session.player)?;
    let state = player.state;
    let token = if opaque {
        casino.oracle.word("access token", number)
    } else {
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": player.id, "sid": session.sid,
            "brand": player.brand, "jurisdiction": player.jurisdiction,
            "currency": player.currency, "iat": now.secs(), "exp": exp.secs(),
            "auth_time": session.auth_time.secs(), "kyc_level": player.kyc_level,
            "player_state": state, "state_version": player.state_version,
            "jti": format!("t-{number}"),
        });
        casino.keys.sign(Issuer::Player, alg, "JWT", &claims)
    };
    let sid = session.sid.clone();
    casino.sessions.remember(&token, Issued { sid, iat: now, exp });
    ok(&json!({
        "access_token": token, "token_type": "Bearer", "expires_in": ttl_secs,
        "refresh_token": refresh, "sid": session.sid, "player": session.player,
        "player_state": state,
    }))
}

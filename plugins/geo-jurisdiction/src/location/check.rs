//! Whether a location token is genuine: cheap checks first, and the worker's memory before a signature check.
//! Whether a genuine token counts for a request is evaluated elsewhere.

use std::net::IpAddr;
use std::rc::Rc;

use policy_kit::{Host, SharedCall, Source, SECOND};
use policy_token::{Claims, Jws, Lookup, Refusal};

use crate::location::claims::LocationClaims;
use crate::location::presented::PresentedLocation;
use crate::location::rules::LocationRules;
use crate::location::worker::{WorkerState, KEYS_CALL};

/// The result of checking a location token.
#[derive(Clone, Debug, Default)]
pub enum TokenCheck {
    /// The request has no token.
    #[default]
    Missing,
    /// The provider signed it, with these claims.
    Genuine(Rc<LocationClaims>),
    /// It is not valid: the rule, for evidence.
    Invalid(String),
    /// It has expired.
    Expired,
    /// The provider's keys must be fetched first.
    FetchKeys(SharedCall),
    /// The provider's keys are unavailable.
    Unavailable {
        /// Seconds until a retry makes sense.
        retry: u64,
        /// Whether the provider is down, so that no token is to blame.
        down: bool,
    },
    /// Too many invalid tokens from this source; seconds to wait.
    Limited(u64),
}

/// A token to check, with its source and time.
#[derive(Clone, Copy, Debug)]
pub struct LocationInput<'a> {
    /// The token's header.
    pub presented: &'a PresentedLocation,
    /// The client's address.
    pub source: Option<IpAddr>,
    /// Nanoseconds since the epoch.
    pub now: u64,
    /// Whether the request has waited for a fetch of the keys, which succeeded or failed.
    pub keys_awaited: bool,
}

/// Checks a request's location token.
pub fn check(
    rules: &LocationRules,
    state: &mut WorkerState,
    host: &mut dyn Host,
    input: &LocationInput<'_>,
) -> TokenCheck {
    let token = match input.presented {
        PresentedLocation::Many => return TokenCheck::Invalid("location.header".to_owned()),
        PresentedLocation::Nothing => return without_token(rules, state, host, input),
        PresentedLocation::Token(token) => token.as_slice(),
    };
    if let Some(claims) = state.known.get(token) {
        return TokenCheck::Genuine(Rc::clone(claims));
    }
    match verify(rules, state, host, input, token) {
        Ok(check) => check,
        Err(Refusal::Expired) => TokenCheck::Expired,
        Err(refusal) => TokenCheck::Invalid(format!("location:{}", refusal.evidence())),
    }
}

/// A request without a token. While the provider's keys are unavailable, so may be its tokens.
fn without_token(
    rules: &LocationRules,
    state: &mut WorkerState,
    host: &mut dyn Host,
    input: &LocationInput<'_>,
) -> TokenCheck {
    match rules.keys.ready(host, &mut state.ring, input.now / SECOND, input.keys_awaited) {
        Err(Lookup::Fetch) => fetch_keys(rules).unwrap_or_default(),
        Err(Lookup::Unavailable(retry)) => TokenCheck::Unavailable { retry, down: true },
        Ok(()) | Err(_) => TokenCheck::Missing,
    }
}

fn fetch_keys(rules: &LocationRules) -> Option<TokenCheck> {
    let call = rules.keys.fetch()?.clone();
    Some(TokenCheck::FetchKeys(SharedCall { key: KEYS_CALL.to_owned(), call }))
}

fn verify(
    rules: &LocationRules,
    state: &mut WorkerState,
    host: &mut dyn Host,
    input: &LocationInput<'_>,
    token: &[u8],
) -> Result<TokenCheck, Refusal> {
    let now = input.now / SECOND;
    let jws = Jws::parse(token)?;
    let claims = Claims::parse(&jws.payload)?;
    if claims.text("iss") != Some(rules.issuer.as_str()) {
        return Err(Refusal::Issuer);
    }
    if !rules.keys.takes(jws.header.alg) {
        return Err(Refusal::Algorithm);
    }
    if !jws.header.is_of(&rules.types) {
        return Ok(TokenCheck::Invalid("location.types".to_owned()));
    }
    claims.check_audience(rules.audiences.as_deref())?;
    claims.check_dates(rules.skew, now)?;
    let claims = match rules.mapping.read(&claims) {
        Ok(claims) => Rc::new(claims),
        Err(claim) => return Ok(TokenCheck::Invalid(claim.to_owned())),
    };
    if let Err(wait) = state.failures.allows(Source::of(input.source), input.now) {
        return Ok(TokenCheck::Limited(wait.div_ceil(SECOND)));
    }
    let signature =
        match rules.keys.find(host, &mut state.ring, &jws.header, now, input.keys_awaited) {
            Lookup::Key(key) => state.verifier.check(host, &key, &jws),
            Lookup::Refused(refusal) => Err(refusal),
            Lookup::Fetch => return fetch_keys(rules).ok_or(Refusal::KeyUnknown),
            Lookup::Unavailable(retry) => {
                let down = state.ring.is_unavailable(now);
                return Ok(TokenCheck::Unavailable { retry, down });
            }
        };
    match signature {
        Ok(()) => {
            state.known.insert(token.into(), Rc::clone(&claims));
            state.failures.vouch(Source::of(input.source));
            Ok(TokenCheck::Genuine(claims))
        }
        Err(refusal) => {
            state.failures.fail(Source::of(input.source), input.now);
            Err(refusal)
        }
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;

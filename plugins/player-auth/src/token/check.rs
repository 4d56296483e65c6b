//! Checks a token in the order of the costs: cached results first, then what is cheap to read, then
//! signatures and calls.

use std::net::IpAddr;
use std::rc::Rc;

use policy_kit::{CallReply, Host, SharedCall, Source};
use policy_token::{Claims, Jws, Lookup, Parts, Refusal};

use super::introspection::{IntrospectionResult, SKEW};
use super::memory::TokenMemory;
use super::result::{TokenCheck, VerifiedToken};
use super::rules::TokenRules;
use crate::denials::{self, BUSY, CLAIMS, FAILURES, INTROSPECTION, KEYS, MALFORMED};
use crate::names::{NAME, SECOND};

/// A token to check, with its sender and time.
#[derive(Clone, Copy, Debug)]
pub struct TokenInput<'a> {
    /// The token.
    pub token: &'a [u8],
    /// The client's address.
    pub source: Option<IpAddr>,
    /// Nanoseconds since the epoch.
    pub now: u64,
}

impl TokenInput<'_> {
    fn seconds(&self) -> u64 {
        self.now / SECOND
    }
}

/// The key of a shared call for an issuer's keys starts with this; the issuer's position follows.
const KEYS_CALL: &str = "keys ";

/// The key of the shared call for an issuer's keys.
pub fn keys_call_key(issuer: usize) -> String {
    format!("{KEYS_CALL}{issuer}")
}

/// The position of the issuer whose keys a shared call with this key fetches; `None` for other calls.
pub fn issuer_in_key(key: &str) -> Option<usize> {
    key.strip_prefix(KEYS_CALL)?.parse().ok()
}

/// Checks a token that is not [cached as valid](TokenMemory::valid).
pub fn check(
    rules: &TokenRules,
    memory: &mut TokenMemory,
    host: &mut dyn Host,
    input: &TokenInput<'_>,
) -> TokenCheck {
    match Parts::of(input.token) {
        Some(parts) => check_signed(rules, memory, host, input, parts, false),
        None => check_opaque(rules, memory, input),
    }
}

/// Checks a token that has waited for a fetch of keys, whether that succeeded or not.
pub fn check_after_fetch(
    rules: &TokenRules,
    memory: &mut TokenMemory,
    host: &mut dyn Host,
    input: &TokenInput<'_>,
) -> TokenCheck {
    match Parts::of(input.token) {
        Some(parts) => check_signed(rules, memory, host, input, parts, true),
        None => malformed(),
    }
}

/// Checks a token that has waited for introspection, by its reply.
pub fn check_introspected(
    rules: &TokenRules,
    memory: &mut TokenMemory,
    host: &mut dyn Host,
    input: &TokenInput<'_>,
    reply: &CallReply,
) -> TokenCheck {
    let Some(introspection) = &rules.introspection else { return malformed() };
    match introspection.read(reply, input.seconds()) {
        IntrospectionResult::Active(identity, until) => {
            let verified = Rc::new(VerifiedToken::new(input.token, *identity, until, SKEW));
            memory.remember(&verified);
            TokenCheck::Valid(verified)
        }
        IntrospectionResult::Refused(denial, evidence, until) => {
            memory.remember_refused(input.token, (denial, evidence), until);
            TokenCheck::Refused(denial, evidence)
        }
        IntrospectionResult::Unavailable(problem) => {
            // A request for which there was no capacity has not called the service.
            let called = *reply != CallReply::TooManyWaiting;
            if called && memory.introspection_outage.should_log(input.now) {
                let line = format!("{NAME}: introspection does not answer: {problem}");
                host.log(log::Level::Warn, &line);
            }
            TokenCheck::Unavailable(INTROSPECTION, 1)
        }
    }
}

fn refused(refusal: Refusal) -> TokenCheck {
    TokenCheck::Refused(denials::of(refusal), refusal.evidence())
}

fn malformed() -> TokenCheck {
    TokenCheck::Refused(MALFORMED, MALFORMED.code)
}

fn check_opaque(
    rules: &TokenRules,
    memory: &mut TokenMemory,
    input: &TokenInput<'_>,
) -> TokenCheck {
    let call = rules.introspection.as_ref().and_then(|service| service.call(input.token));
    let Some(call) = call else { return malformed() };
    if let Some((denial, evidence)) = memory.refused(input.token, input.seconds()) {
        return TokenCheck::Refused(denial, evidence);
    }
    if let Some(refused) = over_budget(memory, input) {
        return refused;
    }
    match memory.start_introspection(&call.key, input.token, input.source, input.now) {
        true => TokenCheck::Pending(call),
        false => TokenCheck::Unavailable(BUSY, 1),
    }
}

/// The refusal of a token from a source whose budget of failures is used up. A token that was valid is
/// checked all the same: its holder needs to know why it is refused now.
fn over_budget(memory: &mut TokenMemory, input: &TokenInput<'_>) -> Option<TokenCheck> {
    if memory.was_valid(input.token) {
        return None;
    }
    let wait = memory.may_fail(input.source, input.now).err()?;
    Some(TokenCheck::Unavailable(FAILURES, wait))
}

fn check_signed(
    rules: &TokenRules,
    memory: &mut TokenMemory,
    host: &mut dyn Host,
    input: &TokenInput<'_>,
    parts: Parts<'_>,
    waited: bool,
) -> TokenCheck {
    // Before the token is parsed, which is most of the cost of a forged token under attack.
    if let Some(refused) = over_budget(memory, input) {
        return refused;
    }
    let now = input.seconds();
    let parsed = Jws::read(parts, &memory.headers);
    let parsed = parsed.and_then(|jws| Ok((Claims::parse(&jws.payload)?, jws)));
    let (claims, jws) = match parsed {
        Ok(parsed) => parsed,
        Err(refusal) => return refused(refusal),
    };
    let iss = claims.text("iss").unwrap_or_default();
    let mut issuers = rules.issuers.iter().enumerate();
    let Some((position, issuer)) = issuers.find(|(_, i)| i.rules.issuer == iss) else {
        return refused(Refusal::Issuer);
    };
    if !issuer.keys.takes(jws.header.alg) {
        return refused(Refusal::Algorithm);
    }
    if !jws.header.is_of(&issuer.types) {
        return TokenCheck::Refused(MALFORMED, "token_type");
    }
    if let Err(refusal) = claims.check(&issuer.rules, now) {
        return refused(refusal);
    }
    if let Err((denial, evidence)) = issuer.token_use.check(&claims) {
        return TokenCheck::Refused(denial, evidence);
    }
    let identity = match issuer.mapping.identity(&claims) {
        Ok(identity) => identity,
        Err(evidence) => return TokenCheck::Refused(CLAIMS, evidence),
    };
    let Some(ring) = memory.keyrings.get_mut(position) else {
        return refused(Refusal::KeyUnknown);
    };
    let checked = match issuer.keys.find(host, ring, &jws.header, now, waited) {
        Lookup::Key(key) => memory.verifier.check(host, &key, &jws),
        Lookup::Refused(refusal) => Err(refusal),
        Lookup::Fetch => {
            let call = issuer.keys.fetch().cloned();
            let call = call.map(|call| SharedCall { key: keys_call_key(position), call });
            return call.map_or_else(|| refused(Refusal::KeyUnknown), TokenCheck::Pending);
        }
        Lookup::Unavailable(wait) => return TokenCheck::Unavailable(KEYS, wait),
    };
    match checked {
        Err(refusal) => {
            memory.has_failed(Source::of(input.source), input.now);
            refused(refusal)
        }
        Ok(()) => {
            let skew = issuer.rules.skew;
            let until = claims.expiry().unwrap_or(0).saturating_add(skew);
            let verified = Rc::new(VerifiedToken::new(input.token, identity, until, skew));
            memory.remember(&verified);
            memory.vouch(Source::of(input.source));
            memory.headers.remember(&jws);
            TokenCheck::Valid(verified)
        }
    }
}

//! Whether a token is good: what is cheap first, what is remembered before what must be computed.

use std::net::IpAddr;
use std::rc::Rc;

use policy_kit::{CallReply, Denial, Host, Plugin, SharedCall, Source};
use policy_token::{Claims, Jws, Lookup, Parts, Refusal};

use crate::denials::{self, BUSY, CLAIMS, FAILURES, INTROSPECTION, KEYS, MALFORMED};
use crate::introspection::{Answer, SKEW};
use crate::plugin::PlayerAuth;
use crate::policy::Policy;
use crate::state::{Known, State};

/// In nanoseconds.
pub const SECOND: u64 = 1_000_000_000;

/// What is known of a token.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It is good.
    Good(Rc<Known>),
    /// It is not: the refusal, and for the operator what it was.
    Bad(Denial, &'static str),
    /// Somebody has to be asked first.
    Ask(SharedCall),
    /// Who had to be asked did not answer; worth another try after so many seconds.
    Unknown(Denial, u64),
}

/// A token to be checked, and when and whence it came.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The token.
    pub token: &'a [u8],
    /// The client's address.
    pub source: Option<IpAddr>,
    /// Nanoseconds since the epoch.
    pub now: u64,
}

impl Question<'_> {
    fn seconds(&self) -> u64 {
        self.now / SECOND
    }
}

/// How the key of a flight for an issuer's keys begins; the issuer's position follows.
const KEYS_FLIGHT: &str = "keys ";

/// What a flight is about, as its key says.
pub fn keys_flight(issuer: usize) -> String {
    format!("{KEYS_FLIGHT}{issuer}")
}

/// The issuer whose keys a flight is about, if it is about keys.
pub fn issuer_of(flight: &str) -> Option<usize> {
    flight.strip_prefix(KEYS_FLIGHT)?.parse().ok()
}

/// Checks a token that is not [known](State::good).
pub fn check(policy: &Policy, state: &mut State, host: &mut dyn Host, q: &Question<'_>) -> Verdict {
    match Parts::of(q.token) {
        Some(parts) => signed(policy, state, host, q, parts, false),
        None => opaque(policy, state, q),
    }
}

/// Checks a token that waited for keys, which have landed or not.
pub fn check_landed(
    policy: &Policy,
    state: &mut State,
    host: &mut dyn Host,
    q: &Question<'_>,
) -> Verdict {
    match Parts::of(q.token) {
        Some(parts) => signed(policy, state, host, q, parts, true),
        None => malformed(),
    }
}

/// Reads the answer about an opaque token.
pub fn answered(
    policy: &Policy,
    state: &mut State,
    host: &mut dyn Host,
    q: &Question<'_>,
    reply: &CallReply,
) -> Verdict {
    let Some(introspection) = &policy.introspection else { return malformed() };
    match introspection.answer(reply, q.seconds()) {
        Answer::Active(identity, until) => {
            let known = Rc::new(Known::new(q.token, *identity, until, SKEW));
            state.remember(&known);
            Verdict::Good(known)
        }
        Answer::Refused(denial, evidence, until) => {
            state.remember_bad(q.token, (denial, evidence), until);
            Verdict::Bad(denial, evidence)
        }
        Answer::Unavailable(what) => {
            // A request that is asked to come again has asked nothing.
            if *reply != CallReply::TooManyWaiting && state.introspection.is_news(q.now) {
                let line = format!("{}: introspection does not answer: {what}", PlayerAuth::NAME);
                host.log(log::Level::Warn, &line);
            }
            Verdict::Unknown(INTROSPECTION, 1)
        }
    }
}

fn bad(refusal: Refusal) -> Verdict {
    Verdict::Bad(denials::of(refusal), refusal.evidence())
}

fn malformed() -> Verdict {
    Verdict::Bad(MALFORMED, MALFORMED.code)
}

fn opaque(policy: &Policy, state: &mut State, q: &Question<'_>) -> Verdict {
    let flight = policy.introspection.as_ref().and_then(|i| i.question(q.token));
    let Some(flight) = flight else { return malformed() };
    if let Some((denial, evidence)) = state.bad(q.token, q.seconds()) {
        return Verdict::Bad(denial, evidence);
    }
    if let Some(refused) = over_budget(state, q) {
        return refused;
    }
    match state.asks(&flight.key, q.token, q.source, q.now) {
        true => Verdict::Ask(flight),
        false => Verdict::Unknown(BUSY, 1),
    }
}

/// The refusal of a stranger's token from a source whose budget of failures is gone. Whoever holds one that
/// was good is no stranger, and has to hear what has become of it.
fn over_budget(state: &mut State, q: &Question<'_>) -> Option<Verdict> {
    if state.was_good(q.token) {
        return None;
    }
    let wait = state.may_fail(q.source, q.now).err()?;
    Some(Verdict::Unknown(FAILURES, wait))
}

fn signed(
    policy: &Policy,
    state: &mut State,
    host: &mut dyn Host,
    q: &Question<'_>,
    parts: Parts<'_>,
    landed: bool,
) -> Verdict {
    // Before the token is read, which is most of what a forged one costs under attack.
    if let Some(refused) = over_budget(state, q) {
        return refused;
    }
    let now = q.seconds();
    let read = Jws::read(parts, &state.headers);
    let read = read.and_then(|jws| Ok((Claims::parse(&jws.payload)?, jws)));
    let (claims, jws) = match read {
        Ok(read) => read,
        Err(refusal) => return bad(refusal),
    };
    let whose = claims.text("iss").unwrap_or_default();
    let mut issuers = policy.issuers.iter().enumerate();
    let Some((position, issuer)) = issuers.find(|(_, i)| i.rules.issuer == whose) else {
        return bad(Refusal::Issuer);
    };
    if !issuer.keys.takes(jws.header.alg) {
        return bad(Refusal::Algorithm);
    }
    if !jws.header.is_of(&issuer.types) {
        return Verdict::Bad(MALFORMED, "token_type");
    }
    if let Err(refusal) = claims.check(&issuer.rules, now) {
        return bad(refusal);
    }
    if let Err((denial, detail)) = issuer.use_of.check(&claims) {
        return Verdict::Bad(denial, detail);
    }
    let identity = match issuer.mapping.identity(&claims) {
        Ok(identity) => identity,
        Err(claim) => return Verdict::Bad(CLAIMS, claim),
    };
    let Some(ring) = state.keyrings.get_mut(position) else { return bad(Refusal::KeyUnknown) };
    let checked = match issuer.keys.find(host, ring, &jws.header, now, landed) {
        Lookup::Key(key) => state.verifier.check(host, &key, &jws),
        Lookup::Refused(refusal) => Err(refusal),
        Lookup::Fetch => {
            let call = issuer.keys.fetch().cloned();
            let flight = call.map(|call| SharedCall { key: keys_flight(position), call });
            return flight.map_or_else(|| bad(Refusal::KeyUnknown), Verdict::Ask);
        }
        Lookup::Unavailable(wait) => return Verdict::Unknown(KEYS, wait),
    };
    match checked {
        Err(refusal) => {
            state.has_failed(Source::of(q.source), q.now);
            bad(refusal)
        }
        Ok(()) => {
            let skew = issuer.rules.skew;
            let until = claims.expiry().unwrap_or(0).saturating_add(skew);
            let known = Rc::new(Known::new(q.token, identity, until, skew));
            state.remember(&known);
            state.vouch(Source::of(q.source));
            state.headers.remember(&jws);
            Verdict::Good(known)
        }
    }
}

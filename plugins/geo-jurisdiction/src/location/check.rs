//! Whether a location token is genuine: what is cheap first, what is remembered before what must be
//! computed. That it is genuine says nothing of whether it counts.

use std::net::IpAddr;
use std::rc::Rc;

use policy_kit::{
    Budgets, CallReply, Host, Lru, Permit, Permits, Plugin, SharedCall, Source, MAX_WAITING_STREAMS,
};
use policy_token::{Claims, Jws, Keyring, Lookup, Refusal, Verifier};

use crate::location::fix::Fix;
use crate::location::{Location, Sent};
use crate::plugin::GeoJurisdiction;

/// In nanoseconds.
pub const SECOND: u64 = 1_000_000_000;
/// What the flight for the provider's keys is about.
pub const KEYS_FLIGHT: &str = "location keys";
/// Sources of failures that are told apart.
const SOURCES: usize = 16_384;

/// What is known of a location token.
#[derive(Clone, Debug, Default)]
pub enum Verdict {
    /// There is none.
    #[default]
    Missing,
    /// It is the provider's, and says this.
    Genuine(Rc<Fix>),
    /// It is not: the rule, as evidence.
    Bad(String),
    /// It was, and has expired.
    Expired,
    /// The provider's keys have to be fetched first.
    Ask(SharedCall),
    /// They are not to be had; worth another try after so many seconds. `down` where that is the
    /// provider's doing, and not a token's.
    Unavailable {
        /// Seconds.
        retry: u64,
        /// Whether it is the provider's doing.
        down: bool,
    },
    /// Too many bad tokens from this source; seconds to wait.
    Limited(u64),
}

/// What a worker remembers, all of it bounded.
#[derive(Debug)]
pub struct State {
    ring: Keyring,
    /// Who checks signatures.
    pub verifier: Verifier,
    known: Lru<Box<[u8]>, Rc<Fix>>,
    failures: Budgets,
    /// Of requests that wait for the provider's keys.
    waiting: Permits,
}

/// What was sent, whence and when.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The token's header.
    pub sent: &'a Sent,
    /// The client's address.
    pub source: Option<IpAddr>,
    /// Nanoseconds since the epoch.
    pub now: u64,
    /// Whether it has waited for keys, which have landed or not.
    pub landed: bool,
}

impl State {
    /// Nothing is remembered yet.
    pub fn new(location: &Location) -> Self {
        let failures = &location.failures;
        Self {
            ring: location.keys.keyring(),
            verifier: Verifier::default(),
            known: Lru::new(location.cache_tokens),
            failures: Budgets::new(failures.per_minute, failures.burst, SOURCES),
            waiting: Permits::new(MAX_WAITING_STREAMS),
        }
    }

    /// A place for a request that waits for keys; `None` where too many do, in all or from its address.
    pub fn wait_for_keys(&self, source: Option<IpAddr>) -> Option<Permit> {
        let source = Source::of(source);
        self.waiting.take(source, self.failures.knows(source))
    }

    /// What the timer should send at `now`, in nanoseconds since the epoch.
    pub fn due(
        &mut self,
        location: &Location,
        host: &mut dyn Host,
        now: u64,
    ) -> Option<SharedCall> {
        let call = location.keys.due(host, &mut self.ring, now / SECOND)?;
        Some(SharedCall { key: KEYS_FLIGHT.to_owned(), call })
    }

    /// Takes in keys that were fetched, or were not.
    pub fn keys_landed(&mut self, location: &Location, host: &mut dyn Host, reply: &CallReply) {
        let (now, name) = (host.now().unwrap_or(0), GeoJurisdiction::NAME);
        let ring = &mut self.ring;
        let result = match location.keys.on_reply(host, ring, reply, now / SECOND, now % 1_000) {
            Ok(()) => "ok",
            Err(what) => {
                let line = format!("{name}: the keys of location could not be fetched: {what}");
                host.log(log::Level::Warn, &line);
                "failed"
            }
        };
        host.count(&format!("pitboss.{name}.keys.issuer=location.result={result}"));
    }
}

/// Checks what was sent.
pub fn check(
    location: &Location,
    state: &mut State,
    host: &mut dyn Host,
    q: &Question<'_>,
) -> Verdict {
    let token = match q.sent {
        Sent::Many => return Verdict::Bad("location.header".to_owned()),
        Sent::Nothing => return nothing(location, state, host, q),
        Sent::Token(token) => token.as_slice(),
    };
    if let Some(fix) = state.known.get(token) {
        return Verdict::Genuine(Rc::clone(fix));
    }
    match prove(location, state, host, q, token) {
        Ok(verdict) => verdict,
        Err(Refusal::Expired) => Verdict::Expired,
        Err(refusal) => Verdict::Bad(format!("location:{}", refusal.evidence())),
    }
}

/// Without the provider's keys there is no knowing whether a client could have brought a token.
fn nothing(
    location: &Location,
    state: &mut State,
    host: &mut dyn Host,
    q: &Question<'_>,
) -> Verdict {
    match location.keys.ready(host, &mut state.ring, q.now / SECOND, q.landed) {
        Err(Lookup::Fetch) => ask(location).unwrap_or_default(),
        Err(Lookup::Unavailable(retry)) => Verdict::Unavailable { retry, down: true },
        Ok(()) | Err(_) => Verdict::Missing,
    }
}

fn ask(location: &Location) -> Option<Verdict> {
    let call = location.keys.fetch()?.clone();
    Some(Verdict::Ask(SharedCall { key: KEYS_FLIGHT.to_owned(), call }))
}

fn prove(
    location: &Location,
    state: &mut State,
    host: &mut dyn Host,
    q: &Question<'_>,
    token: &[u8],
) -> Result<Verdict, Refusal> {
    let now = q.now / SECOND;
    let jws = Jws::parse(token)?;
    let claims = Claims::parse(&jws.payload)?;
    if claims.text("iss") != Some(location.issuer.as_str()) {
        return Err(Refusal::Issuer);
    }
    if !location.keys.takes(jws.header.alg) {
        return Err(Refusal::Algorithm);
    }
    if !jws.header.is_of(&location.types) {
        return Ok(Verdict::Bad("location.types".to_owned()));
    }
    claims.check_audience(location.audiences.as_deref())?;
    claims.check_dates(location.skew, now)?;
    let fix = match location.mapping.read(&claims) {
        Ok(fix) => Rc::new(fix),
        Err(claim) => return Ok(Verdict::Bad(claim.to_owned())),
    };
    if let Err(wait) = state.failures.allows(Source::of(q.source), q.now) {
        return Ok(Verdict::Limited(wait.div_ceil(SECOND)));
    }
    let checked = match location.keys.find(host, &mut state.ring, &jws.header, now, q.landed) {
        Lookup::Key(key) => state.verifier.check(host, &key, &jws),
        Lookup::Refused(refusal) => Err(refusal),
        Lookup::Fetch => return ask(location).ok_or(Refusal::KeyUnknown),
        Lookup::Unavailable(retry) => {
            let down = state.ring.is_unavailable(now);
            return Ok(Verdict::Unavailable { retry, down });
        }
    };
    match checked {
        Ok(()) => {
            state.known.insert(token.into(), Rc::clone(&fix));
            state.failures.vouch(Source::of(q.source));
            Ok(Verdict::Genuine(fix))
        }
        Err(refusal) => {
            state.failures.fail(Source::of(q.source), q.now);
            Err(refusal)
        }
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;

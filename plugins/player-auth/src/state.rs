//! What one worker remembers from request to request, all of it bounded.

use std::cell::OnceCell;
use std::net::IpAddr;
use std::rc::Rc;

use policy_kit::{Budgets, Bulkhead, Denial, Lru, Permit, Permits, Source, MAX_WAITING_STREAMS};
use policy_token::{Keyring, KnownHeaders, Verifier};

use crate::identity::Identity;
use crate::introspection::Said;
use crate::pam::memory::Memory;
use crate::pam::Pam;
use crate::partner::Unverified;
use crate::revocation::worker::Worker;
use crate::revocation::Marks;

/// Sources of failures that are told apart.
pub const SOURCES: usize = 16_384;
/// Answers "not active" that are remembered.
const INACTIVE: usize = 1024;
/// Most questions about opaque tokens under way in one worker, and most about players, apart.
const QUESTIONS: usize = 256;

/// A token that was found good.
#[derive(Debug)]
pub struct Known {
    token: Box<[u8]>,
    /// Whose it is.
    pub identity: Identity,
    /// Until when it counts, in seconds since the epoch; the permitted difference of clocks included.
    pub until: u64,
    /// How far the issuer's clock may differ, in seconds.
    pub skew: u64,
    marks: OnceCell<Marks>,
    asked: OnceCell<Option<String>>,
}

impl Known {
    /// A good token.
    pub fn new(token: &[u8], identity: Identity, until: u64, skew: u64) -> Self {
        let (marks, asked) = (OnceCell::new(), OnceCell::new());
        Self { token: token.into(), identity, until, skew, marks, asked }
    }

    /// What of it can be revoked.
    pub fn marks(&self) -> &Marks {
        self.marks.get_or_init(|| Marks::of(&self.identity))
    }

    /// The path of the question to the PAM about the player, where there is one.
    pub fn asked(&self, pam: &Pam) -> Option<&str> {
        self.asked.get_or_init(|| pam.path(&self.identity)).as_deref()
    }
}

/// The last bytes of a token, and as many of its middle. A signature ends a signed one, so they tell good
/// tokens apart as well as a hash would; opaque ones may all end alike. The whole token is compared all
/// the same.
type Tail = [u8; 16];

/// The tail of a token, however short that is.
fn tail(token: &[u8]) -> Tail {
    let mut tail = Tail::default();
    let (middle, _) = token.split_at(token.len() / 2);
    let (end, rest) = tail.split_at_mut(8);
    end.iter_mut().zip(token.iter().rev()).for_each(|(to, from)| *to = *from);
    rest.iter_mut().zip(middle.iter().rev()).for_each(|(to, from)| *to = *from);
    tail
}

/// Whether two tokens are the same, eight bytes at a time: a module has no other comparison than one
/// byte at a time, and every request has a token compared.
fn same(one: &[u8], other: &[u8]) -> bool {
    let ((words, rest), (other_words, other_rest)) = (one.as_chunks::<8>(), other.as_chunks());
    one.len() == other.len()
        && words.iter().zip(other_words).all(|(word, other)| word == other)
        && rest == other_rest
}

/// A refusal, and the evidence for it.
pub type Why = (Denial, &'static str);

/// What a worker remembers.
#[derive(Debug)]
pub struct State {
    /// One per issuer, in the configuration's order.
    pub keyrings: Vec<Keyring>,
    /// Who checks signatures.
    pub verifier: Verifier,
    /// What callers have caused that claim to be partners.
    pub unverified: Unverified,
    /// What the PAM said of players.
    pub pam: Memory,
    /// What the feed of revocations said.
    pub revocations: Worker,
    /// Headers of tokens that were good.
    pub headers: KnownHeaders,
    /// What was said of introspection.
    pub introspection: Said,
    /// Questions about opaque tokens that are under way.
    pub asked: Bulkhead,
    /// Questions about players that are under way.
    pub pam_asked: Bulkhead,
    /// Of requests that wait for the keys of an issuer, by its position.
    waiting: Vec<Permits>,
    good: Lru<Tail, Rc<Known>>,
    bad: Lru<Box<[u8]>, (Why, u64)>,
    failures: Budgets,
}

impl State {
    /// Nothing is remembered yet.
    pub fn new(keyrings: Vec<Keyring>, tokens: usize, per_minute: u32, burst: u32) -> Self {
        Self {
            waiting: keyrings.iter().map(|_| Permits::new(MAX_WAITING_STREAMS)).collect(),
            asked: Bulkhead::new(QUESTIONS),
            pam_asked: Bulkhead::new(QUESTIONS),
            keyrings,
            verifier: Verifier::default(),
            unverified: Unverified::default(),
            pam: Memory::default(),
            revocations: Worker::default(),
            headers: KnownHeaders::default(),
            introspection: Said::default(),
            good: Lru::new(tokens),
            bad: Lru::new(INACTIVE),
            failures: Budgets::new(per_minute, burst, SOURCES),
        }
    }

    /// A token that was found good, and still is at `now`.
    pub fn good(&mut self, token: &[u8], now: u64) -> Option<Rc<Known>> {
        let known = self.known(token)?;
        (known.until > now).then(|| Rc::clone(known))
    }

    /// Whether a token was found good once, whatever it is now: then whoever holds it is no stranger.
    pub fn was_good(&mut self, token: &[u8]) -> bool {
        self.known(token).is_some()
    }

    fn known(&mut self, token: &[u8]) -> Option<&Rc<Known>> {
        self.good.get(&tail(token)).filter(|known| same(&known.token, token))
    }

    /// Remembers a good token.
    pub fn remember(&mut self, known: &Rc<Known>) {
        self.good.insert(tail(&known.token), Rc::clone(known));
    }

    /// An opaque token that was refused, if that is still believed at `now`.
    pub fn bad(&mut self, token: &[u8], now: u64) -> Option<Why> {
        let (why, until) = *self.bad.get(token)?;
        (until > now).then_some(why)
    }

    /// Remembers that an opaque token was refused, and on what evidence.
    pub fn remember_bad(&mut self, token: &[u8], why: Why, until: u64) {
        self.bad.insert(token.into(), (why, until));
    }

    /// Whether a source may cause another check, at `now` in nanoseconds.
    ///
    /// # Errors
    /// Seconds to wait.
    pub fn may_fail(&self, source: Option<IpAddr>, now: u64) -> Result<(), u64> {
        let allowed = self.failures.allows(Source::of(source), now);
        allowed.map_err(|wait| wait.div_ceil(1_000_000_000))
    }

    /// A check has failed, at `now` in nanoseconds.
    pub fn has_failed(&mut self, source: Source, now: u64) {
        self.failures.fail(source, now);
    }

    /// A token from this source has been found good: it pays for nobody else.
    pub fn vouch(&mut self, source: Source) {
        self.failures.vouch(source);
    }

    /// Whether an opaque token may be asked about at `now`, in nanoseconds, under the key of its flight.
    /// What is under way of a source counts as if it failed, unless the token was good; where places are
    /// scarce, whoever owes anything has none.
    pub fn asks(&mut self, key: &str, token: &[u8], source: Option<IpAddr>, now: u64) -> bool {
        let source = Source::of(source);
        if !self.was_good(token) && !self.asked.has(key) {
            let own = self.asked.permits.of(source);
            let scarce = self.asked.permits.are_scarce() && !self.failures.knows(source);
            let even = own == 0 && self.failures.is_even(source, now);
            if !self.failures.spares(source, own, now) || (scarce && !even) {
                return false;
            }
        }
        let known = self.was_good(token) || self.failures.knows(source);
        self.asked.starts(key, source, known, now)
    }

    /// A place for a request that waits for the keys of an issuer; `None` where too many do.
    pub fn wait_for_keys(&self, issuer: usize, source: Option<IpAddr>) -> Option<Permit> {
        let source = Source::of(source);
        self.waiting.get(issuer)?.take(source, self.failures.knows(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_any_length_are_remembered() {
        for (token, other) in [
            ("", "a"),
            ("a", "b"),
            ("s-1", "xs-1"),
            ("0123456789abcdefg", "1123456789abcdefg"),
            ("0123456789abcdef-0123456789abcdef", "0123456789abcdeX-0123456789abcdef"),
        ] {
            let mut state = State::new(Vec::new(), 8, 1, 1);
            let known = Known::new(token.as_bytes(), Identity::default(), 10, 0);
            state.remember(&Rc::new(known));
            let good = |state: &mut State, token: &str, now| state.good(token.as_bytes(), now);
            assert!(good(&mut state, token, 9).is_some(), "{token}");
            assert!(good(&mut state, other, 9).is_none(), "{other}");
            assert!(good(&mut state, token, 10).is_none(), "{token}, later");
        }
    }
}

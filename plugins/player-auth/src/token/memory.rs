//! What one worker remembers of tokens from request to request, all of it bounded.

use std::net::IpAddr;
use std::rc::Rc;

use policy_kit::{Budgets, Bulkhead, Denial, Lru, Permit, Permits, Source, MAX_WAITING_STREAMS};
use policy_token::{Keyring, KnownHeaders, Verifier};

use super::introspection::OutageLog;
use super::result::VerifiedToken;

/// Most sources whose failures are counted apart.
pub const MAX_SOURCES: usize = 16_384;
/// Most refused opaque tokens that are cached.
const MAX_REFUSED: usize = 1024;
/// Most pending calls of one kind (introspection, PAM) in one worker.
pub const MAX_CALLS: usize = 256;

/// The last 8 bytes of a token and the last 8 of its first half, the key of the cache. Signed tokens end in
/// a signature, so their keys differ like hashes; opaque tokens may all end alike, so their middle is added.
/// A hit is confirmed by comparing the whole token.
type CacheKey = [u8; 16];

fn cache_key(token: &[u8]) -> CacheKey {
    let mut key = CacheKey::default();
    let (first_half, _) = token.split_at(token.len() / 2);
    let (end, middle) = key.split_at_mut(8);
    end.iter_mut().zip(token.iter().rev()).for_each(|(to, from)| *to = *from);
    middle.iter_mut().zip(first_half.iter().rev()).for_each(|(to, from)| *to = *from);
    key
}

/// Whether two tokens are equal. Compares eight bytes at a time: the slice comparison of wasm modules goes
/// byte by byte, and every request compares a token.
fn same(one: &[u8], other: &[u8]) -> bool {
    let ((words, rest), (other_words, other_rest)) = (one.as_chunks::<8>(), other.as_chunks());
    one.len() == other.len()
        && words.iter().zip(other_words).all(|(word, other)| word == other)
        && rest == other_rest
}

/// A denial, and the evidence for it.
pub type Refusal = (Denial, &'static str);

/// What a worker remembers of tokens.
#[derive(Debug)]
pub struct TokenMemory {
    /// One per issuer, in the configuration's order.
    pub keyrings: Vec<Keyring>,
    /// Who checks signatures.
    pub verifier: Verifier,
    /// Headers of valid tokens.
    pub headers: KnownHeaders,
    /// When an outage of introspection was last logged.
    pub introspection_outage: OutageLog,
    /// Pending introspection calls.
    pub introspection_calls: Bulkhead,
    /// Permits to wait for the keys of an issuer, by its position.
    key_waits: Vec<Permits>,
    valid: Lru<CacheKey, Rc<VerifiedToken>>,
    refused: Lru<Box<[u8]>, (Refusal, u64)>,
    failures: Budgets,
}

impl TokenMemory {
    /// An empty memory of up to `tokens` valid tokens, with a budget of failures for each source.
    pub fn new(keyrings: Vec<Keyring>, tokens: usize, per_minute: u32, burst: u32) -> Self {
        Self {
            key_waits: keyrings.iter().map(|_| Permits::new(MAX_WAITING_STREAMS)).collect(),
            introspection_calls: Bulkhead::new(MAX_CALLS),
            keyrings,
            verifier: Verifier::default(),
            headers: KnownHeaders::default(),
            introspection_outage: OutageLog::default(),
            valid: Lru::new(tokens),
            refused: Lru::new(MAX_REFUSED),
            failures: Budgets::new(per_minute, burst, MAX_SOURCES),
        }
    }

    /// The cached token, if it has not expired at `now`, in seconds since the epoch.
    pub fn valid(&mut self, token: &[u8], now: u64) -> Option<Rc<VerifiedToken>> {
        let verified = self.cached(token)?;
        (verified.until > now).then(|| Rc::clone(verified))
    }

    /// Whether the token is cached, expired or not: its sender has held a valid token.
    pub fn was_valid(&mut self, token: &[u8]) -> bool {
        self.cached(token).is_some()
    }

    fn cached(&mut self, token: &[u8]) -> Option<&Rc<VerifiedToken>> {
        let cached = self.valid.get(&cache_key(token));
        cached.filter(|verified| same(verified.bytes(), token))
    }

    /// Caches a valid token.
    pub fn remember(&mut self, verified: &Rc<VerifiedToken>) {
        self.valid.insert(cache_key(verified.bytes()), Rc::clone(verified));
    }

    /// The cached refusal of an opaque token, if it still applies at `now`, in seconds since the epoch.
    pub fn refused(&mut self, token: &[u8], now: u64) -> Option<Refusal> {
        let (refusal, until) = *self.refused.get(token)?;
        (until > now).then_some(refusal)
    }

    /// Caches the refusal of an opaque token until then, in seconds since the epoch.
    pub fn remember_refused(&mut self, token: &[u8], refusal: Refusal, until: u64) {
        self.refused.insert(token.into(), (refusal, until));
    }

    /// Whether a source may cause another check, at `now` in nanoseconds.
    ///
    /// # Errors
    /// Seconds to wait.
    pub fn may_fail(&self, source: Option<IpAddr>, now: u64) -> Result<(), u64> {
        let allowed = self.failures.allows(Source::of(source), now);
        allowed.map_err(|wait| wait.div_ceil(1_000_000_000))
    }

    /// Charges a source for a failed check, at `now` in nanoseconds.
    pub fn has_failed(&mut self, source: Source, now: u64) {
        self.failures.fail(source, now);
    }

    /// Records that a source has sent a valid token: it is not charged for others in its network.
    pub fn vouch(&mut self, source: Source) {
        self.failures.vouch(source);
    }

    /// Starts or joins the introspection call with this key at `now`, in nanoseconds. Returns whether it
    /// may. Unless the token was valid before, pending calls of a source count as failures; while calls are
    /// scarce, a source that has failed gets none.
    pub fn start_introspection(
        &mut self,
        key: &str,
        token: &[u8],
        source: Option<IpAddr>,
        now: u64,
    ) -> bool {
        let source = Source::of(source);
        if !self.was_valid(token) && !self.introspection_calls.has(key) {
            let own = self.introspection_calls.permits.of(source);
            let scarce =
                self.introspection_calls.permits.are_scarce() && !self.failures.knows(source);
            let even = own == 0 && self.failures.is_even(source, now);
            if !self.failures.spares(source, own, now) || (scarce && !even) {
                return false;
            }
        }
        let known = self.was_valid(token) || self.failures.knows(source);
        self.introspection_calls.starts(key, source, known, now)
    }

    /// A permit to wait for the keys of an issuer; `None` if too many requests wait.
    pub fn wait_for_keys(&self, issuer: usize, source: Option<IpAddr>) -> Option<Permit> {
        let source = Source::of(source);
        self.key_waits.get(issuer)?.take(source, self.failures.knows(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::identity::Identity;

    #[test]
    fn tokens_of_any_length_are_cached() {
        for (token, other) in [
            ("", "a"),
            ("a", "b"),
            ("s-1", "xs-1"),
            ("0123456789abcdefg", "1123456789abcdefg"),
            ("0123456789abcdef-0123456789abcdef", "0123456789abcdeX-0123456789abcdef"),
        ] {
            let mut memory = TokenMemory::new(Vec::new(), 8, 1, 1);
            let verified = VerifiedToken::new(token.as_bytes(), Identity::default(), 10, 0);
            memory.remember(&Rc::new(verified));
            let valid =
                |memory: &mut TokenMemory, token: &str, now| memory.valid(token.as_bytes(), now);
            assert!(valid(&mut memory, token, 9).is_some(), "{token}");
            assert!(valid(&mut memory, other, 9).is_none(), "{other}");
            assert!(valid(&mut memory, token, 10).is_none(), "{token}, expired");
        }
    }
}

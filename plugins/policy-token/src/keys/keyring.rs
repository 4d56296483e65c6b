//! The keys of one issuer over time: fetches, stale keys, unknown key ids. Times are arguments, in seconds
//! since the epoch.

use std::sync::Arc;

use policy_kit::Lru;

use super::key::Key;
use super::set::{Found, Keys};
use crate::refusal::Refusal;
use crate::token::jws::Header;

/// Seconds between fetches for unknown key ids. Anybody can invent key ids, so an attacker can delay a new key
/// of the issuer by this long.
const UNKNOWN_EVERY: u64 = 5;
/// A fetch that has not completed after this many seconds is lost.
const MAX_FETCH: u64 = 5;
/// Longest pause between failed fetches, in seconds.
const MAX_PAUSE: u64 = 30;
/// Most unknown key ids that are remembered.
const MAX_UNKNOWN: usize = 256;

/// Where keys come from.
#[derive(Clone, Debug)]
enum Source {
    Given,
    Fetched { refresh: u64, max_stale: u64 },
}

/// The keys of one issuer, as one worker knows them.
#[derive(Clone, Debug)]
pub struct Keyring {
    source: Source,
    keys: Keys,
    /// When the keys were fetched; `None` before the first fetch.
    fetched: Option<u64>,
    /// Whether the last completed fetch succeeded.
    succeeded: bool,
    /// When a fetch was last started for an unknown key id.
    asked: Option<u64>,
    /// The fetch that has not completed yet.
    pending: Option<PendingFetch>,
    /// Failed fetches since the last successful one, and when the next may start.
    failures: u32,
    next_try: u64,
    /// Key ids that a fetch did not find, and until when they count as unknown.
    unknown: Lru<String, u64>,
}

/// A fetch that has not completed yet.
#[derive(Clone, Copy, Debug)]
struct PendingFetch {
    since: u64,
    /// Whether it was started only for an unknown key id.
    asked: bool,
}

/// The result of looking up the key of a token.
#[derive(Debug)]
pub enum Lookup {
    /// The key.
    Key(Arc<Key>),
    /// A fetch may bring the key; the request has to wait for it.
    Fetch,
    /// The key is unavailable; retry after so many seconds.
    Unavailable(u64),
    /// There is no such key.
    Refused(Refusal),
}

impl Keyring {
    /// Keys from the configuration.
    pub fn given(keys: Keys) -> Self {
        Self::new(Source::Given, keys)
    }

    /// Keys that are fetched every `refresh` seconds, and used for at most `max_stale` seconds.
    pub fn fetched(refresh: u64, max_stale: u64) -> Self {
        Self::new(Source::Fetched { refresh, max_stale }, Keys::default())
    }

    fn new(source: Source, keys: Keys) -> Self {
        let unknown = Lru::new(MAX_UNKNOWN);
        Self {
            source,
            keys,
            fetched: None,
            succeeded: false,
            asked: None,
            pending: None,
            failures: 0,
            next_try: 0,
            unknown,
        }
    }

    /// Whether the keys in this keyring suffice for a token.
    pub fn answers(&self, header: &Header, now: u64) -> bool {
        self.usable(now) && !matches!(self.keys.find(header), Found::UnknownKid)
            || matches!(self.source, Source::Given)
    }

    /// Whether there are usable keys, for a request without a token. After [`Lookup::Fetch`] and its fetch,
    /// call it again with `waited`.
    ///
    /// # Errors
    /// [`Lookup::Fetch`] or [`Lookup::Unavailable`].
    pub fn ready(&mut self, now: u64, waited: bool) -> Result<(), Lookup> {
        match self.usable(now) {
            true => Ok(()),
            false if waited => Err(Lookup::Unavailable(self.until_next_try(now))),
            false => Err(self.wait_or_fetch(self.until_next_try(now), now, false)),
        }
    }

    /// Whether keys are unavailable: there are no usable ones, or the last fetch failed. An unknown key id does
    /// not count.
    pub fn is_unavailable(&self, now: u64) -> bool {
        let fetched = matches!(self.source, Source::Fetched { .. });
        fetched && !(self.usable(now) && self.succeeded)
    }

    /// Finds the key of a token. After [`Lookup::Fetch`] and its fetch, call [`Keyring::find_after_fetch`].
    pub fn find(&mut self, header: &Header, now: u64) -> Lookup {
        if !self.usable(now) {
            return self.wait_or_fetch(self.until_next_try(now), now, false);
        }
        match self.keys.find(header) {
            Found::Key(key) => Lookup::Key(Arc::clone(key)),
            Found::Refused(refusal) => Lookup::Refused(refusal),
            Found::UnknownKid => {
                let kid = header.kid.as_deref().unwrap_or_default();
                let unknown = self.unknown.get(kid).is_some_and(|until| *until > now);
                match self.source {
                    Source::Given => Lookup::Refused(Refusal::KeyUnknown),
                    Source::Fetched { .. } if unknown => Lookup::Refused(Refusal::KeyUnknown),
                    Source::Fetched { .. } => {
                        let pause = self.pause(now);
                        if pause == 0 {
                            self.asked = Some(now);
                        }
                        self.wait_or_fetch(pause, now, true)
                    }
                }
            }
        }
    }

    /// Finds the key of a token that has waited for a fetch: it does not wait again.
    pub fn find_after_fetch(&mut self, header: &Header, now: u64) -> Lookup {
        if !self.usable(now) {
            return Lookup::Unavailable(self.until_next_try(now));
        }
        match self.keys.find(header) {
            Found::Key(key) => Lookup::Key(Arc::clone(key)),
            // Without a successful fetch, the key may exist.
            _ if !self.succeeded => Lookup::Unavailable(self.pause(now)),
            Found::Refused(refusal) => Lookup::Refused(refusal),
            Found::UnknownKid => {
                let kid = header.kid.clone().unwrap_or_default();
                self.unknown.insert(kid, now.saturating_add(UNKNOWN_EVERY));
                Lookup::Refused(Refusal::KeyUnknown)
            }
        }
    }

    /// Stores keys that this worker or another one has fetched.
    pub fn install(&mut self, keys: Keys, fetched: u64) {
        self.keys = keys;
        self.fetched = Some(fetched);
        self.succeeded = true;
        self.pending = None;
        self.failures = 0;
        self.next_try = 0;
    }

    /// Records a failed fetch; the keys stay in use. `spread` is any number: it keeps the nodes of a fleet from
    /// fetching at the same time.
    pub fn failed(&mut self, now: u64, spread: u64) {
        self.succeeded = false;
        let asked = self.pending.take().is_some_and(|fetch| fetch.asked);
        if asked && self.usable(now) {
            // Invented key ids must not delay the fetch of the timer.
            return;
        }
        let pause = 1u64.checked_shl(self.failures).unwrap_or(MAX_PAUSE).min(MAX_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.next_try = now.saturating_add(pause).saturating_add(spread % (pause / 2 + 1));
    }

    /// Whether a fetch by the timer is due.
    pub fn is_due(&self, now: u64) -> bool {
        let Source::Fetched { refresh, .. } = self.source else { return false };
        let old = self.fetched.is_none_or(|then| now.abs_diff(then) >= refresh);
        old && self.until_next_try(now) == 0
    }

    /// Records that the timer starts a fetch.
    pub fn start_fetch(&mut self, now: u64) {
        self.start(now, false);
    }

    fn start(&mut self, now: u64, asked: bool) {
        match &mut self.pending {
            Some(fetch) if now.abs_diff(fetch.since) <= MAX_FETCH => fetch.asked &= asked,
            lost_or_none => *lost_or_none = Some(PendingFetch { since: now, asked }),
        }
    }

    /// When the keys were fetched; `None` before the first fetch.
    pub fn fetched_at(&self) -> Option<u64> {
        self.fetched
    }

    /// Whether there are keys that are not too old.
    pub fn usable(&self, now: u64) -> bool {
        match (&self.source, self.fetched) {
            (Source::Given, _) => true,
            (Source::Fetched { max_stale, .. }, Some(then)) => now.abs_diff(then) <= *max_stale,
            (Source::Fetched { .. }, None) => false,
        }
    }

    /// Starts a fetch, unless it has to `wait`, or joins the pending one.
    fn wait_or_fetch(&mut self, wait: u64, now: u64, asked: bool) -> Lookup {
        let pending = self.pending.is_some_and(|it| now.abs_diff(it.since) <= MAX_FETCH);
        if wait > 0 && !pending {
            return Lookup::Unavailable(wait);
        }
        self.start(now, asked);
        Lookup::Fetch
    }

    /// Seconds until a fetch may follow a failed one. A longer time than any pause is from before the clock was
    /// set back.
    fn until_next_try(&self, now: u64) -> u64 {
        Some(self.next_try.saturating_sub(now)).filter(|wait| *wait <= 2 * MAX_PAUSE).unwrap_or(0)
    }

    /// Seconds until an unknown key id may start a fetch again.
    fn pause(&self, now: u64) -> u64 {
        let asked = self.asked.filter(|then| *then <= now);
        asked.map_or(0, |then| then.saturating_add(UNKNOWN_EVERY).saturating_sub(now))
    }
}

#[cfg(test)]
#[path = "keyring_tests.rs"]
mod tests;

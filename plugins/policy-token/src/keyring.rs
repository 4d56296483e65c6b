//! The keys of one issuer as time passes: fetched, stale, unknown, asked for once. No clock, no host:
//! times are arguments, in seconds since the epoch.

use std::sync::Arc;

use policy_kit::Lru;

use crate::{Found, Header, Key, Keys, Refusal};

/// One fetch for an unknown key id in so many seconds. Anybody can make key ids up, so this is how long
/// a stranger can keep out a key that the issuer has begun to use.
const ASK_EVERY: u64 = 5;
/// A fetch that has not landed after so many seconds is lost.
const LONGEST_FLIGHT: u64 = 5;
/// Longest pause between failed fetches, in seconds.
const MAX_PAUSE: u64 = 30;
/// Unknown key ids remembered.
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
    /// Whether the last fetch that landed brought keys.
    landed_well: bool,
    /// When a fetch was last made for a key id that is unknown.
    asked: Option<u64>,
    /// A fetch that has not landed yet.
    flying: Option<SharedCall>,
    /// Failed fetches since the last good one, and when the next may start.
    failures: u32,
    next_try: u64,
    /// Key ids that a fetch did not bring, and until when that is believed.
    unknown: Lru<String, u64>,
}

/// A fetch under way.
#[derive(Clone, Copy, Debug)]
struct SharedCall {
    since: u64,
    /// Whether nothing but an unknown key id asked for it.
    asked: bool,
}

/// What becomes of a token that names a key.
#[derive(Debug)]
pub enum Lookup {
    /// The key.
    Key(Arc<Key>),
    /// A fetch may bring it; whoever asks has to wait for it.
    Fetch,
    /// It cannot be had now; worth another try after so many seconds.
    Unavailable(u64),
    /// There is no such key.
    Refused(Refusal),
}

impl Keyring {
    /// Keys that the configuration holds.
    pub fn given(keys: Keys) -> Self {
        Self::new(Source::Given, keys)
    }

    /// Keys to be fetched, every `refresh` seconds, and to be used for at most `max_stale`.
    pub fn fetched(refresh: u64, max_stale: u64) -> Self {
        Self::new(Source::Fetched { refresh, max_stale }, Keys::default())
    }

    fn new(source: Source, keys: Keys) -> Self {
        let unknown = Lru::new(MAX_UNKNOWN);
        Self {
            source,
            keys,
            fetched: None,
            landed_well: false,
            asked: None,
            flying: None,
            failures: 0,
            next_try: 0,
            unknown,
        }
    }

    /// Whether the keys here are enough to answer for a token, without asking anybody.
    pub fn answers(&self, header: &Header, now: u64) -> bool {
        self.usable(now) && !matches!(self.keys.find(header), Found::UnknownKid)
            || matches!(self.source, Source::Given)
    }

    /// Whether there are keys at all, asked where there is no token to find a key for. After
    /// [`Lookup::Fetch`] and its landing, ask again with `landed`: nobody waits twice.
    ///
    /// # Errors
    /// [`Lookup::Fetch`] or [`Lookup::Unavailable`].
    pub fn ready(&mut self, now: u64, landed: bool) -> Result<(), Lookup> {
        match self.usable(now) {
            true => Ok(()),
            false if landed => Err(Lookup::Unavailable(self.until_next_try(now))),
            false => Err(self.wait_or_fetch(self.until_next_try(now), now, false)),
        }
    }

    /// Whether keys cannot be had: there are none that may be used, or the last fetch failed. A key id
    /// that nobody knows is the token's doing, and no such thing.
    pub fn is_down(&self, now: u64) -> bool {
        let fetched = matches!(self.source, Source::Fetched { .. });
        fetched && !(self.usable(now) && self.landed_well)
    }

    /// Finds the key of a token. After [`Lookup::Fetch`] and its landing, ask
    /// [`Keyring::find_landed`].
    pub fn find(&mut self, header: &Header, now: u64) -> Lookup {
        if !self.usable(now) {
            return self.wait_or_fetch(self.until_next_try(now), now, false);
        }
        match self.keys.find(header) {
            Found::Key(key) => Lookup::Key(Arc::clone(key)),
            Found::Refused(refusal) => Lookup::Refused(refusal),
            Found::UnknownKid => {
                let kid = header.kid.as_deref().unwrap_or_default();
                let believed = self.unknown.get(kid).is_some_and(|until| *until > now);
                match self.source {
                    Source::Given => Lookup::Refused(Refusal::KeyUnknown),
                    Source::Fetched { .. } if believed => Lookup::Refused(Refusal::KeyUnknown),
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

    /// The same once a fetch has landed that the token waited for: nobody waits twice.
    pub fn find_landed(&mut self, header: &Header, now: u64) -> Lookup {
        if !self.usable(now) {
            return Lookup::Unavailable(self.until_next_try(now));
        }
        match self.keys.find(header) {
            Found::Key(key) => Lookup::Key(Arc::clone(key)),
            // An old key still does; of one that is not here nothing is known.
            _ if !self.landed_well => Lookup::Unavailable(self.pause(now)),
            Found::Refused(refusal) => Lookup::Refused(refusal),
            Found::UnknownKid => {
                let kid = header.kid.clone().unwrap_or_default();
                self.unknown.insert(kid, now.saturating_add(ASK_EVERY));
                Lookup::Refused(Refusal::KeyUnknown)
            }
        }
    }

    /// Keys have been fetched, by this worker or another one.
    pub fn install(&mut self, keys: Keys, fetched: u64) {
        self.keys = keys;
        self.fetched = Some(fetched);
        self.landed_well = true;
        self.flying = None;
        self.failures = 0;
        self.next_try = 0;
    }

    /// A fetch has failed. What is there stays there. `spread` is any number: it keeps the nodes of a
    /// fleet from asking all at once.
    pub fn failed(&mut self, now: u64, spread: u64) {
        self.landed_well = false;
        let asked = self.flying.take().is_some_and(|flight| flight.asked);
        if asked && self.usable(now) {
            // Whoever makes key ids up must not put off the fetch that the timer would make.
            return;
        }
        let pause = 1u64.checked_shl(self.failures).unwrap_or(MAX_PAUSE).min(MAX_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.next_try = now.saturating_add(pause).saturating_add(spread % (pause / 2 + 1));
    }

    /// Whether the timer should fetch now.
    pub fn is_due(&self, now: u64) -> bool {
        let Source::Fetched { refresh, .. } = self.source else { return false };
        let old = self.fetched.is_none_or(|then| now.abs_diff(then) >= refresh);
        old && self.until_next_try(now) == 0
    }

    /// A fetch starts.
    pub fn takes_off(&mut self, now: u64) {
        self.starts(now, false);
    }

    fn starts(&mut self, now: u64, asked: bool) {
        match &mut self.flying {
            Some(flight) if now.abs_diff(flight.since) <= LONGEST_FLIGHT => flight.asked &= asked,
            lost_or_none => *lost_or_none = Some(SharedCall { since: now, asked }),
        }
    }

    /// When the keys here were fetched.
    pub fn fetched_at(&self) -> Option<u64> {
        self.fetched
    }

    /// Whether there are keys that may be used.
    pub fn usable(&self, now: u64) -> bool {
        match (&self.source, self.fetched) {
            (Source::Given, _) => true,
            (Source::Fetched { max_stale, .. }, Some(then)) => now.abs_diff(then) <= *max_stale,
            (Source::Fetched { .. }, None) => false,
        }
    }

    /// A fetch, unless it has to wait. Who comes while one is under way waits with the others.
    fn wait_or_fetch(&mut self, wait: u64, now: u64, asked: bool) -> Lookup {
        let flying = self.flying.is_some_and(|it| now.abs_diff(it.since) <= LONGEST_FLIGHT);
        if wait > 0 && !flying {
            return Lookup::Unavailable(wait);
        }
        self.starts(now, asked);
        Lookup::Fetch
    }

    /// Seconds until a fetch may follow one that failed. What lies further ahead than any pause is from
    /// before the clock was set back.
    fn until_next_try(&self, now: u64) -> u64 {
        Some(self.next_try.saturating_sub(now)).filter(|wait| *wait <= 2 * MAX_PAUSE).unwrap_or(0)
    }

    /// Seconds until an unknown key id may cause a fetch again.
    fn pause(&self, now: u64) -> u64 {
        let asked = self.asked.filter(|then| *then <= now);
        asked.map_or(0, |then| then.saturating_add(ASK_EVERY).saturating_sub(now))
    }
}

#[cfg(test)]
#[path = "keyring_tests.rs"]
mod tests;

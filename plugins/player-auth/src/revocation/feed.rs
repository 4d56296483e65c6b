//! The feed of revocations, compiled: whom to ask, how often, and what to keep.

use policy_kit::{invalid, percent_encoded, ConfigError, Host, HttpCall, Service, SharedCall};

use super::config::RevocationsConfig;
use super::places::Places;
use super::Owners;
use crate::standing::lapse::Lapse;

/// The key of the flight that asks for news.
pub const FLIGHT: &str = "revocations";
/// Longest page that is read, in bytes.
const MAX_PAGE: usize = 1 << 20;

/// The compiled `revocations`.
#[derive(Debug)]
pub struct Feed {
    /// The question for everything.
    call: HttpCall,
    path: String,
    /// How often it is polled, in seconds.
    pub every: u64,
    /// How long it counts as known, in seconds.
    pub max_stale: u64,
    /// How long a revocation can matter, in seconds: clocks may differ.
    pub kept: u64,
    /// Most entries that are kept.
    pub most: usize,
    /// What becomes of tokens meanwhile.
    pub lapse: Lapse,
    /// Where workers share it.
    pub places: Places,
    /// Whose players and sessions it may mean.
    pub owners: Owners,
}

impl Feed {
    /// Compiles the configuration's `revocations`. `lifetimes` are how long the tokens of each issuer
    /// may live, in seconds, where that is bounded; `skew` is how far clocks may differ; `owners` are
    /// whose players and sessions there are.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(
        raw: RevocationsConfig,
        lifetimes: &[Option<u64>],
        skew: u64,
        owners: Owners,
        host: &mut dyn Host,
    ) -> Result<Self, ConfigError> {
        let at = "revocations";
        let field = |name: &str| format!("{at}.{name}");
        let service = Service {
            at,
            cluster: &raw.cluster,
            authority: raw.authority.as_deref(),
            path: &raw.path,
            authorization: raw.authorization.as_ref(),
            headers: Some(&raw.headers),
            timeout_ms: raw.timeout_ms,
            max_reply: MAX_PAGE,
        };
        let call = service.call("GET", host)?;
        if raw.path.contains('?') || raw.path.contains('#') {
            return Err(invalid(field("path"), "expected a path without a query"));
        }
        if !(1..=60).contains(&raw.poll_s) {
            return Err(invalid(field("poll_s"), "expected 1 to 60"));
        }
        if raw.max_stale_s <= raw.poll_s || raw.max_stale_s > 86_400 {
            let problem = "expected more than `poll_s`, at most 86400";
            return Err(invalid(field("max_stale_s"), problem));
        }
        if !(60..=31_536_000).contains(&raw.max_lifetime_s) {
            return Err(invalid(field("max_lifetime_s"), "expected 60 to 31536000"));
        }
        if !(1..=500_000).contains(&raw.max_entries) {
            return Err(invalid(field("max_entries"), "expected 1 to 500000"));
        }
        // A token that outlives its revocation would come back to life.
        let bounded = |most: &Option<u64>| most.is_some_and(|most| most <= raw.max_lifetime_s);
        if let Some(i) = lifetimes.iter().position(|most| !bounded(most)) {
            let problem = "with `revocations`, required and at most their `max_lifetime_s`";
            return Err(invalid(format!("issuers[{i}].max_lifetime_s"), problem));
        }
        let kept = raw.max_lifetime_s.saturating_add(skew);
        Ok(Self {
            places: Places::new(&call, kept, raw.max_entries, &owners),
            owners,
            call,
            path: raw.path,
            every: raw.poll_s,
            max_stale: raw.max_stale_s,
            kept,
            most: raw.max_entries,
            lapse: Lapse::compile(raw.on_error, &field("on_error"))?,
        })
    }

    /// The question for what comes after a cursor, or for everything.
    pub fn question(&self, cursor: Option<&str>) -> SharedCall {
        let call = match cursor {
            Some(cursor) => {
                let path = format!("{}?since={}", self.path, percent_encoded(cursor));
                self.call.with_path(path)
            }
            None => self.call.clone(),
        };
        SharedCall { key: FLIGHT.to_owned(), call }
    }

    /// Longest that a poll takes, in seconds.
    pub fn patience(&self) -> u64 {
        self.call.timeout.as_secs().saturating_add(1)
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;

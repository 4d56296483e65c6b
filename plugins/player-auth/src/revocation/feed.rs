//! The compiled feed of revocations: how to poll it, how often, and what to keep.

use policy_kit::{invalid, percent_encoded, ConfigError, Host, HttpCall, Service, SharedCall};

use super::config::RevocationsConfig;
use super::owners::Owners;
use super::shared_data::SharedDataKeys;
use crate::player_state::fallback::Fallback;

/// The key of the shared call that polls the feed.
pub const CALL_KEY: &str = "revocations";
/// Longest page that is read, in bytes.
const MAX_PAGE: usize = 1 << 20;

/// The compiled `revocations`.
#[derive(Debug)]
pub struct Feed {
    /// The call for the first page.
    call: HttpCall,
    path: String,
    /// How often it is polled, in seconds.
    pub every: u64,
    /// How long it counts as available after it was read, in seconds.
    pub max_stale: u64,
    /// How long a revocation is kept, in seconds; includes the permitted clock skew.
    pub kept: u64,
    /// Most revocations that are kept.
    pub most: usize,
    /// The decision per class while the feed is unavailable.
    pub fallback: Fallback,
    /// The keys under which workers share it.
    pub shared: SharedDataKeys,
    /// The brands and issuers that it may name.
    pub owners: Owners,
}

impl Feed {
    /// Compiles the configuration's `revocations`. `lifetimes` are the longest lifetimes of each issuer's
    /// tokens and `skew` is the permitted clock skew, in seconds.
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
        // A token that outlives its revocation would be accepted again.
        let bounded = |most: &Option<u64>| most.is_some_and(|most| most <= raw.max_lifetime_s);
        if let Some(i) = lifetimes.iter().position(|most| !bounded(most)) {
            let problem = "with `revocations`, required and at most their `max_lifetime_s`";
            return Err(invalid(format!("issuers[{i}].max_lifetime_s"), problem));
        }
        let kept = raw.max_lifetime_s.saturating_add(skew);
        Ok(Self {
            shared: SharedDataKeys::new(&call, kept, raw.max_entries, &owners),
            owners,
            call,
            path: raw.path,
            every: raw.poll_s,
            max_stale: raw.max_stale_s,
            kept,
            most: raw.max_entries,
            fallback: Fallback::compile(raw.on_error, &field("on_error"))?,
        })
    }

    /// The call for the page after a cursor, or for the first page.
    pub fn poll(&self, cursor: Option<&str>) -> SharedCall {
        let call = match cursor {
            Some(cursor) => {
                let path = format!("{}?since={}", self.path, percent_encoded(cursor));
                self.call.with_path(path)
            }
            None => self.call.clone(),
        };
        SharedCall { key: CALL_KEY.to_owned(), call }
    }

    /// Timeout of a poll in whole seconds, rounded up.
    pub fn timeout(&self) -> u64 {
        self.call.timeout.as_secs().saturating_add(1)
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;

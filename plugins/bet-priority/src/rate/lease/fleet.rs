//! How Redis is asked for tokens, and how its answers are read.

use policy_kit::{
    invalid, is_label, member_within, strict_json, CallReply, ConfigError, Gcra, Host, HttpCall,
    Service, SharedCall, MILLI, SECOND,
};
use serde_json::Value;

use crate::rate::config::fleet::FleetConfig;

/// What keys of shared calls for tokens begin with.
const CALL_KEY: &str = "lease ";
/// Longest answer that is read, in bytes.
const MAX_REPLY: usize = 4 << 10;

/// The compiled `fleet`.
#[derive(Clone, Debug)]
pub struct Fleet {
    call: HttpCall,
    prefix: String,
    /// Gateways that share the limits.
    pub(crate) gateways: u32,
    /// How long tokens may be used, in nanoseconds.
    pub(crate) lease: u64,
    /// How long Redis is not asked after it failed, in nanoseconds.
    pub(crate) retry: u64,
    /// After this a call is lost, in nanoseconds.
    pub(crate) patience: u64,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The counter's key in Redis.
    pub(crate) key: String,
    pub(crate) limit: Gcra,
    /// Tokens, and the fewest that are of use.
    pub(crate) want: u32,
    pub(crate) least: u32,
}

/// What Redis granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) tokens: u32,
    /// Nanoseconds until there are as many as are of use; 0 where there were.
    pub(crate) wait: u64,
}

impl Fleet {
    /// Compiles the configuration's `fleet`.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(raw: &FleetConfig, host: &mut dyn Host) -> Result<Self, ConfigError> {
        let at = |field: &str| format!("fleet.{field}");
        member_within(raw.timeout_ms, (1, 1_000), "fleet", "timeout_ms")?;
        member_within(raw.gateways.into(), (1, 1_000), "fleet", "gateways")?;
        member_within(raw.lease_ms, (100, 5_000), "fleet", "lease_ms")?;
        member_within(raw.retry_s, (1, 60), "fleet", "retry_s")?;
        if !is_label(&raw.prefix) {
            let problem = "expected up to 64 lower-case letters, digits and `-`";
            return Err(invalid(at("prefix"), problem));
        }
        let service = Service {
            at: "fleet",
            cluster: &raw.cluster,
            authority: raw.authority.as_deref(),
            path: &raw.path,
            authorization: raw.authorization.as_ref(),
            headers: raw.headers.as_ref(),
            timeout_ms: raw.timeout_ms,
            max_reply: MAX_REPLY,
        };
        let mut call = service.call("POST", host)?;
        call.headers.push(("content-type".to_owned(), "application/json".to_owned()));
        Ok(Self {
            call,
            prefix: raw.prefix.clone(),
            gateways: raw.gateways,
            lease: raw.lease_ms * MILLI,
            retry: raw.retry_s * SECOND,
            patience: raw.timeout_ms * 4 * MILLI,
        })
    }

    /// The key of a counter in Redis: the rule, and the SHA-256 of the request's key, of which 128 bits count.
    pub(crate) fn key(&self, rule: &str, digest: &[u8; 32]) -> String {
        let mut key = format!("{}:{rule}:", self.prefix);
        for byte in digest.iter().take(16) {
            for digit in [byte >> 4, byte & 15] {
                key.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
            }
        }
        key
    }

    /// The call that asks for tokens. Its answer must carry the nonce.
    pub(crate) fn ask(&self, wish: &Wish, nonce: &str) -> SharedCall {
        // Rounded up: Redis counts in microseconds, and never grants more than the rate.
        let micros = |nanos: u64| nanos.div_ceil(1_000).to_string();
        let emission = wish.limit.emission().div_ceil(1_000);
        let burst = wish.limit.full() / wish.limit.emission().max(1);
        let command = [
            "FCALL".to_owned(),
            "pitboss_lease".to_owned(),
            "1".to_owned(),
            wish.key.clone(),
            micros(wish.limit.emission()),
            emission.saturating_mul(burst).to_string(),
            wish.want.to_string(),
            wish.least.to_string(),
            nonce.to_owned(),
        ];
        let body = serde_json::to_vec(&command).unwrap_or_default();
        let call = HttpCall { body, ..self.call.clone() };
        SharedCall { key: call_key(&wish.key), call }
    }
}

/// The key of the shared call for a counter.
pub(crate) fn call_key(key: &str) -> String {
    [CALL_KEY, key].concat()
}

/// The counter of a shared call, if it is one for tokens.
pub fn key_of_call(key: &str) -> Option<&str> {
    key.strip_prefix(CALL_KEY)
}

/// Reads an answer: `[nonce, tokens, microseconds to wait]`. `None` for anything else: an error, another caller's
/// answer, no answer.
pub(crate) fn read(reply: &CallReply, nonce: &str, want: u32) -> Option<Grant> {
    let document = strict_json(reply.document().ok()?)?;
    let [heard, tokens, wait] = document.get("result")?.as_array()?.as_slice() else { return None };
    if heard.as_str() != Some(nonce) {
        return None;
    }
    // Some proxies write integers as texts.
    let number = |value: &Value| match value {
        Value::String(text) => text.parse::<u64>().ok(),
        other => other.as_u64(),
    };
    let tokens = u32::try_from(number(tokens)?).ok().filter(|tokens| *tokens <= want)?;
    Some(Grant { tokens, wait: number(wait)?.saturating_mul(1_000) })
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;

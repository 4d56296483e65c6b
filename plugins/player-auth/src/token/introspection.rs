//! Introspection of tokens that are not JWTs (RFC 7662).

use policy_kit::{invalid, CallReply, ConfigError, Denial, Host, HttpCall, Service, SharedCall};
use policy_token::{audiences, Claims, Refusal};

use super::claims::ClaimsMapping;
use super::config::IntrospectionConfig;
use super::identity::Identity;
use super::token_use::TokenUse;
use crate::denials::{self, CLAIMS, INACTIVE};

/// The key of a shared introspection call starts with this; the token follows.
const CALL_KEY: &str = "introspect ";
/// Longest token that is introspected, in bytes.
const MAX_OPAQUE: usize = 1 << 10;
/// Permitted skew of the service's clock, in seconds.
pub const SKEW: u64 = 60;
/// An outage is logged at most this often, in nanoseconds.
const LOG_EVERY: u64 = 60_000_000_000;
/// Longest response that is read, in bytes.
const MAX_RESPONSE: usize = 16 << 10;

/// How to call the service, and how long to cache its responses.
#[derive(Clone, Debug)]
pub struct Introspection {
    call: HttpCall,
    audiences: Option<Vec<String>>,
    token_use: TokenUse,
    /// Which members of the response identify the player.
    pub mapping: ClaimsMapping,
    active: u64,
    inactive: u64,
}

/// The result of an introspection. Times are in seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntrospectionResult {
    /// The token is active and this player's; cached until then.
    Active(Box<Identity>, u64),
    /// The token is refused, with this evidence; cached until then.
    Refused(Denial, &'static str, u64),
    /// No usable response; why, in a few words.
    Unavailable(String),
}

/// When an outage of the service was last logged.
#[derive(Debug, Default)]
pub struct OutageLog(Option<u64>);

impl OutageLog {
    /// Whether to log an outage at `now`, in nanoseconds: once a minute, as it affects every token.
    pub fn should_log(&mut self, now: u64) -> bool {
        let due = self.0.is_none_or(|then| now.abs_diff(then) >= LOG_EVERY);
        if due {
            self.0 = Some(now);
        }
        due
    }
}

impl Introspection {
    /// Compiles the configuration's `introspection`.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(raw: IntrospectionConfig, host: &mut dyn Host) -> Result<Self, ConfigError> {
        let at = "introspection";
        let service = Service {
            at,
            cluster: &raw.cluster,
            authority: raw.authority.as_deref(),
            path: &raw.path,
            authorization: raw.authorization.as_ref(),
            headers: Some(&raw.headers),
            timeout_ms: raw.timeout_ms,
            max_reply: MAX_RESPONSE,
        };
        let mut call = service.call("POST", host)?;
        let form = "application/x-www-form-urlencoded";
        call.headers.push(("content-type".to_owned(), form.to_owned()));
        let field = |name: &str| format!("{at}.{name}");
        if !(1..=3_600).contains(&raw.active_s) {
            return Err(invalid(field("active_s"), "expected 1 to 3600"));
        }
        if raw.inactive_s > 60 {
            return Err(invalid(field("inactive_s"), "expected at most 60"));
        }
        Ok(Self {
            call,
            audiences: audiences(raw.audiences, raw.any_audience, at)?,
            token_use: TokenUse::compile(raw.clients, raw.payload_types, at)?,
            mapping: ClaimsMapping::compile(raw.claims, &field("claims"))?,
            active: raw.active_s,
            inactive: raw.inactive_s,
        })
    }

    /// The call about a token; `None` for an invalid token (RFC 6750 section 2.1).
    pub fn call(&self, token: &[u8]) -> Option<SharedCall> {
        let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(b);
        if token.is_empty() || token.len() > MAX_OPAQUE || !token.iter().all(allowed) {
            return None;
        }
        let text = std::str::from_utf8(token).ok()?;
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("token", text).append_pair("token_type_hint", "access_token");
        let call = HttpCall { body: body.finish().into_bytes(), ..self.call.clone() };
        Some(SharedCall { key: format!("{CALL_KEY}{text}"), call })
    }

    /// Reads a response at `now`, in seconds since the epoch.
    pub fn read(&self, reply: &CallReply, now: u64) -> IntrospectionResult {
        let body = match reply.document() {
            Ok(body) => body,
            Err(problem) => return IntrospectionResult::Unavailable(problem),
        };
        let unusable = |problem: &str| IntrospectionResult::Unavailable(problem.to_owned());
        let Ok(claims) = Claims::parse(body) else { return unusable("no JSON object") };
        let until = now.saturating_add(self.inactive);
        let refused = |denial, evidence| IntrospectionResult::Refused(denial, evidence, until);
        match claims.at("/active").and_then(serde_json::Value::as_bool) {
            None => return unusable("no `active` that is true or false"),
            Some(false) => return refused(INACTIVE, INACTIVE.code),
            Some(true) => {}
        }
        // The service has checked the token, but not whether it is meant for this gateway.
        let checked = claims.check_audience(self.audiences.as_deref());
        let expiry = claims.expiry();
        let expired = expiry.is_some_and(|exp| exp <= now);
        let dates = if expired { Err(Refusal::Expired) } else { claims.check_dates(SKEW, now) };
        if let Err(refusal) = checked.and(dates) {
            return refused(denials::of(refusal), refusal.evidence());
        }
        if let Err((denial, evidence)) = self.token_use.check(&claims) {
            return refused(denial, evidence);
        }
        match self.mapping.identity(&claims) {
            Err(evidence) => refused(CLAIMS, evidence),
            Ok(identity) => {
                let cached = now.saturating_add(self.active);
                let until = expiry.map_or(cached, |expiry| expiry.min(cached));
                IntrospectionResult::Active(Box::new(identity), until)
            }
        }
    }
}

/// The token that a shared call with this key is about; `None` for other calls.
pub fn token_in_key(key: &str) -> Option<&str> {
    key.strip_prefix(CALL_KEY)
}

#[cfg(test)]
#[path = "introspection_tests.rs"]
mod tests;

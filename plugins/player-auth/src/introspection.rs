//! Asking about tokens that are not JWTs (RFC 7662).

use policy_kit::{invalid, Call, CallReply, ConfigError, Denial, Flight, Host, Service};
use policy_token::{audiences, Claims, Refusal};

use crate::config::IntrospectionConfig;
use crate::denials::{self, CLAIMS, INACTIVE};
use crate::identity::{Identity, Mapping};

/// How the key of a flight for an answer begins; the token follows.
const FLIGHT: &str = "introspect ";
/// Longest token that is asked about, in bytes.
const MAX_OPAQUE: usize = 1 << 10;
/// How far the service's clock may be ahead, in seconds.
pub const SKEW: u64 = 60;
/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 16 << 10;

/// Whom to ask, and how long to believe the answer.
#[derive(Clone, Debug)]
pub struct Introspection {
    call: Call,
    audiences: Option<Vec<String>>,
    mapping: Mapping,
    active: u64,
    inactive: u64,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is this player's, and may be believed until then (seconds since the epoch).
    Active(Box<Identity>, u64),
    /// It is nobody's, and may be taken for so until then.
    Refused(Denial, u64),
    /// That was no answer.
    Unavailable,
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
            timeout_ms: raw.timeout_ms,
            max_reply: MAX_ANSWER,
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
            mapping: Mapping::compile(raw.claims, &field("claims"))?,
            active: raw.active_s,
            inactive: raw.inactive_s,
        })
    }

    /// The question about a token; `None` for what is no token at all (RFC 6750 section 2.1).
    pub fn question(&self, token: &[u8]) -> Option<Flight> {
        let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(b);
        if token.is_empty() || token.len() > MAX_OPAQUE || !token.iter().all(allowed) {
            return None;
        }
        let text = std::str::from_utf8(token).ok()?;
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("token", text).append_pair("token_type_hint", "access_token");
        let call = Call { body: body.finish().into_bytes(), ..self.call.clone() };
        Some(Flight { key: format!("{FLIGHT}{text}"), call })
    }

    /// Reads the answer at `now`, in seconds since the epoch.
    pub fn answer(&self, reply: &CallReply, now: u64) -> Answer {
        let Ok(body) = reply.document() else { return Answer::Unavailable };
        let Ok(claims) = Claims::parse(body) else { return Answer::Unavailable };
        let until = now.saturating_add(self.inactive);
        match claims.at("/active").and_then(serde_json::Value::as_bool) {
            None => return Answer::Unavailable,
            Some(false) => return Answer::Refused(INACTIVE, until),
            Some(true) => {}
        }
        // The service has checked all this; what it cannot know is whom we are.
        let checked = claims.check_audience(self.audiences.as_deref());
        let expired = claims.date("exp").is_some_and(|exp| exp <= now);
        let dates = if expired { Err(Refusal::Expired) } else { claims.check_dates(SKEW, now) };
        if let Err(refusal) = checked.and(dates) {
            return Answer::Refused(denials::of(refusal), until);
        }
        let expiry = claims.date("exp");
        match self.mapping.identity(&claims) {
            None => Answer::Refused(CLAIMS, until),
            Some(identity) => {
                let believed = now.saturating_add(self.active);
                let until = expiry.map_or(believed, |expiry| expiry.min(believed));
                Answer::Active(Box::new(identity), until)
            }
        }
    }

    /// What the answers say of the player.
    pub fn mapping(&mut self) -> &mut Mapping {
        &mut self.mapping
    }

    /// Headers that only we may set for the upstream.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.mapping.headers()
    }
}

/// The token that a flight is about, if it is about one.
pub fn token_of(flight: &str) -> Option<&str> {
    flight.strip_prefix(FLIGHT)
}

#[cfg(test)]
#[path = "introspection_tests.rs"]
mod tests;

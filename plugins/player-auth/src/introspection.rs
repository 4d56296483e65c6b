//! Asking about tokens that are not JWTs (RFC 7662).

use policy_kit::{invalid, CallReply, ConfigError, Denial, Host, HttpCall, Service, SharedCall};
use policy_token::{audiences, Claims, Refusal};

use crate::config::IntrospectionConfig;
use crate::denials::{self, CLAIMS, INACTIVE};
use crate::identity::{Identity, Mapping};
use crate::use_of::UseOf;

/// How the key of a flight for an answer begins; the token follows.
const FLIGHT: &str = "introspect ";
/// Longest token that is asked about, in bytes.
const MAX_OPAQUE: usize = 1 << 10;
/// How far the service's clock may be ahead, in seconds.
pub const SKEW: u64 = 60;
/// How often a service that does not answer is worth a line, in nanoseconds.
const SAY_EVERY: u64 = 60_000_000_000;
/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 16 << 10;

/// Whom to ask, and how long to believe the answer.
#[derive(Clone, Debug)]
pub struct Introspection {
    call: HttpCall,
    audiences: Option<Vec<String>>,
    use_of: UseOf,
    mapping: Mapping,
    active: u64,
    inactive: u64,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is this player's, and may be believed until then (seconds since the epoch).
    Active(Box<Identity>, u64),
    /// It is nobody's, for this reason and on this evidence, and may be taken for so until then.
    Refused(Denial, &'static str, u64),
    /// That was no answer; why, in a few words.
    Unavailable(String),
}

/// Whether it was said lately that the service does not answer.
#[derive(Debug, Default)]
pub struct Said(Option<u64>);

impl Said {
    /// Once a minute, at `now` in nanoseconds: while the service is down it happens to every token.
    pub fn is_news(&mut self, now: u64) -> bool {
        let news = self.0.is_none_or(|then| now.abs_diff(then) >= SAY_EVERY);
        if news {
            self.0 = Some(now);
        }
        news
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
            use_of: UseOf::compile(raw.clients, raw.payload_types, at)?,
            mapping: Mapping::compile(raw.claims, &field("claims"))?,
            active: raw.active_s,
            inactive: raw.inactive_s,
        })
    }

    /// The question about a token; `None` for what is no token at all (RFC 6750 section 2.1).
    pub fn question(&self, token: &[u8]) -> Option<SharedCall> {
        let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(b);
        if token.is_empty() || token.len() > MAX_OPAQUE || !token.iter().all(allowed) {
            return None;
        }
        let text = std::str::from_utf8(token).ok()?;
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("token", text).append_pair("token_type_hint", "access_token");
        let call = HttpCall { body: body.finish().into_bytes(), ..self.call.clone() };
        Some(SharedCall { key: format!("{FLIGHT}{text}"), call })
    }

    /// Reads the answer at `now`, in seconds since the epoch.
    pub fn answer(&self, reply: &CallReply, now: u64) -> Answer {
        let body = match reply.document() {
            Ok(body) => body,
            Err(what) => return Answer::Unavailable(what),
        };
        let none = |what: &str| Answer::Unavailable(what.to_owned());
        let Ok(claims) = Claims::parse(body) else { return none("no JSON object") };
        let until = now.saturating_add(self.inactive);
        let refused = |denial, evidence| Answer::Refused(denial, evidence, until);
        match claims.at("/active").and_then(serde_json::Value::as_bool) {
            None => return none("no `active` that is true or false"),
            Some(false) => return refused(INACTIVE, INACTIVE.code),
            Some(true) => {}
        }
        // The service has checked all this; what it cannot know is whom we are.
        let checked = claims.check_audience(self.audiences.as_deref());
        let expiry = claims.expiry();
        let expired = expiry.is_some_and(|exp| exp <= now);
        let dates = if expired { Err(Refusal::Expired) } else { claims.check_dates(SKEW, now) };
        if let Err(refusal) = checked.and(dates) {
            return refused(denials::of(refusal), refusal.evidence());
        }
        if let Err((denial, evidence)) = self.use_of.check(&claims) {
            return refused(denial, evidence);
        }
        match self.mapping.identity(&claims) {
            Err(claim) => refused(CLAIMS, claim),
            Ok(identity) => {
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

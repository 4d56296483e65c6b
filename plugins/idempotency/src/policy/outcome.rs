//! How requests end: from the exchange with the upstream, or from a service that knows.

use policy_kit::{
    invalid, is_pointer, percent_encoded, strict_json, text_at, value_at, CallReply, ConfigError,
    Host, HttpCall, Service,
};
use serde_json::Value;

use crate::config::checks::words;
use crate::config::rule::ReconcileConfig;
use crate::policy::key::Key;

/// Most bytes of a reconcile service's reply that are read.
const MAX_REPLY: usize = 64 << 10;
/// Statuses about the reconcile call itself, not about the request in question.
const ABOUT_THE_CALL: [u16; 6] = [401, 403, 407, 408, 425, 429];

/// How a request with a key ended. `A` is its answer: the whole of it at the store's port, what is kept of
/// it in the state machine, nothing where only the meaning counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<A> {
    /// It took effect, or was refused for good: every retry gets this answer.
    Completed(A),
    /// Likewise, but its answer is not kept: it is too long, or the store has no room.
    NotKept {
        /// The answer's status.
        status: u16,
    },
    /// It had no effect: the key is free again.
    NoEffect,
    /// It may have taken effect. The module never carries such a request out again by itself.
    Unknown,
}

impl<A> Outcome<A> {
    /// The same outcome of a borrowed answer.
    pub(crate) fn as_ref(&self) -> Outcome<&A> {
        match self {
            Self::Completed(answer) => Outcome::Completed(answer),
            Self::NotKept { status } => Outcome::NotKept { status: *status },
            Self::NoEffect => Outcome::NoEffect,
            Self::Unknown => Outcome::Unknown,
        }
    }

    /// Replaces [`Outcome::Completed`] by what `next` makes of its answer.
    pub(crate) fn and_then<B>(self, next: impl FnOnce(A) -> Outcome<B>) -> Outcome<B> {
        match self {
            Self::Completed(answer) => next(answer),
            Self::NotKept { status } => Outcome::NotKept { status },
            Self::NoEffect => Outcome::NoEffect,
            Self::Unknown => Outcome::Unknown,
        }
    }
}

/// What the gateway reports about the exchange with the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// The upstream answered, and the gateway confirms that the answer is the upstream's own.
    Upstream {
        /// Its status.
        status: u16,
        /// The attempt that it answers.
        attempt: Attempt,
    },
    /// A later filter refused the request: it did not reach the upstream.
    Refused,
    /// No connection could be made.
    NotConnected(Attempt),
    /// Anything else: a reset, a timeout, a client that left, a worker that was replaced.
    Other,
}

/// How often the gateway tried. The result of a later attempt does not show that the first, which may have
/// been read before it was reset, had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Once, or not at all.
    Only,
    /// More often, or it is unknown.
    Later,
}

/// How a rule maps exchanges to outcomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutcomeRule {
    /// Statuses by which the upstream reports that it did nothing: 503 of a service that sheds load before
    /// it reads.
    pub not_executed: Vec<u16>,
    /// The code within an answer, where its contract has one.
    pub code: Option<CodeRule>,
}

/// Codes within an answer, for contracts that put errors into a 200. An unlisted code is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeRule {
    /// JSON pointer to the code.
    pub pointer: String,
    /// Codes of requests that are completed.
    pub completed: Vec<String>,
    /// Codes of requests that had no effect and may be sent again.
    pub retryable: Vec<String>,
}

impl OutcomeRule {
    /// The outcome of an exchange. `body` is the answer's, if it was read completely.
    pub fn outcome(&self, exchange: Exchange, body: Option<&[u8]>) -> Outcome<()> {
        match exchange {
            Exchange::Upstream { status, attempt } => {
                let by_code = || self.code.as_ref().map_or(Outcome::Unknown, |c| c.outcome(body));
                let outcome = self.by_status(status).unwrap_or_else(by_code);
                // Of a later attempt only success is conclusive: the stake may be missing because the first
                // attempt took it. A code does not distinguish these.
                let success = self.code.is_none() && (200..=299).contains(&status);
                match (attempt, outcome) {
                    (Attempt::Later, Outcome::NoEffect) => Outcome::Unknown,
                    (Attempt::Later, Outcome::Completed(())) if !success => Outcome::Unknown,
                    _ => outcome,
                }
            }
            Exchange::Refused | Exchange::NotConnected(Attempt::Only) => Outcome::NoEffect,
            Exchange::NotConnected(Attempt::Later) | Exchange::Other => Outcome::Unknown,
        }
    }

    /// Whether the outcome of an answer with this status depends on its body.
    pub fn needs_body(&self, status: u16) -> bool {
        self.by_status(status).is_none()
    }

    /// The outcome by status; `None` where it depends on a code in the body.
    ///
    /// | status | outcome |
    /// | --- | --- |
    /// | 401, 403, 407, 417, 421, 425, 426, 428, 429, 431, 451 | no effect: refused before anything was done, and the same request may be sent again (RFC 9110, RFC 8470, RFC 6585, RFC 7725) |
    /// | 408, 409, 423 | unknown: too late, or in conflict with a pending request, which may be this one |
    /// | 460, 499 | unknown: another proxy reports a client that left, and the request went on |
    /// | 2xx, 3xx, other 4xx | completed: took effect, or was refused or redirected for good |
    /// | 1xx, 5xx | unknown; 101 switches to another protocol |
    /// | anything else | unknown: not a status of HTTP (RFC 9110 section 15), but Envoy lets it pass |
    fn by_status(&self, status: u16) -> Option<Outcome<()>> {
        match status {
            _ if self.not_executed.contains(&status) => Some(Outcome::NoEffect),
            401 | 403 | 407 | 417 | 421 | 425 | 426 | 428 | 429 | 431 | 451 => {
                Some(Outcome::NoEffect)
            }
            408 | 409 | 423 | 460 | 499 => Some(Outcome::Unknown),
            200..=499 if self.code.is_some() => None,
            200..=499 => Some(Outcome::Completed(())),
            _ => Some(Outcome::Unknown),
        }
    }
}

impl CodeRule {
    fn outcome(&self, body: Option<&[u8]>) -> Outcome<()> {
        let document = body.and_then(|body| serde_json::from_slice::<Value>(body).ok());
        let code = document.as_ref().and_then(|document| value_at(document, &self.pointer));
        let code = match code {
            Some(Value::String(text)) => text.clone(),
            Some(number @ Value::Number(_)) => number.to_string(),
            _ => return Outcome::Unknown,
        };
        match (self.completed.contains(&code), self.retryable.contains(&code)) {
            (true, false) => Outcome::Completed(()),
            (false, true) => Outcome::NoEffect,
            _ => Outcome::Unknown,
        }
    }
}

/// A service that knows the outcome of requests.
#[derive(Clone, Debug)]
pub struct Reconcile {
    call: HttpCall,
    path: String,
    pointer: String,
    completed: Vec<String>,
    free: Vec<String>,
    free_status: Vec<u16>,
}

impl Reconcile {
    /// Compiles the `reconcile` member at `at`. The host is asked for the environment only.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(
        raw: ReconcileConfig,
        at: &str,
        host: &mut dyn Host,
    ) -> Result<Self, ConfigError> {
        let service = Service {
            at,
            cluster: &raw.cluster,
            authority: raw.authority.as_deref(),
            path: &raw.path,
            authorization: raw.authorization.as_ref(),
            headers: Some(&raw.headers),
            timeout_ms: raw.timeout_ms,
            max_reply: MAX_REPLY,
        };
        let call = service.call("GET", host)?;
        let field = |name: &str| format!("{at}.{name}");
        let mut fixed = raw.path.replacen("{key}", "", 1);
        if fixed.len() == raw.path.len() {
            return Err(invalid(field("path"), "must contain `{key}`"));
        }
        let keyless = fixed.len();
        fixed = fixed.replacen("{owner}", "", 1);
        if fixed.len() == keyless {
            // Two players may use one key.
            return Err(invalid(field("path"), "must contain `{owner}`"));
        }
        fixed = fixed.replacen("{brand}", "", 1);
        if fixed.contains(['{', '}', '#']) {
            let problem =
                "expected `{key}` and `{owner}` once, `{brand}` at most once, and no other braces";
            return Err(invalid(field("path"), problem));
        }
        if !is_pointer(&raw.pointer) {
            return Err(invalid(field("pointer"), "expected a JSON pointer: `/state`"));
        }
        if raw.completed.is_empty() {
            return Err(invalid(field("completed"), "must name at least one word"));
        }
        if raw.free.is_empty() && raw.free_status.is_empty() {
            return Err(invalid(field("free"), "must name a word, or `free_status` a status"));
        }
        words(&[("completed", &raw.completed), ("free", &raw.free)], at)?;
        let conclusive =
            |status: &u16| (400..=499).contains(status) && !ABOUT_THE_CALL.contains(status);
        if !raw.free_status.iter().all(conclusive) {
            let problem =
                "expected 400 to 499 except 401, 403, 407, 408, 425 and 429, which are about \
                           this call itself";
            return Err(invalid(field("free_status"), problem));
        }
        Ok(Self {
            call,
            path: raw.path,
            pointer: raw.pointer,
            completed: raw.completed,
            free: raw.free,
            free_status: raw.free_status,
        })
    }

    /// The call about the request that `owner` of `brand` made under `key`.
    pub fn call(&self, key: &Key, owner: &str, brand: &str) -> HttpCall {
        // The key last: braces are escaped, so nothing in it is read as a placeholder.
        let path = self.path.replace("{brand}", &percent_encoded(brand));
        let path = path.replace("{owner}", &percent_encoded(owner));
        let path = path.replace("{key}", &percent_encoded(key.as_str()));
        self.call.with_path(path)
    }

    /// How long a reply may take, in nanoseconds: twice the timeout, for a gateway that is late.
    pub(crate) fn patience(&self) -> u64 {
        u64::try_from(self.call.timeout.as_nanos()).unwrap_or(u64::MAX).saturating_mul(2)
    }

    /// The outcome that a reply reports; unknown unless the configuration names its word or status.
    pub fn outcome(&self, reply: &CallReply) -> Outcome<()> {
        if let CallReply::Response { status, .. } = reply {
            if self.free_status.contains(status) {
                return Outcome::NoEffect;
            }
        }
        let document = reply.document().ok().and_then(strict_json);
        let word = document.and_then(|document| text_at(&document, &self.pointer));
        match word {
            Some(word) if self.completed.contains(&word) => Outcome::Completed(()),
            Some(word) if self.free.contains(&word) => Outcome::NoEffect,
            _ => Outcome::Unknown,
        }
    }
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "reconcile_tests.rs"]
mod reconcile_tests;

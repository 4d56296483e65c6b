//! Asking what became of a call whose outcome is unknown.

use policy_kit::{
    invalid, is_pointer, percent_encoded, strict_json, text_at, CallReply, ConfigError, Host,
    HttpCall, Service,
};

use crate::config::ReconcileConfig;
use crate::{Judged, Key};

/// Most bytes of an answer that are read.
const MAX_REPLY: usize = 64 << 10;
/// Statuses that tell of the question, not of the call it is about.
const TELL_NOTHING: [u16; 6] = [401, 403, 407, 408, 425, 429];

/// A service that knows what became of calls.
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
    /// Compiles a rule's `reconcile`; `at` is where that is. The host is asked for the environment only.
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
        let tells = |status: &u16| (400..=499).contains(status) && !TELL_NOTHING.contains(status);
        if !raw.free_status.iter().all(tells) {
            let problem =
                "expected 400 to 499, but for 401, 403, 407, 408, 425 and 429, which say \
                           nothing of the call";
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

    /// The question about the call that `owner` of `brand` made under `key`.
    pub fn call(&self, key: &Key, owner: &str, brand: &str) -> HttpCall {
        // The key last: nothing in it is read as a placeholder, since braces are escaped.
        let path = self.path.replace("{brand}", &percent_encoded(brand));
        let path = path.replace("{owner}", &percent_encoded(owner));
        let path = path.replace("{key}", &percent_encoded(key.as_str()));
        self.call.with_path(path)
    }

    /// How long an answer may take, in nanoseconds, with as much again for a gateway that is late.
    pub(crate) fn patience(&self) -> u64 {
        u64::try_from(self.call.timeout.as_nanos()).unwrap_or(u64::MAX).saturating_mul(2)
    }

    /// What the answer means. Only what the configuration names means anything.
    pub fn judge(&self, reply: &CallReply) -> Judged {
        if let CallReply::Response { status, .. } = reply {
            if self.free_status.contains(status) {
                return Judged::Free;
            }
        }
        let answer = reply.document().ok().and_then(strict_json);
        let word = answer.and_then(|answer| text_at(&answer, &self.pointer));
        match word {
            Some(word) if self.completed.contains(&word) => Judged::Completed,
            Some(word) if self.free.contains(&word) => Judged::Free,
            _ => Judged::Unknown,
        }
    }
}

/// Checks that lists of words hold no empty one, and no word that another list has.
///
/// # Errors
/// Names the list.
pub(crate) fn words(lists: &[(&str, &Vec<String>)], at: &str) -> Result<(), ConfigError> {
    for (i, (name, list)) in lists.iter().enumerate() {
        let field = format!("{at}.{name}");
        if list.iter().any(String::is_empty) {
            return Err(invalid(field, "has an empty word"));
        }
        let before = lists.iter().take(i);
        let twice = before.clone().find(|(_, other)| list.iter().any(|w| other.contains(w)));
        if let Some((other, _)) = twice {
            return Err(invalid(field, format!("has a word that `{other}` has, too")));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "reconcile_tests.rs"]
mod tests;

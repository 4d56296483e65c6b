//! Envelopes: refusals as a partner's contract defines them.
//!
//! An aggregator reads a bare 403 or 503 as a failed call and responds with retries and rollbacks. Its contract
//! has a document for refusals, often with status 200.

use serde::Deserialize;
use serde_json::Value;

use crate::config::error::{invalid, ConfigError};
use crate::config::sorted::SortedMap;
use crate::endpoint::endpoints::Endpoints;
use crate::refusal::denial::Denial;
use crate::refusal::details::Details;
use crate::refusal::reply::{document_headers, Reply};

/// Statuses whose responses have no content, so that the document would be lost.
const BODILESS: [u16; 3] = [204, 205, 304];

/// An envelope as the operator writes it: for each denial code, or `*` for the rest, a status and a JSON
/// document. `{code}`, `{title}` and `{request_id}` in its strings are replaced, escaped.
pub type EnvelopeConfig = SortedMap<String, AnswerConfig>;

crate::settings! {
    /// One refusal of an envelope.
    #[derive(Clone, Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct AnswerConfig {
        /// HTTP status, 200 to 599, of those that may carry a document.
        pub status: u16,
        /// The document.
        pub json: Value,
    }
}

/// The envelopes of a configuration, by the names that endpoints refer to.
///
/// ```
/// use policy_kit::{Denial, Details, Envelopes};
///
/// let envelopes = Envelopes::compile(policy_kit::parse(
///     br#"{"hub": {"*": {"status": 200, "json": {"error": "{code}"}}}}"#,
/// )?)?;
/// let reply = envelopes.reply(Some("hub"), Denial::UNCLASSIFIED, &Details::NONE);
/// assert_eq!((reply.status, &*reply.body), (200, &br#"{"error":"endpoint_unclassified"}"#[..]));
///
/// let problem = envelopes.reply(None, Denial::UNCLASSIFIED, &Details::NONE);
/// assert_eq!(problem.status, 403);
/// # Ok::<(), policy_kit::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Envelopes(SortedMap<String, EnvelopeConfig>);

impl Envelopes {
    /// Compiles the configuration's `envelopes`. All plugins of a chain take the same ones, so a code may be
    /// another plugin's.
    ///
    /// # Errors
    /// An envelope without `*` (some refusal would have no document), an impossible code, an invalid status.
    #[inline]
    pub fn compile(raw: SortedMap<String, EnvelopeConfig>) -> Result<Self, ConfigError> {
        for (name, envelope) in raw.iter() {
            let at = format!("envelopes.{name}");
            if !envelope.contains_key("*") {
                return Err(invalid(at, "needs an answer for `*`, any other code"));
            }
            for (code, answer) in envelope.iter() {
                let letters = code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
                if code != "*" && !(letters && code.contains('_')) {
                    return Err(invalid(format!("{at}.{code}"), "is not a code of any plugin"));
                }
                if !(200..=599).contains(&answer.status) {
                    return Err(invalid(format!("{at}.{code}.status"), "expected 200 to 599"));
                }
                if BODILESS.contains(&answer.status) {
                    let problem = "is a status without a document (RFC 9110 section 6.4.1)";
                    return Err(invalid(format!("{at}.{code}.status"), problem));
                }
            }
        }
        Ok(Self(raw))
    }

    /// Checks that endpoints refer to these envelopes only.
    ///
    /// # Errors
    /// Names the endpoint.
    #[inline]
    pub fn check(&self, endpoints: &Endpoints) -> Result<(), ConfigError> {
        match endpoints.envelopes().find(|(_, name)| !self.0.contains_key(*name)) {
            Some((i, _)) => {
                Err(invalid(format!("endpoints[{i}].envelope"), "is not a name in `envelopes`"))
            }
            None => Ok(()),
        }
    }

    /// Whether there is an envelope of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The refusal in the envelope of that name, or as problem details where there is none.
    pub fn reply(&self, envelope: Option<&str>, denial: Denial, details: &Details) -> Reply {
        let envelope = envelope.and_then(|name| self.0.get(name));
        let answer = envelope.and_then(|e| e.get(denial.code).or_else(|| e.get("*")));
        let Some(answer) = answer else { return denial.problem(details) };
        let mut document = answer.json.clone();
        fill(&mut document, denial, details.request_id.as_deref().unwrap_or_default());
        Reply {
            status: answer.status,
            headers: document_headers("application/json"),
            body: serde_json::to_vec(&document).unwrap_or_default(),
            code: denial.code,
        }
    }
}

/// Replaces placeholders in strings. One pass over the template's own text: what is filled in is
/// never looked at again, so a request id cannot smuggle a placeholder in.
fn fill(document: &mut Value, denial: Denial, request_id: &str) {
    match document {
        Value::String(text) => *text = filled(text, denial, request_id),
        Value::Array(items) => items.iter_mut().for_each(|i| fill(i, denial, request_id)),
        Value::Object(members) => {
            members.values_mut().for_each(|m| fill(m, denial, request_id));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn filled(template: &str, denial: Denial, request_id: &str) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (value, tail) = match after.split_once('}') {
            Some(("code", tail)) => (denial.code, tail),
            Some(("title", tail)) => (denial.title, tail),
            Some(("request_id", tail)) => (request_id, tail),
            _ => ("{", after),
        };
        out.push_str(value);
        rest = tail;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelopes(json: &str) -> Result<Envelopes, ConfigError> {
        crate::parse(json.as_bytes()).and_then(Envelopes::compile)
    }

    #[test]
    fn placeholders_are_replaced_and_escaped() {
        let all = envelopes(
            r#"{"hub": {
                "endpoint_unclassified": {"status": 200, "json": {"status": "RS_ERROR_{code}"}},
                "*": {"status": 400, "json": [{"id": "{request_id}", "n": 1, "x": "{who} {"}]}
            }}"#,
        )
        .unwrap();
        let unavailable = Denial::POLICY_UNAVAILABLE;
        for (envelope, denial, id, status, body) in [
            (
                Some("hub"),
                Denial::UNCLASSIFIED,
                Some("r"),
                200,
                r#"{"status":"RS_ERROR_endpoint_unclassified"}"#,
            ),
            (
                Some("hub"),
                unavailable,
                Some(r#"a"},{code}"#),
                400,
                r#"[{"id":"a\"},{code}","n":1,"x":"{who} {"}]"#,
            ),
            (Some("hub"), unavailable, None, 400, r#"[{"id":"","n":1,"x":"{who} {"}]"#),
        ] {
            let details = Details { request_id: id.map(str::to_owned), ..Details::NONE };
            let reply = all.reply(envelope, denial, &details);
            assert_eq!(reply.status, status);
            assert_eq!(String::from_utf8(reply.body).unwrap(), body);
            assert_eq!(reply.code, denial.code, "the record keeps our own code");
        }
        let (none, problem) = (Details::NONE, unavailable.problem(&Details::NONE));
        assert_eq!(all.reply(None, unavailable, &none), problem);
        assert_eq!(all.reply(Some("else"), unavailable, &none), problem);
    }

    #[test]
    fn rejects_invalid_envelopes() {
        for (json, field) in [
            (r#"{"hub": {}}"#, "envelopes.hub"),
            (r#"{"hub": {"*": {"status": 99, "json": {}}}}"#, "envelopes.hub.*.status"),
            (r#"{"hub": {"*": {"status": 600, "json": {}}}}"#, "envelopes.hub.*.status"),
            (r#"{"hub": {"*": {"status": 204, "json": {}}}}"#, "envelopes.hub.*.status"),
            (r#"{"hub": {"*": {"status": 205, "json": {}}}}"#, "envelopes.hub.*.status"),
            (r#"{"hub": {"*": {"status": 304, "json": {}}}}"#, "envelopes.hub.*.status"),
            (
                r#"{"hub": {"*": {"status": 200, "json": {}}, "x": {"status": 200, "json": {}}}}"#,
                "envelopes.hub.x",
            ),
        ] {
            assert_eq!(envelopes(json).map(|_| ()).unwrap_err().field, field, "{json}");
        }
    }
}

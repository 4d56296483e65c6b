//! Reads the facts of a request from its headers.

use policy_kit::{BodyFormat, Headers};

use super::compile::Policy;
use super::facts::Facts;
use crate::revocation::mark::RevocationCheck;

impl Policy {
    /// Reads the facts, except for the source.
    pub fn facts(&self, headers: &Headers, bodiless: bool) -> Facts {
        let authority = headers.single(":authority").unwrap_or_default();
        let asked = headers.single("access-control-request-method");
        let method = headers.single(":method").unwrap_or_default();
        let credential = || !matches!(self.credentials.find(headers), Ok(None));
        let preflight =
            method == b"OPTIONS" && bodiless && is_preflight(headers, asked) && !credential();
        // A preflight has the class of the request that would follow it.
        let method_to_classify = if preflight { asked.unwrap_or_default() } else { method };
        let target = headers.single(":path").unwrap_or_default();
        let classified = self.endpoints.classify(method_to_classify, target);
        // The body is only read if it selects the class.
        let body_format = match self.endpoints.found(classified).needs_body() {
            true => BodyFormat::by(headers),
            false => BodyFormat::default(),
        };
        Facts {
            classified,
            brand: self.brands.of(authority).cloned(),
            source: None,
            body_format,
            upgrade: headers.has("upgrade") || method == b"CONNECT",
            preflight,
            revocation: RevocationCheck::Clear,
            pam: None,
        }
    }
}

/// Whether an `OPTIONS` request without credential is a browser's preflight (Fetch standard, section 4.8):
/// it has an origin, names a method, and has no body.
fn is_preflight(headers: &Headers, asked: Option<&[u8]>) -> bool {
    let method = asked.is_some_and(|m| !m.is_empty() && m.iter().all(u8::is_ascii_uppercase));
    let origin = headers.single("origin").is_some_and(|origin| !origin.is_empty());
    let length = headers.all("content-length").all(|length| length == b"0");
    let body = headers.has("transfer-encoding") || !length;
    // Browsers never send these with a preflight.
    let other = ["authorization", "cookie", "upgrade"].iter().any(|name| headers.has(name));
    method && origin && !body && !other
}

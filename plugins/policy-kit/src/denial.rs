//! Refusals: a closed set with stable codes, turned into HTTP in one place.

use std::borrow::Cow;

use serde::Serialize;

use crate::{Headers, One};

/// Why a request was refused, as the client, the metrics and the audit record see it.
///
/// Each plugin declares its own as constants and lists them in its README; a code never changes
/// its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial {
    /// HTTP status of the refusal.
    pub status: u16,
    /// Stable machine-readable code.
    pub code: &'static str,
    /// One short sentence for a person; says nothing of internals.
    pub title: &'static str,
}

impl Denial {
    /// The gateway could not do what the policy needs, so nothing was decided: fail closed.
    pub const POLICY_UNAVAILABLE: Denial = Denial {
        status: 503,
        code: "policy_unavailable",
        title: "The request could not be checked. Try again.",
    };
    /// No endpoint matches, so no rule says that the call may pass.
    pub const UNCLASSIFIED: Denial = Denial {
        status: 403,
        code: "endpoint_unclassified",
        title: "This address is not one that the service offers.",
    };
    /// The body is over what this policy may hold.
    pub const BODY_TOO_LARGE: Denial = Denial {
        status: 413,
        code: "body_too_large",
        title: "The request body is larger than allowed.",
    };

    /// The refusal as problem details (RFC 9457), with the stable `code` and the `request_id` as
    /// extension members. Never cacheable: a refusal depends on who asks, and from where.
    pub fn problem(&self, request_id: Option<&str>) -> Reply {
        let kind = format!("urn:pitboss:problem:{}", self.code);
        let Self { status, code, title } = *self;
        let problem = Problem { code, request_id, status, title, kind: &kind };
        // Texts and a number: nothing in it that JSON could not say.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        Reply {
            status: self.status,
            headers: vec![
                ("content-type", Cow::Borrowed("application/problem+json")),
                ("cache-control", Cow::Borrowed("no-store")),
            ],
            body,
            code: self.code,
        }
    }
}

/// The members of a problem document, in the order of their names.
#[derive(Serialize)]
struct Problem<'a> {
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    status: u16,
    title: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
}

/// An answer given in place of the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers besides `:status`.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The body, exact.
    pub body: Vec<u8>,
    /// The stable code, told to the gateway as the response's detail.
    pub code: &'static str,
}

impl Reply {
    /// Adds a header.
    pub fn with_header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// The request's id, if it is one that may be shown: up to 128 bytes of visible ASCII.
pub fn request_id(headers: &Headers) -> Option<&str> {
    let One::Value(id) = headers.one("x-request-id") else { return None };
    let fit = !id.is_empty() && id.len() <= 128 && id.iter().all(u8::is_ascii_graphic);
    std::str::from_utf8(id).ok().filter(|_| fit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_document_has_the_members_of_rfc_9457_and_ours() {
        let reply = Denial::UNCLASSIFIED.problem(Some("a\"b"));
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["type"], "urn:pitboss:problem:endpoint_unclassified");
        assert_eq!(body["status"], 403);
        assert_eq!(body["code"], "endpoint_unclassified");
        assert_eq!(body["request_id"], "a\"b");
        assert!(body["title"].is_string());
        assert!(reply.headers.contains(&("cache-control", "no-store".into())));
    }

    #[test]
    fn ids_that_may_be_shown() {
        let long = [b'a'; 129];
        for (values, want) in [
            (vec![&b"abc-1"[..]], Some("abc-1")),
            (vec![], None),
            (vec![&b""[..]], None),
            (vec![&b"a b"[..]], None),
            (vec![&b"\xff"[..]], None),
            (vec![&long[..]], None),
            (vec![&b"a"[..], b"b"], None),
        ] {
            let map = Headers::from_pairs(values.iter().map(|v| (&b"x-request-id"[..], *v)));
            assert_eq!(request_id(&map), want);
        }
    }
}

//! Refusals: a closed set with stable codes, turned into HTTP in one place.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::{Details, SortedMap};

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

    /// The refusal as problem details (RFC 9457), with the stable `code` and what `details` say as
    /// extension members. Never cacheable: a refusal depends on who asks, and from where.
    pub fn problem(&self, details: &Details) -> Reply {
        let kind = ["urn:pitboss:problem:", self.code].concat();
        let mut document = SortedMap::default();
        document.insert("code", Member::Text(self.code));
        document.insert("status", Member::Status(self.status));
        document.insert("title", Member::Text(self.title));
        document.insert("type", Member::Text(&kind));
        if details.keyed {
            document.insert("previous_attempt", Member::Text("unknown"));
        }
        if let Some(id) = &details.request_id {
            document.insert("request_id", Member::Text(id));
        }
        for (name, value) in &details.members {
            document.insert(name, Member::Other(value));
        }
        Reply {
            status: self.status,
            headers: document_headers("application/problem+json"),
            body: serde_json::to_vec(&Document(document)).unwrap_or_default(),
            code: self.code,
        }
    }
}

/// The members of a problem document, by name.
struct Document<'a>(SortedMap<&'a str, Member<'a>>);

/// One of them.
#[derive(Serialize)]
#[serde(untagged)]
enum Member<'a> {
    Text(&'a str),
    Status(u16),
    Other(&'a Value),
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter())
    }
}

/// An answer given in place of the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers besides `:status`, names in lower case.
    pub headers: Vec<(Cow<'static, str>, Cow<'static, [u8]>)>,
    /// The body, exact.
    pub body: Vec<u8>,
    /// The stable code, told to the gateway as the response's detail.
    pub code: &'static str,
}

impl Reply {
    /// Adds a header.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((Cow::Borrowed(name), Cow::Owned(value.into().into_bytes())));
        self
    }

    /// The first header of that name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }
}

/// Headers of a refusal's document. Never cacheable: a refusal depends on who asks, and from where.
pub(crate) fn document_headers(kind: &'static str) -> Vec<(Cow<'static, str>, Cow<'static, [u8]>)> {
    vec![
        (Cow::Borrowed("content-type"), Cow::Borrowed(kind.as_bytes())),
        (Cow::Borrowed("cache-control"), Cow::Borrowed(b"no-store")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_document_has_the_members_of_rfc_9457_and_ours() {
        let members = vec![("max_age", 60.into())];
        let details = Details { request_id: Some("a\"b".to_owned()), keyed: true, members };
        let reply = Denial::UNCLASSIFIED.problem(&details);
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["type"], "urn:pitboss:problem:endpoint_unclassified");
        assert_eq!(body["status"], 403);
        assert_eq!(body["code"], "endpoint_unclassified");
        assert_eq!(body["request_id"], "a\"b");
        assert_eq!(body["previous_attempt"], "unknown");
        assert_eq!(body["max_age"], 60);
        assert!(body["title"].is_string());
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let bare = Denial::UNCLASSIFIED.problem(&Details::NONE);
        let body: serde_json::Value = serde_json::from_slice(&bare.body).unwrap();
        assert_eq!(body.as_object().unwrap().len(), 4);
    }
}

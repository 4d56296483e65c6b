//! Denials: why a request is refused, with a stable code.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::config::sorted::SortedMap;
use crate::refusal::details::Details;
use crate::refusal::reply::{document_headers, Reply};

/// Why a request is refused, as the client, the metrics and the audit record see it.
///
/// Each plugin declares its denials as constants and lists them in its README; a code never changes its meaning.
///
/// ```
/// use policy_kit::{Denial, Details};
///
/// const NO_TENANT: Denial =
///     Denial { status: 403, code: "tenant_missing", title: "This request names no tenant." };
///
/// let reply = NO_TENANT.problem(&Details::NONE);
/// assert_eq!(reply.status, 403);
/// assert_eq!(reply.header("content-type"), Some("application/problem+json"));
/// assert_eq!(
///     String::from_utf8_lossy(&reply.body),
///     r#"{"code":"tenant_missing","status":403,"title":"This request names no tenant.","type":"urn:pitboss:problem:tenant_missing"}"#
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial {
    /// HTTP status of the refusal.
    pub status: u16,
    /// Stable machine-readable code.
    pub code: &'static str,
    /// One short sentence for a person, without internals.
    pub title: &'static str,
}

impl Denial {
    /// The gateway failed a host call, so nothing was decided: fail closed.
    pub const POLICY_UNAVAILABLE: Denial = Denial {
        status: 503,
        code: "policy_unavailable",
        title: "The request could not be checked. Try again.",
    };
    /// No endpoint matches, so no rule lets the request pass.
    pub const UNCLASSIFIED: Denial = Denial {
        status: 403,
        code: "endpoint_unclassified",
        title: "This address is not one that the service offers.",
    };
    /// The body is longer than this policy may hold.
    pub const BODY_TOO_LARGE: Denial = Denial {
        status: 413,
        code: "body_too_large",
        title: "The request body is larger than allowed.",
    };

    /// The refusal as problem details (RFC 9457), with the stable `code` and the `details` as extension
    /// members. Not cacheable.
    pub fn problem(&self, details: &Details) -> Reply {
        let own = || Cow::Owned(["urn:pitboss:problem:", self.code].concat());
        let kind = details.kind.map_or_else(own, Cow::Borrowed);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_documents_have_code_and_details() {
        let members = vec![("max_age", 60.into())];
        let details =
            Details { request_id: Some("a\"b".to_owned()), keyed: true, members, kind: None };
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
        let kind = Some("https://iana.org/assignments/http-problem-types#quota-exceeded");
        let reply = Denial::UNCLASSIFIED.problem(&Details { kind, ..Details::NONE });
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["type"].as_str(), kind);
        assert_eq!(body["code"], "endpoint_unclassified");
    }
}

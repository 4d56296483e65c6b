//! Extension members of a refusal's document.

use policy_wire::{Headers, One};
use serde_json::Value;

/// Extension members of a problem document (RFC 9457 section 3.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The document's `type`, where a specification defines one for this refusal; else it names the code.
    pub kind: Option<&'static str>,
    /// The request's id, if it may be shown.
    pub request_id: Option<String>,
    /// Whether the request has an idempotency key. Then it may be the retry of a request that took effect, and
    /// its refusal says nothing about that one: `"previous_attempt": "unknown"`.
    pub keyed: bool,
    /// Further members, none of which has a name that RFC 9457 defines.
    pub members: Vec<(&'static str, Value)>,
}

impl Details {
    /// No extension members.
    pub const NONE: Details =
        Details { kind: None, request_id: None, keyed: false, members: Vec::new() };

    /// Reads the members that a refusal repeats from its request.
    pub fn read(headers: &Headers) -> Self {
        let keyed = headers.all("idempotency-key").any(|key| !key.is_empty());
        Self { request_id: request_id(headers).map(str::to_owned), keyed, ..Self::NONE }
    }
}

/// The request's id: up to 128 bytes of visible ASCII.
fn request_id(headers: &Headers) -> Option<&str> {
    let One::Value(id) = headers.one("x-request-id") else { return None };
    let fit = !id.is_empty() && id.len() <= 128 && id.iter().all(u8::is_ascii_graphic);
    std::str::from_utf8(id).ok().filter(|_| fit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_request_ids_are_shown() {
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

    #[test]
    fn idempotency_keys_are_noticed() {
        for (values, want) in [
            (&[][..], false),
            (&["k-1"], true),
            (&["\"k-1\""], true),
            (&[""], false),
            // Two are one too many, and still no reason to think that nothing was taken.
            (&["", "k-1"], true),
        ] {
            let map =
                Headers::from_pairs(values.iter().map(|v| (&b"idempotency-key"[..], v.as_bytes())));
            assert_eq!(Details::read(&map).keyed, want, "{values:?}");
        }
    }
}

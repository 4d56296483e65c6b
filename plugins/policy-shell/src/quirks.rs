//! Where gateways differ, in one place. Pure, so that it is tested without one.

use policy_kit::{strict_json, text_at, Headers, Profile};

/// The compare-and-swap argument for "store only if nothing is there" and for "only if the version
/// is still this".
///
/// Envoy takes 0 as "unconditionally", and lets a non-zero version create a missing key, so the one
/// version that never occurs means insert-if-absent. WasmX takes 0 as insert-if-absent.
pub(crate) fn cas(profile: Profile, expected: Option<u32>) -> u32 {
    match (profile, expected) {
        (_, Some(version)) => version,
        (Profile::Envoy, None) => u32::MAX,
        (Profile::Wasmx, None) => 0,
    }
}

/// Whether facts travel in filter state. WasmX has none, and answers an unknown property with an
/// error.
pub(crate) fn has_filter_state(profile: Profile) -> bool {
    profile == Profile::Envoy
}

/// Whether there are foreign functions. In WasmX the call that asks for one traps.
pub(crate) fn has_foreign_functions(profile: Profile) -> bool {
    profile == Profile::Envoy
}

/// Which gateway a configuration document says it is for, before the plugin has read it: it may ask
/// its host while it does. A document that does not say is about to be refused, and gets the gateway
/// of which less may be asked.
pub(crate) fn profile_in(document: &[u8]) -> Profile {
    let Some(document) = strict_json(document) else { return Profile::Wasmx };
    match text_at(&document, "/host").as_deref() {
        None | Some("envoy") => Profile::Envoy,
        Some(_) => Profile::Wasmx,
    }
}

/// Request headers as every policy expects them. WasmX gives nginx's server name as `:authority`,
/// and the client's in `host`.
pub(crate) fn request_headers(profile: Profile, headers: Headers) -> Headers {
    if profile == Profile::Envoy {
        return headers;
    }
    let host = match headers.single("host") {
        Some(host) => host.to_vec(),
        None => Vec::new(),
    };
    let rest = headers.iter().filter(|(name, _)| *name != b":authority");
    Headers::from_pairs(std::iter::once((&b":authority"[..], host.as_slice())).chain(rest))
}

/// Whether a request ends with its headers. WasmX never says so with the headers and then calls no
/// body callback, so there it is read off the headers: a policy that waited for a body that does not
/// come would be skipped.
pub(crate) fn ends_with_headers(
    profile: Profile,
    reported: bool,
    headers: Option<&Headers>,
) -> bool {
    let bodiless = |headers: &Headers| {
        let empty = |length: &[u8]| length.iter().all(|b| *b == b'0');
        !headers.has("transfer-encoding") && headers.all("content-length").all(empty)
    };
    // Headers that cannot be read: better an empty body than a wait for one that may not come.
    reported || (profile == Profile::Wasmx && headers.is_none_or(bodiless))
}

/// Whether an answer ends with its headers. WasmX does not say so here either, and then calls no body
/// callback: a policy that wants the body would never hear that there is none. Only what is certain
/// counts: an answer without a length may have a body up to the connection's end.
pub(crate) fn response_ends_with_headers(
    profile: Profile,
    reported: bool,
    headers: Option<&Headers>,
) -> bool {
    let bodiless = |headers: &Headers| {
        let empty = |length: &[u8]| !length.is_empty() && length.iter().all(|b| *b == b'0');
        let never = matches!(headers.single(":status"), Some(b"204" | b"304"));
        never || headers.single("content-length").is_some_and(empty)
    };
    reported || (profile == Profile::Wasmx && headers.is_some_and(bodiless))
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_kit::One;

    #[test]
    fn authority() {
        let pair = |n: &'static str, v: &'static str| (n.as_bytes(), v.as_bytes());
        let cases = [
            (Profile::Envoy, vec![pair(":authority", "a"), pair("host", "b")], "a"),
            (Profile::Wasmx, vec![pair(":authority", "nginx"), pair("Host", "b")], "b"),
            (Profile::Wasmx, vec![pair(":authority", "nginx")], ""),
            (Profile::Wasmx, vec![pair("Host", "a"), pair("host", "b")], ""),
        ];
        for (profile, pairs, want) in cases {
            let map = request_headers(profile, Headers::from_pairs(pairs));
            assert_eq!(map.one(":authority"), One::Value(want.as_bytes()), "{profile:?}");
        }
    }

    #[test]
    fn the_end_of_a_request() {
        let with = |name: &'static str, value: &'static str| {
            Headers::from_pairs([(name.as_bytes(), value.as_bytes())])
        };
        for (headers, wasmx) in [
            (with("accept", "x"), true),
            (with("content-length", "0"), true),
            (with("content-length", "7"), false),
            (with("Transfer-Encoding", "chunked"), false),
        ] {
            for (profile, reported, want) in [
                (Profile::Wasmx, false, wasmx),
                (Profile::Wasmx, true, true),
                (Profile::Envoy, false, false),
                (Profile::Envoy, true, true),
            ] {
                assert_eq!(
                    ends_with_headers(profile, reported, Some(&headers)),
                    want,
                    "{headers:?}"
                );
            }
        }
        assert!(ends_with_headers(Profile::Wasmx, false, None));
        assert!(!ends_with_headers(Profile::Envoy, false, None));
    }

    #[test]
    fn the_end_of_an_answer() {
        for (status, length, wasmx) in [
            ("200", "0", true),
            ("200", "000", true),
            ("200", "7", false),
            ("200", "", false),
            ("204", "7", true),
            ("304", "7", true),
            ("404", "x", false),
        ] {
            let pairs = [(":status", status), ("content-length", length)];
            let headers = Headers::from_pairs(pairs.map(|(n, v)| (n.as_bytes(), v.as_bytes())));
            for (profile, reported, want) in [
                (Profile::Wasmx, false, wasmx),
                (Profile::Wasmx, true, true),
                (Profile::Envoy, false, false),
                (Profile::Envoy, true, true),
            ] {
                let got = response_ends_with_headers(profile, reported, Some(&headers));
                assert_eq!(got, want, "{profile:?} {status} {length}");
            }
        }
        assert!(!response_ends_with_headers(Profile::Wasmx, false, None));
    }

    #[test]
    fn the_gateway_that_a_document_names() {
        for (document, want) in [
            (r#"{"host": "envoy", "keys": [{"host": "wasmx"}]}"#, Profile::Envoy),
            (r#"{"keys": [{"host": "wasmx"}]}"#, Profile::Envoy),
            (r#"{"keys": [{}], "host": "wasmx"}"#, Profile::Wasmx),
            (r#"{"host": "envoy", "host": "wasmx"}"#, Profile::Wasmx),
            (r#"{"host": "nginx"}"#, Profile::Wasmx),
            ("", Profile::Wasmx),
        ] {
            assert_eq!(profile_in(document.as_bytes()), want, "{document}");
        }
    }

    #[test]
    fn insert_if_absent() {
        assert_eq!(cas(Profile::Envoy, None), u32::MAX);
        assert_eq!(cas(Profile::Wasmx, None), 0);
        assert_eq!(cas(Profile::Envoy, Some(7)), 7);
        assert_eq!(cas(Profile::Wasmx, Some(7)), 7);
    }
}

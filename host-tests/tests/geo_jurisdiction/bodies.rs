//! One URL with requests of several classes: the body decides, and nothing reaches the upstream before.

use abi_host::{Headers, Profile};
use serde_json::{json, Value};

use crate::fixture::{self, hello, outcome, through_the_edge};

fn changes(profile: Profile) -> Value {
    json!({
        "host": if profile == Profile::Envoy { "envoy" } else { "wasmx" },
        "endpoints": [{"path": "/one", "envelope": "one", "select": {"pointer": "/type", "classes":
            {"debit": "wager", "credit": "settlement"}}}],
        "envelopes": {"one": {"*": {"status": 200, "json": {"code": "{code}", "id": "{request_id}"}}}},
    })
}

#[test]
fn the_body_tells_the_class_however_it_arrives() {
    let debit: &[&[u8]] = &[br#"{"type": "debit"}"#];
    let pieces: &[&[u8]] = &[b"{\"ty", b"pe\": \"deb", b"it\"}"];
    let credit: &[&[u8]] = &[b"{\"type\":", b" \"credit\"}"];
    let twice: &[&[u8]] = &[br#"{"type": "credit", "type": "debit"}"#];
    let large = vec![b' '; (64 << 10) + 1];
    let large: &[&[u8]] = &[&large];
    for (chunks, country, want) in [
        (debit, "MT", "allow"),
        (debit, "DE", "jurisdiction_unlicensed"),
        (pieces, "DE", "jurisdiction_unlicensed"),
        (credit, "DE", "allow"),
        (twice, "MT", "endpoint_unclassified"),
        (&[], "MT", "endpoint_unclassified"),
        (large, "MT", "body_too_large"),
    ] {
        for trailers in [false, true] {
            let configuration = fixture::configuration(&changes(Profile::Envoy));
            let mut chain = fixture::builder(Profile::Envoy, &configuration).start().unwrap();
            let headers: [(&str, &[u8]); 2] =
                [("x-geo-country", country.as_bytes()), ("content-type", b"application/json")];
            let mut request = through_the_edge("POST", b"/one", &headers);
            request.chunks = chunks.iter().map(|c| c.to_vec()).collect();
            if trailers {
                request = request.trailers(Headers::from([("x-checksum", "1")]));
            }
            let report = chain.run(request, &mut hello);
            let case = format!("{want} from {country}, trailers {trailers}");
            assert_eq!(outcome(&report), want, "{case}");
            assert_eq!(report.status(), 200, "{case}: the partner's own words");
            assert_eq!(report.traps, [], "{case}");
            let body_left = report.upstream.is_some_and(|u| !u.body.is_empty());
            assert_eq!(body_left, want == "allow", "{case}");
        }
    }
}

/// WasmX announces the size of a body that it does not hand over.
#[test]
fn a_body_that_wasmx_does_not_hand_over_is_refused() {
    let configuration = fixture::configuration(&changes(Profile::Wasmx));
    for (size, want) in [(100, "allow"), (9 << 10, "policy_unavailable")] {
        let mut chain = fixture::builder(Profile::Wasmx, &configuration).start().unwrap();
        let mut body = br#"{"type": "credit"}"#.to_vec();
        body.resize(size, b' ');
        let length = size.to_string();
        let headers: [(&str, &[u8]); 2] =
            [("content-length", length.as_bytes()), ("content-type", b"application/json")];
        let mut request = through_the_edge("POST", b"/one", &headers);
        request.chunks = vec![body];
        assert_eq!(outcome(&chain.run(request, &mut hello)), want, "{size} bytes");
    }
}

/// A request whose class only the body tells, without a body: no gateway lets it pass undecided.
#[test]
fn a_missing_body_is_refused() {
    for (profile, method, length) in [
        (Profile::Envoy, "POST", None),
        (Profile::Wasmx, "POST", None),
        (Profile::Wasmx, "POST", Some("0")),
        (Profile::Wasmx, "GET", None),
        (Profile::Wasmx, "DELETE", None),
    ] {
        let configuration = fixture::configuration(&changes(profile));
        let mut chain = fixture::builder(profile, &configuration).start().unwrap();
        let mut headers: Vec<(&str, &[u8])> = vec![("x-geo-country", b"DE")];
        headers.extend(length.map(|length| ("content-length", length.as_bytes())));
        let report = chain.run(through_the_edge(method, b"/one", &headers), &mut hello);
        assert_eq!(outcome(&report), "endpoint_unclassified", "{profile:?} {method} {length:?}");
    }
}

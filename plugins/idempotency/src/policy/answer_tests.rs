//! Which answers a client can read, and what a replay is.

use super::*;

#[test]
fn which_clients_can_read_an_encoded_answer() {
    for (encoding, accepted, want) in [
        (None, &[][..], true),
        (Some("identity"), &[], true),
        (Some("gzip"), &[], false),
        (Some("gzip"), &["gzip"], true),
        (Some("gzip"), &["br, GZIP;q=0.5"], true),
        (Some("gzip"), &["br", "gzip"], true),
        (Some("gzip"), &["gzip;q=0"], false),
        (Some("gzip"), &["gzip; q=0.00, *"], false),
        (Some("gzip"), &["*"], true),
        (Some("gzip"), &["*;q=0"], false),
        (Some("gzip, br"), &["gzip"], false),
        (Some("gzip, br"), &["gzip, br"], true),
        (Some("gzip"), &["gzipped"], false),
    ] {
        let headers = encoding.map(|e| ("content-encoding".to_owned(), e.as_bytes().to_vec()));
        let answer = Answer { headers: headers.into_iter().collect(), ..Answer::default() };
        let pairs = accepted.iter().map(|a| (&b"accept-encoding"[..], a.as_bytes()));
        assert_eq!(
            answer.is_readable_by(&Headers::from_pairs(pairs)),
            want,
            "{encoding:?} {accepted:?}"
        );
    }
}

#[test]
fn replays_status_headers_and_body() {
    let headers = vec![("content-type".to_owned(), b"text/\xff".to_vec())];
    let told = Answer { status: 201, headers, body: b"\0x".to_vec() }.into_reply();
    assert_eq!((told.status, told.body.as_slice(), told.code), (201, &b"\0x"[..], "replayed"));
    assert_eq!(told.headers[0].1.as_ref(), b"text/\xff");
    assert_eq!(told.header("idempotent-replayed"), Some("true"));
}

#[test]
fn keeps_allowed_headers_but_those_of_one_moment() {
    let names = ["Content-Type", "set-cookie", "date", "x-ratelimit-left", "location", "x-mine"];
    let headers = Headers::from_pairs(names.map(|name| (name.as_bytes(), &b"v"[..])));
    let allowed: Vec<String> = names[..5].iter().map(|name| name.to_ascii_lowercase()).collect();
    let answer = Answer::new(201, &headers, &allowed, Vec::new());
    let kept: Vec<_> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(kept, ["content-type", "location"]);
}

//! What is taken out of requests, over the host of tests.

use crate::fake::FakeHost;
use crate::{strip, HeaderNames, Host, MapKind};

#[test]
fn every_spelling_is_removed_and_no_other_header() {
    let sent = ["x-a", "X-A", "x_a", "X_a", "x-a", "x-ab", "x_b", "xa", "x__a", "x-b-c", "x_b-c"];
    let headers: Vec<_> = sent.iter().map(|name| (*name, "v")).collect();
    let mut host = FakeHost::request(&headers);
    let headers = host.headers(MapKind::Request).unwrap();
    strip(&mut host, &headers, &HeaderNames::new(["x-a", "x-b-c", "x-none"])).unwrap();
    let left: Vec<_> = host.request.iter().map(|(name, _)| name.as_slice()).collect();
    assert_eq!(left, [&b"x-ab"[..], b"x_b", b"xa", b"x__a"]);
    let mut failing =
        FakeHost::request(&[("x-a", "v")]).failing("proxy_remove_header_map_value", 2);
    let headers = failing.headers(MapKind::Request).unwrap();
    assert!(strip(&mut failing, &headers, &HeaderNames::new(["x-a"])).is_err());
}

#[test]
fn only_other_spellings_of_some_are_removed() {
    let mut names = HeaderNames::new(["x-a"]);
    names.insert_spelt("x-forwarded-host");
    let sent = ["x-forwarded-host", "x_forwarded_host", "x-forwarded_HOST", "x_a", "x_other"];
    let left = |names: &HeaderNames, sent: &[&str]| {
        let sent: Vec<_> = sent.iter().map(|name| (*name, "v")).collect();
        let mut host = FakeHost::request(&sent);
        let headers = host.headers(MapKind::Request).unwrap();
        strip(&mut host, &headers, names).unwrap();
        let left = host.request.iter().map(|(name, _)| String::from_utf8(name.clone()).unwrap());
        left.collect::<Vec<_>>()
    };
    assert_eq!(left(&names, &sent), ["x-forwarded-host", "x_other"]);
    assert!(!names.contains("x-forwarded-host"));
    names.insert_spelt("x_token");
    assert_eq!(left(&names, &["x_token", "x-token", "X-Token"]), ["x_token"]);
}

//! Keys over time: the result of a token's lookup at each moment.

use super::*;
use crate::{Alg, Jws};

const NOW: u64 = 1_000_000;

/// A P-256 key set with these key ids; the point is that of RFC 7515 appendix A.3.
fn keys(kids: &[&str]) -> Keys {
    let key = |kid: &&str| {
        format!(
            r#"{{"kty": "EC", "crv": "P-256", "kid": "{kid}",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}}"#
        )
    };
    let keys: Vec<_> = kids.iter().map(key).collect();
    Keys::from_jwks(format!(r#"{{"keys": [{}]}}"#, keys.join(",")).as_bytes(), &[Alg::Es256])
        .unwrap()
}

fn header(kid: &str) -> Header {
    Header { alg: Alg::Es256, kid: Some(kid.to_owned()), typ: None }
}

fn shown(lookup: Lookup) -> String {
    match lookup {
        Lookup::Key(key) => format!("key {}", key.kid().unwrap_or("-")),
        Lookup::Fetch => "fetch".to_owned(),
        Lookup::Unavailable(seconds) => format!("unavailable {seconds}"),
        Lookup::Refused(refusal) => refusal.code().to_owned(),
    }
}

fn ring() -> Keyring {
    Keyring::fetched(300, 3_600)
}

#[test]
fn before_the_first_fetch_requests_wait() {
    let mut ring = ring();
    assert!(ring.is_due(NOW));
    assert_eq!(shown(ring.find(&header("a"), NOW)), "fetch");
    assert_eq!(shown(ring.find(&header("b"), NOW)), "fetch", "waits with the first");
    ring.failed(NOW, 0);
    assert_eq!(shown(ring.find_after_fetch(&header("a"), NOW)), "unavailable 1");
    assert_eq!(shown(ring.find(&header("a"), NOW)), "unavailable 1");
    assert_eq!(
        shown(ring.find(&header("a"), NOW + 1)),
        "fetch",
        "not long, as no player can log in"
    );
    ring.failed(NOW + 1, 0);
    assert_eq!(shown(ring.find(&header("a"), NOW + 2)), "unavailable 1", "twice as long");
    assert_eq!(shown(ring.find(&header("a"), NOW + 3)), "fetch");
    ring.install(keys(&["a"]), NOW + 3);
    assert_eq!(shown(ring.find_after_fetch(&header("a"), NOW + 3)), "key a");
    assert_eq!(shown(ring.find(&header("b"), NOW + 3)), "fetch", "that was for another reason");
}

#[test]
fn a_rotated_key_is_fetched() {
    let mut ring = ring();
    ring.install(keys(&["a"]), NOW);
    assert_eq!(shown(ring.find(&header("a"), NOW + 1)), "key a");
    assert_eq!(shown(ring.find(&header("b"), NOW + 1)), "fetch");
    ring.install(keys(&["a", "b"]), NOW + 1);
    assert_eq!(shown(ring.find_after_fetch(&header("b"), NOW + 1)), "key b");
    assert_eq!(shown(ring.find(&header("a"), NOW + 2)), "key a");
}

#[test]
fn unknown_keys_cost_one_fetch_in_five_seconds() {
    let mut ring = ring();
    ring.install(keys(&["a"]), NOW);
    assert_eq!(shown(ring.find(&header("x"), NOW)), "fetch");
    ring.install(keys(&["a"]), NOW);
    assert_eq!(shown(ring.find_after_fetch(&header("x"), NOW)), "token_key_unknown");
    assert_eq!(shown(ring.find(&header("x"), NOW + 4)), "token_key_unknown", "remembered");
    assert_eq!(shown(ring.find(&header("y"), NOW + 4)), "unavailable 1", "was not asked about");
    assert_eq!(shown(ring.find(&header("a"), NOW + 4)), "key a");
    assert_eq!(shown(ring.find(&header("x"), NOW + 5)), "fetch", "not for ever");
}

/// An attacker sends key ids without end during a rotation: a token of the new key is delayed by five seconds
/// at most, and fetches stay as rare.
#[test]
fn invented_key_ids_delay_a_new_key_by_five_seconds() {
    for (fails, rotation) in (0..10).flat_map(|second| [(false, second), (true, second)]) {
        let mut ring = ring();
        ring.install(keys(&["a"]), NOW);
        let (mut fetches, mut refused) = (0, 0);
        for second in 0..40 {
            let (now, rotated) = (NOW + second, second >= rotation);
            let kids = (0..50).map(|n| format!("x{second}-{n}")).chain(["b".to_owned()]);
            for kid in kids {
                if !matches!(ring.find(&header(&kid), now), Lookup::Fetch) {
                    continue;
                }
                fetches += 1;
                match (rotated, fails && fetches % 2 == 1) {
                    (_, true) => ring.failed(now, 7),
                    (true, false) => ring.install(keys(&["a", "b"]), now),
                    (false, false) => ring.install(keys(&["a"]), now),
                }
                ring.find_after_fetch(&header(&kid), now);
            }
            let known = matches!(ring.find(&header("b"), now), Lookup::Key(_));
            refused += u64::from(rotated && !known);
        }
        let case = format!("rotated after {rotation} s, every other fetch fails: {fails}");
        assert!(refused <= if fails { 10 } else { 5 }, "{case}: {refused} s");
        assert!(fetches <= 8, "{case}: {fetches} fetches in 40 s");
    }
}

#[test]
fn failed_fetches_for_unknown_ids_do_not_delay_the_timer() {
    let mut ring = ring();
    ring.install(keys(&["a"]), NOW);
    for turn in 0..50 {
        let now = NOW + turn * 5;
        assert_eq!(shown(ring.find(&header(&format!("x{turn}")), now)), "fetch");
        ring.failed(now, 7);
        assert!(ring.is_unavailable(now));
    }
    assert!(ring.is_due(NOW + 300));
    ring.start_fetch(NOW + 300);
    ring.failed(NOW + 300, 0);
    assert!(ring.is_due(NOW + 301), "the first failure of the timer's own");
    // A fetch for both counts as the timer's.
    assert_eq!(shown(ring.find(&header("y"), NOW + 301)), "fetch");
    ring.start_fetch(NOW + 301);
    ring.failed(NOW + 301, 0);
    assert!(!ring.is_due(NOW + 302));
}

#[test]
fn a_failed_fetch_keeps_the_keys() {
    let mut ring = ring();
    ring.install(keys(&["a"]), NOW);
    assert_eq!(shown(ring.find(&header("b"), NOW)), "fetch");
    ring.failed(NOW, 0);
    assert_eq!(shown(ring.find_after_fetch(&header("b"), NOW)), "unavailable 5");
    assert_eq!(shown(ring.find_after_fetch(&header("a"), NOW)), "key a");
    assert_eq!(shown(ring.find(&header("a"), NOW + 3_600)), "key a", "stale keys serve");
    assert_eq!(shown(ring.find(&header("a"), NOW + 3_601)), "fetch", "but not for ever");
    ring.failed(NOW + 3_601, 0);
    assert_eq!(shown(ring.find_after_fetch(&header("a"), NOW + 3_601)), "unavailable 1");
}

#[test]
fn configured_keys_are_never_fetched() {
    let mut ring = Keyring::given(keys(&["a"]));
    assert!(!ring.is_due(NOW));
    assert_eq!(shown(ring.find(&header("a"), NOW)), "key a");
    assert_eq!(shown(ring.find(&header("b"), NOW)), "token_key_unknown");
}

#[test]
fn the_timer_pauses_after_failures() {
    let (mut ring, mut now) = (ring(), NOW);
    // Failures: the pause doubles up to 30 s, and up to half of it more is spread.
    for (spread, pause) in [(0, 1), (0, 2), (7, 5), (0, 8), (8, 24), (0, 30), (15, 45), (16, 30)] {
        assert!(ring.is_due(now), "{pause}");
        ring.failed(now, spread);
        assert!(!ring.is_due(now + pause - 1), "{pause}");
        now += pause;
    }
    ring.install(keys(&["a"]), NOW);
    assert!(!ring.is_due(NOW + 299));
    assert!(ring.is_due(NOW + 300));
}

#[test]
fn a_clock_that_is_set_back_does_not_block_fetches() {
    let mut ring = ring();
    ring.install(keys(&["a"]), NOW + 1_000_000);
    for _ in 0..9 {
        ring.failed(NOW + 1_000_000, 0);
    }
    assert!(ring.is_due(NOW));
    assert_eq!(shown(ring.find(&header("a"), NOW)), "fetch", "keys of a time that has not come");
    ring.install(keys(&["b"]), NOW);
    assert_eq!(shown(ring.find_after_fetch(&header("b"), NOW)), "key b");
    assert!(!ring.is_due(NOW + 1));
}

#[test]
fn a_fetch_that_never_completes_is_lost() {
    let mut ring = ring();
    ring.install(keys(&["a"]), NOW);
    assert_eq!(shown(ring.find(&header("b"), NOW)), "fetch");
    assert_eq!(shown(ring.find(&header("b"), NOW + 4)), "fetch", "waits with the first");
    assert_eq!(shown(ring.find(&header("b"), NOW + 6)), "fetch", "another one");
    assert_eq!(shown(ring.find(&header("b"), NOW + 11)), "fetch", "waits with the second");
}

#[test]
fn the_number_of_unknown_key_ids_is_bounded() {
    let mut ring = ring();
    ring.install(keys(&["a"]), NOW);
    for n in 0..10_000 {
        ring.find_after_fetch(&header(&format!("x{n}")), NOW);
    }
    assert_eq!(ring.unknown.len(), MAX_UNKNOWN);
}

#[test]
fn the_tokens_header_names_the_key() {
    let token = b"eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.e30.c2ln";
    assert_eq!(Jws::parse(token).unwrap().header, header("a"));
}

/// An unknown key id does not make keys unavailable.
#[test]
fn keys_are_unavailable_without_a_successful_fetch() {
    let ready = |ring: &mut Keyring, now, waited| ring.ready(now, waited).map_err(shown);
    let mut ring = ring();
    assert!(ring.is_unavailable(NOW));
    assert_eq!(ready(&mut ring, NOW, false), Err("fetch".to_owned()));
    ring.failed(NOW, 0);
    assert_eq!(ready(&mut ring, NOW, true), Err("unavailable 1".to_owned()));
    assert_eq!(ready(&mut ring, NOW, false), Err("unavailable 1".to_owned()));
    ring.install(keys(&["a"]), NOW);
    assert_eq!((ready(&mut ring, NOW, false), ring.is_unavailable(NOW)), (Ok(()), false));
    assert_eq!(shown(ring.find(&header("x"), NOW)), "fetch");
    assert!(!ring.is_unavailable(NOW), "an unknown key id");
    ring.failed(NOW, 0);
    assert_eq!((ready(&mut ring, NOW, false), ring.is_unavailable(NOW)), (Ok(()), true));
    ring.install(keys(&["a"]), NOW);
    assert_eq!(ready(&mut ring, NOW + 3_601, false), Err("fetch".to_owned()));
    assert!(ring.is_unavailable(NOW + 3_601));
    let mut given = Keyring::given(keys(&["a"]));
    assert_eq!((ready(&mut given, NOW, false), given.is_unavailable(NOW)), (Ok(()), false));
}

//! What is held of an answer and until when, and what is replayed.

use std::time::Duration;

use abi_host::{Answer, Profile, Response, UpstreamRequest};
use serde_json::json;

use crate::fixture::{bet, builder, chain, ruled, send, summary, Ledger, PROFILES};

/// The longest body that is kept.
const MOST: usize = 64 << 10;

/// A casino that answers once with this, and then with something else.
fn once(response: Response) -> impl FnMut(&UpstreamRequest) -> Answer {
    let mut first = Some(response);
    move |_| Answer::respond(first.take().unwrap_or_else(|| Response::new(200).body("again")))
}

#[test]
fn replays_the_first_answer_byte_for_byte() {
    let body: Vec<u8> = (0..=255).cycle().take(5_000).collect();
    let response = Response::new(201)
        .header("content-type", "application/octet-stream")
        .header("content-encoding", "gzip")
        .header("location", "/bets/7")
        .header("link", "</a>")
        .header("link", "</b>")
        .header("set-cookie", "session=1")
        .header("date", "Mon, 01 Jan 2029 00:00:00 GMT")
        .header("x-ratelimit-remaining", "3")
        .header("x-mine", "1")
        .body(&body);
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({}));
        let mut casino = once(response.clone());
        let bet = || bet().header("accept-encoding", "gzip");
        let first = chain.run(bet(), &mut casino).response.unwrap();
        assert_eq!((first.status(), first.body == body), (201, true), "{profile:?}");
        for _ in 0..3 {
            let second = chain.run(bet(), &mut casino).response.unwrap();
            // WasmX puts a line feed behind what a filter says.
            let said = match profile {
                Profile::Envoy => &second.body[..],
                Profile::Wasmx => second.body.strip_suffix(b"\n").unwrap(),
            };
            assert_eq!((second.status(), said == body), (201, true), "{profile:?}");
            for name in ["content-type", "content-encoding", "location"] {
                assert_eq!(second.headers.get(name), first.headers.get(name), "{name}");
            }
            assert_eq!(second.headers.get("idempotent-replayed"), Some(&b"true"[..]));
            for name in ["set-cookie", "date", "x-ratelimit-remaining", "x-mine"] {
                assert_eq!(second.headers.get(name), None, "{name} under {profile:?}");
            }
        }
        let links = chain.run(bet(), &mut casino).response.unwrap();
        assert_eq!(links.headers.get_all("link").count(), 2, "{profile:?}");
        // A client that does not accept the encoding learns that there is an answer.
        let plain = chain.run(crate::fixture::bet(), &mut casino);
        assert_eq!(summary(&plain), "409 idempotency_answer_unavailable", "{profile:?}");
        assert!(plain.text().contains("\"first_status\":201"), "{}", plain.text());
    }
}

#[test]
fn long_answers_are_not_kept() {
    for profile in PROFILES {
        for (size, counted, want) in [
            (MOST, true, "200 replayed"),
            (MOST, false, "200 replayed"),
            (MOST + 1, true, "409 idempotency_answer_unavailable"),
            (MOST + 1, false, "409 idempotency_answer_unavailable"),
            (4 * MOST, true, "409 idempotency_answer_unavailable"),
            (4 * MOST, false, "409 idempotency_answer_unavailable"),
        ] {
            let body = vec![b'x'; size];
            let mut response = Response::new(200);
            if counted {
                response = response.header("content-length", size.to_string());
            }
            for piece in body.chunks(16 << 10) {
                response = response.chunk(piece);
            }
            let mut chain = chain(profile, &json!({}));
            let mut casino = once(response);
            let case = format!("{size} {counted} {profile:?}");
            let first = chain.run(bet(), &mut casino);
            assert_eq!(summary(&first), "200", "{case}");
            assert_eq!(first.response.unwrap().body, body, "{case}: all of it");
            let second = chain.run(bet(), &mut casino);
            assert_eq!(summary(&second), want, "{case}");
            if want.starts_with("409") {
                assert!(second.text().contains("\"first_status\":200"), "{case}");
            }
        }
    }
}

/// What a client has of an answer that is broken off in its midst, and what its retry gets. Nothing that
/// is held is seen; of what is too long a tombstone stands before the first byte.
#[test]
fn releases_no_byte_before_the_commit() {
    let part = |counted: bool| {
        let mut response = Response::new(200);
        if counted {
            response = response.header("content-length", (2 * MOST).to_string());
        }
        response.chunk(vec![b'x'; 100])
    };
    let unknown = "409 outcome_unknown";
    for (commit, counted, seen, then) in [
        ("before_reply", false, 0, unknown),
        ("after_reply", false, 100, unknown),
        ("before_reply", true, 100, "409 idempotency_answer_unavailable"),
        ("after_reply", true, 100, "409 idempotency_answer_unavailable"),
    ] {
        let mut chain = chain(Profile::Envoy, &ruled(json!({"commit": commit})));
        let mut casino =
            |_: &UpstreamRequest| Answer::fail(abi_host::Outcome::ResetMidBody(part(counted)));
        let report = chain.run(bet(), &mut casino);
        let case = format!("{commit} {counted}");
        assert_eq!(report.response.unwrap().body.len(), seen, "{case}");
        assert_eq!(send(&mut chain, bet(), &mut Ledger::default()), then, "{case}");
    }
    // Without a length the answer is held up to the limit, and a tombstone is stored then.
    for (size, seen) in [(MOST, 0), (MOST + 1, MOST + 1)] {
        let mut chain = chain(Profile::Envoy, &json!({}));
        let mut casino = |_: &UpstreamRequest| {
            let response = Response::new(200).chunk(vec![b'x'; size]);
            Answer::fail(abi_host::Outcome::ResetMidBody(response))
        };
        let report = chain.run(bet(), &mut casino);
        assert_eq!(report.response.unwrap().body.len(), seen, "{size}");
        let then = if seen == 0 { unknown } else { "409 idempotency_answer_unavailable" };
        assert_eq!(send(&mut chain, bet(), &mut Ledger::default()), then, "{size}");
    }
}

/// Thirty-two keys of players: none that has not expired makes room for another, bodies go first.
#[test]
fn a_full_store_refuses_or_forwards() {
    for profile in PROFILES {
        for (on_error, want) in [("refuse", "503 idempotency_unavailable"), ("forward", "200")] {
            let rule = json!({"on_store_error": on_error, "retention_s": 60});
            let mut changes = ruled(rule);
            changes["store"] = json!({"single_node": true, "slots": 32});
            let mut chain = chain(profile, &changes);
            let bet = |n: usize| {
                let bet = crate::fixture::set(bet(), "idempotency-key", &format!("key-{n:08}"));
                crate::fixture::set(bet, "as-player", &format!("p-{n}"))
            };
            let mut casino =
                |_: &UpstreamRequest| Answer::respond(Response::new(200).body(vec![b'x'; 10_000]));
            for n in 0..32 {
                assert_eq!(summary(&chain.run(bet(n), &mut casino)), "200", "{n} {profile:?}");
            }
            assert_eq!(summary(&chain.run(bet(32), &mut casino)), want, "{profile:?}");
            let words: Vec<_> = (0..32).map(|n| summary(&chain.run(bet(n), &mut casino))).collect();
            let replayed = words.iter().filter(|word| *word == "200 replayed").count();
            let digests = words.iter().filter(|w| *w == "409 idempotency_answer_unavailable");
            // Players' three quarters of 144 KiB of answers of 10 kB.
            assert_eq!((replayed, digests.count()), (11, 21), "{words:?} under {profile:?}");
            crate::fixture::advance(&mut chain, Duration::from_secs(61));
            assert_eq!(summary(&chain.run(bet(32), &mut casino)), "200", "{profile:?}: room again");
            assert_eq!(summary(&chain.run(bet(32), &mut casino)), "200 replayed", "{profile:?}");
        }
    }
}

#[test]
fn request_bodies_have_a_limit() {
    for profile in PROFILES {
        for (size, want) in [(1_000, "200"), (1_001, "413 body_too_large")] {
            let changes = json!({"requests": {"max_bytes": 1_000}});
            let mut chain = builder(profile, &changes).start().unwrap();
            let mut bet = bet();
            bet.chunks = vec![vec![b'x'; size / 2], vec![b'x'; size - size / 2]];
            let bet = crate::fixture::set(bet, "content-length", &size.to_string());
            let mut ledger = Ledger::default();
            assert_eq!(send(&mut chain, bet, &mut ledger), want, "{size} {profile:?}");
            assert_eq!(ledger.opened, u32::from(want == "200"), "{size} {profile:?}");
        }
    }
}

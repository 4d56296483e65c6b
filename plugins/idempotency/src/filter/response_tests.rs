//! How keys are settled by the exchange, and what the client has by then.

use crate::fixture::{document, ruled, Bet, ClientView, Fixture, Stream, KEY};
use crate::names::{outcome_metric, OUTCOME};
use serde_json::{json, Value};

const REFUSED: &str = "upstream_reset_before_response_started{connection_refused}";
const RESET: &str = "upstream_reset_before_response_started{connection_termination}";

/// How a call ended by the gateway's word: details, flags, attempts and status.
type Ended = (&'static str, u64, u64, u16);

fn ended(
    fixture: &mut Fixture,
    mut stream: Stream,
    (details, flags, attempts, status): Ended,
) -> Stream {
    fixture.report_exchange(details, flags, attempts);
    assert_eq!(
        fixture.answer_headers(&mut stream, status, &[]),
        ClientView::Upstream,
        "{details} {status}"
    );
    assert_eq!(
        fixture.answer_body(&mut stream, b"{}", true),
        ClientView::Upstream,
        "{details} {status}"
    );
    fixture.log(stream)
}

#[test]
fn settles_by_the_exchange() {
    let retry_replays = |status: u16| format!("{status} replayed");
    let (free, unknown) = ("run".to_owned(), "409 outcome_unknown".to_owned());
    let cases: Vec<(Ended, &str, String)> = vec![
        (("via_upstream", 0, 1, 200), "completed", retry_replays(200)),
        (("via_upstream", 0, 1, 400), "completed", retry_replays(400)),
        (("via_upstream", 0, 1, 402), "completed", retry_replays(402)),
        (("via_upstream", 0, 1, 422), "completed", retry_replays(422)),
        (("via_upstream", 0, 1, 401), "freed", free.clone()),
        (("via_upstream", 0, 1, 403), "freed", free.clone()),
        (("via_upstream", 0, 1, 425), "freed", free.clone()),
        (("via_upstream", 0, 1, 429), "freed", free.clone()),
        (("via_upstream", 0, 1, 503), "freed", free.clone()),
        (("via_upstream", 0, 1, 408), "unknown", unknown.clone()),
        (("via_upstream", 0, 1, 409), "unknown", unknown.clone()),
        (("via_upstream", 0, 1, 500), "unknown", unknown.clone()),
        (("via_upstream", 0, 1, 302), "completed", retry_replays(302)),
        (("via_upstream", 0, 1, 304), "completed", retry_replays(304)),
        (("via_upstream", 0, 1, 101), "unknown", unknown.clone()),
        (("via_upstream", 0, 1, 499), "unknown", unknown.clone()),
        (("via_upstream", 0, 1, 799), "unknown", unknown.clone()),
        (("via_upstream", 0, 2, 302), "unknown", unknown.clone()),
        (("via_upstream", 0, 2, 200), "completed", retry_replays(200)),
        (("via_upstream", 0, 2, 402), "unknown", unknown.clone()),
        (("via_upstream", 0, 2, 429), "unknown", unknown.clone()),
        (("via_upstream", 0, 2, 503), "unknown", unknown.clone()),
        (("geo-jurisdiction:geo_required", 0, 0, 403), "freed", free.clone()),
        (("request_payload_too_large", 0, 0, 413), "freed", free.clone()),
        ((REFUSED, 0x20, 1, 503), "freed", free),
        ((REFUSED, 0x8020, 2, 503), "unknown", unknown.clone()),
        ((RESET, 0x40, 1, 503), "unknown", unknown.clone()),
        (("response_timeout", 0x4, 1, 504), "unknown", unknown.clone()),
        (("late-filter:refused", 0, 1, 403), "unknown", unknown),
    ];
    for commit in ["before_reply", "after_reply"] {
        for (keyed, word, then) in &cases {
            let mut fixture =
                Fixture::new(&ruled(json!({"not_executed": [503], "commit": commit})));
            let (first, _) = fixture.send(&Bet::new());
            let first = ended(&mut fixture, first, *keyed);
            assert_eq!(first.fact(OUTCOME), *word, "{keyed:?} {commit}");
            assert_eq!(
                fixture.host.counters[&outcome_metric("wager", word)],
                1,
                "{keyed:?} {commit}"
            );
            assert_eq!(fixture.outcome_of(&Bet::new()), *then, "{keyed:?} {commit}");
        }
    }
}

/// A deposit that is sent on to the payment provider: the way there is the answer, whatever headers the
/// operator keeps.
#[test]
fn replays_redirections_with_their_location() {
    for changes in [json!({}), json!({"answers": {"headers": ["content-type"]}})] {
        let mut fixture = Fixture::new(&changes);
        let deposit = Bet::to("/deposits").key(KEY);
        let (first, word) = fixture.send(&deposit);
        assert_eq!(word, "run");
        let location = [("location", "https://psp.example/pay/1"), ("set-cookie", "a=1")];
        let first = fixture.answer(first, 303, &location, "");
        assert_eq!(first.fact(OUTCOME), "completed");
        let (again, word) = fixture.send(&deposit);
        assert_eq!(word, "303 replayed");
        let reply = again.replied.unwrap();
        assert_eq!(reply.header("location"), Some("https://psp.example/pay/1"));
        assert_eq!(reply.header("set-cookie"), None);
    }
}

/// What has no body may tell the length of one that would be too long.
#[test]
fn ignores_the_length_of_an_absent_body() {
    let mut fixture = Fixture::new(&json!({"answers": {"max_bytes": 8}}));
    let (mut first, _) = fixture.send(&Bet::new());
    fixture.report_exchange("via_upstream", 0, 1);
    let told = fixture.answer_headers_alone(&mut first, 304, &[("content-length", "99")]);
    assert_eq!(told, ClientView::Upstream);
    fixture.log(first);
    assert_eq!(fixture.outcome_of(&Bet::new()), "304 replayed");
}

#[test]
fn settles_exchanges_without_an_answer() {
    for (details, flags, attempts, then) in [
        // The client left before anything was sent, while it was sent, and for an unknown reason.
        ("downstream_remote_disconnect", 0x4000, 0, "run"),
        ("downstream_remote_disconnect", 0x4000, 1, "409 outcome_unknown"),
        ("", 0, 1, "409 outcome_unknown"),
    ] {
        let mut fixture = Fixture::new(&json!({}));
        let (first, _) = fixture.send(&Bet::new());
        fixture.report_exchange(details, flags, attempts);
        fixture.log(first);
        assert_eq!(fixture.outcome_of(&Bet::new()), then, "{details} {attempts}");
    }
    // Headers had come, and then no more.
    for commit in ["before_reply", "after_reply"] {
        let mut fixture = Fixture::new(&ruled(json!({"commit": commit})));
        let (mut first, _) = fixture.send(&Bet::new());
        fixture.report_exchange("via_upstream", 0, 1);
        assert_eq!(fixture.answer_headers(&mut first, 200, &[]), ClientView::Upstream);
        fixture.answer_body(&mut first, b"ha", false);
        fixture.log(first);
        assert_eq!(fixture.outcome_of(&Bet::new()), "409 outcome_unknown", "{commit}");
    }
}

#[test]
fn settles_by_codes() {
    let rule = ruled(json!({"outcome": {"pointer": "/status", "completed": ["OK"],
        "retryable": ["LATER"], "unknown": ["WHO_KNOWS"]}}));
    for (status, body, then) in [
        (200, r#"{"status":"OK"}"#, "200 replayed"),
        (400, r#"{"status":"OK"}"#, "400 replayed"),
        (200, r#"{"status":"LATER"}"#, "run"),
        (200, r#"{"status":"WHO_KNOWS"}"#, "409 outcome_unknown"),
        (200, r#"{"status":"NEW"}"#, "409 outcome_unknown"),
        (200, "no JSON", "409 outcome_unknown"),
        (500, r#"{"status":"OK"}"#, "409 outcome_unknown"),
        (429, r#"{"status":"OK"}"#, "run"),
    ] {
        let mut fixture = Fixture::new(&rule);
        fixture.complete(&Bet::new(), status, body);
        assert_eq!(fixture.outcome_of(&Bet::new()), then, "{status} {body}");
    }
    // A code in an answer that is too long is not looked for.
    let mut changes = rule;
    changes["answers"] = json!({"max_bytes": 8});
    let mut fixture = Fixture::new(&changes);
    fixture.complete(&Bet::new(), 200, r#"{"status":"OK"}"#);
    assert_eq!(fixture.outcome_of(&Bet::new()), "409 outcome_unknown");
}

/// No byte before the store has it, or every byte at once.
#[test]
fn holds_only_answers_that_are_kept() {
    for (commit, held) in
        [("before_reply", ClientView::Held), ("after_reply", ClientView::Upstream)]
    {
        let mut fixture = Fixture::new(&ruled(json!({"commit": commit})));
        let (mut first, _) = fixture.send(&Bet::new());
        fixture.report_exchange("via_upstream", 0, 1);
        assert_eq!(fixture.answer_headers(&mut first, 200, &[]), ClientView::Upstream);
        let (pieces, sent) = (["ab", "cd"], commit == "after_reply");
        for i in 0..pieces.len() {
            // A copied body passes in parts, a held one as a whole.
            let body = if sent { pieces[i].to_owned() } else { pieces[..=i].concat() };
            assert_eq!(fixture.answer_body(&mut first, body.as_bytes(), false), held, "{commit}");
            assert_eq!(fixture.outcome_of(&Bet::new()), "409 idempotency_in_progress", "{commit}");
        }
        let end = if sent { "" } else { "abcd" };
        assert_eq!(
            fixture.answer_body(&mut first, end.as_bytes(), true),
            ClientView::Upstream,
            "{commit}"
        );
        let (second, word) = fixture.send(&Bet::new());
        assert_eq!(word, "200 replayed", "{commit}");
        assert_eq!(second.replied.unwrap().body, b"abcd", "{commit}");
    }
}

#[test]
fn keeps_the_status_of_long_answers() {
    let changes = |commit: &str| {
        let mut changes = ruled(json!({"commit": commit}));
        changes["answers"] = json!({"max_bytes": 10});
        changes
    };
    for commit in ["before_reply", "after_reply"] {
        for (size, told, then) in [
            (10, true, "201 replayed"),
            (11, true, "409 idempotency_answer_unavailable"),
            (11, false, "409 idempotency_answer_unavailable"),
        ] {
            let keyed = format!("{size} {told} {commit}");
            let mut fixture = Fixture::new(&changes(commit));
            let (mut first, _) = fixture.send(&Bet::new());
            fixture.report_exchange("via_upstream", 0, 1);
            let length = size.to_string();
            let headers = [("content-length", length.as_str())];
            let headers = if told { &headers[..] } else { &[] };
            assert_eq!(
                fixture.answer_headers(&mut first, 201, headers),
                ClientView::Upstream,
                "{keyed}"
            );
            if told && size > 10 {
                // Before its first byte.
                assert_eq!(fixture.outcome_of(&Bet::new()), then, "{keyed}");
            }
            let passed = fixture.answer_body(&mut first, &vec![b'x'; size], true);
            assert_eq!(passed, ClientView::Upstream, "{keyed}");
            let first = fixture.log(first);
            let word = if size > 10 { "oversize" } else { "completed" };
            assert_eq!(first.fact(OUTCOME), word, "{keyed}");
            let (second, got) = fixture.send(&Bet::new());
            assert_eq!(got, then, "{keyed}");
            if size > 10 {
                let problem: Value = serde_json::from_slice(&second.replied.unwrap().body).unwrap();
                assert_eq!(problem["first_status"], 201, "{keyed}");
            }
        }
    }
    // A long refusal that had no effect leaves no tombstone.
    let mut fixture = Fixture::new(&changes("before_reply"));
    fixture.complete(&Bet::new(), 429, &"x".repeat(11));
    assert_eq!(fixture.outcome_of(&Bet::new()), "run");
}

/// The real answer goes on whatever the store does, and no retry is carried out again.
#[test]
fn releases_answers_whose_commit_fails() {
    let calls = [
        "proxy_get_shared_data",
        "proxy_set_shared_data",
        "proxy_get_current_time_nanoseconds",
        "proxy_get_header_map_pairs",
        "proxy_get_property",
        "proxy_get_buffer_bytes",
        "proxy_set_property",
        "proxy_increment_metric",
    ];
    for commit in ["before_reply", "after_reply"] {
        for status in [200, 500, 429] {
            for call in calls {
                let mut fixture = Fixture::new(&ruled(json!({"commit": commit})));
                let (mut first, _) = fixture.send(&Bet::new());
                fixture.report_exchange("via_upstream", 0, 1);
                fixture.host.faults.insert(call, 10);
                let keyed = format!("{call} {status} {commit}");
                assert_eq!(
                    fixture.answer_headers(&mut first, status, &[]),
                    ClientView::Upstream,
                    "{keyed}"
                );
                assert_eq!(
                    fixture.answer_body(&mut first, b"done", true),
                    ClientView::Upstream,
                    "{keyed}"
                );
                let first = fixture.log(first);
                fixture.host.faults.clear();
                if call.contains("shared_data") {
                    assert_eq!(first.fact(OUTCOME), "commit_failed", "{keyed}");
                    let counter = outcome_metric("wager", "commit_failed");
                    assert_eq!(fixture.host.counters[&counter], 1, "{keyed}");
                }
                let then = fixture.outcome_of(&Bet::new());
                assert!(then != "run" || status == 429, "{keyed}: {then}");
                fixture.host.now += 60_000_000_000;
                let then = fixture.outcome_of(&Bet::new());
                let known = ["200 replayed", "409 outcome_unknown"].contains(&then.as_str());
                assert!(known || status == 429, "{keyed}: {then}");
            }
        }
    }
}

/// A claim that was lost settles nothing: what was found out about it meanwhile holds.
#[test]
fn superseded_claims_do_not_settle_the_key() {
    let changes = ruled(json!({"timeout_ms": 1_000, "margin_ms": 0, "reconcile": {
        "cluster": "casino", "path": "/{owner}/{key}", "pointer": "/state", "completed": ["accepted"],
        "free_status": [404]}}));
    let mut fixture = Fixture::new(&changes);
    let (first, _) = fixture.send(&Bet::new());
    fixture.host.now += 1_000_000_000;
    let (mut second, word) = fixture.send(&Bet::new());
    assert_eq!(word, "wait");
    assert_eq!(fixture.complete_call(&mut second, crate::fixture::reply(404, "{}")), "run");
    let first = fixture.answer(first, 200, &[], "first");
    assert_eq!(first.fact(OUTCOME), "stale");
    assert_eq!(fixture.outcome_of(&Bet::new()), "409 idempotency_in_progress");
    fixture.answer(second, 200, &[], "second");
    let (third, _) = fixture.send(&Bet::new());
    assert_eq!(third.replied.unwrap().body, b"second");
}

#[test]
fn a_new_configuration_keeps_the_keys() {
    let mut fixture = Fixture::new(&json!({}));
    fixture.complete(&Bet::new(), 200, "done");
    fixture.configure(&json!({"version": "v2"}));
    assert_eq!(fixture.outcome_of(&Bet::new()), "200 replayed");
    let other = json!({"store": {"single_node": true, "slots": 256, "name": "other"}});
    fixture.configure(&other);
    assert_eq!(fixture.outcome_of(&Bet::new()), "run", "{}", document(&other));
}

/// WasmX does not say whose an answer is, nor holds it.
#[test]
fn settles_on_wasmx() {
    let changes = json!({"host": "wasmx", "facts": {"stripped_by": "player-auth"},
        "commit": "after_reply",
        "store": {"single_node": true, "slots": 256, "zone_bytes": 1_u64 << 30}});
    for (status, then) in [
        (200, "200 replayed"),
        (422, "422 replayed"),
        (403, "run"),
        (502, "409 outcome_unknown"),
        (504, "409 outcome_unknown"),
    ] {
        let mut fixture = Fixture::new(&changes);
        let bet = Bet::new().with("x-player-id", "p-1").with("x-brand", "otter");
        fixture.complete(&bet, status, "answer");
        assert_eq!(fixture.outcome_of(&bet), then, "{status}");
    }
}

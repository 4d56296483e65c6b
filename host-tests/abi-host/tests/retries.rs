//! Retries of the route. The tables have the results of Envoy 1.40 with the same scripts: code, details, flags
//! and `UPSTREAM_REQUEST_ATTEMPT_COUNT` of its access log.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use abi_host::{flags, Answer, Outcome, Profile, Request, Response, RetryPolicy, UpstreamRequest};
use support::{builder, lines, with};

const UC: u64 = flags::UPSTREAM_CONNECTION_TERMINATION;
const UF: u64 = flags::UPSTREAM_CONNECTION_FAILURE;
const UT: u64 = flags::UPSTREAM_TIMEOUT;
const UPE: u64 = flags::UPSTREAM_PROTOCOL_ERROR;
const URX: u64 = flags::UPSTREAM_RETRY_LIMIT_EXCEEDED;

/// Status, flags and attempts of a request whose attempts go as the script says; the last word of it
/// holds for all further ones.
fn tried(retry_on: &str, retries: u64, script: &str, body: usize) -> (u16, u64, u64) {
    let request = Request::post("/", "a".repeat(body));
    tried_with(Profile::Envoy, retry_on, retries, script, request)
}

fn tried_with(
    profile: Profile,
    retry_on: &str,
    retries: u64,
    script: &str,
    request: Request,
) -> (u16, u64, u64) {
    let policy = RetryPolicy::parse(retry_on, retries).unwrap();
    let stages = builder()
        .profile(profile)
        .retries(policy)
        .buffer_limit(1000)
        .route_timeout(Duration::from_secs(1));
    let mut chain = with(stages, &["attempts"]).start().unwrap();
    let body = request.chunks.iter().map(Vec::len).sum::<usize>();
    let mut asked = 0;
    let mut upstream = |request: &UpstreamRequest| {
        asked += 1;
        assert_eq!((request.attempt, request.body.len()), (asked, body), "{script}");
        let index = usize::try_from(asked - 1).unwrap();
        match script.split(',').nth(index).or(script.split(',').next_back()).unwrap() {
            "refused" => Answer::fail(Outcome::Refused),
            "reset" => Answer::fail(Outcome::Reset),
            "slow" => Answer::fail(Outcome::Reset).after(Duration::from_secs(2)),
            "half" => Answer::fail(Outcome::Reset).after(Duration::from_millis(600)),
            "mid" => Answer::fail(Outcome::ResetMidBody(Response::new(200).chunk("abc"))),
            "mid503" => Answer::fail(Outcome::ResetMidBody(Response::new(503).chunk("abc"))),
            status => Answer::respond(Response::new(status.parse().unwrap()).body("x")),
        }
    };
    let report = chain.run(request, &mut upstream);
    assert_eq!(report.attempts, asked, "{script}");
    // WasmX has no attribute for attempts.
    let told = if profile == Profile::Envoy { asked } else { 0 };
    assert_eq!(lines(&report, "a"), [format!("attempts {told}")], "{script}");
    (report.status(), report.flags, report.attempts)
}

#[test]
fn retry_conditions_apply() {
    for (retry_on, retries, script, wanted) in [
        ("5xx", 2, "200", (200, 0, 1)),
        ("5xx", 2, "500,200", (200, 0, 2)),
        ("5xx", 2, "503", (503, URX, 3)),
        ("5xx", 2, "reset,200", (200, 0, 2)),
        ("5xx", 2, "reset", (503, URX | UC, 3)),
        ("5xx", 2, "mid,200", (200, UPE, 1)),
        ("5xx", 2, "mid503,200", (200, 0, 2)),
        ("5xx", 2, "reset,503,200", (200, 0, 3)),
        ("5xx", 2, "503,reset", (503, URX | UC, 3)),
        ("5xx", 2, "reset,503", (503, URX, 3)),
        ("5xx", 2, "404,200", (404, 0, 1)),
        ("5xx", 2, "refused", (503, URX | UF, 3)),
        ("5xx", 2, "slow", (504, UT, 1)),
        ("5xx", 2, "503,slow", (504, UT, 2)),
        // Neither the pause nor another attempt makes the route's timeout any longer.
        ("5xx", 2, "half", (504, UT, 2)),
        ("reset", 2, "503,200", (503, 0, 1)),
        ("reset", 2, "reset,200", (200, 0, 2)),
        ("reset", 2, "reset", (503, URX | UC, 3)),
        ("reset", 2, "mid503,200", (503, UPE, 1)),
        ("reset", 2, "reset,503,200", (503, 0, 2)),
        ("reset", 2, "refused", (503, URX | UF, 3)),
        ("reset", 2, "slow", (504, UT, 1)),
        ("connect-failure", 2, "503,200", (503, 0, 1)),
        ("connect-failure", 2, "reset,200", (503, UC, 1)),
        ("connect-failure", 2, "refused", (503, URX | UF, 3)),
        // These two by the rules alone: one cluster of Envoy's does not both refuse and take connections.
        ("connect-failure", 2, "refused,200", (200, 0, 2)),
        // The flags are those of the last attempt.
        ("connect-failure,reset", 1, "reset,refused", (503, URX | UF, 2)),
        ("gateway-error", 1, "500,200", (500, 0, 1)),
        ("gateway-error", 1, "503,200", (200, 0, 2)),
        ("gateway-error", 1, "reset,200", (200, 0, 2)),
        ("gateway-error", 1, "reset,503,200", (503, URX, 2)),
        ("gateway-error", 1, "refused", (503, URX | UF, 2)),
        ("5xx", 0, "503", (503, URX, 1)),
        ("5xx", 0, "mid503", (503, URX | UPE, 1)),
    ] {
        assert_eq!(tried(retry_on, retries, script, 3), wanted, "{retry_on} {script}");
    }
}

/// The header with the number of retries, also when a filter sets it.
#[test]
fn the_header_limits_retries() {
    for (profile, said, wanted) in [
        (Profile::Envoy, &["0"][..], (503, URX, 1)),
        (Profile::Envoy, &["5"], (503, URX, 6)),
        // No number, and two are joined to none.
        (Profile::Envoy, &["x"], (503, URX, 3)),
        (Profile::Envoy, &["0", "5"], (503, URX, 3)),
        // Other hosts ignore it.
        (Profile::Wasmx, &["0"], (503, URX, 3)),
    ] {
        let request = Request::post("/", "aaa");
        let request = said.iter().fold(request, |it, said| it.header("x-envoy-max-retries", *said));
        assert_eq!(tried_with(profile, "5xx", 2, "503", request), wanted, "{said:?} {profile:?}");
    }
    // It asks for none by itself.
    let request = Request::post("/", "aaa").header("x-envoy-max-retries", "5");
    assert_eq!(tried_with(Profile::Envoy, "connect-failure", 2, "503", request), (503, 0, 1));
}

/// The router keeps no more of a body than a filter may.
#[test]
fn large_bodies_are_not_retried() {
    for (script, body, wanted) in [
        ("503,200", 1000, (200, 0, 2)),
        ("503,200", 1001, (503, 0, 1)),
        ("reset,200", 1001, (503, UC, 1)),
    ] {
        assert_eq!(tried("5xx", 2, script, body), wanted, "{script} {body}");
    }
}

#[test]
fn unknown_conditions_are_refused() {
    for retry_on in ["", "retriable-4xx", "5xx,refused-stream"] {
        assert_eq!(RetryPolicy::parse(retry_on, 1), None, "{retry_on}");
    }
}

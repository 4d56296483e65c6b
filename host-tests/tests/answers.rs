//! policy-shell as a module: responses. Each request's `x-answer` header has the steps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod probe;

use std::time::Duration;

use abi_host::{
    Answer, Chain, Codec, Ending, Faults, Headers, Profile, Report, Request, Response, StreamId,
    Upstream, UpstreamRequest,
};
use policy_kit::{Denial, Details};
use probe::{builder, chain, chain_of, hello, plugin, scripted, told, PLUGIN, PROFILES};

/// What `slow:80` takes to answer.
const SLOW: Duration = Duration::from_millis(350);

fn asked(answer: &str) -> Request {
    scripted("").header("x-answer", answer)
}

fn pieces() -> Response {
    Response::new(200).chunk("a").chunk("b").chunk("c")
}

fn with_trailers() -> Response {
    pieces().trailers(Headers::from([("x-checksum", "1")]))
}

fn run(chain: &mut Chain, answer: &str, response: &Response) -> Report {
    chain.run(asked(answer), &mut |_: &UpstreamRequest| Answer::respond(response.clone()))
}

/// Unchanged from the upstream.
fn assert_whole(report: &Report, response: &Response, case: &str) {
    assert_eq!((report.traps.as_slice(), &report.ending), (&[][..], &Ending::Completed), "{case}");
    let client = report.response.as_ref().unwrap();
    let sent = (response.status(), response.chunks.concat(), &response.trailers);
    assert_eq!((client.status(), client.body.clone(), &client.trailers), sent, "{case}");
    assert!(client.complete, "{case}");
}

/// The 403 in its place, without any part of the response.
fn assert_replaced(report: &Report, case: &str) {
    let refusal = Denial::UNCLASSIFIED.problem(&Details::NONE);
    let client = report.response.as_ref().unwrap();
    assert_eq!((client.status(), &client.body), (refusal.status, &refusal.body.to_vec()), "{case}");
    assert!(client.complete, "{case}");
    // Written over the upstream's answer it has no length, and the upstream's trailers go on behind it.
    match report.header("content-length") {
        None => {}
        length => {
            assert_eq!(length, Some(&*refusal.body.len().to_string().into_bytes()), "{case}");
            assert!(client.trailers.is_none(), "{case}");
        }
    }
    assert_eq!((&report.traps[..], &report.ending), (&[][..], &Ending::Completed), "{case}");
}

#[test]
fn responses_are_held_or_copied_completely() {
    let big = Response::new(200).body("x".repeat(70_000));
    let http2 = Response { codec: Codec::Http2, ..pieces() };
    for (answer, response, wanted) in [
        ("hold:3", pieces(), "body=3"),
        ("hold:3", Response::new(200).body("abc"), "body=3"),
        ("hold:3", http2.clone(), "body=3"),
        ("hold:3", with_trailers(), "body=3"),
        ("hold:3", Response::new(204), "body=0"),
        ("hold:3", Response::new(200).trailers(Headers::from([("x-checksum", "1")])), "body=0"),
        ("hold:70000", big.clone(), "body=70000"),
        ("hold:0", Response::new(304), "body=0"),
        ("hold:2", pieces(), "TooLarge"),
        ("hold:2", Response::new(200).body("abc"), "TooLarge"),
        ("hold:2", http2.clone(), "TooLarge"),
        ("hold:2", with_trailers(), "TooLarge"),
        ("hold:2", big.clone(), "TooLarge"),
        ("copy:3", pieces(), "body=3"),
        ("copy:3", http2, "body=3"),
        ("copy:3", with_trailers(), "body=3"),
        ("copy:3", Response::new(204), "body=0"),
        ("copy:2", pieces(), "TooLarge"),
        ("copy:2", with_trailers(), "TooLarge"),
        ("copy:70000", big, "body=70000"),
        // Once it is held or has passed, nothing can take its place, nor can it be held again.
        ("hold:3,replace", pieces(), "body=3"),
        ("copy:3,replace", pieces(), "body=3"),
        ("hold:2,replace", with_trailers(), "TooLarge"),
        ("hold:3,hold:3", pieces(), "body=3"),
        ("copy:3,hold:3,call", pieces(), "body=3"),
    ] {
        let mut chain = chain(PROFILES[0], "pam:80", &Faults::new());
        let report = run(&mut chain, answer, &response);
        let case = format!("{answer} {}", response.chunks.concat().len());
        assert_whole(&report, &response, &case);
        assert_eq!(told(&report), wanted, "{case}");
    }
}

/// WasmX has no filter state, but counters, and no end of stream in header callbacks.
#[test]
fn responses_are_copied_on_both_hosts() {
    for profile in PROFILES {
        for (answer, response, wanted) in [
            ("copy:3", pieces(), "body=3"),
            ("copy:3", Response::new(200).body("abc"), "body=3"),
            ("copy:2", pieces(), "TooLarge"),
            ("copy:3", Response::new(204), "body=0"),
        ] {
            let mut chain = chain(profile, "", &Faults::new());
            let report = run(&mut chain, answer, &response);
            let case = format!("{profile:?} {answer} {:?}", response.chunks);
            assert_whole(&report, &response, &case);
            assert_eq!(chain.metric(&format!("probe.answer.{wanted}")), Some(1), "{case}");
        }
    }
}

#[test]
fn calls_during_responses_keep_the_response() {
    for (target, said) in [
        ("pam:80", "answer=200/7"),
        ("long:80", "answer=200/8+"),
        ("late:80", "answer=504/8+"),
        ("down:80", "answer=503/8+"),
        ("torn:80", "no-answer"),
        ("full:80", "failed:proxy_http_call"),
        ("nobody", "failed:proxy_http_call"),
    ] {
        for (answer, wanted) in [
            ("call", said.to_owned()),
            ("call,call", format!("{said} {said}")),
            ("call,hold:3", format!("{said} body=3")),
            ("call,copy:3", format!("{said} body=3")),
            ("hold:3,call", format!("body=3 {said}")),
            ("hold:2,call", format!("TooLarge {said}")),
            ("copy:3,call", format!("body=3 {said}")),
            ("call,hold:3,call", format!("{said} body=3 {said}")),
            ("hold:3,call,replace", format!("body=3 {said}")),
        ] {
            for response in [pieces(), with_trailers(), Response::new(200).body("abc")] {
                let mut chain = chain(PROFILES[0], target, &Faults::new());
                let report = run(&mut chain, answer, &response);
                let case = format!("{target} {answer}");
                assert_whole(&report, &response, &case);
                assert_eq!(told(&report), wanted, "{case}");
            }
        }
        let mut chain = chain(PROFILES[0], target, &Faults::new());
        let report = run(&mut chain, "hold:3,call", &Response::new(204));
        assert_whole(&report, &Response::new(204), target);
        assert_eq!(told(&report), format!("body=0 {said}"), "{target}");
    }
}

/// With Envoy's `allow_on_headers_stop_iteration` the body arrives while the headers are held for a call; the
/// filter still gets it afterwards.
#[test]
fn bodies_during_held_headers_are_seen() {
    for (answer, wanted) in [
        ("call,hold:3", "answer=200/7 body=3"),
        ("call,hold:2", "answer=200/7 TooLarge"),
        ("call,copy:3", "answer=200/7 body=3"),
        ("call,copy:2", "answer=200/7 TooLarge"),
        ("call,hold:3,call", "answer=200/7 body=3 answer=200/7"),
    ] {
        for response in [pieces(), with_trailers()] {
            let plugin = plugin("envoy", "slow:80", "").allow_stop_iteration();
            let mut chain = chain_of(Profile::Envoy, plugin).start().unwrap();
            let report = run(&mut chain, answer, &response);
            assert_whole(&report, &response, answer);
            assert_eq!(told(&report), wanted, "{answer}");
        }
    }
    let plugin = plugin("envoy", "slow:80", "").allow_stop_iteration();
    let mut chain = chain_of(Profile::Envoy, plugin).start().unwrap();
    assert_replaced(&run(&mut chain, "call,replace", &with_trailers()), "call,replace");
}

/// Otherwise a filter could hold a response for ever.
#[test]
fn a_response_waits_for_at_most_four_calls() {
    for target in ["pam:80", "nobody"] {
        let mut chain = chain(PROFILES[0], target, &Faults::new());
        let report = run(&mut chain, "hold:3,call,call,call,call,call,call", &pieces());
        assert_whole(&report, &pieces(), target);
        assert_eq!(chain.trace(PLUGIN).count("proxy_http_call"), 4, "{target}");
    }
}

/// A client that disconnects during the call shows what it received by then; other clients get the complete
/// response, after the call.
#[test]
fn nothing_passes_before_the_call_completes() {
    for (answer, had, wanted) in [
        ("call", None, "answer=200/7"),
        ("call,hold:3", None, "answer=200/7 body=3"),
        ("hold:3,call", Some(""), "body=3 answer=200/7"),
        ("hold:2,call", Some(""), "TooLarge answer=200/7"),
        ("copy:3,call", Some("abc"), "body=3 answer=200/7"),
        ("copy:2,call", Some("ab"), "TooLarge answer=200/7"),
    ] {
        for response in [pieces(), with_trailers()] {
            let mut upstream = |_: &UpstreamRequest| Answer::respond(response.clone());
            let mut chain = chain(PROFILES[0], "slow:80", &Faults::new());
            let leaver = chain.open(0, asked(answer));
            let stayer = chain.open(0, asked(answer));
            chain.run_for(SLOW - Duration::from_millis(1), &mut upstream);
            chain.leave(leaver);
            let left = chain.take_report(leaver).unwrap();
            let case = format!("{answer} {:?}", response.trailers);
            let got = left.response.map(|it| (it.text(), it.complete));
            assert_eq!(got, had.map(|text| (text.to_owned(), false)), "{case}");
            let report = chain.finish(stayer, &mut upstream);
            assert_whole(&report, &response, &case);
            assert_eq!(told(&report), wanted, "{case}");
            assert_eq!(report.ended - report.started, 350_000_000, "{case}");
            // The call of the disconnected client completes without effect.
            assert_eq!(chain.traps(), [], "{case}");
        }
    }
}

#[test]
fn responses_can_be_replaced() {
    for answer in ["replace", "call,replace", "call,call,replace"] {
        for response in [pieces(), with_trailers(), Response::new(204), Response::new(500)] {
            let mut chain = chain(PROFILES[0], "pam:80", &Faults::new());
            let report = run(&mut chain, answer, &response);
            assert_replaced(&report, answer);
            assert!(report.upstream.is_some_and(|upstream| upstream.complete), "{answer}");
        }
    }
    // An empty answer is held to no end: it is given with the headers, so it can still be replaced.
    let mut chain = chain(PROFILES[0], "pam:80", &Faults::new());
    assert_replaced(&run(&mut chain, "hold:3,replace", &Response::new(204)), "204");
}

/// Local replies take the same path.
#[test]
fn refusals_are_responses_too() {
    for (answer, status) in [("hold:9000", 403), ("copy:9000", 403), ("hold:1,call", 403)] {
        let mut chain = chain(PROFILES[0], "pam:80", &Faults::new());
        let report = chain.run(scripted("deny").header("x-answer", answer), &mut hello);
        assert_eq!((report.status(), report.traps.len()), (status, 0), "{answer}");
        assert_replaced(&report, answer);
    }
}

/// Sends its answer as soon as it has seen the headers.
struct Hasty;

impl Upstream for Hasty {
    fn opened(&mut self, _: StreamId, _: &Headers) -> Option<Answer> {
        Some(Answer::respond(pieces()))
    }

    fn answer(&mut self, _: &UpstreamRequest) -> Answer {
        Answer::respond(pieces())
    }
}

/// The upstream answers before the body is complete.
#[test]
fn early_responses_are_handled_alike() {
    for (answer, replaced) in
        [("replace", true), ("call,replace", true), ("hold:3", false), ("hold:3,call", false)]
    {
        let mut chain = chain(PROFILES[0], "slow:80", &Faults::new());
        let request = scripted("body:9").header("x-answer", answer);
        let request = request.chunk("ab").chunk("c").with_chunk_gap(Duration::from_secs(1));
        let report = chain.run(request, &mut Hasty);
        match replaced {
            true => assert_replaced(&report, answer),
            false => assert_whole(&report, &pieces(), answer),
        }
        assert!(!report.upstream.unwrap().complete, "{answer}");
    }
}

/// WasmX cannot replace a response: the stream is closed.
#[test]
fn replacing_a_response_on_wasmx_resets_it() {
    let mut chain = builder(PROFILES[1], "", "").start().unwrap();
    assert_eq!(PROFILES[1].0, Profile::Wasmx);
    let report = run(&mut chain, "replace", &pieces());
    assert_eq!((&report.traps[..], &report.ending), (&[][..], &Ending::Reset));
    assert!(report.response.is_none_or(|response| !response.complete));
}

//! The answer's half of the driver over a fake gateway.

use super::*;
use crate::fake::FakeHost;
use crate::{Denial, Details, Driver, Host, HttpCall, Step};
use std::time::Duration;

/// Returns the steps of a script, whatever happens.
struct Scripted(Vec<ResponseStep>);

impl Scripted {
    fn next(&mut self) -> ResponseStep {
        if self.0.is_empty() {
            ResponseStep::Continue
        } else {
            self.0.remove(0)
        }
    }
}

impl Filter for Scripted {
    fn on_request_headers(&mut self, _: &mut dyn Host, _: bool) -> Step {
        Step::Continue
    }
    fn on_response_headers(&mut self, _: &mut dyn Host, _: bool) -> ResponseStep {
        self.next()
    }
    fn on_response_body(
        &mut self,
        host: &mut dyn Host,
        body: Result<&[u8], BodyFault>,
    ) -> ResponseStep {
        host.log(log::Level::Info, &format!("{:?}", body.map(<[u8]>::len)));
        self.next()
    }
    fn on_response_call(&mut self, host: &mut dyn Host, reply: CallReply) -> ResponseStep {
        host.log(log::Level::Info, &format!("{reply:?}"));
        self.next()
    }
}

fn call() -> ResponseStep {
    ResponseStep::Call(HttpCall {
        target: "store".into(),
        headers: vec![],
        body: vec![],
        timeout: Duration::from_millis(100),
        max_reply: 9,
    })
}

fn replace() -> ResponseStep {
    ResponseStep::Replace(Denial::UNCLASSIFIED.problem(&Details::NONE))
}

fn driver(steps: &[ResponseStep]) -> Driver<Scripted> {
    Driver::new(Some(Scripted(steps.to_vec())))
}

const HOLD: ResponseStep = ResponseStep::Hold { limit: 4 };
const COPY: ResponseStep = ResponseStep::Copy { limit: 4 };

#[test]
fn bodies_are_held_or_copied_up_to_the_limit() {
    use Action::{Continue, Pause};
    // What the filter wants, pieces as (size, end), actions, and what the filter got.
    type Case = (ResponseStep, &'static [(usize, bool)], &'static [Action], &'static str);
    let cases: &[Case] = &[
        (HOLD, &[(2, false), (4, false), (4, true)], &[Pause, Pause, Continue], "Ok(4)"),
        (HOLD, &[(4, true)], &[Continue], "Ok(4)"),
        (HOLD, &[(2, false), (5, false), (9, true)], &[Pause, Continue, Continue], "Err(TooLarge)"),
        (HOLD, &[(5, true)], &[Continue], "Err(TooLarge)"),
        (COPY, &[(2, false), (2, false), (0, true)], &[Continue; 3], "Ok(4)"),
        (COPY, &[(2, false), (3, false), (1, true)], &[Continue; 3], "Err(TooLarge)"),
    ];
    for (want, pieces, actions, told) in cases {
        let mut host = FakeHost { answer_body: b"123456789".to_vec(), ..FakeHost::default() };
        let mut driver = driver(std::slice::from_ref(want));
        assert_eq!(driver.on_response_headers(&mut host, false), Continue);
        let got: Vec<_> =
            pieces.iter().map(|(n, end)| driver.on_response_body(&mut host, *n, *end)).collect();
        assert_eq!(got, *actions, "{want:?} {pieces:?}");
        assert_eq!(host.logs, [*told], "{want:?} {pieces:?}");
    }
}

#[test]
fn a_response_without_a_body_is_an_empty_body() {
    for want in [HOLD, COPY] {
        let mut host = FakeHost::default();
        assert_eq!(driver(&[want]).on_response_headers(&mut host, true), Action::Continue);
        assert_eq!(host.logs, ["Ok(0)"]);
    }
}

#[test]
fn trailers_complete_a_body() {
    for (want, body, told) in
        [(HOLD, &b"1234"[..], "Ok(4)"), (HOLD, b"12345", "Err(TooLarge)"), (COPY, b"12", "Ok(2)")]
    {
        let mut host = FakeHost { answer_body: body.to_vec(), ..FakeHost::default() };
        let mut driver = driver(&[want]);
        driver.on_response_headers(&mut host, false);
        driver.on_response_body(&mut host, body.len().min(4), false);
        assert_eq!(driver.on_response_trailers(&mut host), Action::Continue);
        assert_eq!(host.logs, [told]);
    }
}

#[test]
fn an_unreadable_body_goes_on() {
    for (want, host) in [
        (HOLD, FakeHost::default().failing("proxy_get_buffer_bytes", 2)),
        (COPY, FakeHost::default().failing("proxy_get_buffer_bytes", 2)),
        (HOLD, FakeHost::default()),
    ] {
        let mut host = host;
        let mut driver = driver(&[want]);
        driver.on_response_headers(&mut host, false);
        assert_eq!(driver.on_response_body(&mut host, 3, true), Action::Continue);
        assert!(host.logs[0].contains("Unreadable"), "{:?}", host.logs);
    }
}

#[test]
fn calls_hold_the_response() {
    let mut host = FakeHost { answer_body: b"12".to_vec(), ..FakeHost::default() };
    let mut driver = driver(&[HOLD, call(), call()]);
    driver.on_response_headers(&mut host, false);
    assert_eq!(driver.on_response_body(&mut host, 2, true), Action::Pause);
    driver.on_call(&mut host, 7, |_| CallReply::NoResponse);
    assert_eq!(host.logs.len(), 1, "a stranger's answer");
    driver.on_call(&mut host, 1, |_| CallReply::NoResponse);
    assert!(!host.answer_resumed, "asked again");
    assert_eq!(driver.on_response_trailers(&mut host), Action::Pause);
    driver.on_call(&mut host, 2, |_| CallReply::NoResponse);
    assert!(host.answer_resumed && !host.was_reset);
}

#[test]
fn a_body_may_follow_a_call() {
    let mut host = FakeHost { answer_body: b"12".to_vec(), ..FakeHost::default() };
    let mut driver = driver(&[call(), HOLD]);
    assert_eq!(driver.on_response_headers(&mut host, false), Action::Pause);
    driver.on_call(&mut host, 1, |_| CallReply::NoResponse);
    assert!(host.answer_resumed, "the headers must go on for the body to come");
    assert_eq!(driver.on_response_body(&mut host, 2, false), Action::Pause);
    assert_eq!(driver.on_response_body(&mut host, 2, true), Action::Continue);
}

/// Envoy with `allow_on_headers_stop_iteration`: the same, for answers.
#[test]
fn an_early_body_is_held_with_the_headers() {
    use Action::{Continue, Pause};
    // What has come by the time of the call's answer, as (size, end); trailers; whether the answer then
    // goes on; what comes later; what the filter gets in the end.
    type Pieces = &'static [(usize, bool)];
    type Case = (ResponseStep, Pieces, bool, bool, &'static [(usize, bool, Action)], &'static str);
    let cases: &[Case] = &[
        (HOLD, &[(2, false), (4, true)], false, true, &[], "Ok(4)"),
        (HOLD, &[(4, false)], true, true, &[], "Ok(4)"),
        (HOLD, &[], true, true, &[], "Ok(0)"),
        (HOLD, &[(5, false)], false, true, &[(1, true, Continue)], "Err(TooLarge)"),
        (HOLD, &[(2, false)], false, false, &[(3, false, Pause), (4, true, Continue)], "Ok(4)"),
        (HOLD, &[(2, false)], false, false, &[(5, false, Continue)], "Err(TooLarge)"),
        (COPY, &[(2, false), (4, true)], false, true, &[], "Ok(4)"),
        (COPY, &[(2, false)], true, true, &[], "Ok(2)"),
        (COPY, &[(2, false)], false, true, &[(2, true, Continue)], "Ok(4)"),
        (COPY, &[(2, false)], false, true, &[(3, true, Continue)], "Err(TooLarge)"),
        (COPY, &[(5, false)], false, true, &[(1, true, Continue)], "Err(TooLarge)"),
    ];
    for (want, pieces, trailers, goes_on, later, told) in cases {
        let mut host = FakeHost { answer_body: b"123456789".to_vec(), ..FakeHost::default() };
        let mut driver = driver(&[call(), want.clone()]);
        driver.on_response_headers(&mut host, false);
        for (size, end) in *pieces {
            assert_eq!(driver.on_response_body(&mut host, *size, *end), Pause);
        }
        if *trailers {
            assert_eq!(driver.on_response_trailers(&mut host), Pause);
        }
        driver.on_call(&mut host, 1, |_| CallReply::NoResponse);
        let case = format!("{want:?} {pieces:?} {trailers}");
        assert_eq!(host.answer_resumed, *goes_on, "{case}");
        for (size, end, action) in *later {
            assert_eq!(driver.on_response_body(&mut host, *size, *end), *action, "{case}");
        }
        assert_eq!(host.logs[1..], [*told], "{case}");
    }
}

#[test]
fn failed_calls_are_reported_and_bounded_and_the_response_goes_on() {
    let mut host = FakeHost::default().failing("proxy_http_call", 2);
    let mut driver = driver(&vec![call(); 99]);
    assert_eq!(driver.on_response_headers(&mut host, true), Action::Continue);
    assert_eq!(host.logs.len(), usize::from(MAX_CALLS));
}

#[test]
fn a_response_that_cannot_be_resumed_is_reset() {
    let mut host = FakeHost::default().failing("proxy_continue_stream", 10);
    let mut driver = driver(&[call()]);
    driver.on_response_headers(&mut host, true);
    driver.on_call(&mut host, 1, |_| CallReply::NoResponse);
    assert!(host.was_reset);
}

fn upstreams(status: &str) -> Vec<crate::fake::Pair> {
    let pairs = [
        (":status", status),
        ("content-length", "3"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("vary", "origin"),
        ("access-control-allow-origin", "https://play.example"),
    ];
    pairs.map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())).to_vec()
}

/// Written over the upstream's, so that filters in front of this one treat it as any response.
#[test]
fn replacements_are_written_over_the_response() {
    for pieces in [&[(3, true)][..], &[(2, false), (1, false), (0, true)], &[(0, true)]] {
        let body = b"abc".to_vec();
        let mut host =
            FakeHost { response: upstreams("200"), answer_body: body, ..FakeHost::default() };
        let mut driver = driver(&[replace()]);
        assert_eq!(driver.on_response_headers(&mut host, false), Action::Continue);
        let mut told = Vec::new();
        for (size, end) in pieces {
            host.answer_body = vec![b'x'; *size];
            assert_eq!(driver.on_response_body(&mut host, *size, *end), Action::Continue);
            told.extend_from_slice(&host.answer_body);
        }
        assert_eq!(driver.on_response_trailers(&mut host), Action::Continue);
        assert_eq!(told, Denial::UNCLASSIFIED.problem(&Details::NONE).body, "{pieces:?}");
        assert_eq!(host.replied, None);
        let mut headers: Vec<_> = host.response.iter().map(|(n, v)| (&n[..], &v[..])).collect();
        headers.sort_unstable();
        let want = [
            (&b":status"[..], &b"403"[..]),
            (b"access-control-allow-origin", b"https://play.example"),
            (b"cache-control", b"no-store"),
            (b"content-type", b"application/problem+json"),
            (b"vary", b"origin"),
        ];
        assert_eq!(headers, want);
        // The request's body, should it still come, goes nowhere.
        assert_eq!(driver.on_request_body(&mut host, 3, true), Action::Pause);
    }
}

/// Where there is no body to write into, or the headers cannot be written, the gateway answers itself.
#[test]
fn replacements_without_room_are_local_replies() {
    for (end, failing) in [
        (true, None),
        (false, Some("proxy_replace_header_map_value")),
        (false, Some("proxy_get_header_map_pairs")),
    ] {
        let mut host = FakeHost { response: upstreams("200"), ..FakeHost::default() };
        host.faults.extend(failing.map(|call| (call, 10)));
        let mut early = driver(&[replace()]);
        assert_eq!(early.on_response_headers(&mut host, end), Action::Pause, "{failing:?}");
        assert_eq!(host.replied.as_ref().map(|r| r.code), Some("endpoint_unclassified"));
        assert_eq!(early.on_response_body(&mut host, 3, true), Action::Pause, "not the upstream's");
        assert_eq!(early.on_response_trailers(&mut host), Action::Pause);
    }
    let mut host = FakeHost { answer_body: b"1".to_vec(), ..FakeHost::default() };
    let mut late = driver(&[HOLD, replace()]);
    late.on_response_headers(&mut host, false);
    assert_eq!(late.on_response_body(&mut host, 1, true), Action::Continue);
    assert_eq!(host.replied, None, "the client has the first headers already");

    let mut host = FakeHost::default().failing("proxy_send_local_response", 10);
    driver(&[replace()]).on_response_headers(&mut host, true);
    assert!(host.was_reset);

    let mut host = FakeHost { response: upstreams("200"), ..FakeHost::default() };
    let mut cut = driver(&[replace()]);
    assert_eq!(cut.on_response_headers(&mut host, false), Action::Continue);
    host.faults.insert("proxy_set_buffer_bytes", 10);
    assert_eq!(cut.on_response_body(&mut host, 3, true), Action::Pause);
    assert!(host.was_reset, "the upstream's body is not that of this answer");
}

/// A decompressor behind this filter ends bodies with trailers, for which Envoy calls only a filter that lets the
/// body go on: a response that was held for them waited for the idle timeout.
#[test]
fn the_last_piece_of_the_upstream_is_not_held() {
    let done = || ("response.backend_latency".to_owned(), vec![1; 8]);
    let mut host = FakeHost { answer_body: b"1234".to_vec(), ..FakeHost::default() };
    let mut uncounted = driver(&[HOLD]);
    uncounted.on_response_headers(&mut host, false);
    assert_eq!(uncounted.on_response_body(&mut host, 2, false), Action::Pause);
    host.properties.extend([done()]);
    assert_eq!(uncounted.on_response_body(&mut host, 4, false), Action::Continue);
    assert_eq!(host.logs.len(), 0, "it may not be all of it");
    assert_eq!(uncounted.on_response_trailers(&mut host), Action::Continue);
    assert_eq!(host.logs, ["Ok(4)"]);

    // A filter that held a part of it before is called for no trailers; more of it may come.
    for (more, flags, told) in [
        (&[][..], Some(0_u64), &["Ok(4)"][..]),
        (&[(2, false)], Some(0), &["Err(TooLarge)"]),
        (&[(0, true)], Some(0), &["Ok(4)"]),
        (&[], Some(0x4000), &[]),
        (&[], None, &[]),
    ] {
        let mut host = FakeHost { answer_body: b"1234".to_vec(), ..FakeHost::default() };
        host.properties.extend([done()]);
        let mut released = driver(&[HOLD]);
        released.on_response_headers(&mut host, false);
        assert_eq!(released.on_response_body(&mut host, 4, false), Action::Continue);
        for (size, end) in more {
            assert_eq!(released.on_response_body(&mut host, *size, *end), Action::Continue);
        }
        let flags = flags.map(|flags| ("response.flags".to_owned(), flags.to_le_bytes().to_vec()));
        host.properties.extend(flags);
        released.on_log(&mut host);
        assert_eq!(host.logs, told, "{more:?}");
    }

    let mut host = FakeHost { answer_body: b"1234".to_vec(), ..FakeHost::default() };
    host.properties.extend([done()]);
    host.response = vec![(b"content-length".to_vec(), b"4".to_vec())];
    let mut counted = driver(&[HOLD]);
    counted.on_response_headers(&mut host, false);
    assert_eq!(counted.on_response_body(&mut host, 4, false), Action::Pause, "an end will come");
    assert_eq!(counted.on_response_body(&mut host, 4, true), Action::Continue);
}

//! A commit that takes its time: the client has nothing of the answer before it is made, and all of it
//! where it cannot be made.

use std::time::Duration;

use abi_host::{
    Answer, Call, CallAnswer, Chain, Ending, PluginConfig, Report, Request, Response,
    UpstreamRequest,
};

use crate::fixture::{broken, code, gateway, Settings, PLUGIN, SECOND};

const BODY: &str = r#"{"bet":"b-1"}"#;

fn start(delay: CallAnswer) -> Chain {
    let document = Settings::default().document();
    let config = PluginConfig::new(PLUGIN, document).env("BROKEN_STORE", "slow");
    let callouts = move |call: &Call| match call.upstream.as_slice() {
        b"ledger-delay" => delay.clone(),
        _ => CallAnswer::UnknownTarget,
    };
    gateway(broken(), config).callouts(callouts).start().unwrap()
}

fn bet() -> Request {
    Request::post("/bets", "{}").header("idempotency-key", "key-of-call-1")
}

fn bet_taken(_: &UpstreamRequest) -> Answer {
    let (one, two) = BODY.split_at(5);
    Answer::respond(Response::new(201).chunk(one).chunk(two))
}

fn took(report: &Report) -> u64 {
    report.ended - report.started
}

fn outcomes(chain: &Chain, outcome: &str) -> Option<u64> {
    chain.metric(&format!("pitboss.idempotency.outcomes.class=wager.outcome={outcome}"))
}

#[test]
fn releases_nothing_before_the_commit() {
    let delay = CallAnswer::Response(Response::new(200), Duration::from_secs(1));
    let mut chain = start(delay);
    let early = bet().leaving_after(Duration::from_millis(999));
    let early = chain.run(early.header("x-request-id", "r-1"), &mut bet_taken);
    assert_eq!(early.ending, Ending::ClientGone);
    let seen = early.response.map(|response| response.body).unwrap_or_default();
    assert_eq!(seen, b"", "nothing of the body is there before the commit");

    let other = || Request::post("/bets", "{}").header("idempotency-key", "key-of-call-2");
    let first = chain.open(0, other());
    chain.run_for(Duration::from_millis(999), &mut bet_taken);
    assert!(chain.take_report(first).is_none());
    let meanwhile = chain.run(other(), &mut bet_taken);
    assert_eq!(code(meanwhile.text().as_bytes()).as_deref(), Some("idempotency_in_progress"));
    let first = chain.finish(first, &mut bet_taken);
    assert_eq!((first.status(), first.text().as_str(), took(&first)), (201, BODY, SECOND));
    assert_eq!(outcomes(&chain, "completed"), Some(1));
    let again = chain.run(other(), &mut bet_taken);
    assert_eq!((again.status(), again.text().as_str()), (201, BODY));
    assert_eq!(again.header("idempotent-replayed"), Some(&b"true"[..]));
    assert!(again.upstream.is_none());
}

#[test]
fn a_failed_commit_releases_the_answer() {
    let tenth = Duration::from_millis(100);
    for (delay, waits) in [
        (CallAnswer::Response(Response::new(500), tenth), SECOND / 10),
        (CallAnswer::Refused(tenth), SECOND / 10),
        (CallAnswer::Reset(tenth), SECOND / 10),
        (CallAnswer::Silence, 5 * SECOND),
        (CallAnswer::NoCapacity, 0),
        (CallAnswer::UnknownTarget, 0),
    ] {
        let mut chain = start(delay.clone());
        let first = chain.run(bet(), &mut bet_taken);
        let got = (first.ending.clone(), first.status(), first.text());
        assert_eq!(got, (Ending::Completed, 201, BODY.to_owned()), "{delay:?}");
        assert_eq!(took(&first), waits, "{delay:?}");
        assert_eq!(outcomes(&chain, "commit_failed"), Some(1), "{delay:?}");
        let again = chain.run(bet(), &mut bet_taken);
        assert_eq!(code(again.text().as_bytes()).as_deref(), Some("outcome_unknown"), "{delay:?}");
        assert!(again.upstream.is_none(), "{delay:?}");
        assert_eq!(again.traps, [], "{delay:?}");
    }
}

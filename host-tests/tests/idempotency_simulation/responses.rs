//! Checks what clients got against the books.

use abi_host::{ClientResponse, Ending, Report, Response};

use crate::books::{Books, Sent};
use crate::fixture::{code, LONGEST, RETENTION, SLACK};

/// The headers that are replayed.
const KEPT: [&str; 2] = ["content-type", "location"];

/// Checks the end of a request.
pub(crate) fn check(books: &mut Books, report: &Report) {
    let now = books.now();
    let Some(sent) = books.sent.get_mut(&report.stream) else { return };
    sent.ended = Some(now);
    let sent = *sent;
    let status = report.status();
    let refusal = report.response.as_ref().and_then(|response| code(&response.body));
    let word = refusal.clone().unwrap_or_default();
    let (stream, ending) = (report.stream, &report.ending);
    books.note(&format!("key {} {stream:?} ended: {ending:?} {status} {word}", sent.key));
    if let Ending::Stalled { filter } = &report.ending {
        books.tally.count("stalled");
        if books.harmed.is_none_or(|at| at < sent.at) {
            books.fails(format!("{stream:?} is held by {filter:?} for ever"));
        }
    }
    let Some(response) = report.response.as_ref().filter(|response| response.complete) else {
        return;
    };
    if response.headers.get("idempotent-replayed").is_some() {
        books.tally.count("replays");
        replayed(books, sent, response);
    } else if report.code_details == "via_upstream" && refusal.is_none() {
        first(books, report, response);
    }
    match refusal.as_deref() {
        Some("idempotency_key_reused") => reused(books, sent),
        Some("idempotency_in_progress") => another(books, report, sent, "in_progress"),
        Some("outcome_unknown") => another(books, report, sent, "outcome_unknown"),
        Some("idempotency_answer_unavailable") => unavailable(books, sent, response),
        Some("idempotency_quota") => books.tally.count("quota"),
        Some("idempotency_unavailable" | "policy_unavailable") => books.tally.count("unavailable"),
        _ => {}
    }
}

/// Whether a client got exactly this answer.
fn is_same(response: &ClientResponse, first: &Response) -> bool {
    let (headers, expected) = (&response.headers, &first.headers);
    let same = |name: &&str| headers.get(name) == expected.get(name);
    let others = ["set-cookie", "date", "x-internal"];
    response.status() == first.status()
        && KEPT.iter().all(same)
        && others.iter().all(|name| headers.get(name).is_none())
        && response.body == first.chunks.concat()
}

/// A replay is the first answer, byte for byte, or the ledger's reply about it. Here and below, what counted
/// when the request was sent may be reported later: a reconcile call takes time, and the clock jumps.
fn replayed(books: &mut Books, sent: Sent, response: &ClientResponse) {
    let now = books.now();
    let run = books.last_run(sent.key).filter(|run| run.counts_between(sent.at, now));
    let first = run.and_then(|run| run.answer.as_ref()).is_some_and(|it| is_same(response, it));
    let same = run.is_none_or(|run| run.body == sent.body);
    let resolved = books.outcomes.get(&sent.key).into_iter().flatten();
    let mut resolved = resolved.filter(|(at, _)| sent.at < at + RETENTION + SLACK);
    if resolved.any(|(_, answer)| is_same(response, answer)) {
        return books.tally.count("resolved");
    }
    let text = response.text();
    if !first {
        books.fails(format!("key {}: a replay is not the first answer: {text}", sent.key));
    } else if !same {
        books.fails(format!("key {}: another request's answer was replayed: {text}", sent.key));
    }
}

/// An answer of the upstream is the request's own.
fn first(books: &mut Books, report: &Report, response: &ClientResponse) {
    books.tally.count("answers");
    let run = books.runs.values().flatten().find(|run| run.stream == report.stream);
    let own = run.and_then(|run| run.answer.as_ref());
    let same = own.is_some_and(|own| {
        own.status() == response.status() && own.chunks.concat() == response.body
    });
    if !same {
        books.fails(format!("{:?} got an answer that is not its own", report.stream));
    }
}

/// A request that is refused as reused has another body than an earlier one.
fn reused(books: &mut Books, sent: Sent) {
    books.tally.count("reused");
    let mut others = books.sent.values().filter(|other| other.key == sent.key);
    if !others.any(|other| other.body != sent.body && other.may_count_at(sent.at)) {
        books.fails(format!("key {}: refused, and no other body was sent", sent.key));
    }
}

/// A refusal because of another request needs another request.
fn another(books: &mut Books, report: &Report, sent: Sent, what: &str) {
    books.tally.count(what);
    let others = books.sent.iter().filter(|(stream, _)| **stream != report.stream);
    let mut others = others.filter(|(_, other)| other.key == sent.key);
    if !others.any(|(_, other)| other.may_count_at(sent.at)) {
        books.fails(format!("key {}: {what}, and there is no other request", sent.key));
    }
}

/// Only answers that are too long are unavailable, and their status is reported, unless the gateway failed.
fn unavailable(books: &mut Books, sent: Sent, response: &ClientResponse) {
    books.tally.count("answer_unavailable");
    let problem: serde_json::Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let reported = problem["first_status"].as_u64();
    let first = books.last_run(sent.key).and_then(|run| run.answer.as_ref());
    let long = first.is_some_and(|first| first.chunks.concat().len() > LONGEST);
    let status = first.map(|first| u64::from(first.status()));
    if books.tally.of("faults") == 0 && !(long && status == reported) {
        books.fails(format!("key {}: the answer with {reported:?} is unavailable", sent.key));
    }
}

//! Outcomes by exchange, status and code.

use super::*;

const COMPLETED: Outcome<()> = Outcome::Completed(());

fn upstream(status: u16) -> Exchange {
    Exchange::Upstream { status, attempt: Attempt::Only }
}

fn retried(status: u16) -> Exchange {
    Exchange::Upstream { status, attempt: Attempt::Later }
}

#[test]
fn outcomes_of_exchanges() {
    use Outcome::{NoEffect, Unknown};
    let rule = OutcomeRule::default();
    for (exchange, want) in [
        (upstream(200), COMPLETED),
        (upstream(201), COMPLETED),
        (upstream(299), COMPLETED),
        (upstream(301), COMPLETED),
        (upstream(400), COMPLETED),
        (upstream(401), NoEffect),
        (upstream(402), COMPLETED),
        (upstream(403), NoEffect),
        (upstream(408), Unknown),
        (upstream(409), Unknown),
        (upstream(422), COMPLETED),
        (upstream(425), NoEffect),
        (upstream(429), NoEffect),
        (upstream(499), Unknown),
        (upstream(500), Unknown),
        (upstream(503), Unknown),
        (upstream(100), Unknown),
        (retried(200), COMPLETED),
        (retried(303), Unknown),
        (retried(401), Unknown),
        (retried(422), Unknown),
        (retried(503), Unknown),
        (Exchange::Refused, NoEffect),
        (Exchange::NotConnected(Attempt::Only), NoEffect),
        (Exchange::NotConnected(Attempt::Later), Unknown),
        (Exchange::Other, Unknown),
    ] {
        assert_eq!(rule.outcome(exchange, None), want, "{exchange:?}");
    }
}

#[test]
fn outcomes_of_all_statuses() {
    use Outcome::{NoEffect, Unknown};
    let table: &[(std::ops::RangeInclusive<u16>, Outcome<()>)] = &[
        (100..=199, Unknown),
        (200..=299, COMPLETED),
        (300..=399, COMPLETED),
        (400..=400, COMPLETED),
        (401..=401, NoEffect),
        (402..=402, COMPLETED),
        (403..=403, NoEffect),
        (404..=406, COMPLETED),
        (407..=407, NoEffect),
        (408..=409, Unknown),
        (410..=416, COMPLETED),
        (417..=417, NoEffect),
        (418..=420, COMPLETED),
        (421..=421, NoEffect),
        (422..=422, COMPLETED),
        (423..=423, Unknown),
        (424..=424, COMPLETED),
        (425..=426, NoEffect),
        (427..=427, COMPLETED),
        (428..=429, NoEffect),
        (430..=430, COMPLETED),
        (431..=431, NoEffect),
        (432..=450, COMPLETED),
        (451..=451, NoEffect),
        (452..=459, COMPLETED),
        (460..=460, Unknown),
        (461..=498, COMPLETED),
        (499..=499, Unknown),
        (500..=999, Unknown),
    ];
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    let (completed, retryable) = (words(&["OK"]), words(&["BUSY"]));
    let code = CodeRule { pointer: "/code".to_owned(), completed, retryable };
    let coded = OutcomeRule { not_executed: Vec::new(), code: Some(code) };
    let mut next = 100;
    for (statuses, want) in table {
        assert_eq!(*statuses.start(), next, "no gap and no overlap");
        next = statuses.end() + 1;
        for status in statuses.clone() {
            assert_eq!(OutcomeRule::default().outcome(upstream(status), None), *want, "{status}");
            let again = OutcomeRule::default().outcome(retried(status), None);
            let success = (200..=299).contains(&status);
            assert_eq!(again, if success { COMPLETED } else { Unknown }, "{status}, retried");
            // A code decides where a status would be completed; without it the outcome is unknown.
            let by_code = *want == COMPLETED;
            assert_eq!(coded.needs_body(status), by_code, "{status}");
            for (body, by_body) in [("OK", COMPLETED), ("BUSY", NoEffect), ("NEW", Unknown)] {
                let body = format!(r#"{{"code":"{body}"}}"#);
                let got = coded.outcome(upstream(status), Some(body.as_bytes()));
                assert_eq!(got, if by_code { by_body } else { *want }, "{status} {body}");
            }
            let without = coded.outcome(upstream(status), Some(b""));
            assert_eq!(without, if by_code { Unknown } else { *want }, "{status}");
        }
    }
    assert_eq!(next, 1_000);
}

#[test]
fn outcomes_of_statuses_by_configuration() {
    use Outcome::{NoEffect, Unknown};
    let shedding = OutcomeRule { not_executed: vec![503], code: None };
    assert_eq!(shedding.outcome(upstream(503), None), NoEffect);
    assert_eq!(shedding.outcome(upstream(500), None), Unknown);
    assert_eq!(
        shedding.outcome(retried(503), None),
        Unknown,
        "the first attempt may have been read"
    );
}

#[test]
fn outcomes_of_codes() {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    let code = CodeRule {
        pointer: "/status".to_owned(),
        completed: words(&["RS_OK", "0"]),
        retryable: words(&["RS_ERROR_LIMIT", "RS_OK_BUT_BOTH", "0"]),
    };
    let rule = OutcomeRule { not_executed: Vec::new(), code: Some(code) };
    for (status, body, want) in [
        (200, Some(r#"{"status":"RS_OK"}"#), Outcome::Completed(())),
        (400, Some(r#"{"status":"RS_OK"}"#), Outcome::Completed(())),
        (200, Some(r#"{"status":"RS_ERROR_LIMIT"}"#), Outcome::NoEffect),
        (200, Some(r#"{"status":"RS_ERROR_UNKNOWN"}"#), Outcome::Unknown),
        (200, Some(r#"{"status":0}"#), Outcome::Unknown),
        (200, Some(r#"{"status":true}"#), Outcome::Unknown),
        (200, Some(r#"{}"#), Outcome::Unknown),
        (200, Some("no JSON"), Outcome::Unknown),
        (200, None, Outcome::Unknown),
        (500, Some(r#"{"status":"RS_OK"}"#), Outcome::Unknown),
        (401, Some(r#"{"status":"RS_OK"}"#), Outcome::NoEffect),
    ] {
        let body = body.map(str::as_bytes);
        assert_eq!(rule.outcome(upstream(status), body), want, "{status} {body:?}");
        assert_eq!(rule.outcome(retried(status), body), Outcome::Unknown, "{status}, retried");
    }
}

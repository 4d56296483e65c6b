//! How a call ended, and what that means for its key.

use policy_kit::value_at;
use serde_json::Value;

/// How a call ended, as far as the gateway can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The upstream answered, and the gateway says that the answer is the upstream's own.
    Upstream {
        /// Its status.
        status: u16,
        /// Which try it answers.
        attempt: Attempt,
    },
    /// A later filter refused the call: the upstream has not heard of it.
    Refused,
    /// No connection could be had.
    NotConnected(Attempt),
    /// Anything else: a reset, a timeout, a client that left, a worker that was replaced.
    Other,
}

/// How often the gateway tried. After a retry the last attempt says nothing of the first, which may
/// have been read before it was reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Once, or not at all.
    Only,
    /// More often, or nobody knows.
    Later,
}

/// What becomes of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The call took effect, or was refused for good: the answer is the answer to every retry.
    Completed,
    /// The call had no effect: the key is free again.
    Free,
    /// Nobody can tell. For money such a call is never carried out again by itself.
    Unknown,
}

/// What differs for the calls of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutcomeRule {
    /// Statuses of the upstream that mean that nothing was done, where the operator knows it: `503`
    /// of a service that sheds before it reads.
    pub not_executed: Vec<u16>,
    /// Where a partner's answer has its code, and which codes mean what; an unlisted one is unknown.
    pub code: Option<CodeRule>,
}

/// Codes within an answer, for contracts that put errors into a 200.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeRule {
    /// A JSON pointer to the code.
    pub pointer: String,
    /// Codes of calls that are over.
    pub completed: Vec<String>,
    /// Codes of calls that had no effect and may be sent again.
    pub retryable: Vec<String>,
}

/// Judges an ending. `body` is the answer's, where it was there as a whole.
pub fn judge(ending: Ending, body: Option<&[u8]>, rule: &OutcomeRule) -> Judged {
    match ending {
        Ending::Upstream { status, attempt } => {
            let judged = judge_answer(status, body, rule);
            // What a later try was told says nothing of the first, unless it is that all is well: the
            // stake may be missing because the first try took it. A code does not tell these apart.
            let well = rule.code.is_none() && (200..=299).contains(&status);
            match (attempt, judged) {
                (Attempt::Later, Judged::Free) => Judged::Unknown,
                (Attempt::Later, Judged::Completed) if !well => Judged::Unknown,
                _ => judged,
            }
        }
        Ending::Refused | Ending::NotConnected(Attempt::Only) => Judged::Free,
        Ending::NotConnected(Attempt::Later) | Ending::Other => Judged::Unknown,
    }
}

fn judge_answer(status: u16, body: Option<&[u8]>, rule: &OutcomeRule) -> Judged {
    let by_code = || rule.code.as_ref().map_or(Judged::Unknown, |code| code.judge(body));
    rule.by_status(status).unwrap_or_else(by_code)
}

impl OutcomeRule {
    /// Whether only the body tells what an answer of this status means.
    pub fn needs_body(&self, status: u16) -> bool {
        self.by_status(status).is_none()
    }

    /// What an answer's status tells; `None` where only a code in its body does.
    ///
    /// | status | means |
    /// | --- | --- |
    /// | 401, 403, 407, 417, 421, 425, 426, 428, 429, 431, 451 | refused before anything was done, and the same call may be sent again (RFC 9110, RFC 8470, RFC 6585, RFC 7725) |
    /// | 408, 409, 423 | too late, or in conflict with something under way: it may be this very call |
    /// | 460, 499 | another proxy's word for a caller that left: the call went on without it |
    /// | 2xx, 3xx, other 4xx | an answer: the call took effect, or was refused or directed elsewhere for good |
    /// | 1xx, 5xx | nobody can tell. 101 is another protocol, whose outcome is told in that |
    /// | anything else | no status of HTTP (RFC 9110 section 15), though Envoy lets it pass: likewise |
    fn by_status(&self, status: u16) -> Option<Judged> {
        match status {
            _ if self.not_executed.contains(&status) => Some(Judged::Free),
            401 | 403 | 407 | 417 | 421 | 425 | 426 | 428 | 429 | 431 | 451 => Some(Judged::Free),
            408 | 409 | 423 | 460 | 499 => Some(Judged::Unknown),
            200..=499 if self.code.is_some() => None,
            200..=499 => Some(Judged::Completed),
            _ => Some(Judged::Unknown),
        }
    }
}

impl CodeRule {
    fn judge(&self, body: Option<&[u8]>) -> Judged {
        let document = body.and_then(|body| serde_json::from_slice::<Value>(body).ok());
        let code = document.as_ref().and_then(|document| value_at(document, &self.pointer));
        let code = match code {
            Some(Value::String(text)) => text.clone(),
            Some(number @ Value::Number(_)) => number.to_string(),
            _ => return Judged::Unknown,
        };
        match (self.completed.contains(&code), self.retryable.contains(&code)) {
            (true, false) => Judged::Completed,
            (false, true) => Judged::Free,
            _ => Judged::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(status: u16) -> Ending {
        Ending::Upstream { status, attempt: Attempt::Only }
    }

    fn retried(status: u16) -> Ending {
        Ending::Upstream { status, attempt: Attempt::Later }
    }

    #[test]
    fn endings() {
        use Judged::{Completed, Free, Unknown};
        let rule = OutcomeRule::default();
        for (ending, want) in [
            (upstream(200), Completed),
            (upstream(201), Completed),
            (upstream(299), Completed),
            (upstream(301), Completed),
            (upstream(400), Completed),
            (upstream(401), Free),
            (upstream(402), Completed),
            (upstream(403), Free),
            (upstream(408), Unknown),
            (upstream(409), Unknown),
            (upstream(422), Completed),
            (upstream(425), Free),
            (upstream(429), Free),
            (upstream(499), Unknown),
            (upstream(500), Unknown),
            (upstream(503), Unknown),
            (upstream(100), Unknown),
            (retried(200), Completed),
            (retried(303), Unknown),
            (retried(401), Unknown),
            (retried(422), Unknown),
            (retried(503), Unknown),
            (Ending::Refused, Free),
            (Ending::NotConnected(Attempt::Only), Free),
            (Ending::NotConnected(Attempt::Later), Unknown),
            (Ending::Other, Unknown),
        ] {
            assert_eq!(judge(ending, None, &rule), want, "{ending:?}");
        }
    }

    /// Every status has its rule: what is asked for again is not left to chance.
    #[test]
    fn every_status_of_an_upstream() {
        use Judged::{Completed, Free, Unknown};
        let table: &[(std::ops::RangeInclusive<u16>, Judged)] = &[
            (100..=199, Unknown),
            (200..=299, Completed),
            (300..=399, Completed),
            (400..=400, Completed),
            (401..=401, Free),
            (402..=402, Completed),
            (403..=403, Free),
            (404..=406, Completed),
            (407..=407, Free),
            (408..=409, Unknown),
            (410..=416, Completed),
            (417..=417, Free),
            (418..=420, Completed),
            (421..=421, Free),
            (422..=422, Completed),
            (423..=423, Unknown),
            (424..=424, Completed),
            (425..=426, Free),
            (427..=427, Completed),
            (428..=429, Free),
            (430..=430, Completed),
            (431..=431, Free),
            (432..=450, Completed),
            (451..=451, Free),
            (452..=459, Completed),
            (460..=460, Unknown),
            (461..=498, Completed),
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
                assert_eq!(
                    judge(upstream(status), None, &OutcomeRule::default()),
                    *want,
                    "{status}"
                );
                let again = judge(retried(status), None, &OutcomeRule::default());
                let well = (200..=299).contains(&status);
                assert_eq!(again, if well { Completed } else { Unknown }, "{status}, retried");
                // A code decides where an answer would; without one nobody can tell.
                let by_code = *want == Completed;
                assert_eq!(coded.needs_body(status), by_code, "{status}");
                for (body, said) in [("OK", Completed), ("BUSY", Free), ("NEW", Unknown)] {
                    let body = format!(r#"{{"code":"{body}"}}"#);
                    let got = judge(upstream(status), Some(body.as_bytes()), &coded);
                    assert_eq!(got, if by_code { said } else { *want }, "{status} {body}");
                }
                let without = judge(upstream(status), Some(b""), &coded);
                assert_eq!(without, if by_code { Unknown } else { *want }, "{status}");
            }
        }
        assert_eq!(next, 1_000);
    }

    #[test]
    fn what_the_operator_knows_of_statuses() {
        use Judged::{Free, Unknown};
        let shedding = OutcomeRule { not_executed: vec![503], code: None };
        assert_eq!(judge(upstream(503), None, &shedding), Free);
        assert_eq!(judge(upstream(500), None, &shedding), Unknown);
        assert_eq!(
            judge(retried(503), None, &shedding),
            Unknown,
            "the first try may have been read"
        );
    }

    #[test]
    fn codes_within_an_answer() {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        let code = CodeRule {
            pointer: "/status".to_owned(),
            completed: words(&["RS_OK", "0"]),
            retryable: words(&["RS_ERROR_LIMIT", "RS_OK_BUT_BOTH", "0"]),
        };
        let rule = OutcomeRule { not_executed: Vec::new(), code: Some(code) };
        for (status, body, want) in [
            (200, Some(r#"{"status":"RS_OK"}"#), Judged::Completed),
            (400, Some(r#"{"status":"RS_OK"}"#), Judged::Completed),
            (200, Some(r#"{"status":"RS_ERROR_LIMIT"}"#), Judged::Free),
            (200, Some(r#"{"status":"RS_ERROR_UNKNOWN"}"#), Judged::Unknown),
            (200, Some(r#"{"status":0}"#), Judged::Unknown),
            (200, Some(r#"{"status":true}"#), Judged::Unknown),
            (200, Some(r#"{}"#), Judged::Unknown),
            (200, Some("no JSON"), Judged::Unknown),
            (200, None, Judged::Unknown),
            (500, Some(r#"{"status":"RS_OK"}"#), Judged::Unknown),
            (401, Some(r#"{"status":"RS_OK"}"#), Judged::Free),
        ] {
            let body = body.map(str::as_bytes);
            assert_eq!(judge(upstream(status), body, &rule), want, "{status} {body:?}");
            assert_eq!(judge(retried(status), body, &rule), Judged::Unknown, "{status}, retried");
        }
    }
}

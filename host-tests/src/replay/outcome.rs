//! The outcome of one request.
use crate::envoy::config::{decision_of, PLUGINS};
use crate::traffic::{Answer, Request};

/// The outcome of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Status the client saw; 0 when it saw none.
    pub status: u16,
    /// Endpoint class.
    pub class: String,
    /// Brand.
    pub brand: String,
    /// Jurisdiction.
    pub jurisdiction: String,
    /// `allow`, `deny`, `shadow`; `gateway` when the gateway itself refused; `none` without a policy;
    /// `not-emulated` and `unanswered` without an outcome.
    pub decision: String,
    /// Plugin that decided.
    pub plugin: String,
    /// Stable code of the refusal, or the gateway's response code detail.
    pub code: String,
    /// The answer's header fields, sorted, without those that change from run to run.
    pub headers: Vec<String>,
    /// The body the client saw.
    pub body: Vec<u8>,
}

/// The decision if the behaviour of Envoy is not emulated.
const NOT_EMULATED: &str = "not-emulated";

/// The decision without an answer.
const UNANSWERED: &str = "unanswered";

/// An absent value in a printed line.
const NOTHING: &str = "-";

impl Outcome {
    /// The outcome by the answer, the code detail and the filter state.
    pub fn new(answer: &Answer, details: &str, fact: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| fact(name).unwrap_or_else(|| NOTHING.to_owned());
        let (decision, plugin, code) = decide(details, &fact);
        Self {
            status: answer.status,
            class: text("pitboss.class"),
            brand: text("pitboss.brand"),
            jurisdiction: text("pitboss.jurisdiction"),
            decision,
            plugin,
            code,
            headers: stable_headers(answer),
            body: answer.body.clone(),
        }
    }

    /// The outcome of a request that is not emulated. It differs from every other.
    pub fn not_emulated(what: &str) -> Self {
        let nothing = || NOTHING.to_owned();
        Self {
            class: nothing(),
            brand: nothing(),
            jurisdiction: nothing(),
            decision: NOT_EMULATED.to_owned(),
            plugin: nothing(),
            code: what.replace(' ', "_"),
            ..Self::default()
        }
    }

    /// The outcome of a request without an answer. It differs from every other.
    pub fn unanswered(why: &str) -> Self {
        Self { decision: UNANSWERED.to_owned(), ..Self::not_emulated(why) }
    }

    /// The line for output and golden files.
    pub fn line(&self, request: &Request) -> String {
        let seconds = request.offset.as_secs_f64();
        let method = request.method.escape_ascii().to_string();
        let target = request.shown_target();
        format!(
            "{:>3} {seconds:>8.3} {:<15} {method:<7} {target:<40} {:<14} {:<7} {:<16} {:<25} {}",
            request.number,
            request.origin(),
            self.class,
            self.decision,
            self.plugin,
            self.code,
            self.status,
        )
    }

    /// The differences to the other half, one line each.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let body = |it: &Self| String::from_utf8_lossy(&it.body).into_owned();
        let pairs = [
            ("status", self.status.to_string(), other.status.to_string()),
            ("class", self.class.clone(), other.class.clone()),
            ("brand", self.brand.clone(), other.brand.clone()),
            ("jurisdiction", self.jurisdiction.clone(), other.jurisdiction.clone()),
            ("decision", self.decision.clone(), other.decision.clone()),
            ("plugin", self.plugin.clone(), other.plugin.clone()),
            ("code", self.code.clone(), other.code.clone()),
            ("headers", self.headers.join(" | "), other.headers.join(" | ")),
            ("body", body(self), body(other)),
        ];
        let differing = pairs.into_iter().filter(|(_, ours, theirs)| ours != theirs);
        differing.map(|(name, ours, theirs)| format!("{name}: {ours:?} but {theirs:?}")).collect()
    }
}

/// Header fields of the connection, of the moment, or of Envoy's own book-keeping.
const UNSTABLE_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "date",
    "server",
    "transfer-encoding",
    "via",
    "x-envoy-upstream-service-time",
    "x-request-id",
];

fn stable_headers(answer: &Answer) -> Vec<String> {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let counts = |name: &[u8]| {
        !name.starts_with(b":") && !UNSTABLE_HEADERS.iter().any(|it| it.as_bytes() == name)
    };
    let fields = answer.headers.iter().filter(|(name, _)| counts(name));
    let mut fields: Vec<String> =
        fields.map(|(name, value)| format!("{}: {}", text(name), text(value))).collect();
    fields.sort();
    fields
}

/// Decision, plugin and code: of the first plugin that denies, else of the first in shadow mode that would
/// deny, else of the one that replayed an answer.
fn decide(details: &str, fact: &impl Fn(&str) -> Option<String>) -> (String, String, String) {
    let nothing = || NOTHING.to_owned();
    let decisions: Vec<(&str, String)> =
        PLUGINS.iter().filter_map(|plugin| Some((*plugin, fact(&decision_of(plugin))?))).collect();
    for action in ["deny", "shadow"] {
        for (plugin, decision) in &decisions {
            if let Some(code) = decision.strip_prefix(action).and_then(|it| it.strip_prefix(':')) {
                return (action.to_owned(), (*plugin).to_owned(), code.to_owned());
            }
        }
    }
    if let Some((plugin, _)) = decisions.iter().find(|(_, decision)| decision == "replay") {
        return ("replay".to_owned(), (*plugin).to_owned(), nothing());
    }
    match decisions.last() {
        Some(_) => ("allow".to_owned(), nothing(), nothing()),
        None if details == "via_upstream" => ("none".to_owned(), nothing(), nothing()),
        None => ("gateway".to_owned(), nothing(), details.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Facts, the code detail, and the decision, plugin and code that follow.
    #[test]
    fn the_first_denial_is_the_decision() {
        let geo = "pitboss.geo-jurisdiction.decision";
        let auth = "pitboss.player-auth.decision";
        let once = "pitboss.idempotency.decision";
        for (facts, details, wanted) in [
            (&[][..], "via_upstream", ["none", "-", "-"]),
            (&[], "http1.codec_error", ["gateway", "-", "http1.codec_error"]),
            (&[(geo, "allow")], "via_upstream", ["allow", "-", "-"]),
            (&[(geo, "deny:x")], "y", ["deny", "geo-jurisdiction", "x"]),
            (&[(geo, "allow"), (once, "replay")], "y", ["replay", "idempotency", "-"]),
            (&[(geo, "deny:x"), (auth, "shadow:y")], "", ["deny", "geo-jurisdiction", "x"]),
            (
                &[(geo, "shadow:x"), (auth, "allow")],
                "via_upstream",
                ["shadow", "geo-jurisdiction", "x"],
            ),
            (
                &[(geo, "shadow:x"), (auth, "shadow:y")],
                "via_upstream",
                ["shadow", "player-auth", "y"],
            ),
        ] {
            let fact = |name: &str| {
                facts.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned())
            };
            let outcome = Outcome::new(&Answer::default(), details, fact);
            assert_eq!([outcome.decision, outcome.plugin, outcome.code], wanted, "{facts:?}");
        }
    }

    #[test]
    fn every_field_is_compared() {
        let ours = Outcome { status: 403, body: b"a".to_vec(), ..Outcome::default() };
        assert!(ours.differences(&ours).is_empty());
        let theirs = Outcome { status: 200, body: b"b".to_vec(), ..Outcome::default() };
        let wanted = ["status: \"403\" but \"200\"", "body: \"a\" but \"b\""];
        assert_eq!(ours.differences(&theirs), wanted);
    }
}

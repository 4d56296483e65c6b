//! The decisions of another configuration about the same traffic.
//!
//! 1. A decision is an action with its code: `allow`, `deny jurisdiction_unlicensed`. Configurations are
//!    compared by decisions; statuses are shown too, since an allowed bet may still fail.
//! 2. A request with the same decision and another status is a consequence of another change (a different
//!    balance, say), and is listed separately.
//! 3. The market of a change is the place that either policy found.
use crate::replay::Outcome;
use crate::traffic::Request;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A request with a different decision under the other configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Number of the request.
    pub number: usize,
    /// Method and target.
    pub request: String,
    /// Endpoint class, `now -> then` where the policies classify differently.
    pub class: String,
    /// Jurisdiction, likewise.
    pub market: String,
    /// The refusal's code that comes or goes.
    pub code: String,
    /// The decision now.
    pub now: String,
    /// The decision then.
    pub then: String,
    /// The status now.
    pub status_now: u16,
    /// The status then.
    pub status_then: u16,
}

/// Changes that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Endpoint class.
    pub class: String,
    /// Jurisdiction.
    pub market: String,
    /// The decision now.
    pub now: String,
    /// The decision then.
    pub then: String,
    /// Numbers of the requests.
    pub numbers: Vec<usize>,
}

/// Two policies over the same traffic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WhatIf {
    /// Requests replayed.
    pub replayed: usize,
    /// Requests whose decision changes.
    pub changes: Vec<Change>,
    /// Numbers of the requests whose status alone changes.
    pub consequences: Vec<usize>,
}

impl WhatIf {
    /// Compares the decisions of now with those of then.
    pub fn new(requests: &[Request], now: &[Outcome], then: &[Outcome]) -> Self {
        let mut out = Self { replayed: requests.len(), ..Self::default() };
        for (request, (now, then)) in requests.iter().zip(now.iter().zip(then)) {
            if decision(now) != decision(then) {
                out.changes.push(change(request, now, then));
            } else if now.status != then.status {
                out.consequences.push(request.number);
            }
        }
        out
    }

    /// Changes by class, market, and the two decisions.
    pub fn groups(&self) -> Vec<Group> {
        let mut groups = BTreeMap::<_, Vec<usize>>::new();
        for it in &self.changes {
            groups.entry((&it.class, &it.market, &it.now, &it.then)).or_default().push(it.number);
        }
        let group =
            |((class, market, now, then), numbers): ((&String, &String, &String, &String), _)| {
                Group {
                    class: class.clone(),
                    market: market.clone(),
                    now: now.clone(),
                    then: then.clone(),
                    numbers,
                }
            };
        groups.into_iter().map(group).collect()
    }

    /// How many changes there are by one of their fields.
    pub fn count<'a>(&'a self, by: impl Fn(&'a Change) -> &'a str) -> BTreeMap<&'a str, usize> {
        let mut counts = BTreeMap::new();
        for change in &self.changes {
            *counts.entry(by(change)).or_default() += 1;
        }
        counts
    }

    /// The last line.
    pub fn summary(&self) -> String {
        format!("{} of {} decisions would change", self.changes.len(), self.replayed)
    }

    /// Everything, as it is printed.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for it in &self.changes {
            line(
                &mut out,
                format_args!(
                    "{:>3} {:<40} {:<14} {:<8} {} {} -> {} {}",
                    it.number,
                    it.request,
                    it.class,
                    it.market,
                    it.now,
                    it.status_now,
                    it.then,
                    it.status_then,
                ),
            );
        }
        if !self.changes.is_empty() {
            line(&mut out, format_args!("\nby class, market and code:"));
        }
        for it in self.groups() {
            let numbers = list(&it.numbers);
            let count = it.numbers.len();
            let change = format!("{} -> {}", it.now, it.then);
            line(
                &mut out,
                format_args!("{count:>5} {:<14} {:<8} {change}  ({numbers})", it.class, it.market),
            );
        }
        let dimensions = [
            ("class", self.count(|it| &it.class)),
            ("market", self.count(|it| &it.market)),
            ("code", self.count(|it| &it.code)),
        ];
        for (name, counts) in dimensions.iter().filter(|_| !self.changes.is_empty()) {
            let counts: Vec<String> =
                counts.iter().map(|(value, count)| format!("{value} {count}")).collect();
            line(&mut out, format_args!("by {name}: {}", counts.join(", ")));
        }
        if !self.consequences.is_empty() {
            let numbers = list(&self.consequences);
            line(&mut out, format_args!("same decision, another status: {numbers}"));
        }
        line(&mut out, format_args!("{}", self.summary()));
        out
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    writeln!(out, "{text}").ok();
}

fn list(numbers: &[usize]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn decision(outcome: &Outcome) -> (&str, &str, &str) {
    (&outcome.decision, &outcome.plugin, &outcome.code)
}

/// `deny jurisdiction_unlicensed`; an `allow` has no code.
fn words(outcome: &Outcome) -> String {
    if outcome.code == "-" {
        return outcome.decision.clone();
    }
    format!("{} {}", outcome.decision, outcome.code)
}

fn change(request: &Request, now: &Outcome, then: &Outcome) -> Change {
    let both = |now: &str, then: &str| match (now, then) {
        _ if now == then => now.to_owned(),
        ("-", known) | (known, "-") => known.to_owned(),
        _ => format!("{now} -> {then}"),
    };
    let (method, target) = (request.method.escape_ascii(), request.shown_target());
    Change {
        number: request.number,
        request: format!("{method} {target}"),
        class: both(&now.class, &then.class),
        market: both(&now.jurisdiction, &then.jurisdiction),
        code: both(&now.code, &then.code),
        now: words(now),
        then: words(then),
        status_now: now.status,
        status_then: then.status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(text: &str) -> Outcome {
        let mut words = text.split(' ').map(str::to_owned);
        let mut next = || words.next().unwrap();
        Outcome {
            class: next(),
            jurisdiction: next(),
            decision: next(),
            plugin: "p".to_owned(),
            code: next(),
            status: next().parse().unwrap(),
            ..Outcome::default()
        }
    }

    #[test]
    fn changes_are_grouped_and_consequences_listed_separately() {
        let now = [
            "wager MT allow - 201",
            "wager MT allow - 201",
            "account MT allow - 200",
            "wager SE deny x 451",
            "- - gateway y 400",
        ];
        let then = [
            "wager MT deny x 451",
            "wager MT deny x 451",
            "account MT allow - 409",
            "wager SE allow - 201",
            "- - gateway y 400",
        ];
        let requests: Vec<Request> =
            (1..=5).map(|number| Request { number, ..Request::new("GET", "/a") }).collect();
        let (now, then) = (now.map(outcome), then.map(outcome));
        let what_if = WhatIf::new(&requests, &now, &then);
        let numbers: Vec<usize> = what_if.changes.iter().map(|it| it.number).collect();
        assert_eq!(numbers, [1, 2, 4]);
        assert_eq!(what_if.consequences, [3]);
        let text = what_if.text();
        let wanted = [
            "    2 wager          MT       allow -> deny x  (1, 2)",
            "    1 wager          SE       deny x -> allow  (4)",
            "by class: wager 3",
            "by market: MT 2, SE 1",
            "by code: x 3",
            "same decision, another status: 3",
            "3 of 5 decisions would change",
        ];
        assert!(text.ends_with(&(wanted.join("\n") + "\n")), "{text}");
        let same = WhatIf::new(&requests, &now, &now);
        assert_eq!(same.text(), "0 of 5 decisions would change\n");
    }
}

//! A decision, and what is told of it.

use std::rc::Rc;

use policy_kit::{Denial, Place};
use serde_json::Value;

use crate::denials::UNKNOWN;
use crate::location::fix::Fix;
use crate::location::judge::Wanting;

/// A decision and the rule behind it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ruling {
    /// Why it may not pass; `None` if it may.
    pub refusal: Option<Denial>,
    /// The rule, as evidence: `licences[2]`, `class`, `blocked`, `anonymous:vpn`, ...
    pub rule: String,
    /// What is not known well enough, where that is the reason.
    pub why: Option<&'static str>,
    /// Whether a partner calls, whose server's place is not the player's.
    pub partner: bool,
    /// What the location token told, where the call needs one.
    pub told: Told,
    /// Seconds after which it is worth another try.
    pub retry: Option<u64>,
    /// Further members of the problem document.
    pub members: Vec<(&'static str, Value)>,
}

/// What a location token told of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Told {
    /// Nothing, or nobody asked.
    #[default]
    Nothing,
    /// It counts, and is so many seconds old.
    Fresh(Rc<Fix>, u64),
    /// It is genuine, and does not count.
    Detected(Rc<Fix>),
    /// The provider is down, and the class passes without.
    Unavailable,
}

impl Ruling {
    /// It may pass by `rule`.
    pub fn pass(rule: impl Into<String>) -> Self {
        Self { rule: rule.into(), ..Self::default() }
    }

    /// It may not pass by `rule`.
    pub fn refuse(denial: Denial, rule: impl Into<String>) -> Self {
        Self { refusal: Some(denial), ..Self::pass(rule) }
    }

    /// It may not pass by `rule`, because no place is known well enough.
    pub fn doubt(rule: impl Into<String>, why: &'static str) -> Self {
        Self { why: Some(why), ..Self::refuse(UNKNOWN, rule) }
    }

    /// It may not pass for want of a location; a client may have it checked at `recheck`.
    pub fn wanting(wanting: Wanting, recheck: Option<&str>) -> Self {
        let mut members = Vec::new();
        if let Some(seconds) = wanting.max_age {
            members.push(("max_age", seconds.into()));
        }
        // Another check mends what a check said, not what the gateway could not find out.
        if let Some(recheck) = recheck.filter(|_| wanting.retry.is_none()) {
            members.push(("recheck", recheck.into()));
        }
        if !wanting.reasons.is_empty() {
            members.push(("reasons", wanting.reasons.into()));
        }
        let told = wanting.fix.map_or(Told::Nothing, Told::Detected);
        Self { told, retry: wanting.retry, members, ..Self::refuse(wanting.denial, wanting.rule) }
    }

    /// The same, with what a location token told.
    pub fn with(self, told: Told) -> Self {
        Self { told, ..self }
    }
}

impl Told {
    /// The place that counts in spite of the client's address.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Fresh(fix, _) => fix.place.as_ref(),
            _ => None,
        }
    }

    /// What a regulator asks of a location (GLI-19 v3.0 2.7.4(a)(ii)), as a piece of evidence.
    pub fn evidence(&self) -> String {
        let id = |fix: &Fix| fix.id.clone().unwrap_or_else(|| "-".to_owned());
        match self {
            Self::Nothing => String::new(),
            Self::Unavailable => " location=unavailable".to_owned(),
            Self::Fresh(fix, age) => format!(" location={} age={age}", id(fix)),
            Self::Detected(fix) => {
                let place = fix.place.as_ref().map_or("unknown", Place::as_str);
                format!(" location={} detected={place}", id(fix))
            }
        }
    }
}

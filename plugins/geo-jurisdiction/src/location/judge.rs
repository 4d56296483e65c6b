//! Whether a genuine location token counts for a request, now: pure.

use std::net::IpAddr;
use std::rc::Rc;

use policy_kit::{Denial, Place};

use crate::denials::{FAILURES, LOCATION_UNAVAILABLE, REJECTED, REQUIRED, STALE};
use crate::location::check::Verdict;
use crate::location::fix::Fix;
use crate::location::Location;

/// Who sends a request, whence and when.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The player, as the filter that checked the login says.
    pub player: Option<&'a [u8]>,
    /// The session, likewise.
    pub session: Option<&'a [u8]>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The place by that address, for the interval where no token tells one.
    pub place: Option<&'a Place>,
    /// Seconds since the epoch.
    pub now: u64,
}

/// What a request's location token is worth.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// It counts, and is so many seconds old.
    Fresh(Rc<Fix>, u64),
    /// It does not, or there is none.
    Wanting(Wanting),
}

/// Why no location counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanting {
    /// The refusal.
    pub denial: Denial,
    /// The rule, as evidence.
    pub rule: String,
    /// What a genuine token said all the same.
    pub fix: Option<Rc<Fix>>,
    /// Why the check was not passed, as far as clients may read it.
    pub reasons: Vec<String>,
    /// Seconds that a new check would count, where one would help.
    pub max_age: Option<u64>,
    /// Seconds after which it is worth another try.
    pub retry: Option<u64>,
    /// Whether the provider is down, so that no client is to blame.
    pub down: bool,
    /// Whether the token is this player's, and in time: then what it found out is true of the player,
    /// although it does not let anybody pass.
    pub telling: bool,
}

impl Wanting {
    fn new(denial: Denial, rule: impl Into<String>) -> Self {
        let rule = rule.into();
        let (fix, reasons, down, telling) = (None, Vec::new(), false, false);
        Self { denial, rule, fix, reasons, max_age: None, retry: None, down, telling }
    }
}

impl Location {
    /// Judges what is known of a token.
    pub fn judge(&self, verdict: &Verdict, at: &Circumstances<'_>) -> Finding {
        let fix = match verdict {
            Verdict::Genuine(fix) => fix,
            other => return Finding::Wanting(self.without(other, at)),
        };
        match self.judge_fix(fix, at) {
            Ok(age) => Finding::Fresh(Rc::clone(fix), age),
            Err(wanting) => Finding::Wanting(Wanting { fix: Some(Rc::clone(fix)), ..*wanting }),
        }
    }

    /// There is no genuine token.
    fn without(&self, verdict: &Verdict, at: &Circumstances<'_>) -> Wanting {
        let max_age = Some(self.intervals.around(at.place).seconds);
        match verdict {
            Verdict::Bad(rule) => Wanting::new(REJECTED, rule.as_str()),
            Verdict::Expired => {
                Wanting { max_age, ..Wanting::new(STALE, "location.claims.expires_at") }
            }
            Verdict::Limited(retry) => {
                Wanting { retry: Some(*retry), ..Wanting::new(FAILURES, "location.failures") }
            }
            Verdict::Unavailable { retry, down } => {
                let (retry, down) = (Some(*retry), *down);
                Wanting { retry, down, ..Wanting::new(LOCATION_UNAVAILABLE, "location.keys") }
            }
            // Nobody waits any more where this is asked.
            Verdict::Ask(_) => {
                Wanting { retry: Some(1), ..Wanting::new(LOCATION_UNAVAILABLE, "location.keys") }
            }
            Verdict::Missing | Verdict::Genuine(_) => {
                Wanting { max_age, ..Wanting::new(REQUIRED, "location.header") }
            }
        }
    }

    /// The age of a token that counts, in seconds.
    fn judge_fix(&self, fix: &Fix, at: &Circumstances<'_>) -> Result<u64, Box<Wanting>> {
        let rejected = |rule: &str| Box::new(Wanting::new(REJECTED, rule));
        if fix.valid_from > at.now.saturating_add(self.skew) {
            return Err(rejected("location.claims.checked_at"));
        }
        // Another player's location, or the same player's on another device.
        if at.player != Some(fix.player.as_bytes()) {
            return Err(rejected("location.claims.player"));
        }
        if fix.session.as_ref().is_some_and(|session| at.session != Some(session.as_bytes())) {
            return Err(rejected("location.claims.session"));
        }
        let interval = self.intervals.of(fix.place.as_ref(), fix.border);
        let stale = |rule: String| {
            let max_age = Some(interval.seconds);
            Box::new(Wanting { max_age, ..Wanting::new(STALE, rule) })
        };
        if at.client != Some(fix.ip) {
            return Err(stale("location.claims.ip".to_owned()));
        }
        let interval_ends = fix.checked.saturating_add(interval.seconds);
        let next_check = fix.next_check.unwrap_or(u64::MAX);
        let deadline = interval_ends.min(fix.expires).min(next_check);
        if deadline <= at.now {
            return Err(stale(match deadline {
                it if it == interval_ends => interval.rule(),
                it if it == fix.expires => "location.claims.expires_at".to_owned(),
                _ => "location.claims.next_check".to_owned(),
            }));
        }
        if !fix.passed {
            let reasons = fix.reasons.clone();
            return Err(Box::new(Wanting { reasons, ..telling("location.claims.passed") }));
        }
        if fix.confident != Some(true) {
            return Err(Box::new(telling("location.claims.confident")));
        }
        if fix.place.is_none() {
            return Err(Box::new(telling("location.claims.region")));
        }
        Ok(at.now.saturating_sub(fix.checked))
    }
}

/// A check of this player's, and in time, that does not let them pass.
fn telling(rule: &str) -> Wanting {
    Wanting { telling: true, ..Wanting::new(REJECTED, rule) }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;

//! Whether a genuine location token counts for a request, now. Pure.

use std::net::IpAddr;
use std::rc::Rc;

use policy_kit::{Denial, Place};

use crate::denials::{FAILURES, LOCATION_UNAVAILABLE, REJECTED, REQUIRED, STALE};
use crate::location::check::TokenCheck;
use crate::location::claims::LocationClaims;
use crate::location::rules::LocationRules;

/// The request that a token has to count for.
#[derive(Clone, Copy, Debug)]
pub struct LocationContext<'a> {
    /// The player, as the filter that authenticates requests reports.
    pub player: Option<&'a [u8]>,
    /// The session, likewise.
    pub session: Option<&'a [u8]>,
    /// The brand of its host.
    pub brand: Option<&'a str>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The place by that address, for the interval where no token reports one.
    pub place: Option<&'a Place>,
    /// Seconds since the epoch.
    pub now: u64,
}

/// Whether a location counts for a request.
#[derive(Clone, Debug, PartialEq)]
pub enum LocationCheck {
    /// It counts, and is so many seconds old.
    Fresh(Rc<LocationClaims>, u64),
    /// It does not count, or there is none.
    Refused(LocationRefusal),
}

/// Why no location counts.
#[derive(Clone, Debug, PartialEq)]
pub struct LocationRefusal {
    /// The denial.
    pub denial: Denial,
    /// The rule, for evidence.
    pub rule: String,
    /// The claims of a genuine token.
    pub claims: Option<Rc<LocationClaims>>,
    /// Why the check did not pass, as far as clients may read it.
    pub reasons: Vec<String>,
    /// How long a new check would count, in seconds, where one would help.
    pub max_age: Option<u64>,
    /// Seconds until a retry makes sense.
    pub retry: Option<u64>,
    /// Whether the provider is down, so that no client is to blame.
    pub down: bool,
    /// Whether the token is this player's, and in time: then its place is the player's, although it does not
    /// let the player pass.
    pub of_player: bool,
}

impl LocationRefusal {
    fn new(denial: Denial, rule: impl Into<String>) -> Self {
        let rule = rule.into();
        let (claims, reasons, down, of_player) = (None, Vec::new(), false, false);
        Self { denial, rule, claims, reasons, max_age: None, retry: None, down, of_player }
    }
}

impl LocationRules {
    /// Evaluates a token for a request.
    pub fn evaluate(&self, token: &TokenCheck, context: &LocationContext<'_>) -> LocationCheck {
        let claims = match token {
            TokenCheck::Genuine(claims) => claims,
            other => return LocationCheck::Refused(self.refuse_without(other, context)),
        };
        match self.age_of(claims, context) {
            Ok(age) => LocationCheck::Fresh(Rc::clone(claims), age),
            Err(refusal) => LocationCheck::Refused(LocationRefusal {
                claims: Some(Rc::clone(claims)),
                ..*refusal
            }),
        }
    }

    /// The refusal where there is no genuine token.
    fn refuse_without(&self, token: &TokenCheck, context: &LocationContext<'_>) -> LocationRefusal {
        let max_age = Some(self.intervals.around(context.place).seconds);
        match token {
            TokenCheck::Invalid(rule) => LocationRefusal::new(REJECTED, rule.as_str()),
            TokenCheck::Expired => LocationRefusal {
                max_age,
                ..LocationRefusal::new(STALE, "location.claims.expires_at")
            },
            TokenCheck::Limited(retry) => LocationRefusal {
                retry: Some(*retry),
                ..LocationRefusal::new(FAILURES, "location.failures")
            },
            TokenCheck::Unavailable { retry, down } => {
                let (retry, down) = (Some(*retry), *down);
                LocationRefusal {
                    retry,
                    down,
                    ..LocationRefusal::new(LOCATION_UNAVAILABLE, "location.keys")
                }
            }
            // The request waits no longer here.
            TokenCheck::FetchKeys(_) => LocationRefusal {
                retry: Some(1),
                ..LocationRefusal::new(LOCATION_UNAVAILABLE, "location.keys")
            },
            TokenCheck::Missing | TokenCheck::Genuine(_) => {
                LocationRefusal { max_age, ..LocationRefusal::new(REQUIRED, "location.header") }
            }
        }
    }

    /// The age of a token that counts, in seconds.
    ///
    /// # Errors
    /// It does not count.
    fn age_of(
        &self,
        claims: &LocationClaims,
        context: &LocationContext<'_>,
    ) -> Result<u64, Box<LocationRefusal>> {
        let rejected = |rule: &str| Box::new(LocationRefusal::new(REJECTED, rule));
        if claims.valid_from > context.now.saturating_add(self.skew) {
            return Err(rejected("location.claims.checked_at"));
        }
        // Another player's location, or the same player's on another device.
        if context.player != Some(claims.player.as_bytes()) {
            return Err(rejected("location.claims.player"));
        }
        // Another brand's player of the same id.
        if claims.brand.as_deref().is_some_and(|own| context.brand != Some(own)) {
            return Err(rejected("location.claims.brand"));
        }
        if claims
            .session
            .as_ref()
            .is_some_and(|session| context.session != Some(session.as_bytes()))
        {
            return Err(rejected("location.claims.session"));
        }
        let interval = self.intervals.of(claims.place.as_ref(), claims.border);
        let stale = |rule: String| {
            let max_age = Some(interval.seconds);
            Box::new(LocationRefusal { max_age, ..LocationRefusal::new(STALE, rule) })
        };
        if context.client != Some(claims.ip) {
            return Err(stale("location.claims.ip".to_owned()));
        }
        let interval_ends = claims.checked.saturating_add(interval.seconds);
        let next_check = claims.next_check.unwrap_or(u64::MAX);
        let deadline = interval_ends.min(claims.expires).min(next_check);
        if deadline <= context.now {
            return Err(stale(match deadline {
                it if it == interval_ends => interval.rule(),
                it if it == claims.expires => "location.claims.expires_at".to_owned(),
                _ => "location.claims.next_check".to_owned(),
            }));
        }
        if !claims.passed {
            let reasons = claims.reasons.clone();
            return Err(Box::new(LocationRefusal {
                reasons,
                ..of_player("location.claims.passed")
            }));
        }
        if claims.confident != Some(true) {
            return Err(Box::new(of_player("location.claims.confident")));
        }
        if claims.place.is_none() {
            return Err(Box::new(of_player("location.claims.region")));
        }
        Ok(context.now.saturating_sub(claims.checked))
    }
}

/// A check of this player, in time, that does not let the player pass.
fn of_player(rule: &str) -> LocationRefusal {
    LocationRefusal { of_player: true, ..LocationRefusal::new(REJECTED, rule) }
}

#[cfg(test)]
#[path = "evaluate_tests.rs"]
mod tests;

//! Claims (RFC 7519 section 4), and an issuer's rules for them.

use policy_kit::{strict_json, value_at};
use serde_json::Value;

use super::date::{Date, Moment};
use crate::refusal::{LimitingClaim, Refusal};

/// The claims of a token.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(Value);

/// The rules for an issuer's tokens.
#[derive(Clone, Debug)]
pub struct Rules {
    /// `iss`, exactly.
    pub issuer: String,
    /// One of these must be in `aud`; not checked if `None`.
    pub audiences: Option<Vec<String>>,
    /// Permitted clock skew, in seconds.
    pub skew: u64,
    /// Longest time from `iat` to `exp`, in seconds; makes `iat` required.
    pub max_lifetime: Option<u64>,
}

impl Claims {
    /// Parses a payload. Single claims are read when they are needed: an unused claim is no reason to refuse
    /// a token.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] for anything but one JSON object without duplicate members.
    pub fn parse(payload: &[u8]) -> Result<Self, Refusal> {
        match strict_json(payload) {
            Some(claims @ Value::Object(_)) => Ok(Self(claims)),
            _ => Err(Refusal::Malformed),
        }
    }

    /// A claim that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A claim that is a date.
    pub fn date(&self, name: &str) -> Date {
        Date::of(self.0.get(name))
    }

    /// When the token expires, in seconds since the epoch; `None` without `exp`.
    pub fn expiry(&self) -> Option<u64> {
        self.date("exp").moment().map(Moment::down)
    }

    /// The value at a JSON pointer.
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        value_at(&self.0, pointer)
    }

    /// Checks the claims at `now`, in seconds since the epoch. It is cheap, so it comes before the signature.
    ///
    /// # Errors
    /// The first rule that is violated.
    pub fn check(&self, rules: &Rules, now: u64) -> Result<(), Refusal> {
        if self.text("iss") != Some(rules.issuer.as_str()) {
            return Err(Refusal::Issuer);
        }
        self.check_audience(rules.audiences.as_deref())?;
        let (expiry, issued) = self.dates(rules.skew, now)?;
        let Some(expiry) = expiry else { return Err(Refusal::Expired) };
        match (rules.max_lifetime, issued) {
            (None, _) => Ok(()),
            (Some(most), Date::At(issued)) if expiry.since(issued) <= most => Ok(()),
            (Some(_), Date::Unreadable) => Err(Refusal::Claim(LimitingClaim::Iat)),
            (Some(_), _) => Err(Refusal::Lifetime),
        }
    }

    /// Checks that `aud` names one of `audiences`, unless that is `None`.
    ///
    /// # Errors
    /// [`Refusal::Audience`], or [`Refusal::Claim`] if `aud` is neither a text nor a list of texts.
    pub fn check_audience(&self, audiences: Option<&[String]>) -> Result<(), Refusal> {
        let Some(ours) = audiences else { return Ok(()) };
        let named = |text: &str| ours.iter().any(|our| our == text);
        let is_ours = match self.0.get("aud") {
            None | Some(Value::Null) => false,
            Some(Value::String(one)) => named(one),
            Some(Value::Array(all)) if all.iter().all(Value::is_string) => {
                all.iter().filter_map(Value::as_str).any(named)
            }
            Some(_) => return Err(Refusal::Claim(LimitingClaim::Aud)),
        };
        is_ours.then_some(()).ok_or(Refusal::Audience)
    }

    /// Checks those of `exp`, `nbf` and `iat` that are present at `now`, with a clock skew of `skew` seconds.
    ///
    /// # Errors
    /// [`Refusal::Expired`] or [`Refusal::NotYetValid`]; [`Refusal::Claim`] for an unreadable `exp` or `nbf`.
    pub fn check_dates(&self, skew: u64, now: u64) -> Result<(), Refusal> {
        self.dates(skew, now).map(|_| ())
    }

    /// Checks the dates, and returns `exp` and `iat`.
    fn dates(&self, skew: u64, now: u64) -> Result<(Option<Moment>, Date), Refusal> {
        let (late, early) = (now.saturating_sub(skew), now.saturating_add(skew));
        let expiry = match self.date("exp") {
            Date::Unreadable => return Err(Refusal::Claim(LimitingClaim::Exp)),
            date => date.moment(),
        };
        if expiry.is_some_and(|expiry| expiry.down() <= late) {
            return Err(Refusal::Expired);
        }
        let (begins, issued) = (self.date("nbf"), self.date("iat"));
        if begins == Date::Unreadable {
            return Err(Refusal::Claim(LimitingClaim::Nbf));
        }
        let ahead = |date: Date| date.moment().is_some_and(|moment| moment.up() > early);
        match ahead(begins) || ahead(issued) {
            true => Err(Refusal::NotYetValid),
            false => Ok((expiry, issued)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The other claims, the longest lifetime in seconds, and the result.
    #[test]
    fn reads_dates_as_issuers_write_them() {
        let claim = |claim| Err(Refusal::Claim(claim));
        for (claims, max_lifetime, want) in [
            (r#""exp": 1001.9"#, None, Ok(())),
            (r#""exp": 1.5e3"#, None, Ok(())),
            // Rounded down: 940.9 is 940, which is over.
            (r#""exp": 940.9"#, None, Err(Refusal::Expired)),
            (r#""exp": 941.0"#, None, Ok(())),
            (r#""exp": -1"#, None, Err(Refusal::Expired)),
            (r#""exp": null"#, None, Err(Refusal::Expired)),
            (r#""exp": "1500""#, None, claim(LimitingClaim::Exp)),
            (r#""exp": "2030-01-01T00:00:00Z""#, None, claim(LimitingClaim::Exp)),
            (r#""exp": 1e99"#, None, claim(LimitingClaim::Exp)),
            (r#""exp": {}"#, None, claim(LimitingClaim::Exp)),
            // Rounded up: 1060.1 is 1061, which is in the future.
            (r#""exp": 1500, "nbf": 1060.1"#, None, Err(Refusal::NotYetValid)),
            (r#""exp": 1500, "nbf": 1060.0"#, None, Ok(())),
            (r#""exp": 1500, "nbf": null"#, None, Ok(())),
            (r#""exp": 1500, "nbf": "1970-01-01T00:00:00Z""#, None, claim(LimitingClaim::Nbf)),
            (r#""exp": 1500, "iat": 1060.1"#, None, Err(Refusal::NotYetValid)),
            (r#""exp": 1500, "iat": 9.99e2"#, None, Ok(())),
            (r#""exp": 1500, "iat": "1970-01-01T00:00:00Z""#, None, Ok(())),
            (r#""exp": 1500, "iat": null"#, None, Ok(())),
            (r#""exp": 1500, "iat": "1970-01-01T00:00:00Z""#, Some(600), claim(LimitingClaim::Iat)),
            (r#""exp": 1500, "iat": null"#, Some(600), Err(Refusal::Lifetime)),
            (r#""exp": 1500.25, "iat": 900.25"#, Some(600), Ok(())),
            (r#""exp": 1500.5, "iat": 900.25"#, Some(600), Err(Refusal::Lifetime)),
            (r#""exp": 1500.25, "iat": 900.5"#, Some(600), Ok(())),
            // Unused claims may have any value.
            (r#""exp": 1500, "auth_time": "2026-09-21T12:01:01.180Z", "jti": 7"#, None, Ok(())),
            (r#""exp": 1500, "auth_time": null, "sub": null, "jti": null"#, None, Ok(())),
        ] {
            let json = format!(r#"{{"iss": "me", "aud": "api", {claims}}}"#);
            assert_eq!(check(&json, max_lifetime), want, "{json}");
        }
    }

    #[test]
    fn reads_audiences_as_issuers_write_them() {
        let ours = ["api".to_owned()];
        for (aud, want, unchecked) in [
            (r#""api""#, Ok(()), Ok(())),
            (r#"["x", "api"]"#, Ok(()), Ok(())),
            ("null", Err(Refusal::Audience), Ok(())),
            (r#"["api", 1]"#, Err(Refusal::Claim(LimitingClaim::Aud)), Ok(())),
            ("7", Err(Refusal::Claim(LimitingClaim::Aud)), Ok(())),
            (r#"{"api": 1}"#, Err(Refusal::Claim(LimitingClaim::Aud)), Ok(())),
        ] {
            let claims = Claims::parse(format!(r#"{{"aud": {aud}}}"#).as_bytes()).unwrap();
            assert_eq!(claims.check_audience(Some(&ours)), want, "{aud}");
            assert_eq!(claims.check_audience(None), unchecked, "{aud}");
        }
    }

    fn check(json: &str, max_lifetime: Option<u64>) -> Result<(), Refusal> {
        let audiences = Some(vec!["api".to_owned(), "web".to_owned()]);
        let rules = Rules { issuer: "me".into(), audiences, skew: 60, max_lifetime };
        Claims::parse(json.as_bytes())?.check(&rules, 1_000)
    }

    #[test]
    fn checks_the_issuers_rules() {
        for (json, max_lifetime, want) in [
            (r#"{"iss": "me", "aud": "api", "exp": 1001}"#, None, Ok(())),
            (r#"{"iss": "me", "aud": ["x", "web"], "exp": 941}"#, None, Ok(())),
            (r#"{"iss": "me", "aud": "api", "exp": 940}"#, None, Err(Refusal::Expired)),
            (r#"{"iss": "me", "aud": "api"}"#, None, Err(Refusal::Expired)),
            (r#"{"iss": "you", "aud": "api", "exp": 1001}"#, None, Err(Refusal::Issuer)),
            (r#"{"aud": "api", "exp": 1001}"#, None, Err(Refusal::Issuer)),
            (r#"{"iss": "me", "exp": 1001}"#, None, Err(Refusal::Audience)),
            (r#"{"iss": "me", "aud": "ap", "exp": 1001}"#, None, Err(Refusal::Audience)),
            (r#"{"iss": "me", "aud": [], "exp": 1001}"#, None, Err(Refusal::Audience)),
            (r#"{"iss": "me", "aud": "api", "exp": 1001, "nbf": 1060}"#, None, Ok(())),
            (
                r#"{"iss": "me", "aud": "api", "exp": 1001, "nbf": 1061}"#,
                None,
                Err(Refusal::NotYetValid),
            ),
            (
                r#"{"iss": "me", "aud": "api", "exp": 2001, "iat": 1061}"#,
                None,
                Err(Refusal::NotYetValid),
            ),
            (r#"{"iss": "me", "aud": "api", "exp": 1500, "iat": 900}"#, Some(600), Ok(())),
            (
                r#"{"iss": "me", "aud": "api", "exp": 1501, "iat": 900}"#,
                Some(600),
                Err(Refusal::Lifetime),
            ),
            (r#"{"iss": "me", "aud": "api", "exp": 1500}"#, Some(600), Err(Refusal::Lifetime)),
            (
                r#"{"iss": "me", "aud": "api", "exp": 1500, "exp": 1600}"#,
                None,
                Err(Refusal::Malformed),
            ),
            (r#"{"iss": ["me"], "aud": "api", "exp": 1500}"#, None, Err(Refusal::Issuer)),
            (r#"{"iss": null, "aud": "api", "exp": 1500}"#, None, Err(Refusal::Issuer)),
            (r#"["me"]"#, None, Err(Refusal::Malformed)),
            ("", None, Err(Refusal::Malformed)),
        ] {
            assert_eq!(check(json, max_lifetime), want, "{json}");
        }
    }
}

//! Claims (RFC 7519 section 4), and the rules of one issuer.

use policy_kit::{strict_json, value_at};
use serde_json::Value;

use crate::Refusal;

/// The claims of a token.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(Value);

/// What an issuer's tokens must say.
#[derive(Clone, Debug)]
pub struct Rules {
    /// `iss`, exactly.
    pub issuer: String,
    /// One of these must be in `aud`; `None` is the operator's explicit "do not look".
    pub audiences: Option<Vec<String>>,
    /// How far clocks may differ, in seconds.
    pub skew: u64,
    /// Most seconds from `iat` to `exp`; with it `iat` is required.
    pub max_lifetime: Option<u64>,
}

impl Claims {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] for anything but one JSON object without members given twice, whose
    /// registered claims have their types.
    pub fn parse(payload: &[u8]) -> Result<Self, Refusal> {
        match strict_json(payload) {
            Some(Value::Object(members)) if members.iter().all(|(n, v)| has_its_type(n, v)) => {
                Ok(Self(Value::Object(members)))
            }
            _ => Err(Refusal::Malformed),
        }
    }

    /// A claim that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A claim that is a date: seconds since the epoch, whole (RFC 7519 section 2).
    pub fn date(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_u64()
    }

    /// Whatever a JSON pointer leads to.
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        value_at(&self.0, pointer)
    }

    /// Checks the claims at `now`, in seconds since the epoch. Cheap, so it comes before the
    /// signature is looked at, and again whenever a token that was believed is seen again.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self, rules: &Rules, now: u64) -> Result<(), Refusal> {
        if self.text("iss") != Some(rules.issuer.as_str()) {
            return Err(Refusal::Issuer);
        }
        self.check_audience(rules.audiences.as_deref())?;
        let Some(expiry) = self.date("exp") else { return Err(Refusal::Expired) };
        self.check_dates(rules.skew, now)?;
        match (rules.max_lifetime, self.date("iat")) {
            (None, _) => Ok(()),
            (Some(most), Some(issued)) if expiry.saturating_sub(issued) <= most => Ok(()),
            (Some(_), _) => Err(Refusal::Lifetime),
        }
    }

    /// Checks that `aud` names one of `audiences`; `None` does not look.
    ///
    /// # Errors
    /// [`Refusal::Audience`].
    pub fn check_audience(&self, audiences: Option<&[String]>) -> Result<(), Refusal> {
        match audiences.is_none_or(|ours| self.is_for(ours)) {
            true => Ok(()),
            false => Err(Refusal::Audience),
        }
    }

    /// Checks those of `exp`, `nbf` and `iat` that are there, at `now`, where clocks may differ by
    /// `skew` seconds.
    ///
    /// # Errors
    /// [`Refusal::Expired`] or [`Refusal::NotYetValid`].
    pub fn check_dates(&self, skew: u64, now: u64) -> Result<(), Refusal> {
        let (late, early) = (now.saturating_sub(skew), now.saturating_add(skew));
        if self.date("exp").is_some_and(|exp| exp <= late) {
            return Err(Refusal::Expired);
        }
        match ["nbf", "iat"].iter().any(|n| self.date(n).is_some_and(|date| date > early)) {
            true => Err(Refusal::NotYetValid),
            false => Ok(()),
        }
    }

    fn is_for(&self, ours: &[String]) -> bool {
        let named = |v: &Value| v.as_str().is_some_and(|text| ours.iter().any(|our| our == text));
        match self.0.get("aud") {
            Some(Value::Array(all)) => all.iter().any(named),
            Some(one) => named(one),
            None => false,
        }
    }
}

/// Whether a registered claim has the type that it is registered with (RFC 7519 section 4.1).
fn has_its_type(name: &str, value: &Value) -> bool {
    match (name, value) {
        ("iss" | "sub" | "jti", value) => value.is_string(),
        ("exp" | "nbf" | "iat" | "auth_time", value) => value.is_u64(),
        ("aud", Value::Array(all)) => all.iter().all(Value::is_string),
        ("aud", value) => value.is_string(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, max_lifetime: Option<u64>) -> Result<(), Refusal> {
        let audiences = Some(vec!["api".to_owned(), "web".to_owned()]);
        let rules = Rules { issuer: "me".into(), audiences, skew: 60, max_lifetime };
        Claims::parse(json.as_bytes())?.check(&rules, 1_000)
    }

    #[test]
    fn rules() {
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
            (r#"{"iss": "me", "aud": "api", "exp": "1500"}"#, None, Err(Refusal::Malformed)),
            (r#"{"iss": "me", "aud": "api", "exp": 1e99}"#, None, Err(Refusal::Malformed)),
            (r#"{"iss": "me", "aud": "api", "exp": -1}"#, None, Err(Refusal::Malformed)),
            (r#"{"iss": ["me"], "aud": "api", "exp": 1500}"#, None, Err(Refusal::Malformed)),
            (r#"{"iss": "me", "aud": ["api", 1], "exp": 1500}"#, None, Err(Refusal::Malformed)),
            (
                r#"{"iss": "me", "aud": "api", "exp": 1500, "exp": 1600}"#,
                None,
                Err(Refusal::Malformed),
            ),
            (r#"["me"]"#, None, Err(Refusal::Malformed)),
            ("", None, Err(Refusal::Malformed)),
        ] {
            assert_eq!(check(json, max_lifetime), want, "{json}");
        }
    }
}

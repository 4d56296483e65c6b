//! The claims of a location token.

use std::net::IpAddr;

use policy_kit::{invalid, is_pointer, ConfigError, Place, PlaceReading};
use policy_token::{Claims, Moment};
use serde_json::Value;

use crate::config::location::ClaimsConfig;

/// Longest id that is passed on, in bytes.
const MAX_ID: usize = 128;
/// Most reasons that are read.
const MAX_REASONS: usize = 32;

/// A location check as its token reports it: where a device was, when, and whose it was. Whether it still counts,
/// and for which request, is evaluated elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct LocationClaims {
    /// Whether the check passed.
    pub passed: bool,
    /// Why it did not, as far as clients may read it.
    pub reasons: Vec<String>,
    /// Where the device was.
    pub place: Option<Place>,
    /// Whether all of the confidence radius lay inside the market; `None` where the claim is missing.
    pub confident: Option<bool>,
    /// When it was checked, in seconds since the epoch, as are all moments here. Ends are rounded down, beginnings
    /// up.
    pub checked: u64,
    /// When the token begins to be valid.
    pub valid_from: u64,
    /// When the token expires.
    pub expires: u64,
    /// When the provider requires the next check.
    pub next_check: Option<u64>,
    /// Metres to the nearest border.
    pub border: Option<f64>,
    /// The player whose device it was.
    pub player: String,
    /// The player's session.
    pub session: Option<String>,
    /// The player's brand, where that claim is configured.
    pub brand: Option<String>,
    /// The device's address.
    pub ip: IpAddr,
    /// The provider's own id of the check.
    pub id: Option<String>,
}

/// Which claims hold what.
#[derive(Clone, Debug)]
pub struct ClaimMapping {
    claims: ClaimsConfig,
    reasons: Vec<String>,
}

/// The configured name of a claim that is missing or of the wrong type, for evidence.
type ClaimName = &'static str;

impl ClaimMapping {
    /// Compiles `location.claims` and `location.reasons`.
    ///
    /// # Errors
    /// Names the field: an invalid JSON pointer, an empty word.
    pub fn compile(claims: ClaimsConfig, reasons: Vec<String>) -> Result<Self, ConfigError> {
        let optional = [
            ("reasons", &claims.reasons),
            ("confident", &claims.confident),
            ("next_check_at", &claims.next_check_at),
            ("next_check_in", &claims.next_check_in),
            ("session", &claims.session),
            ("brand", &claims.brand),
            ("border", &claims.border),
            ("id", &claims.id),
        ];
        let required = [
            ("passed", &claims.passed),
            ("region", &claims.region),
            ("checked_at", &claims.checked_at),
            ("expires_at", &claims.expires_at),
            ("player", &claims.player),
            ("ip", &claims.ip),
        ];
        let optional = optional.into_iter().filter_map(|(name, at)| Some((name, at.as_ref()?)));
        for (name, pointer) in required.into_iter().chain(optional) {
            if !is_pointer(pointer) {
                let at = format!("location.claims.{name}");
                return Err(invalid(at, "expected a JSON pointer, such as `/sub`"));
            }
        }
        if claims.passed_word.as_ref().is_some_and(String::is_empty) {
            return Err(invalid("location.claims.passed_word", "is empty"));
        }
        Ok(Self { claims, reasons })
    }

    /// Reads a token's claims.
    ///
    /// # Errors
    /// The first claim that is missing or of the wrong type.
    pub fn read(&self, claims: &Claims) -> Result<LocationClaims, ClaimName> {
        let names = &self.claims;
        let at = |pointer: &str| claims.at(pointer).filter(|value| !value.is_null());
        let maybe = |pointer: &Option<String>| pointer.as_deref().and_then(at);
        let moment = |pointer: &str, name| at(pointer).and_then(Moment::of).ok_or(name);
        let checked = moment(&names.checked_at, "location.claims.checked_at")?;
        let begins = ["iat", "nbf"].into_iter().filter_map(|name| claims.date(name).moment());
        let passed = self.passed(at(&names.passed)).ok_or("location.claims.passed")?;
        let place = match at(&names.region) {
            None => None,
            Some(value) => {
                let place =
                    value.as_str().and_then(|code| PlaceReading::text(code.as_bytes()).place);
                // Of a check that failed the region is only evidence.
                if place.is_none() && passed {
                    return Err("location.claims.region");
                }
                place
            }
        };
        let expires = moment(&names.expires_at, "location.claims.expires_at")?.down();
        let confident = match (&names.confident, maybe(&names.confident)) {
            (None, _) => Some(true),
            (Some(_), None) => None,
            (Some(_), Some(value)) => Some(value.as_bool().ok_or("location.claims.confident")?),
        };
        let ip = at(&names.ip).and_then(Value::as_str).and_then(|text| text.parse::<IpAddr>().ok());
        Ok(LocationClaims {
            passed,
            reasons: self.reasons(maybe(&names.reasons)).ok_or("location.claims.reasons")?,
            place,
            confident,
            checked: checked.down(),
            valid_from: begins.map(Moment::up).fold(checked.up(), u64::max),
            // Another claim may shorten the token's lifetime, not extend it.
            expires: claims.expiry().map_or(expires, |exp| exp.min(expires)),
            next_check: self.next_check(claims, checked.down())?,
            border: match maybe(&names.border) {
                None => None,
                Some(value) => Some(metres(value).ok_or("location.claims.border")?),
            },
            player: at(&names.player).and_then(id).ok_or("location.claims.player")?,
            session: match &names.session {
                None => None,
                Some(pointer) => Some(at(pointer).and_then(id).ok_or("location.claims.session")?),
            },
            brand: match &names.brand {
                None => None,
                Some(pointer) => Some(at(pointer).and_then(id).ok_or("location.claims.brand")?),
            },
            ip: ip.ok_or("location.claims.ip")?.to_canonical(),
            // No decision depends on it: one that cannot be passed on counts as absent.
            id: maybe(&names.id).and_then(id),
        })
    }

    fn passed(&self, value: Option<&Value>) -> Option<bool> {
        match (&self.claims.passed_word, value?) {
            (None, Value::Bool(passed)) => Some(*passed),
            (Some(word), Value::String(text)) => Some(text == word),
            _ => None,
        }
    }

    /// Only the reasons that the operator lists: others are not for players.
    fn reasons(&self, value: Option<&Value>) -> Option<Vec<String>> {
        let Some(value) = value else { return Some(Vec::new()) };
        let mut listed = Vec::new();
        for reason in value.as_array()?.iter().take(MAX_REASONS) {
            let known = self.reasons.iter().find(|known| reason.as_str() == Some(known.as_str()));
            listed.extend(known.filter(|known| !listed.contains(*known)).cloned());
        }
        Some(listed)
    }

    /// The sooner of the two claims, where there are two.
    fn next_check(&self, claims: &Claims, checked: u64) -> Result<Option<u64>, ClaimName> {
        let read = |pointer: &Option<String>, name| {
            let value = pointer.as_deref().and_then(|at| claims.at(at)).filter(|v| !v.is_null());
            value.map(|value| Moment::of(value).map(Moment::down).ok_or(name)).transpose()
        };
        let at = read(&self.claims.next_check_at, "location.claims.next_check_at")?;
        let wait = read(&self.claims.next_check_in, "location.claims.next_check_in")?;
        Ok([at, wait.map(|wait| checked.saturating_add(wait))].into_iter().flatten().min())
    }
}

fn metres(value: &Value) -> Option<f64> {
    value.as_f64().filter(|metres| metres.is_finite() && *metres >= 0.0)
}

/// An id as it may stand in a header, a log and a fact: visible ASCII, one word.
fn id(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let word = text.bytes().all(|b| b.is_ascii_graphic());
    (!text.is_empty() && text.len() <= MAX_ID && word).then_some(text)
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;

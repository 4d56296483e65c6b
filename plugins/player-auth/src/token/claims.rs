//! Reads a token's claims into an [`Identity`], as the configuration maps them.

use policy_kit::{
    header_name, invalid, is_pointer, ConfigError, FORWARDED_HEADERS, MEANING_HEADERS,
};
use policy_token::{Claims, Date, Moment};
use serde_json::Value;

use super::config::ClaimsConfig;
use super::identity::Identity;
use crate::names::OWN_HEADERS;
use crate::player_state::jurisdiction::Jurisdiction;
use crate::player_state::names::StateNames;

/// Headers that may not hold claims: they have another meaning to upstreams or gateways.
const TAKEN: [&str; 18] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-endpoint-class",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-jurisdiction",
];
/// Longest id that is forwarded, in bytes.
const MAX_ID: usize = 128;
/// Longest other value that is forwarded, in bytes.
const MAX_VALUE: usize = 1024;

/// Which claims identify the player.
#[derive(Clone, Debug)]
pub struct ClaimsMapping {
    raw: ClaimsConfig,
    /// The names of states; `None` if states are not read.
    state_names: Option<StateNames>,
}

impl ClaimsMapping {
    /// Compiles the `claims` at path `at`.
    ///
    /// # Errors
    /// An invalid JSON pointer, a header that has another meaning, no source of the brand.
    pub fn compile(raw: ClaimsConfig, at: &str) -> Result<Self, ConfigError> {
        let optional = [
            ("brand", &raw.brand),
            ("session", &raw.session),
            ("kyc", &raw.kyc),
            ("state", &raw.state),
            ("jurisdiction", &raw.jurisdiction),
        ];
        let optional = optional.into_iter().filter_map(|(n, p)| Some((n, p.as_ref()?)));
        for (name, pointer) in
            [("player", &raw.player), ("scope", &raw.scope)].into_iter().chain(optional)
        {
            check_pointer(pointer, &format!("{at}.{name}"))?;
        }
        if raw.brand.is_none() && raw.fixed_brand.is_none() {
            let problem = "required where no claim has the brand";
            return Err(invalid(format!("{at}.fixed_brand"), problem));
        }
        for (name, pointer) in raw.headers.iter() {
            let field = format!("{at}.headers.{name}");
            header_name(&format!("{at}.headers"), name)?;
            let lists = [&OWN_HEADERS[..], &TAKEN, &MEANING_HEADERS, &FORWARDED_HEADERS];
            if lists.iter().any(|list| list.contains(&name.as_str())) {
                return Err(invalid(field, "is a header with another meaning"));
            }
            check_pointer(pointer, &field)?;
        }
        Ok(Self { raw, state_names: None })
    }

    /// Whether tokens report states.
    pub fn has_states(&self) -> bool {
        self.raw.state.is_some()
    }

    /// Enables reading states and the jurisdiction, which are not read otherwise.
    pub fn read_states(&mut self, names: &StateNames) {
        self.state_names = Some(names.clone());
    }

    /// The upstream headers that hold claims.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.raw.headers.keys().map(String::as_str)
    }

    /// Reads the claims. A claim that can only grant something (`auth_time`, `acr`, `amr`, scopes, the level
    /// of verification) counts as absent if it is unreadable.
    ///
    /// # Errors
    /// The evidence that names a required claim that is missing, or an identifying claim that cannot be
    /// forwarded: control characters, objects, nested arrays, values that are too long.
    pub fn identity(&self, claims: &Claims) -> Result<Identity, &'static str> {
        let raw = &self.raw;
        let present = |pointer: &String| present(claims, pointer);
        let brand = match (&raw.fixed_brand, &raw.brand) {
            (Some(fixed), _) => Some(fixed.clone()),
            (None, pointer) => pointer.as_ref().and_then(present).and_then(id),
        };
        let mut headers = Vec::with_capacity(raw.headers.len());
        for (name, pointer) in raw.headers.iter() {
            let Some(value) = present(pointer) else { continue };
            headers.push((name.clone(), header_value(value).ok_or("token_claims:claims.headers")?));
        }
        let (mut states, mut jurisdiction) = (None, Jurisdiction::Absent);
        if let Some(names) = &self.state_names {
            states = raw.state.as_ref().and_then(|pointer| names.read(claims.at(pointer)));
            let text = optional(claims, &raw.jurisdiction);
            let text = text.ok_or("token_claims:claims.jurisdiction")?;
            jurisdiction = text.map(|text| Jurisdiction::read(&text)).unwrap_or_default();
        }
        let (kyc, scopes) = (optional(claims, &raw.kyc), scopes(claims.at(&raw.scope)));
        let (acr, amr) = (acr(claims.at("/acr")), self::scopes(claims.at("/amr")));
        let (auth_time, issued) = (claims.date("auth_time"), claims.date("iat"));
        let unreadable = [
            (kyc.is_none(), "claim_unreadable:claims.kyc"),
            (scopes.is_none(), "claim_unreadable:claims.scope"),
            (acr.is_none(), "claim_unreadable:acr"),
            (amr.is_none(), "claim_unreadable:amr"),
            (auth_time == Date::Unreadable, "claim_unreadable:auth_time"),
            (issued == Date::Unreadable, "claim_unreadable:iat"),
        ];
        let unreadable = unreadable
            .into_iter()
            .find(|(unreadable, _)| *unreadable)
            .map(|(_, evidence)| evidence);
        let seconds = |date: Date| date.moment().map(Moment::down);
        Ok(Identity {
            player: present(&raw.player).and_then(player).ok_or("token_claims:claims.player")?,
            brand: brand.ok_or("token_claims:claims.brand")?,
            issuer: claims.text("iss").map(str::to_owned),
            session: optional(claims, &raw.session).ok_or("token_claims:claims.session")?,
            kyc: kyc.flatten(),
            headers,
            scopes: scopes.unwrap_or_default(),
            acr: acr.flatten(),
            amr: amr.unwrap_or_default(),
            auth_time: seconds(auth_time),
            issued: seconds(issued),
            states,
            jurisdiction,
            unreadable,
        })
    }
}

/// The value at a pointer; `null` counts as absent.
fn present<'a>(claims: &'a Claims, pointer: &str) -> Option<&'a Value> {
    claims.at(pointer).filter(|value| !value.is_null())
}

/// An id that may be absent; `None` if it is invalid.
#[inline(never)]
fn optional(claims: &Claims, pointer: &Option<String>) -> Option<Option<String>> {
    match pointer.as_ref().and_then(|pointer| present(claims, pointer)) {
        None => Some(None),
        Some(value) => id(value).map(Some),
    }
}

/// A class of authentication that may be absent; `None` if it is invalid.
fn acr(value: Option<&Value>) -> Option<Option<String>> {
    match value {
        None | Some(Value::Null) => Some(None),
        Some(value) => value.as_str().map(|acr| Some(acr.to_owned())),
    }
}

fn check_pointer(pointer: &str, at: &str) -> Result<(), ConfigError> {
    match is_pointer(pointer) && !pointer.is_empty() {
        true => Ok(()),
        false => Err(invalid(at, "expected a JSON pointer, such as `/sub`")),
    }
}

/// A player's id: a text or a whole number.
fn player(value: &Value) -> Option<String> {
    let valid = value.is_string() || value.is_u64() || value.is_i64();
    id(value).filter(|_| valid)
}

/// An id for headers, logs and facts: visible ASCII without blanks. Not a number with a fraction or beyond
/// 64 bits: its digits are rounded, so two players could share it.
fn id(value: &Value) -> Option<String> {
    let text = scalar(value).filter(|_| !value.is_f64())?;
    let fit =
        !text.is_empty() && text.len() <= MAX_ID && text.bytes().all(|b| b.is_ascii_graphic());
    fit.then_some(text)
}

/// A value of one line. Items of an array are joined with commas, so none may contain one: `["a,b"]` must
/// not read as `["a", "b"]`.
fn header_value(value: &Value) -> Option<String> {
    let text = match value {
        Value::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(scalar).collect();
            let items = items.filter(|items| items.iter().all(|item| !item.contains(',')))?;
            items.join(",")
        }
        other => scalar(other)?,
    };
    (text.len() <= MAX_VALUE && !text.chars().any(char::is_control)).then_some(text)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// An array of texts, or one text with spaces between them.
fn scopes(value: Option<&Value>) -> Option<Vec<String>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::String(text)) => {
            Some(text.split(' ').filter(|s| !s.is_empty()).map(str::to_owned).collect())
        }
        Some(Value::Array(items)) => items.iter().map(|i| i.as_str().map(str::to_owned)).collect(),
        Some(_) => None,
    }
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;

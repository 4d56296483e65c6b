//! Who a token speaks of: claims read once, in the form in which they are handed on.

use policy_kit::{
    header_name, invalid, is_pointer, ConfigError, FORWARDED_HEADERS, MEANING_HEADERS,
};
use policy_token::Claims;
use serde_json::Value;

use crate::config::ClaimsConfig;
use crate::partner::{PARTNER_HEADER, TIER_HEADER};
use crate::standing::jurisdiction::Jurisdiction;
use crate::standing::{Told, Words};

/// The player, told to the upstream.
pub const PLAYER_HEADER: &str = "x-player-id";
/// The brand, told to the upstream.
pub const BRAND_HEADER: &str = "x-brand";
/// The session, told to the upstream.
pub const SESSION_HEADER: &str = "x-session-id";
/// The level of identity verification, told to the upstream.
pub const KYC_HEADER: &str = "x-kyc-level";
/// The states of the player's account, told to the upstream.
pub const STATE_HEADER: &str = "x-player-state";
/// All of them: a client's own are stripped from every request.
pub const OURS: [&str; 7] = [
    PLAYER_HEADER,
    BRAND_HEADER,
    SESSION_HEADER,
    KYC_HEADER,
    STATE_HEADER,
    PARTNER_HEADER,
    TIER_HEADER,
];
/// Headers that claims may not be put in: they say something else to somebody else.
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
/// Longest id that is handed on, in bytes.
const MAX_ID: usize = 128;
/// Longest other value that is handed on, in bytes.
const MAX_VALUE: usize = 1024;

/// Who is calling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The player's id.
    pub player: String,
    /// The brand the player is with.
    pub brand: String,
    /// The session's id.
    pub session: Option<String>,
    /// The level of identity verification.
    pub kyc: Option<String>,
    /// Further headers for the upstream.
    pub headers: Vec<(String, String)>,
    /// What the token allows.
    pub scopes: Vec<String>,
    /// How the player was authenticated, as a class.
    pub acr: Option<String>,
    /// How the player was authenticated, method by method.
    pub amr: Vec<String>,
    /// When the player was authenticated, in seconds since the epoch.
    pub auth_time: Option<u64>,
    /// When the token was issued, likewise.
    pub issued: Option<u64>,
    /// What the token says of the states of the player's account, where it says anything.
    pub states: Option<Told>,
    /// Where the player is licensed to play.
    pub jurisdiction: Jurisdiction,
}

/// Which claims say what.
#[derive(Clone, Debug)]
pub struct Mapping {
    raw: ClaimsConfig,
    /// What words for states mean; `None` where nobody asks for states.
    words: Option<Words>,
}

impl Mapping {
    /// Compiles the `claims` at path `at`.
    ///
    /// # Errors
    /// Something that is no JSON pointer, a header that is not free, no brand at all.
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
            let problem = "is needed where no claim tells the brand";
            return Err(invalid(format!("{at}.fixed_brand"), problem));
        }
        for (name, pointer) in raw.headers.iter() {
            let field = format!("{at}.headers.{name}");
            header_name(&format!("{at}.headers"), name)?;
            let lists = [&OURS[..], &TAKEN, &MEANING_HEADERS, &FORWARDED_HEADERS];
            if lists.iter().any(|list| list.contains(&name.as_str())) {
                return Err(invalid(field, "is a header with a meaning of its own"));
            }
            check_pointer(pointer, &field)?;
        }
        Ok(Self { raw, words: None })
    }

    /// Whether tokens tell states.
    pub fn tells_states(&self) -> bool {
        self.raw.state.is_some()
    }

    /// From now on states and the jurisdiction are read, too.
    pub fn read_states(&mut self, words: &Words) {
        self.words = Some(words.clone());
    }

    /// Headers that only we may set for the upstream, beyond [`OURS`].
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.raw.headers.keys().map(String::as_str)
    }

    /// Reads the claims. `None` where one that is needed is not there, or one cannot be handed on:
    /// control characters, objects, arrays of arrays, anything too long.
    pub fn identity(&self, claims: &Claims) -> Option<Identity> {
        let raw = &self.raw;
        let brand = match (&raw.fixed_brand, &raw.brand) {
            (Some(fixed), _) => fixed.clone(),
            (None, Some(pointer)) => id(claims.at(pointer)?)?,
            (None, None) => return None,
        };
        let optional = |pointer: &Option<String>| match pointer.as_ref().and_then(|p| claims.at(p))
        {
            None | Some(Value::Null) => Some(None),
            Some(value) => id(value).map(Some),
        };
        let mut headers = Vec::with_capacity(raw.headers.len());
        for (name, pointer) in raw.headers.iter() {
            match claims.at(pointer) {
                None | Some(Value::Null) => {}
                Some(value) => headers.push((name.clone(), printed(value)?)),
            }
        }
        let (mut states, mut jurisdiction) = (None, Jurisdiction::Unsaid);
        if let Some(words) = &self.words {
            states = raw.state.as_ref().and_then(|pointer| words.read(claims.at(pointer)));
            let said = optional(&raw.jurisdiction)?;
            jurisdiction = said.map(|text| Jurisdiction::read(&text)).unwrap_or_default();
        }
        Some(Identity {
            player: id(claims.at(&raw.player)?)?,
            brand,
            session: optional(&raw.session)?,
            kyc: optional(&raw.kyc)?,
            headers,
            scopes: scopes(claims.at(&raw.scope))?,
            acr: claims.text("acr").map(str::to_owned),
            amr: scopes(claims.at("/amr"))?,
            auth_time: claims.date("auth_time"),
            issued: claims.date("iat"),
            states,
            jurisdiction,
        })
    }
}

fn check_pointer(pointer: &str, at: &str) -> Result<(), ConfigError> {
    match is_pointer(pointer) && !pointer.is_empty() {
        true => Ok(()),
        false => Err(invalid(at, "expected a JSON pointer, such as `/sub`")),
    }
}

/// An id as it may stand in a header, a log and a fact: visible ASCII, one word.
fn id(value: &Value) -> Option<String> {
    let text = scalar(value)?;
    let fit =
        !text.is_empty() && text.len() <= MAX_ID && text.bytes().all(|b| b.is_ascii_graphic());
    fit.then_some(text)
}

/// Any value that one line can hold. Items of an array are joined with commas, so that none may hold
/// one: `["a,b"]` must not read as `["a", "b"]`.
fn printed(value: &Value) -> Option<String> {
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
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Words: an array of texts, or one text with spaces between them.
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
#[path = "identity_tests.rs"]
mod tests;

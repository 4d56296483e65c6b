//! The reply to a locked login: the casino's own reply to a wrong password, so that an attacker cannot tell a
//! locked account from one that is not. It carries no code.

use std::borrow::Cow;

use policy_kit::{header_name, invalid, ConfigError, Profile, Reply};

use crate::abuse::config::ReplyConfig;
use crate::abuse::date::http_date;
use crate::denials::LOGIN_LOCKED;

/// Headers that the gateway writes, or that belong to one connection (RFC 9110 section 7.6.1, RFC 9113 section
/// 8.2.2).
const NOT_OURS: [&str; 9] = [
    "connection",
    "content-encoding",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Headers whose place among the others is the casino's, and whose value is not the operator's: how each is written.
const PLACES: [(&str, &str); 2] = [("content-length", "{length}"), ("date", "{date}")];
/// Longest body, in bytes.
const MAX_BODY: usize = 16_384;
/// Most headers.
const MAX_HEADERS: usize = 32;
/// Longest value of a header, in bytes.
const MAX_VALUE: usize = 1_024;

/// What follows a brace.
const DELAY: &str = "delay_ms}";
const UUID: &str = "uuid}";

/// The compiled `abuse.login.reply`.
#[derive(Debug)]
pub struct LockedReply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl LockedReply {
    /// Compiles the configuration at path `at`; `statuses` are those of a failed login.
    ///
    /// # Errors
    /// Names the field.
    pub(crate) fn compile(
        raw: ReplyConfig,
        statuses: &[u16],
        at: &str,
    ) -> Result<Self, ConfigError> {
        let status = raw.status.or_else(|| statuses.first().copied()).unwrap_or(401);
        if !statuses.contains(&status) {
            let problem = "expected one of the statuses of a failed login, or it tells a lock";
            return Err(invalid(format!("{at}.status"), problem));
        }
        if raw.headers.len() > MAX_HEADERS {
            let problem = format!("expected at most {MAX_HEADERS}");
            return Err(invalid(format!("{at}.headers"), problem));
        }
        let mut headers: Vec<(String, String)> = Vec::with_capacity(raw.headers.len());
        for (i, header) in raw.headers.into_iter().enumerate() {
            let field = |name: &str| format!("{at}.headers[{i}].{name}");
            let name = header_name(&field("name"), &header.name)?;
            if NOT_OURS.contains(&name.as_str()) {
                let problem = "is written by the gateway, or belongs to one connection";
                return Err(invalid(field("name"), problem));
            }
            if name.as_bytes().windows(7).any(|part| part == b"pitboss") {
                return Err(invalid(field("name"), "would tell who sends the reply"));
            }
            // `set-cookie` cannot be joined with commas (RFC 9110 section 5.3).
            if name != "set-cookie" && headers.iter().any(|(other, _)| *other == name) {
                return Err(invalid(field("name"), "is given twice"));
            }
            let place = PLACES.iter().find(|(other, _)| *other == name);
            if let Some((_, written)) = place.filter(|(_, written)| *written != header.value) {
                let problem = format!("expected `{written}`: the gateway knows the value");
                return Err(invalid(field("value"), problem));
            }
            let visible = header.value.bytes().all(|b| (b' '..=b'~').contains(&b));
            if !visible || header.value.len() > MAX_VALUE {
                let problem = format!("expected up to {MAX_VALUE} characters of visible ASCII");
                return Err(invalid(field("value"), problem));
            }
            headers.push((name, header.value));
        }
        if raw.body.len() > MAX_BODY {
            return Err(invalid(format!("{at}.body"), format!("expected up to {MAX_BODY} bytes")));
        }
        Ok(Self { status, headers, body: raw.body })
    }

    /// The reply at `now`, in nanoseconds since the epoch, after a wait of `delay_ms` milliseconds; `random` are bytes
    /// that no client can guess.
    ///
    /// On WasmX a reply's code ends up in the reason phrase, so there it has none; and nginx writes length and date.
    pub fn reply(&self, (delay_ms, now): (u64, u64), random: [u8; 16], profile: Profile) -> Reply {
        let (delay, uuid) = (delay_ms.to_string(), uuid(random));
        let filled = |text: &str| filled(text, &delay, &uuid);
        let body = filled(&self.body).into_bytes();
        let mut headers = Vec::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let value = match (name.as_str(), profile) {
                ("content-length" | "date", Profile::Wasmx) => continue,
                ("content-length", _) => body.len().to_string(),
                ("date", _) => http_date(now),
                _ => filled(value),
            };
            headers.push((Cow::Owned(name.clone()), Cow::Owned(value.into_bytes())));
        }
        let code = match profile {
            Profile::Envoy => LOGIN_LOCKED.code,
            Profile::Wasmx => "",
        };
        Reply { status: self.status, headers, body, code }
    }
}

/// A text with its placeholders filled in. Not by [`str::replace`], whose search is 4 KB of code.
fn filled(text: &str, delay: &str, uuid: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(uuid.len()));
    let mut parts = text.split('{');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let placeholder = [(DELAY, delay), (UUID, uuid)]
            .into_iter()
            .find_map(|(name, value)| part.strip_prefix(name).map(|rest| (value, rest)));
        match placeholder {
            Some((value, rest)) => [value, rest].iter().for_each(|text| out.push_str(text)),
            None => {
                out.push('{');
                out.push_str(part);
            }
        }
    }
    out
}

/// A random UUID (RFC 9562 section 5.4).
fn uuid(random: [u8; 16]) -> String {
    let number = u128::from_be_bytes(random);
    let number = number & !(0xf << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{number:032x}");
    let mut out = String::with_capacity(36);
    for (i, digit) in hex.chars().enumerate() {
        if matches!(i, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;

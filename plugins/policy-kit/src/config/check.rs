//! Checks that several configurations share.

use policy_wire::Profile;

use crate::config::error::{invalid, ConfigError};

/// Checks that a number is within bounds.
///
/// # Errors
/// Names the field that `at` returns.
pub fn within(
    number: u64,
    (least, most): (u64, u64),
    at: impl FnOnce() -> String,
) -> Result<u64, ConfigError> {
    match (least..=most).contains(&number) {
        true => Ok(number),
        false => Err(out_of_bounds(at(), least, most)),
    }
}

/// Checks that the number at a member of `at` is within bounds. One function, where [`within`] is compiled for each
/// closure that names a field.
///
/// # Errors
/// Names the member.
#[inline(never)]
pub fn member_within(
    number: u64,
    (least, most): (u64, u64),
    at: &str,
    member: &str,
) -> Result<u64, ConfigError> {
    within(number, (least, most), || [at, ".", member].concat())
}

#[cold]
#[inline(never)]
fn out_of_bounds(at: String, least: u64, most: u64) -> ConfigError {
    invalid(at, format!("expected {least} to {most}"))
}

/// Whether a text is a lower-case label, as used for products, brands and partners: up to 64 letters, digits
/// and `-`.
pub fn is_label(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

/// Checks the name of a header as the operator writes it: lower case, `-` and `_`.
///
/// # Errors
/// Names `at`.
#[inline]
pub fn header_name(at: &str, name: &str) -> Result<String, ConfigError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if name.is_empty() || !name.bytes().all(allowed) {
        return Err(invalid(at, "expected a header name in lower case"));
    }
    Ok(name.to_owned())
}

/// Checks a configuration's `version`, which appears in metrics and logs.
///
/// # Errors
/// More than 32 bytes, or other characters than letters, digits, `-` and `_`.
#[inline]
pub fn version(text: &str) -> Result<(), ConfigError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    match text.len() <= 32 && text.bytes().all(plain) {
        true => Ok(()),
        false => Err(invalid("version", "expected up to 32 letters, digits, `-` and `_`")),
    }
}

/// Checks which filter strips the headers that carry facts about a caller on WasmX: without one, a client
/// could send them itself. `at` is the field, `member` the one in it that names the filter (`name`), `subjects`
/// whom the facts are about.
///
/// # Errors
/// Names the field.
#[inline]
pub fn stripped_by(
    profile: Profile,
    (at, member): (&str, &str),
    subjects: &str,
    name: Option<&str>,
) -> Result<(), ConfigError> {
    match (profile, name) {
        (Profile::Envoy, None) => Ok(()),
        (Profile::Envoy, Some(_)) => {
            Err(invalid(at, "is for `wasmx`: on Envoy identities travel in filter state"))
        }
        (Profile::Wasmx, None) => {
            let problem = "travel in headers there, and a filter must strip what clients send";
            Err(invalid(at, format!("required: {subjects} {problem}")))
        }
        (Profile::Wasmx, Some(name)) => {
            match !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()) {
                true => Ok(()),
                false => Err(invalid(format!("{at}.{member}"), "expected a filter's name")),
            }
        }
    }
}

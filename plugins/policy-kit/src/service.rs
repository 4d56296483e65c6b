//! Services that a policy asks over the gateway: what a configuration says of one.

use std::time::Duration;

use crate::{invalid, ConfigError};

/// Longest a stream may be made to wait for anybody, in milliseconds.
const MAX_TIMEOUT: u64 = 5_000;

/// A timeout in milliseconds.
///
/// # Errors
/// None at all, or longer than any player waits.
pub fn timeout(millis: u64, at: &str) -> Result<Duration, ConfigError> {
    match (1..=MAX_TIMEOUT).contains(&millis) {
        true => Ok(Duration::from_millis(millis)),
        false => Err(invalid(format!("{at}.timeout_ms"), "expected 1 to 5000")),
    }
}

/// Checks what makes the address of a service that is called.
///
/// # Errors
/// Names the field.
pub fn service(
    cluster: &str,
    authority: Option<&str>,
    path: &str,
    at: &str,
) -> Result<(), ConfigError> {
    let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    if !word(cluster) {
        return Err(invalid(format!("{at}.cluster"), "expected a cluster's name"));
    }
    if !authority.is_none_or(word) {
        return Err(invalid(format!("{at}.authority"), "expected a host, with or without a port"));
    }
    if !path.starts_with('/') || !word(path) {
        return Err(invalid(format!("{at}.path"), "expected a path from `/` on"));
    }
    Ok(())
}

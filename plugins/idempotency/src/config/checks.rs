//! Checks that several members of the configuration share.

use policy_kit::{invalid, is_pointer, ConfigError};

/// Most slots, owners or bets: 2.5 GiB of slots if all are in use, a third of it as intended.
pub(crate) const MOST: u64 = 1 << 24;

/// A number within bounds, or the default where none is given.
///
/// # Errors
/// Names the field.
pub(crate) fn within(
    number: Option<u64>,
    default: u64,
    bounds: (u64, u64),
    field: impl FnOnce() -> String,
) -> Result<u64, ConfigError> {
    policy_kit::within(number.unwrap_or(default), bounds, field)
}

/// Checks that a list has JSON pointers only, and at least one.
///
/// # Errors
/// Names the pointer, or the list if it is empty.
pub(crate) fn pointers(list: &[String], field: &str) -> Result<(), ConfigError> {
    if list.is_empty() {
        return Err(invalid(field, "must name at least one JSON pointer"));
    }
    match list.iter().position(|pointer| !is_pointer(pointer)) {
        Some(i) => Err(invalid(format!("{field}[{i}]"), "expected a JSON pointer: `/amount`")),
        None => Ok(()),
    }
}

/// Checks that lists have no empty word, and share no word.
///
/// # Errors
/// Names the list.
pub(crate) fn words(lists: &[(&str, &Vec<String>)], at: &str) -> Result<(), ConfigError> {
    for (i, (name, list)) in lists.iter().enumerate() {
        let field = format!("{at}.{name}");
        if list.iter().any(String::is_empty) {
            return Err(invalid(field, "has an empty word"));
        }
        let before = lists.iter().take(i);
        let twice = before.clone().find(|(_, other)| list.iter().any(|w| other.contains(w)));
        if let Some((other, _)) = twice {
            return Err(invalid(field, format!("has a word that `{other}` has, too")));
        }
    }
    Ok(())
}

/// Whether a name of a partner or of a query parameter is visible ASCII.
pub(crate) fn is_visible(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic())
}

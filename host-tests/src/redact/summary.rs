//! Counts of a redaction, and what to review before publication.
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

/// Counts of replaced values, and of remaining values that look like a person or a secret.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Different values, by what they are.
    replaced: BTreeMap<&'static str, HashSet<String>>,
    /// Different values that were replaced under their name.
    pub(super) named: usize,
    /// Different values that were left, and the first entry of each, by what they look like.
    left: BTreeMap<&'static str, (HashSet<String>, BTreeSet<usize>)>,
    /// The entry at hand, from 1.
    pub(super) entry: usize,
}

/// Most listed entries of one kind.
const MAX_LISTED: usize = 10;

impl Summary {
    /// Counts a value that was replaced.
    pub(super) fn replaced(&mut self, kind: &'static str, value: &str) {
        let values = self.replaced.entry(kind).or_default();
        if !values.contains(value) {
            values.insert(value.to_owned());
        }
    }

    /// Checks a remaining text.
    pub(super) fn look(&mut self, text: &str) {
        let Some(kind) = resembles(text) else { return };
        let (values, entries) = self.left.entry(kind).or_default();
        if values.insert(text.to_owned()) {
            entries.insert(self.entry);
        }
    }

    /// Resets the counts before the second pass.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }

    /// How many different values were left that look like this.
    pub fn left(&self, kind: &str) -> usize {
        self.left.get(kind).map_or(0, |(values, _)| values.len())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "replaced: {} values by name", self.named)?;
        for (kind, values) in &self.replaced {
            write!(f, ", {} {kind}", values.len())?;
        }
        if self.left.is_empty() {
            return write!(f, "\nto review: nothing");
        }
        write!(f, "\nto review:")?;
        for (kind, (values, entries)) in &self.left {
            let listed: Vec<String> =
                entries.iter().take(MAX_LISTED).map(ToString::to_string).collect();
            let more = if entries.len() > MAX_LISTED { ", ..." } else { "" };
            write!(f, "\n  {} like {kind} (entries {}{more})", values.len(), listed.join(", "))?;
        }
        Ok(())
    }
}

/// What a whole text looks like.
fn resembles(text: &str) -> Option<&'static str> {
    if !(4..=200).contains(&text.len()) || text.contains("redacted.example") {
        return None;
    }
    if is_phone(text) {
        return Some("a telephone number");
    }
    if is_birthday(text) {
        return Some("a date of birth");
    }
    if is_full_name(text) {
        return Some("a name");
    }
    is_random(text).then_some("a secret")
}

fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let allowed = text.bytes().all(|it| it.is_ascii_digit() || b"+ -().".contains(&it));
    allowed && (8..=15).contains(&digits) && text.starts_with('+')
}

/// `1984-07-01`, of a living adult.
fn is_birthday(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['-', '/', '.']).collect();
    let [a, b, c] = parts.as_slice() else { return false };
    let (year, short) = if a.len() == 4 { (a, [b, c]) } else { (c, [a, b]) };
    let year = year.parse::<u16>().is_ok_and(|it| (1920..=2010).contains(&it));
    year && short.iter().all(|it| it.len() == 2 && it.parse::<u8>().is_ok_and(|it| it <= 31))
}

fn is_full_name(text: &str) -> bool {
    let words: Vec<&str> = text.split(' ').collect();
    let name = |it: &&str| {
        let mut chars = it.chars();
        chars.next().is_some_and(char::is_uppercase)
            && it.chars().count() > 1
            && chars.all(char::is_lowercase)
    };
    (2..=3).contains(&words.len()) && words.iter().all(name)
}

/// A long word with letters of both cases and digits.
pub(super) fn is_random(text: &str) -> bool {
    let count = |is: fn(&u8) -> bool| text.bytes().filter(is).count();
    let word = text.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-+/=".contains(&it));
    let (upper, lower) = (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    let digits = count(u8::is_ascii_digit);
    word && text.len() >= 24 && upper >= 3 && lower >= 3 && digits >= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_kinds_and_no_values() {
        for (text, kind) in [
            ("+356 2123 4567", Some("a telephone number")),
            ("1984-07-01", Some("a date of birth")),
            ("01/07/1984", Some("a date of birth")),
            ("Alice Vella", Some("a name")),
            ("Zx81kQp0aWm3Lr5tYb7nHc9d", Some("a secret")),
            ("2026-03-01", None),
            ("alice vella", None),
            ("application/json", None),
            ("203.0.113.9", None),
        ] {
            assert_eq!(resembles(text), kind, "{text}");
        }
        let mut summary = Summary { named: 3, entry: 4, ..Summary::default() };
        summary.replaced("tokens", "secret");
        summary.replaced("tokens", "secret");
        assert!(summary.to_string().ends_with("to review: nothing"));
        summary.look("Alice Vella");
        summary.look("Alice Vella");
        let said = summary.to_string();
        assert_eq!(
            said,
            "replaced: 3 values by name, 1 tokens\nto review:\n  1 like a name (entries 4)"
        );
    }
}

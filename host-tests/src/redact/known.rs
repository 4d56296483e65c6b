//! Values that were replaced by name, and are replaced everywhere else too.
use super::plain::is_plain;
use super::pseudonym::Key;
use percent_encoding::percent_decode_str;
use std::collections::{HashMap, HashSet};

/// Shorter values are not replaced elsewhere: `ev-1` is ambiguous.
const SHORTEST: usize = 5;

/// The values, found by the first word in them: a text is read once, however many values there are.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Each with its pseudonym.
    values: HashMap<String, String>,
    /// By the first run of letters and digits: where in the value it starts, and the value.
    by_word: HashMap<String, Vec<(usize, String)>>,
    /// All values are learnt; they are replaced now.
    sought: bool,
    /// What stands for values so far.
    given: HashSet<String>,
}

/// A value found in a text: start, end, pseudonym.
type Found<'a> = (usize, usize, &'a str);

impl Known {
    /// Learns a value during the first pass. Returns its pseudonym.
    pub(super) fn pseudonym(&mut self, key: &Key, value: &str) -> String {
        if let Some(known) = self.values.get(value) {
            return known.clone();
        }
        if self.is_given(value) {
            return value.to_owned();
        }
        let pseudonym = key.pseudonym(value);
        self.give(&pseudonym);
        if value.len() >= SHORTEST && !self.sought {
            // Cookies and queries may be recorded encoded or decoded.
            let meant = percent_decode_str(value).decode_utf8_lossy();
            if meant.len() >= SHORTEST && meant != value {
                self.values.insert(meant.into_owned(), pseudonym.clone());
            }
            self.values.insert(value.to_owned(), pseudonym.clone());
        }
        pseudonym
    }

    /// The pseudonym of a value that is known already.
    pub(super) fn known(&self, value: &str) -> Option<String> {
        self.values.get(value).cloned()
    }

    /// Remembers what stands for a value.
    pub(super) fn give(&mut self, replacement: &str) {
        if replacement.len() >= SHORTEST && !self.given.contains(replacement) {
            self.given.insert(replacement.to_owned());
        }
    }

    /// True for what stands for a value: a text within texts may be read twice. Shorter replacements, those
    /// of numbers, may be other values.
    pub(super) fn is_given(&self, text: &str) -> bool {
        const SURE: usize = 12;
        text.len() >= SURE && self.given.contains(text)
    }

    /// True for what may stand for a value.
    pub(super) fn may_be_given(&self, text: &str) -> bool {
        self.given.contains(text)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.values.len()
    }

    /// Begins the second pass: values are replaced, and no more are learnt. Plain ones are not sought.
    pub(super) fn seek(&mut self, hosts: &HashSet<String>) {
        self.sought = true;
        for value in self.values.keys().filter(|it| !is_plain(it, hosts)) {
            let Some((start, end)) = words(value).next() else { continue };
            let word = value.get(start..end).unwrap_or_default().to_owned();
            self.by_word.entry(word).or_default().push((start, value.clone()));
        }
    }

    /// The text without them, where one stands in it and is no part of a longer word.
    pub(super) fn replace(&self, text: &str) -> Option<String> {
        self.replace_where(text, None, |_| true)
    }

    /// The text without those that would fall apart where it is split at its separators. In a URL the path
    /// starts at `path`: what is before it stays, and so does the first `/`.
    pub(super) fn replace_compound(&self, text: &str, path: Option<usize>) -> Option<String> {
        self.replace_where(text, path, |value| value.contains(['/', '&', '=', ';', '?', '#', ',']))
    }

    fn replace_where(
        &self,
        text: &str,
        path: Option<usize>,
        counts: impl Fn(&str) -> bool,
    ) -> Option<String> {
        if self.by_word.is_empty() {
            return None;
        }
        let mut found: Vec<Found<'_>> = Vec::new();
        for (start, end) in words(text) {
            let word = text.get(start..end).unwrap_or_default();
            for (before, value) in self.by_word.get(word).into_iter().flatten() {
                let Some(from) = start.checked_sub(*before) else { continue };
                let to = from + value.len();
                if text.get(from..to) == Some(value) && counts(value) && is_whole(text, from, to) {
                    let (from, to) = without_borders(text, from, to, path);
                    let pseudonym = self.values.get(value).map_or("", String::as_str);
                    if from < to {
                        found.push((from, to, pseudonym));
                    }
                }
            }
        }
        if found.is_empty() {
            return None;
        }
        // The longest first, so that a shorter one does not split it.
        found.sort_by_key(|(from, to, _)| (std::cmp::Reverse(to - from), *from));
        let mut chosen: Vec<Found<'_>> = Vec::new();
        for it in found {
            if chosen.iter().all(|other| it.1 <= other.0 || other.1 <= it.0) {
                chosen.push(it);
            }
        }
        chosen.sort_unstable();
        let (mut out, mut done) = (String::with_capacity(text.len()), 0);
        for (from, to, pseudonym) in chosen {
            out.push_str(text.get(done..from).unwrap_or_default());
            out.push_str(pseudonym);
            done = to;
        }
        out.push_str(text.get(done..).unwrap_or_default());
        Some(out)
    }
}

/// The part of a value that its pseudonym takes: a separator stays where a word is next to it, since the
/// pseudonym would become a part of this word.
fn without_borders(text: &str, from: usize, to: usize, path: Option<usize>) -> (usize, usize) {
    let separator = |it: char| "/?&=;,#:-_.+ ".contains(it);
    let (mut start, mut end) = (from, to);
    if let Some(path) = path {
        start = start.max(path);
        let opens = start == path && text.get(start..end).is_some_and(|it| it.starts_with('/'));
        start += usize::from(opens);
    }
    let word = |it: char| it.is_ascii_alphanumeric();
    let value = text.get(start..end).unwrap_or_default();
    if text.get(end..).is_some_and(|it| it.starts_with(word)) {
        end = start + value.trim_end_matches(separator).len();
    }
    if text.get(..start).is_some_and(|it| it.ends_with(word)) {
        start += value.len() - value.trim_start_matches(separator).len();
    }
    (start, end)
}

/// Runs of ASCII letters and digits, and every other character that is not ASCII, since many scripts put
/// nothing between words: where each starts and ends.
fn words(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..)?;
        let start = at + rest.iter().position(|it| it.is_ascii_alphanumeric() || !it.is_ascii())?;
        let run = bytes.get(start..).unwrap_or_default();
        let length = match run.first().is_some_and(u8::is_ascii) {
            true => run.iter().position(|it| !it.is_ascii_alphanumeric()),
            false => run.iter().skip(1).position(|it| it & 0xc0 != 0x80).map(|it| it + 1),
        };
        at = start + length.unwrap_or(run.len());
        Some((start, at))
    })
}

/// True when this is no part of longer words; a value that ends in a separator brings its own.
fn is_whole(text: &str, from: usize, to: usize) -> bool {
    let (before, rest) = text.split_at(from);
    let (inside, after) = rest.split_at(to - from);
    // Letters with two cases form words, whatever the script; a name in Chinese may stand anywhere.
    let letter = |it: char| it.is_lowercase() || it.is_uppercase();
    let cut = |outside: Option<char>, inside: Option<char>| match (outside, inside) {
        (Some(outside), Some(inside)) if inside.is_ascii() => {
            outside.is_ascii_alphanumeric() && inside.is_ascii_alphanumeric()
        }
        (Some(outside), Some(inside)) => letter(outside) && letter(inside),
        _ => false,
    };
    !cut(before.chars().next_back(), inside.chars().next())
        && !cut(after.chars().next(), inside.chars().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text with values as capital letters, and with them replaced.
    #[test]
    fn known_values_match_whole_words() {
        let key = Key::new(b"a key of the test").unwrap();
        let mut known = Known::default();
        for value in [
            "alpha1",
            "alpha1-beta",
            "beta-gamma-delta",
            "%7Bopen",
            "ev-1",
            "-----",
            "/Elm?v=4&w=",
            "张伟丽",
            "Иван",
        ] {
            known.pseudonym(&key, value);
        }
        assert_eq!(known.replace("alpha1"), None, "not while they are learnt");
        known.seek(&HashSet::from(["shop".to_owned()]));
        let stands = |value: &str| key.pseudonym(value);
        for (text, wanted) in [
            ("say alpha1, twice: alpha1", format!("say {0}, twice: {0}", stands("alpha1"))),
            ("alpha1bet xalpha1 alpha12 ev-1 -----", String::new()),
            ("(alpha1-beta)", format!("({})", stands("alpha1-beta"))),
            ("alpha1-betas", format!("{}-betas", stands("alpha1"))),
            // The longer of two that overlap; the rest of the shorter one is no whole value any more.
            (
                "alpha1-beta-gamma-delta",
                format!("{}-{}", stands("alpha1"), stands("beta-gamma-delta")),
            ),
            ("a=%7Bopen;", format!("a={};", stands("%7Bopen"))),
            // A separator between the value and another word stays.
            ("h.example/Elm?v=4&w=7", format!("h.example/{}=7", stands("/Elm?v=4&w="))),
            ("员工张伟丽好", format!("员工{}好", stands("张伟丽"))),
            ("Иван, Иванов", format!("{}, Иванов", stands("Иван"))),
        ] {
            let wanted = (!wanted.is_empty()).then_some(wanted);
            assert_eq!(known.replace(text), wanted, "{text}");
        }
    }
}

//! Values that were replaced by name, and are replaced everywhere else too.
use super::pseudonym::Key;
use percent_encoding::percent_decode_str;
use std::collections::HashMap;

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
}

/// A value found in a text: start, end, pseudonym.
type Found<'a> = (usize, usize, &'a str);

impl Known {
    /// Learns a value during the first pass. Returns its pseudonym.
    pub(super) fn pseudonym(&mut self, key: &Key, value: &str) -> String {
        if let Some(known) = self.values.get(value) {
            return known.clone();
        }
        let pseudonym = key.pseudonym(value);
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

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.values.len()
    }

    /// Begins the second pass: values are replaced, and no more are learnt.
    pub(super) fn seek(&mut self) {
        self.sought = true;
        for value in self.values.keys() {
            let Some((start, end)) = words(value).next() else { continue };
            let word = value.get(start..end).unwrap_or_default().to_owned();
            self.by_word.entry(word).or_default().push((start, value.clone()));
        }
    }

    /// The text without them, where one stands in it and is no part of a longer word.
    pub(super) fn replace(&self, text: &str) -> Option<String> {
        self.replace_where(text, |_| true)
    }

    /// The text without those that would fall apart where it is split at its separators.
    pub(super) fn replace_compound(&self, text: &str) -> Option<String> {
        self.replace_where(text, |value| value.contains(['/', '&', '=', ';', '?', '#', ',']))
    }

    fn replace_where(&self, text: &str, counts: impl Fn(&str) -> bool) -> Option<String> {
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
                    let pseudonym = self.values.get(value).map_or("", String::as_str);
                    found.push((from, to, pseudonym));
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

/// Runs of letters and digits: where each starts and ends.
fn words(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..)?;
        let start = at + rest.iter().position(u8::is_ascii_alphanumeric)?;
        let run = bytes.get(start..).unwrap_or_default();
        let length = run.iter().position(|it| !it.is_ascii_alphanumeric()).unwrap_or(run.len());
        at = start + length;
        Some((start, at))
    })
}

/// True when this is no part of longer words; a value that ends in a separator brings its own.
fn is_whole(text: &str, from: usize, to: usize) -> bool {
    let bytes = text.as_bytes();
    let word =
        |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    let cut = |outside: Option<usize>, inside: Option<usize>| word(outside) && word(inside);
    !cut(from.checked_sub(1), Some(from)) && !cut(Some(to), to.checked_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text with values as capital letters, and with them replaced.
    #[test]
    fn known_values_match_whole_words() {
        let key = Key::new(b"a key of the test").unwrap();
        let mut known = Known::default();
        for value in ["alpha", "alpha-beta", "beta-gamma-delta", "%7Bopen", "ev-1", "-----"] {
            known.pseudonym(&key, value);
        }
        assert_eq!(known.replace("alpha"), None, "not while they are learnt");
        known.seek();
        let stands = |value: &str| key.pseudonym(value);
        for (text, wanted) in [
            ("say alpha, twice: alpha", format!("say {0}, twice: {0}", stands("alpha"))),
            ("alphabet xalpha alpha1 ev-1 -----", String::new()),
            ("(alpha-beta)", format!("({})", stands("alpha-beta"))),
            ("alpha-betas", format!("{}-betas", stands("alpha"))),
            // The longer of two that overlap; the rest of the shorter one is no whole value any more.
            (
                "alpha-beta-gamma-delta",
                format!("{}-{}", stands("alpha"), stands("beta-gamma-delta")),
            ),
            ("a=%7Bopen;", format!("a={};", stands("%7Bopen"))),
        ] {
            let wanted = (!wanted.is_empty()).then_some(wanted);
            assert_eq!(known.replace(text), wanted, "{text}");
        }
    }
}

//! JSON, replaced in place: duplicate members, the spelling of numbers, text before the document, several
//! documents and a truncated end stay, since parsers may disagree about them.
use super::names::{is_code, is_folder, is_id, is_login, is_ticket};
use super::redactor::Redactor;
use serde_json::Value;
use std::borrow::Cow;

/// Shorter numbers are replaced by name only.
const SHORTEST: usize = 5;

/// The position in a document.
#[derive(Default)]
struct Place {
    /// Objects and arrays that are open.
    open: Vec<Level>,
    /// What the member's name implies for the next value.
    named: Level,
    /// The member's name, for the next value only.
    name: String,
    /// Words stand outside of strings: this is no document, or it starts within a string.
    words: bool,
}

#[derive(Clone, Copy, Default)]
struct Level {
    /// A name above makes everything within personal.
    personal: bool,
    /// A name above makes everything id-like an id: `{"players": {"4711": {}}}`.
    ids: bool,
}

impl Place {
    fn level(&self) -> Level {
        self.open.last().copied().unwrap_or_default()
    }

    fn is_personal(&self) -> bool {
        self.level().personal || self.named.personal
    }

    /// A character outside of strings.
    fn pass(&mut self, mark: char) {
        match mark {
            '{' | '[' => {
                self.open.push(Level { personal: self.is_personal(), ids: self.named.ids });
            }
            '}' | ']' => {
                self.open.pop();
            }
            ',' => {}
            _ => return,
        }
        self.named = Level::default();
        self.name.clear();
    }
}

impl Redactor<'_> {
    /// A document, or what is left of one.
    pub(super) fn json(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut place = Place::default();
        let mut login = None;
        let mut rest = text;
        while let Some((gap, tail)) = rest.split_once('"') {
            self.between(gap, &mut place, &mut out);
            let (content, closed) = literal(tail);
            rest = tail.get(content.len() + usize::from(closed)..).unwrap_or_default();
            let decoded = match content.contains('\\') {
                false => Cow::Borrowed(content),
                true => serde_json::from_str(&format!("\"{content}\""))
                    .map_or(Cow::Borrowed(content), Cow::Owned),
            };
            let redacted = if rest.trim_start().starts_with(':') {
                let redacted = self.member(&decoded, place.level());
                let personal = self.is_personal(&decoded);
                place.named = Level { personal, ids: is_folder(&decoded) };
                place.name.clear();
                place.name.push_str(&decoded);
                redacted
            } else if place.is_personal()
                || (place.level().ids && is_id(&decoded))
                || is_ticket(&place.name, &decoded)
                || (is_code(&place.name, &decoded) && *login.get_or_insert_with(|| is_login(text)))
            {
                self.value(&decoded)
            } else {
                self.free(&decoded)
            };
            out.push('"');
            if redacted == decoded {
                out.push_str(content);
            } else {
                let quoted = Value::String(redacted).to_string();
                let inner = quoted.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
                out.push_str(inner.unwrap_or_default());
            }
            out.push_str(if closed { "\"" } else { "" });
        }
        self.between(rest, &mut place, &mut out);
        match place.words {
            // A member may have been read as text and text as a member.
            true => self.labelled(&out).unwrap_or(out),
            false => out,
        }
    }

    /// A member's name, which may itself be an id.
    fn member(&mut self, name: &str, level: Level) -> String {
        if level.ids && is_id(name) {
            return self.value(name);
        }
        self.name(name)
    }

    /// What stands between strings: structure, numbers, and text around the document.
    fn between(&mut self, gap: &str, place: &mut Place, out: &mut String) {
        let mark = |it: char| "{}[],:".contains(it);
        let mut rest = gap;
        while !rest.is_empty() {
            let (run, tail) = rest.split_at(rest.find(mark).unwrap_or(rest.len()));
            let bare = run.trim();
            let at = run.len() - run.trim_start().len();
            out.push_str(run.get(..at).unwrap_or_default());
            out.push_str(&self.bare(bare, place.is_personal()));
            place.words |= bare.bytes().any(|it| it.is_ascii_alphabetic())
                && !matches!(bare, "true" | "false" | "null");
            out.push_str(run.get(at + bare.len()..).unwrap_or_default());
            let mut marks = tail.chars();
            if let Some(mark) = marks.next() {
                place.pass(mark);
                out.push(mark);
            }
            rest = marks.as_str();
        }
    }

    /// A number that is personal, or has the shape of a card, becomes another one.
    fn bare(&mut self, text: &str, personal: bool) -> String {
        if matches!(text, "" | "true" | "false" | "null") || !(personal || text.len() >= SHORTEST) {
            return text.to_owned();
        }
        let redacted = if personal { self.value(text) } else { self.scrub(text) };
        let number = text.bytes().all(|it| it.is_ascii_digit() || b"+-.eE".contains(&it));
        if redacted == text || !number {
            return redacted;
        }
        let digits: String = redacted.chars().filter(char::is_ascii_digit).collect();
        let digits = match digits.trim_start_matches('0') {
            "" => "0",
            digits => digits,
        };
        self.known.give(digits);
        digits.to_owned()
    }
}

/// The content of a string up to its closing quote, and whether it has one.
fn literal(text: &str) -> (&str, bool) {
    let mut escaped = false;
    let end = text.bytes().position(|it| {
        let end = it == b'"' && !escaped;
        escaped = it == b'\\' && !escaped;
        end
    });
    (end.and_then(|end| text.get(..end)).unwrap_or(text), end.is_some())
}

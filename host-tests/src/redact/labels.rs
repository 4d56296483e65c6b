//! Secrets in free text after a label: `Authorization: Bearer S`, `password=S`, `CN=S`. They are replaced
//! there only, not elsewhere.
use super::names::is_ticket;
use super::redactor::Redactor;

/// Headers whose value goes to the end of the line.
const LINES: &[&str] =
    &["authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key"];

/// Attributes of certificate names that identify a person or a machine.
const SUBJECT: &[&str] = &["cn", "emailaddress", "serialnumber", "uid"];

impl Redactor<'_> {
    /// The text without such secrets, where there are any.
    pub(super) fn labelled(&mut self, text: &str) -> Option<String> {
        let (mut out, mut done, mut at) = (String::new(), 0, 0);
        while let Some(found) = text.get(at..).and_then(|rest| rest.find([':', '=', ' '])) {
            let mark = at + found;
            at = mark + 1;
            let Some((start, end)) = self.secret(text, mark).filter(|(start, _)| *start >= done)
            else {
                continue;
            };
            let value = text.get(start..end).unwrap_or_default();
            let redacted = self.unlearnt(value);
            if redacted == value {
                continue;
            }
            self.summary.replaced("values in text", value);
            out.push_str(text.get(done..start).unwrap_or_default());
            out.push_str(&redacted);
            (done, at) = (end, end);
        }
        if done == 0 {
            return None;
        }
        out.push_str(text.get(done..).unwrap_or_default());
        Some(out)
    }

    /// The position of the secret whose label ends at this mark.
    fn secret(&mut self, text: &str, mark: usize) -> Option<(usize, usize)> {
        let (before, rest) = text.split_at_checked(mark)?;
        let spaced = rest.get(1..)?;
        let before = match rest.starts_with(' ') {
            true => before,
            false => before.trim_end_matches([' ', '"', '\'', '\\']),
        };
        let named = |it: char| it.is_ascii_alphanumeric() || "_-".contains(it);
        let name = before.rsplit(|it| !named(it)).next().filter(|it| it.len() >= 2)?;
        let bare = spaced.trim_start_matches([' ', '"', '\'', '\\']);
        let start = mark + rest.len() - bare.len();
        let quoted = text.get(..start).is_some_and(|it| it.ends_with(['"', '\'']));
        let apart = !quoted && text.get(..mark).is_some_and(|it| it.ends_with(' '));
        let lower = name.to_ascii_lowercase();
        let line = rest.starts_with(':') && LINES.contains(&lower.as_str());
        let ends = |it: char| match line {
            true => matches!(it, '"' | '\'' | '\r' | '\n'),
            false => it.is_whitespace() || "\"'`,;&<>(){}[]|\\".contains(it),
        };
        let value = bare.get(..bare.find(ends).unwrap_or(bare.len()))?;
        let tells = match rest.as_bytes().first() {
            Some(b' ') => matches!(&*lower, "bearer" | "basic") && looks_secret(value),
            Some(b'=') if SUBJECT.contains(&&*lower) && !name.starts_with(char::is_lowercase) => {
                true
            }
            _ if line => true,
            // `key = data1` is a part of a program.
            _ if apart && value.len() < 8 => false,
            _ => looks_secret(value) && (self.is_personal(name) || is_ticket(name, value)),
        };
        (tells && !value.is_empty()).then_some((start, start + value.len()))
    }

    /// The pseudonym of a value that is not replaced elsewhere.
    fn unlearnt(&mut self, value: &str) -> String {
        if let Some((scheme, rest)) = value.split_once(' ') {
            return format!("{scheme} {}", self.unlearnt(rest));
        }
        if self.known.may_be_given(value) || is_pseudonym(value) {
            return value.to_owned();
        }
        match self.jwt(value).or_else(|| self.address(value)) {
            Some(redacted) if redacted != value || value.contains('.') => redacted,
            None if value.ends_with("redacted.example") => value.to_owned(),
            _ => self.key.pseudonym(value),
        }
    }
}

/// True for what may be a secret and is not a word of a text or a program.
fn looks_secret(value: &str) -> bool {
    // `Bearer realm="a"` has a realm and no token.
    let value = value.trim_end_matches('=');
    let digit = value.bytes().any(|it| it.is_ascii_digit());
    let word = value.bytes().all(|it| it.is_ascii_alphabetic() || it == b'.');
    value.len() >= 5 && (digit || !word) && value.bytes().any(|it| it.is_ascii_alphanumeric())
}

/// True for a pseudonym.
fn is_pseudonym(value: &str) -> bool {
    let hex = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
    value.strip_prefix('x').is_some_and(|it| it.len() == 24 && it.bytes().all(hex))
}

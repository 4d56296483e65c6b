//! Where one URL carries many calls: which class a call has, by a query parameter or by the body.

use serde::Deserialize;

use crate::json::{is_pointer, text_of};
use crate::{invalid, ConfigError, Content, EndpointClass, SortedMap};

/// Most bytes of a body that is read to learn what kind of call it is.
pub const MAX_SELECTING_BODY: usize = 64 << 10;

/// As the operator writes it: exactly one of `query` and `pointer`, and the class of each value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectConfig {
    /// Name of a query parameter.
    pub query: Option<String>,
    /// JSON pointer (RFC 6901) into the body.
    pub pointer: Option<String>,
    /// The class of each value. A value that is not listed is `unclassified`.
    pub classes: SortedMap<String, EndpointClass>,
}

/// A compiled selector.
#[derive(Clone, Debug)]
pub(crate) struct Select {
    by: By,
    classes: SortedMap<String, EndpointClass>,
}

#[derive(Clone, Debug)]
enum By {
    Query(String),
    Pointer(String),
}

impl Select {
    pub(crate) fn compile(raw: SelectConfig, at: &str) -> Result<Self, ConfigError> {
        let by = match (raw.query, raw.pointer) {
            (Some(name), None) if !name.is_empty() => By::Query(name),
            (None, Some(pointer)) if is_pointer(&pointer) => By::Pointer(pointer),
            (None, Some(_)) => {
                return Err(invalid(format!("{at}.pointer"), "expected a JSON pointer: `/type`"));
            }
            _ => return Err(invalid(at, "give exactly one of `query` and `pointer`")),
        };
        if raw.classes.is_empty() {
            return Err(invalid(format!("{at}.classes"), "must name at least one value"));
        }
        Ok(Self { by, classes: raw.classes })
    }

    /// The classes that a call may turn out to have.
    pub(crate) fn classes(&self) -> impl Iterator<Item = EndpointClass> + '_ {
        self.classes.values().copied()
    }

    /// The strictest of them.
    pub(crate) fn strictest(&self) -> EndpointClass {
        self.classes().max_by_key(|c| c.strictness()).unwrap_or(EndpointClass::Unclassified)
    }

    /// Whether only the body tells the class.
    pub(crate) fn needs_body(&self) -> bool {
        matches!(self.by, By::Pointer(_))
    }

    /// The class, as far as the target tells it; `None` where only the body does.
    pub(crate) fn by_target(&self, target: &[u8]) -> Option<EndpointClass> {
        match &self.by {
            By::Query(name) => Some(self.class(parameter(target, name).as_deref())),
            By::Pointer(_) => None,
        }
    }

    /// The class that the body tells.
    pub(crate) fn by_body(&self, content: &Content<'_>) -> EndpointClass {
        match &self.by {
            By::Query(_) => EndpointClass::Unclassified,
            By::Pointer(pointer) => {
                let value = content.value_at(pointer).ok().flatten();
                self.class(value.as_ref().and_then(text_of).as_deref())
            }
        }
    }

    fn class(&self, value: Option<&str>) -> EndpointClass {
        let class = value.and_then(|v| self.classes.get(v)).copied();
        class.unwrap_or(EndpointClass::Unclassified)
    }

    /// The selector as one line, for the digest.
    pub(crate) fn describe(&self) -> String {
        let by = match &self.by {
            By::Query(name) => format!("query {name:?}"),
            By::Pointer(pointer) => format!("pointer {pointer:?}"),
        };
        let classes = self.classes.iter().map(|(v, c)| format!(" {v:?}={c}"));
        classes.fold(by, |line, class| line + &class)
    }
}

/// A query parameter that every reader reads the same: given once, whether `;` separates or not,
/// with escapes that are whole and decode to UTF-8.
fn parameter(target: &[u8], name: &str) -> Option<String> {
    let query = target.splitn(2, |b| *b == b'?').nth(1)?;
    let mut found = None;
    for pair in query.split(|b| *b == b'&') {
        let pieces = pair.split(|b| *b == b';').count();
        let mut sides = pair.splitn(2, |b| *b == b'=');
        let key = unescape(sides.next().unwrap_or_default())?;
        let value = unescape(sides.next().unwrap_or_default())?;
        // With `;` in play, somebody may see other pairs than we do.
        let hidden = pieces > 1
            && pair.split(|b| *b == b';').any(|piece| {
                let key = piece.split(|b| *b == b'=').next().unwrap_or_default();
                unescape(key).as_deref() == Some(name)
            });
        // Some upstreams bend names until they fit: then the bent one is a second value.
        if hidden || (bends_to(&key, name) && (key != name || found.is_some())) {
            return None;
        }
        if key == name {
            found = Some(value);
        }
    }
    found
}

/// Whether some reader takes `key` for `name`: without case, or as PHP makes variables of parameters
/// (blanks in front go, what follows a NUL or `[` goes, blanks, dots and `[` become `_`).
fn bends_to(key: &str, name: &str) -> bool {
    let bent = |text: &str| {
        let text = text.trim_start_matches(' ').split('\0').next().unwrap_or_default();
        text.to_ascii_lowercase().replace([' ', '.', '['], "_")
    };
    let array = key.split('[').next().unwrap_or_default();
    bent(key) == bent(name) || bent(array) == bent(name)
}

fn unescape(text: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        (rest, _) = match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |d: u8| char::from(d).to_digit(16);
                let byte = digit(*high)? * 16 + digit(*low)?;
                (after, out.push(u8::try_from(byte).ok()?))
            }
            (b'%', _) => return None,
            (b'+', _) => (tail, out.push(b' ')),
            (byte, _) => (tail, out.push(*byte)),
        };
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_php_bends() {
        for other in ["bet.type", "bet type", "bet+type", "bet[type", "BET_type", "bet_type[x]"] {
            let target = format!("/w?bet_type=win&{other}=bet");
            assert_eq!(parameter(target.as_bytes(), "bet_type"), None, "{target}");
        }
        let target = b"/w?bet_type=win&bet_types=bet&x.bet_type=bet";
        assert_eq!(parameter(target, "bet_type").as_deref(), Some("win"));
    }

    #[test]
    fn parameters() {
        for (target, want) in [
            ("/w?type=debit", Some("debit")),
            ("/w?a=1&type=debit&b=2", Some("debit")),
            ("/w?typ%65=deb%69t", Some("debit")),
            ("/w?type=a+b", Some("a b")),
            ("/w?type=", Some("")),
            ("/w?type", Some("")),
            ("/w?x=1?type=debit", None),
            ("/w?type=debit&type=credit", None),
            ("/w?type=debit&typ%65=credit", None),
            ("/w?type=debit&TYPE=credit", None),
            ("/w?type=debit&type[]=credit", None),
            ("/w?type=debit&%20type=credit", None),
            ("/w?type=debit&+type=credit", None),
            ("/w?type=debit&type%00x=credit", None),
            ("/w?x=1;type=credit&type=debit", None),
            ("/w?type=debit;x=1", None),
            ("/w?type=deb%6", None),
            ("/w?type=%ff", None),
            ("/w?Type=debit", None),
            ("/w", None),
        ] {
            assert_eq!(parameter(target.as_bytes(), "type").as_deref(), want, "{target}");
        }
    }
}

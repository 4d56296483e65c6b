//! The brand of a request, by its host.

use std::borrow::Cow;
use std::rc::Rc;

use crate::config::check::is_label;
use crate::config::error::{invalid, ConfigError};
use crate::config::sorted::SortedMap;

/// A map of hosts to brands: exact names, `*.example.com` for every name below, `*` for the rest.
#[derive(Clone, Debug)]
pub struct Brands {
    exact: SortedMap<Vec<u8>, Rc<str>>,
    below: Vec<(String, Rc<str>)>,
    rest: Option<Rc<str>>,
}

impl Brands {
    /// Compiles the configuration's `brands`.
    ///
    /// # Errors
    /// An empty map, an invalid host, a brand that is not a lower-case label.
    #[inline]
    pub fn compile(raw: SortedMap<String, String>) -> Result<Self, ConfigError> {
        if raw.is_empty() {
            return Err(invalid("brands", "must map at least one host; `*` stands for any"));
        }
        let (mut exact, mut below, mut rest) = (SortedMap::default(), Vec::new(), None);
        for (position, (host, brand)) in raw.into_iter().enumerate() {
            let at = format!("brands (entry {} in alphabetical order)", position + 1);
            if !is_label(&brand) {
                return Err(invalid(at, "expected a brand of lower-case letters, digits and `-`"));
            }
            let brand = Rc::from(brand);
            let suffix = host.strip_prefix("*.").map(str::to_owned);
            if host == "*" {
                rest = Some(brand);
            } else if !is_key(suffix.as_deref().unwrap_or(&host)) {
                return Err(invalid(
                    at,
                    "expected a host in lower case, without a port or a dot at the end",
                ));
            } else if let Some(suffix) = suffix {
                below.push((format!(".{suffix}"), brand));
            } else {
                exact.insert(host.into_bytes(), brand);
            }
        }
        Ok(Self { exact, below, rest })
    }

    /// The brand of an authority (`Host` or `:authority`); port and case do not matter.
    pub fn of(&self, authority: &[u8]) -> Option<&Rc<str>> {
        // Nearly all authorities are written as in the map.
        if let Some(brand) = self.exact.get(authority) {
            return Some(brand);
        }
        let host = std::str::from_utf8(authority).ok()?;
        let host = match host.bytes().any(|b| b.is_ascii_uppercase()) {
            true => Cow::Owned(host.to_ascii_lowercase()),
            false => Cow::Borrowed(host),
        };
        let host = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => &host,
        };
        let host = normal(host.strip_suffix('.').unwrap_or(host))?;
        let below = self.below.iter().filter(|(suffix, _)| host.ends_with(suffix.as_str()));
        // The longest suffix is the most specific.
        let below = || below.max_by_key(|(suffix, _)| suffix.len());
        let brand = self.exact.get(host.as_bytes()).or_else(|| below().map(|(_, brand)| brand));
        brand.or(self.rest.as_ref())
    }

    /// Whether all hosts are of one brand.
    pub fn is_one(&self) -> bool {
        let mut names = self.names();
        let first = names.next();
        names.all(|name| Some(name) == first)
    }

    /// Every brand of the map, for checking that nothing names another one.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let below = self.below.iter().map(|(_, brand)| brand);
        self.exact.values().chain(below).chain(&self.rest).map(|brand| &**brand)
    }
}

/// Whether a host is in the form in which requests' hosts are compared: another would match none, or some.
fn is_key(host: &str) -> bool {
    let upper = host.bytes().any(|b| b.is_ascii_uppercase());
    !upper && !host.ends_with('.') && normal(host).is_some()
}

/// A host name or address in lower case, else `None`.
fn normal(host: &str) -> Option<&str> {
    let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_');
    let address = |h: &str| {
        let inner = h.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        inner.is_some_and(|h| h.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.')))
    };
    let twice = host.as_bytes().windows(2).any(|pair| pair == b"..");
    let named = !host.is_empty() && host.bytes().all(allowed) && !twice;
    ((named && !host.starts_with('.')) || address(host)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brands(json: &str) -> Result<Brands, ConfigError> {
        crate::parse(json.as_bytes()).and_then(Brands::compile)
    }

    #[test]
    fn hosts_have_brands() {
        let map = brands(
            r#"{"otter.example": "otter", "*.kings.example": "kings",
                "vip.kings.example": "kings-vip", "[::1]": "local", "[fe80::1]": "link"}"#,
        )
        .unwrap();
        for (authority, brand) in [
            (&b"otter.example"[..], Some("otter")),
            (b"OTTER.example:8443", Some("otter")),
            (b"otter.example.", Some("otter")),
            (b"otter.example.:443", Some("otter")),
            (b"bet.kings.example", Some("kings")),
            (b"a.b.kings.example", Some("kings")),
            (b"vip.kings.example", Some("kings-vip")),
            (b"[::1]:10000", Some("local")),
            (b"[::1]", Some("local")),
            (b"[fe80::1]", Some("link")),
            (b"[FE80::1]", Some("link")),
            (b"kings.example", None),
            (b"evilkings.example", None),
            (b".kings.example", None),
            (b"otter.example@evil.example", None),
            (b"otter.example,evil.example", None),
            (b"otter.example/", None),
            (b"otter..example", None),
            (b"\xffotter.example", None),
            (b"", None),
        ] {
            assert_eq!(map.of(authority).map(|it| &**it), brand, "{}", authority.escape_ascii());
        }
        let any = brands(r#"{"otter.example": "otter", "*": "kings"}"#).unwrap();
        assert_eq!(any.of(b"elsewhere.example").map(|it| &**it), Some("kings"));
        assert_eq!(any.of(b"not a host"), None);
    }

    #[test]
    fn rejects_invalid_brands() {
        for json in [
            "{}",
            r#"{"Otter.example": "otter"}"#,
            r#"{"otter.example:80": "otter"}"#,
            r#"{"*.": "otter"}"#,
            r#"{"otter.example.": "otter"}"#,
            r#"{"[FE80::1]": "otter"}"#,
            r#"{"otter.example": "Otter"}"#,
            r#"{"otter.example": ""}"#,
        ] {
            let error = brands(json).map(|_| ()).unwrap_err();
            assert!(error.field.starts_with("brands"), "{json}: {error}");
        }
    }
}

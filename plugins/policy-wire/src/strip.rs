//! Removing request headers that a client must not set.

use crate::headers::Headers;
use crate::host::{Fault, Host, MapKind};

/// Names of headers to remove from requests.
#[derive(Clone, Debug, Default)]
pub struct HeaderNames {
    /// Each with its [`Headers::bit`]: every request is checked for all of them, and has hardly any.
    names: Vec<(u64, String)>,
    /// Names of which only other spellings are removed.
    spelt: Vec<String>,
    /// One bit for each length that a name has.
    lengths: u64,
    /// Whether a name has a `_`, so that another spelling may have none.
    underscored: bool,
}

impl HeaderNames {
    /// These names, in lower case.
    #[inline]
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self::default();
        names.into_iter().for_each(|name| all.insert(name));
        all
    }

    /// Adds a name, in lower case.
    #[inline]
    pub fn insert(&mut self, name: &str) {
        debug_assert!(!name.bytes().any(|b| b.is_ascii_uppercase()), "{name}");
        if !self.contains(name) {
            self.names.push((Headers::bit(name.as_bytes()), name.to_owned()));
            self.note(name);
        }
    }

    /// Adds a name, in lower case, of which only other spellings are removed: the legitimate sender spells it
    /// as it is.
    #[inline]
    pub fn insert_spelt(&mut self, name: &str) {
        debug_assert!(!name.bytes().any(|b| b.is_ascii_uppercase()), "{name}");
        if !self.spelt.iter().any(|known| known == name) {
            self.spelt.push(name.to_owned());
            self.note(name);
        }
    }

    fn note(&mut self, name: &str) {
        self.lengths |= length(name.as_bytes());
        self.underscored |= name.contains('_');
    }

    /// Whether this is a name that is removed in every spelling.
    pub fn contains(&self, name: &str) -> bool {
        self.names.iter().any(|(_, known)| known == name)
    }

    /// The names that are removed in every spelling.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|(_, name)| name.as_str())
    }

    /// Whether this is another spelling of one of the names.
    fn misspells(&self, name: &[u8]) -> bool {
        let mut all = self.names.iter().map(|(_, known)| known).chain(&self.spelt);
        all.any(|known| {
            let known = known.as_bytes();
            is_alike(name, known) && !name.eq_ignore_ascii_case(known)
        })
    }
}

/// Whether an upstream that reads `_` as `-` (CGI, RFC 3875 section 4.1.18, and its successors) takes two header
/// names for one.
pub fn is_alike(one: &[u8], other: &[u8]) -> bool {
    let plain = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    one.len() == other.len() && one.iter().map(plain).eq(other.iter().map(plain))
}

fn length(name: &[u8]) -> u64 {
    1 << (name.len() % 64)
}

/// Removes every request header of these names, also where it is spelt with `_` for `-`: some upstreams
/// read `x_player_id` as `x-player-id`. `headers` are the request's.
///
/// # Errors
/// The gateway refused.
pub fn strip(host: &mut dyn Host, headers: &Headers, all: &HeaderNames) -> Result<(), Fault> {
    let sent = all.names.iter().filter(|(bit, name)| headers.may_have(*bit) && headers.has(name));
    for (_, name) in sent {
        host.remove_header(MapKind::Request, name)?;
    }
    let maybe =
        |name: &[u8]| length(name) & all.lengths != 0 && (name.contains(&b'_') || all.underscored);
    for (name, _) in headers.iter().filter(|(name, _)| maybe(name) && all.misspells(name)) {
        if let Ok(name) = std::str::from_utf8(name) {
            host.remove_header(MapKind::Request, name)?;
        }
    }
    Ok(())
}

//! What identifies a request: the scope of its key, and the fingerprint of what it asks for.

use hmac_sha256::Hash;
use policy_kit::{Content, Unread};
use serde_json::Value;

use crate::policy::key::Key;

/// The digest of a player or partner at a brand, who owns keys. The same player at two brands is two
/// owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner(pub [u8; 32]);

impl Owner {
    /// The owner `name` at `brand`. `kind` is `player` or `partner`: their names may be equal.
    pub fn new(brand: &str, kind: &str, name: &str) -> Self {
        let parts = [brand.as_bytes(), kind.as_bytes(), name.as_bytes()];
        let part = if kind == "partner" { Part::Partners } else { Part::Players };
        Self(part.mark(digest(b"owner", &parts)))
    }

    /// The part of the store that has its keys.
    pub fn part(&self) -> Part {
        Part::of(&self.0)
    }

    /// The first 16 bytes, for lists of owners.
    pub(crate) fn short(&self) -> [u8; 16] {
        self.0.first_chunk().copied().unwrap_or_default()
    }
}

/// The digest of a key with its owner, method and endpoint, by which a store finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope(pub [u8; 32]);

impl Scope {
    /// The scope of `key`, used by `owner` for `method` on the endpoint `template`. The names of a
    /// template's parts do not count, so that renaming them loses no key. `HEAD` counts as `GET`.
    pub fn new(owner: &Owner, method: &[u8], template: &str, key: &Key) -> Self {
        let method = if method == b"HEAD" { b"GET" } else { method };
        let template = nameless(template);
        let key = key.as_str().as_bytes();
        let digest = digest(b"scope", &[&owner.0, method, template.as_bytes(), key]);
        Self(owner.part().mark(digest))
    }

    /// The part of the store that has it.
    pub fn part(&self) -> Part {
        Part::of(&self.0)
    }
}

/// A part of the store. Players take no room from partners, whose requests may be owed money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All players' keys.
    Players,
    /// All partners' keys.
    Partners,
}

impl Part {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Players, Self::Partners];

    /// Its name in the configuration and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Players => "players",
            Self::Partners => "partners",
        }
    }

    /// The part is the last bit of owners and scopes.
    fn of(digest: &[u8; 32]) -> Self {
        match digest.last().is_some_and(|last| last & 1 == 1) {
            true => Self::Partners,
            false => Self::Players,
        }
    }

    fn mark(self, mut digest: [u8; 32]) -> [u8; 32] {
        if let Some(last) = digest.last_mut() {
            *last = *last & !1 | u8::from(self == Self::Partners);
        }
        digest
    }
}

/// One value for each part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerPart<T> {
    /// The players'.
    pub players: T,
    /// The partners'.
    pub partners: T,
}

impl<T> PerPart<T> {
    /// Calls `make` for each part.
    pub fn new(mut make: impl FnMut(Part) -> T) -> Self {
        Self { players: make(Part::Players), partners: make(Part::Partners) }
    }

    /// The value of a part.
    pub fn of(&self, part: Part) -> &T {
        match part {
            Part::Players => &self.players,
            Part::Partners => &self.partners,
        }
    }
}

/// A template without the names of its parts: `/bets/{}` of `/bets/{bet}`.
fn nameless(template: &str) -> String {
    let mut out = String::with_capacity(template.len());
    let mut named = false;
    for letter in template.chars() {
        named &= letter != '}';
        if !named {
            out.push(letter);
        }
        named |= letter == '{';
    }
    out
}

/// SHA-256 over parts, each preceded by its length.
pub(crate) fn digest(kind: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Hash::new();
    for part in std::iter::once(&kind).chain(parts) {
        hash.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize()
}

/// The digest of what a request asks for. A request with another fingerprint under the same key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of a request that was answered before its body was known: it equals every other.
    pub const ANY: Fingerprint = Fingerprint([0; 32]);

    /// Whether this is the fingerprint that the key is held with.
    pub fn is_same_as(&self, holder: &Fingerprint) -> bool {
        self == holder || *holder == Self::ANY || *self == Self::ANY
    }
}

/// Which part of the body counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// Every byte.
    #[default]
    Raw,
    /// The members at these JSON pointers. White space, the order of members and other members (a time
    /// stamp, a balance) do not count.
    Pointers(Vec<String>),
}

impl Fingerprint {
    /// The fingerprint of a request: of its body as sent, or of the selected members.
    ///
    /// # Errors
    /// Members are selected, and readers of the body may disagree about them: what cannot be compared must
    /// not count as the same.
    pub fn new(
        method: &[u8],
        path: &[u8],
        content: &Content<'_>,
        selection: &Selection,
    ) -> Result<Self, Unread> {
        let text = match selection {
            Selection::Raw => return Ok(Self::of(method, path, content.as_sent())),
            Selection::Pointers(pointers) => selected(content, pointers)?,
        };
        let lines = text.iter().map(|line| line.as_deref().unwrap_or("-"));
        Ok(Self::of(method, path, lines.fold(String::new(), line).as_bytes()))
    }

    /// The fingerprint of a bet by the members at `pointers`. `None` if one is missing: two requests that
    /// both lack a member are not the same bet.
    pub fn of_bet(
        method: &[u8],
        path: &[u8],
        content: &Content<'_>,
        pointers: &[String],
    ) -> Option<Self> {
        let text: Option<Vec<_>> = selected(content, pointers).ok()?.into_iter().collect();
        let text = text?.iter().map(String::as_str).fold(String::new(), line);
        Some(Self::of(method, path, text.as_bytes()))
    }

    fn of(method: &[u8], path: &[u8], body: &[u8]) -> Self {
        Self(digest(b"print", &[method, path, body]))
    }
}

/// The members at `pointers` in canonical form.
fn selected(content: &Content<'_>, pointers: &[String]) -> Result<Vec<Option<String>>, Unread> {
    let pointers: Vec<_> = pointers.iter().map(String::as_str).collect();
    let members = content.pick_of_any_type(&pointers)?;
    let written = |value: &Value| {
        let mut text = String::new();
        canonical(value, &mut text);
        text
    };
    Ok(members.iter().map(|value| value.as_ref().map(written)).collect())
}

fn line(text: String, line: &str) -> String {
    text + line + "\n"
}

/// Writes a value with its members sorted by name. JSON escapes line feeds within texts, which keeps
/// values apart.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<_> = members.iter().collect();
            names.sort_by(|a, b| a.0.cmp(b.0));
            out.push('{');
            for (name, member) in names {
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                canonical(member, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "fingerprint_tests.rs"]
mod fingerprint_tests;

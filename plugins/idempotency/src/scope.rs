//! What a key stands for.

use hmac_sha256::Hash;

use crate::Key;

/// Who holds a key: the tenant and the player or partner in it, as a digest. The same player at two
/// brands is two owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner(pub [u8; 32]);

impl Owner {
    /// The owner `who` in `tenant`. `kind` tells players from partners, whose names could be alike.
    pub fn new(tenant: &str, kind: &str, who: &str) -> Self {
        let parts = [tenant.as_bytes(), kind.as_bytes(), who.as_bytes()];
        let part = if kind == "partner" { Part::Partners } else { Part::Players };
        Self(part.mark(digest(b"owner", &parts)))
    }

    /// Whose part of the store its keys are in.
    pub fn part(&self) -> Part {
        Part::of(&self.0)
    }

    /// Its short form, for lists of owners.
    pub(crate) fn short(&self) -> [u8; 16] {
        self.0.first_chunk().copied().unwrap_or_default()
    }
}

/// A key together with all that it belongs to, as a digest: what a store knows of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope(pub [u8; 32]);

impl Scope {
    /// The scope of `key`, used by `owner` for `method` on the endpoint `template`. What the parts of a
    /// template are called does not matter: whoever gives them better names loses no key. A `HEAD` is
    /// a `GET` to whoever carries it out.
    pub fn new(owner: &Owner, method: &[u8], template: &str, key: &Key) -> Self {
        let method = if method == b"HEAD" { b"GET" } else { method };
        let template = nameless(template);
        let key = key.as_str().as_bytes();
        let digest = digest(b"scope", &[&owner.0, method, template.as_bytes(), key]);
        Self(owner.part().mark(digest))
    }

    /// Whose part of the store it is in.
    pub fn part(&self) -> Part {
        Part::of(&self.0)
    }
}

/// Whose part of the store: what players do takes no room from partners, whose calls are owed money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Of all players.
    Players,
    /// Of all partners.
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

    /// The last bit of owners and scopes tells it.
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

/// One thing for each part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerPart<T> {
    /// The players'.
    pub players: T,
    /// The partners'.
    pub partners: T,
}

impl<T> PerPart<T> {
    /// What `make` makes for each.
    pub fn new(mut make: impl FnMut(Part) -> T) -> Self {
        Self { players: make(Part::Players), partners: make(Part::Partners) }
    }

    /// That of a part.
    pub fn of(&self, part: Part) -> &T {
        match part {
            Part::Players => &self.players,
            Part::Partners => &self.partners,
        }
    }
}

/// A template without the names of its parts: `/bets/{bet}` as `/bets/{}`.
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

/// SHA-256 over parts that cannot run into each other.
pub(crate) fn digest(kind: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Hash::new();
    for part in std::iter::once(&kind).chain(parts) {
        hash.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_a_scope_tells_two_calls_apart() {
        let key = |text: &str| Key::of_text(text.as_bytes()).unwrap();
        let owner = Owner::new("otter", "player", "p-1");
        let first = Scope::new(&owner, b"POST", "/bets", &key("12345678"));
        for (owner, method, template, text) in [
            (Owner::new("kings", "player", "p-1"), &b"POST"[..], "/bets", "12345678"),
            (Owner::new("otter", "partner", "p-1"), b"POST", "/bets", "12345678"),
            (Owner::new("otter", "player", "p-2"), b"POST", "/bets", "12345678"),
            (Owner::new("otterp", "layer", "p-1"), b"POST", "/bets", "12345678"),
            (owner, b"PUT", "/bets", "12345678"),
            (owner, b"POST", "/bets/", "12345678"),
            (owner, b"POST", "/bets", "12345679"),
        ] {
            assert_ne!(Scope::new(&owner, method, template, &key(text)), first);
        }
        assert_eq!(Scope::new(&owner, b"POST", "/bets", &key("12345678")), first);
        let of = |method, template| Scope::new(&owner, method, template, &key("12345678"));
        assert_eq!(of(b"POST", "/bets/{bet}/cashout"), of(b"POST", "/bets/{id}/cashout"));
        assert_ne!(of(b"POST", "/bets/{bet}/cashout"), of(b"POST", "/bets/{bet}/close"));
        for (kind, part) in [("player", Part::Players), ("partner", Part::Partners)] {
            for number in 0..8 {
                let owner = Owner::new("otter", kind, &number.to_string());
                let scope = Scope::new(&owner, b"POST", "/bets", &key("12345678"));
                assert_eq!((owner.part(), scope.part()), (part, part));
            }
        }
        assert_eq!(of(b"HEAD", "/bets"), of(b"GET", "/bets"));
    }
}

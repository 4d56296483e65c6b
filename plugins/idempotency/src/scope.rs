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
        Self(digest(b"owner", &[tenant.as_bytes(), kind.as_bytes(), who.as_bytes()]))
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
        Self(digest(b"scope", &[&owner.0, method, template.as_bytes(), key.as_str().as_bytes()]))
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
        assert_eq!(of(b"HEAD", "/bets"), of(b"GET", "/bets"));
    }
}

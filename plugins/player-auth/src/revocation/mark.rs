//! Marks: players and sessions as revocations and tokens name them, in 16 bytes.

use hmac_sha256::Hash;

/// A player or a session: the first half of a SHA-256, except that the last two bits are the kind of its
/// [`Scope`].
pub type Mark = [u8; 16];

/// Whose player or session an id names: the same id at another brand or issuer is another player.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope<'a> {
    /// The brand; any brand if `None`.
    pub brand: Option<&'a str>,
    /// The issuer; any issuer if `None`.
    pub issuer: Option<&'a str>,
}

/// Kinds of scope: with or without a brand, with or without an issuer.
pub const SCOPES: usize = 4;

impl Scope<'_> {
    /// The kind, below [`SCOPES`].
    fn kind(self) -> u8 {
        u8::from(self.brand.is_some()) | u8::from(self.issuer.is_some()) << 1
    }

    /// The mark of a player's id.
    pub fn player(self, id: &str) -> Mark {
        self.mark("player", id)
    }

    /// The mark of a session's id.
    pub fn session(self, id: &str) -> Mark {
        self.mark("session", id)
    }

    fn mark(self, what: &str, id: &str) -> Mark {
        let mut digest = Hash::new();
        for part in [what, self.brand.unwrap_or_default(), self.issuer.unwrap_or_default(), id] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut mark = Mark::default();
        mark.iter_mut().zip(digest.finalize()).for_each(|(to, from)| *to = from);
        if let Some(last) = mark.last_mut() {
            *last = *last & !3 | self.kind();
        }
        mark
    }
}

/// The kind of a mark's scope, below [`SCOPES`].
pub fn scope_kind(mark: &Mark) -> u8 {
    mark.last().copied().unwrap_or_default() & 3
}

/// The marks under which a token may be revoked; computed once per token.
#[derive(Clone, Copy, Debug)]
pub struct TokenMarks {
    /// The player, by the kind of the scope.
    pub players: [Option<Mark>; SCOPES],
    /// The session, if the token names one, by the kind of the scope.
    pub sessions: [Option<Mark>; SCOPES],
    /// When the token was issued, in seconds since the epoch; 0 if unknown.
    pub issued: u64,
}

impl TokenMarks {
    /// The marks of a token of this brand and issuer for this player and session.
    pub fn new(
        (brand, issuer): (&str, Option<&str>),
        player: &str,
        session: Option<&str>,
        issued: u64,
    ) -> Self {
        let brand = Some(brand);
        let all = Scope::default();
        let mut scopes = [Some(all), Some(Scope { brand, ..all }), None, None];
        if issuer.is_some() {
            let [_, _, of_issuer, of_both] = &mut scopes;
            (*of_issuer, *of_both) = (Some(Scope { issuer, ..all }), Some(Scope { brand, issuer }));
        }
        let of_session = |scope: Scope<'_>| session.map(|id| scope.session(id));
        Self {
            players: scopes.map(|scope| scope.map(|scope| scope.player(player))),
            sessions: scopes.map(|scope| scope.and_then(of_session)),
            issued,
        }
    }
}

/// Whether a token is revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RevocationCheck {
    /// Not revoked, or no feed is configured.
    #[default]
    Clear,
    /// Revoked.
    Revoked,
    /// Not among the known revocations, but the feed is unavailable: the evidence.
    Unknown(&'static str),
}

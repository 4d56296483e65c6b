//! Tokens that died before their time: players and sessions that a feed names, each with a time.

use hmac_sha256::Hash;

use crate::identity::Identity;

pub mod config;
pub mod control;
pub mod feed;
pub mod page;
pub mod places;
pub mod table;
pub mod worker;

/// A player or a session, as short as one can be told from all others: the first half of a SHA-256, but for
/// the last two bits, which are its [`Scope`].
pub type Mark = [u8; 16];

/// Whose a player or a session is: an id is one of a brand or of an issuer, and means nobody else's of the
/// same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope<'a> {
    /// Those of this brand; of all if there is none.
    pub brand: Option<&'a str>,
    /// Those of this issuer, likewise.
    pub issuer: Option<&'a str>,
}

/// How many kinds of scope there are: with a brand or without, with an issuer or without.
pub const SCOPES: usize = 4;

impl Scope<'_> {
    /// Which kind it is, below [`SCOPES`].
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

/// The kind of scope that a mark has.
pub fn scope_of(mark: &Mark) -> u8 {
    mark.last().copied().unwrap_or_default() & 3
}

/// Brands and issuers that are known here. What a feed says of any other is taken to be said of all: whom it
/// means is not known.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    brands: Vec<String>,
    issuers: Vec<String>,
}

impl Owners {
    /// These.
    pub fn new<'a>(
        mut brands: impl Iterator<Item = &'a str>,
        mut issuers: impl Iterator<Item = &'a str>,
    ) -> Self {
        Self { brands: distinct(&mut brands), issuers: distinct(&mut issuers) }
    }

    /// The scope that a feed's words mean.
    pub fn scope<'a>(&self, brand: Option<&'a str>, issuer: Option<&'a str>) -> Scope<'a> {
        let known = |word: Option<&'a str>, of: &[String]| {
            word.filter(|word| of.iter().any(|known| known == word))
        };
        Scope { brand: known(brand, &self.brands), issuer: known(issuer, &self.issuers) }
    }

    /// All of them, as part of a name.
    pub fn describe(&self) -> String {
        format!("{} {}", self.brands.join(" "), self.issuers.join(" "))
    }
}

/// Each once and in order: the same names make the same place, however a document lists them.
fn distinct(names: &mut dyn Iterator<Item = &str>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        if let Err(at) = all.binary_search_by(|known| known.as_str().cmp(name)) {
            all.insert(at, name.to_owned());
        }
    }
    all
}

/// What of a token can be revoked; computed once per token.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    /// Whose it is, by each kind of scope that it has.
    pub players: [Option<Mark>; SCOPES],
    /// Of which session, where it says so, likewise.
    pub sessions: [Option<Mark>; SCOPES],
    /// When it was issued, in seconds since the epoch; 0 where it does not say so.
    pub issued: u64,
}

impl Marks {
    /// Those of whoever a token speaks of.
    pub fn of(who: &Identity) -> Self {
        let (brand, issuer) = (Some(who.brand.as_str()), who.issuer.as_deref());
        let all = Scope::default();
        let mut scopes = [Some(all), Some(Scope { brand, ..all }), None, None];
        if issuer.is_some() {
            let [_, _, of_issuer, of_both] = &mut scopes;
            (*of_issuer, *of_both) = (Some(Scope { issuer, ..all }), Some(Scope { brand, issuer }));
        }
        let session = |scope: Scope<'_>| who.session.as_deref().map(|id| scope.session(id));
        Self {
            players: scopes.map(|scope| scope.map(|scope| scope.player(&who.player))),
            sessions: scopes.map(|scope| scope.and_then(session)),
            issued: who.issued.unwrap_or(0),
        }
    }
}

/// What the feed says of a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Nothing, or there is no feed.
    #[default]
    Clear,
    /// It is revoked.
    Revoked,
    /// Nothing, but the feed is not all there: why.
    Unknown(&'static str),
}

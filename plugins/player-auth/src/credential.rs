//! Where a token is, and how it is taken out of a request before that goes on.

use std::borrow::Cow;

use policy_kit::query::{self, QueryFault};
use policy_kit::{header_name, invalid, is_alike, ConfigError, Denial, Headers};

use crate::config::PlaceConfig;
use crate::denials::{CONFLICT, MALFORMED};

/// Where a token may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Bearer,
    Cookie(String),
    Header(String),
    Query(String),
}

/// All places of a configuration.
#[derive(Clone, Debug)]
pub struct Places(Vec<Place>);

/// A change to the request headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Every header of that name goes.
    Remove(Cow<'static, str>),
    /// This value in place of all.
    Set(&'static str, Vec<u8>),
}

impl Places {
    /// Compiles the configuration's `credentials`.
    ///
    /// # Errors
    /// No place, one that is none, or one given twice.
    pub fn compile(raw: Option<Vec<PlaceConfig>>) -> Result<Self, ConfigError> {
        let Some(raw) = raw else { return Ok(Self(vec![Place::Bearer])) };
        if raw.is_empty() {
            return Err(invalid("credentials", "must name at least one place"));
        }
        let mut places = Vec::with_capacity(raw.len());
        for (i, place) in raw.into_iter().enumerate() {
            let at = format!("credentials[{i}]");
            let place = compile(place, &at)?;
            if places.iter().any(|other| place.is_read_as(other)) {
                return Err(invalid(at, "is given twice"));
            }
            places.push(place);
        }
        Ok(Self(places))
    }

    /// The one token of a request.
    ///
    /// # Errors
    /// [`CONFLICT`] for more than one, wherever they are: two readers could take different ones.
    /// [`MALFORMED`] for a credential of another scheme.
    pub fn find<'a>(&'a self, headers: &'a Headers) -> Result<Option<Cow<'a, [u8]>>, Denial> {
        let mut found = Ok(None);
        for place in &self.0 {
            place.each(headers, &mut |token| {
                found = match (&found, token) {
                    (Err(denial), _) => Err(*denial),
                    (Ok(Some(_)), Ok(_)) => Err(CONFLICT),
                    (Ok(_), token) => token.map(Some),
                };
            });
        }
        found
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Place] {
        &self.0
    }
}

/// What takes the credentials in all these places, and in one of its own, out of a request, leaving other cookies and parameters:
/// one edit for each header, whichever places share it. A parameter goes also where it is spelt so that only
/// some readers find it.
pub(crate) fn removal(places: &[Place], own: Option<&Place>, headers: &Headers) -> Vec<Edit> {
    let mut edits = Vec::new();
    let (mut cookies, mut parameters) = (Vec::new(), Vec::new());
    let mut remove = |name: &Cow<'static, str>| {
        let edit = Edit::Remove(name.clone());
        if headers.has(name) && !edits.contains(&edit) {
            edits.push(edit);
        }
    };
    for place in places.iter().chain(own) {
        match place {
            Place::Bearer => remove(&Cow::Borrowed("authorization")),
            Place::Header(name) => remove(&Cow::Owned(name.clone())),
            Place::Cookie(name) => cookies.push(name.as_bytes()),
            Place::Query(name) => parameters.push(name.as_str()),
        }
    }
    if !cookies.is_empty() {
        edits.extend(without_cookies(headers, &cookies));
    }
    if !parameters.is_empty() {
        let target = headers.single(":path").unwrap_or_default();
        let rest = query::without(target, &parameters);
        edits.extend(rest.map(|target| Edit::Set(":path", target)));
    }
    edits
}

/// Headers that hold no credential of their own: gateways take them out, join them, or write them.
const NEVER: [&str; 14] = [
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-proto",
];

/// Whether a header of this name can hold a credential at all.
pub(crate) fn holds_credentials(name: &str) -> bool {
    !NEVER.iter().any(|never| is_alike(never.as_bytes(), name.as_bytes()))
}

/// Compiles one place at path `at`.
pub(crate) fn compile(raw: PlaceConfig, at: &str) -> Result<Place, ConfigError> {
    match (raw.bearer, raw.cookie, raw.header, raw.query) {
        (Some(true), None, None, None) => Ok(Place::Bearer),
        (None, Some(name), None, None) => {
            // RFC 6265 section 4.1.1: a token of RFC 9110.
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            if name.is_empty() || !name.bytes().all(allowed) {
                return Err(invalid(format!("{at}.cookie"), "expected a cookie's name"));
            }
            Ok(Place::Cookie(name))
        }
        (None, None, Some(name), None) => {
            let field = format!("{at}.header");
            let name = header_name(&field, &name)?;
            if name == "authorization" || !holds_credentials(&name) {
                return Err(invalid(field, "has a meaning of its own; use `bearer` or `cookie`"));
            }
            Ok(Place::Header(name))
        }
        (None, None, None, Some(name)) => {
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(invalid(format!("{at}.query"), "expected a parameter's name"));
            }
            Ok(Place::Query(name))
        }
        _ => Err(invalid(at, "give exactly one of `bearer: true`, `cookie`, `header`, `query`")),
    }
}

pub(crate) type Token<'a> = Result<Cow<'a, [u8]>, Denial>;

impl Place {
    /// Everything that is there.
    pub(crate) fn tokens<'a>(&'a self, headers: &'a Headers) -> Vec<Token<'a>> {
        let mut all = Vec::new();
        self.each(headers, &mut |token| all.push(token));
        all
    }

    /// The same, one after the other: most requests have one, which is compared where it lies.
    fn each<'a>(&'a self, headers: &'a Headers, to: &mut dyn FnMut(Token<'a>)) {
        match self {
            Self::Bearer => headers.all("authorization").map(bearer).for_each(to),
            Self::Header(name) => headers.all(name).map(|v| Ok(v.into())).for_each(to),
            Self::Cookie(name) => {
                let named = cookies(headers).filter(|(n, _)| *n == name.as_bytes());
                // What a browser keeps of a session that has ended.
                let held = named.filter(|(_, value)| !value.is_empty());
                held.map(|(_, value)| Ok(value.into())).for_each(to);
            }
            Self::Query(name) => {
                let target = headers.single(":path").unwrap_or_default();
                match query::parameter(target, name) {
                    Ok(value) => value.into_iter().for_each(|v| to(Ok(v.into_bytes().into()))),
                    Err(QueryFault::Several) => to(Err(CONFLICT)),
                    Err(QueryFault::Unclear) => to(Err(MALFORMED)),
                }
            }
        }
    }

    /// The header that it is alone in.
    pub(crate) fn header(&self) -> Option<&str> {
        match self {
            Self::Header(name) => Some(name),
            Self::Bearer | Self::Cookie(_) | Self::Query(_) => None,
        }
    }

    /// Whether some reader finds in one place what another finds in the other.
    pub(crate) fn is_read_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Header(name), Self::Header(other)) => {
                is_alike(name.as_bytes(), other.as_bytes())
            }
            (Self::Query(name), Self::Query(other)) => query::is_alike(name, other),
            (one, other) => one == other,
        }
    }
}

/// `Bearer` in any case, spaces, and the token (RFC 9110 section 11.4). Whatever else is there is a
/// credential that cannot be read, not the absence of one.
fn bearer(value: &[u8]) -> Token<'_> {
    let scheme = value.get(..6).filter(|scheme| scheme.eq_ignore_ascii_case(b"bearer"));
    let token = scheme.and_then(|_| value.get(6..)).filter(|rest| rest.first() == Some(&b' '));
    token.map(|token| token.trim_ascii().into()).ok_or(MALFORMED)
}

/// Every cookie as it is written. One without `=` has a value and no name (RFC 6265bis section 5.6).
fn pieces(headers: &Headers) -> impl Iterator<Item = &[u8]> {
    let pieces = headers.all("cookie").flat_map(|line| line.split(|b| *b == b';'));
    pieces.map(<[u8]>::trim_ascii).filter(|piece| !piece.is_empty())
}

/// The name and the value of a cookie.
fn pair(piece: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = piece.iter().position(|b| *b == b'=')?;
    Some((piece.get(..equals)?.trim_ascii(), piece.get(equals + 1..)?.trim_ascii()))
}

fn cookies(headers: &Headers) -> impl Iterator<Item = (&[u8], &[u8])> {
    pieces(headers).filter_map(pair)
}

fn without_cookies(headers: &Headers, names: &[&[u8]]) -> Option<Edit> {
    let ours = |piece: &&[u8]| pair(piece).is_some_and(|(name, _)| names.contains(&name));
    if !pieces(headers).any(|piece| ours(&piece)) {
        return None;
    }
    let rest: Vec<_> = pieces(headers).filter(|piece| !ours(piece)).collect();
    Some(match rest.is_empty() {
        true => Edit::Remove("cookie".into()),
        false => Edit::Set("cookie", rest.join(&b"; "[..])),
    })
}

#[cfg(test)]
#[path = "credential_tests.rs"]
mod tests;

//! Where a token is, and how it is taken out of a request before that goes on.

use std::borrow::Cow;

use policy_kit::{header_name, invalid, ConfigError, Denial, Headers, One};

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
            if places.contains(&place) {
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

    /// What takes every credential out of a request, leaving other cookies and parameters.
    pub fn removal(&self, headers: &Headers) -> Vec<Edit> {
        self.0.iter().filter_map(|place| place.removal(headers)).collect()
    }
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
            if matches!(name.as_str(), "authorization" | "cookie" | "host") {
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
                let query = query(headers);
                let pairs = form_urlencoded::parse(query.as_deref().unwrap_or_default());
                let named = pairs.filter(|(n, _)| n == name.as_str());
                named.map(|(_, value)| Ok(value.as_bytes().to_vec().into())).for_each(to);
            }
        }
    }

    /// What takes it out of a request.
    pub(crate) fn removal(&self, headers: &Headers) -> Option<Edit> {
        match self {
            Self::Bearer => {
                headers.has("authorization").then_some(Edit::Remove("authorization".into()))
            }
            Self::Header(name) => headers.has(name).then(|| Edit::Remove(name.clone().into())),
            Self::Cookie(name) => {
                let ours = |(n, _): &(&[u8], &[u8])| *n == name.as_bytes();
                if !cookies(headers).any(|pair| ours(&pair)) {
                    return None;
                }
                let rest = cookies(headers).filter(|pair| !ours(pair));
                let rest: Vec<_> = rest.map(|(n, v)| [n, v].join(&b'=')).collect();
                Some(match rest.is_empty() {
                    true => Edit::Remove("cookie".into()),
                    false => Edit::Set("cookie", rest.join(&b"; "[..])),
                })
            }
            Self::Query(name) => without_parameter(headers.single(":path")?, name),
        }
    }
}

fn without_parameter(target: &[u8], name: &str) -> Option<Edit> {
    let question = target.iter().position(|b| *b == b'?')?;
    let (path, query) = target.split_at(question);
    let parameters = || query.get(1..).unwrap_or_default().split(|b| *b == b'&');
    let ours = |p: &&[u8]| form_urlencoded::parse(p).any(|(n, _)| n == name);
    if !parameters().any(|p| ours(&p)) {
        return None;
    }
    let rest: Vec<_> = parameters().filter(|p| !ours(p)).collect();
    let mut target = path.to_vec();
    if !rest.is_empty() {
        target.push(b'?');
        target.extend(rest.join(&b'&'));
    }
    Some(Edit::Set(":path", target))
}

/// `Bearer` in any case, spaces, and the token (RFC 9110 section 11.4). Whatever else is there is a
/// credential that cannot be read, not the absence of one.
fn bearer(value: &[u8]) -> Token<'_> {
    let scheme = value.get(..6).filter(|scheme| scheme.eq_ignore_ascii_case(b"bearer"));
    let token = scheme.and_then(|_| value.get(6..)).filter(|rest| rest.first() == Some(&b' '));
    token.map(|token| token.trim_ascii().into()).ok_or(MALFORMED)
}

fn cookies(headers: &Headers) -> impl Iterator<Item = (&[u8], &[u8])> {
    let pairs = headers.all("cookie").flat_map(|line| line.split(|b| *b == b';'));
    pairs.filter_map(|pair| {
        let pair = pair.trim_ascii();
        let equals = pair.iter().position(|b| *b == b'=')?;
        Some((pair.get(..equals)?.trim_ascii(), pair.get(equals + 1..)?.trim_ascii()))
    })
}

fn query(headers: &Headers) -> Option<Vec<u8>> {
    let One::Value(target) = headers.one(":path") else { return None };
    let question = target.iter().position(|b| *b == b'?')?;
    target.get(question + 1..).map(<[u8]>::to_vec)
}

#[cfg(test)]
#[path = "credential_tests.rs"]
mod tests;

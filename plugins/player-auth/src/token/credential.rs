//! Where requests carry credentials.

use std::borrow::Cow;

use policy_kit::query::{self, QueryFault};
use policy_kit::{header_name, invalid, is_alike, ConfigError, Denial, Headers};

use super::config::CredentialConfig;
use crate::denials::{CONFLICT, MALFORMED};

/// One place in a request that may carry a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CredentialSource {
    /// `Authorization: Bearer`.
    Bearer,
    /// The value of this cookie.
    Cookie(String),
    /// The whole value of this header.
    Header(String),
    /// This query parameter.
    Query(String),
}

/// All sources of a configuration.
#[derive(Clone, Debug)]
pub struct CredentialSources(Vec<CredentialSource>);

impl CredentialSources {
    /// Compiles the configuration's `credentials`.
    ///
    /// # Errors
    /// An empty list, an invalid source, or one given twice.
    pub fn compile(raw: Option<Vec<CredentialConfig>>) -> Result<Self, ConfigError> {
        let Some(raw) = raw else { return Ok(Self(vec![CredentialSource::Bearer])) };
        if raw.is_empty() {
            return Err(invalid("credentials", "must name at least one"));
        }
        let mut sources = Vec::with_capacity(raw.len());
        for (i, source) in raw.into_iter().enumerate() {
            let at = format!("credentials[{i}]");
            let source = CredentialSource::compile(source, &at)?;
            if sources.iter().any(|other| source.overlaps(other)) {
                return Err(invalid(at, "is given twice"));
            }
            sources.push(source);
        }
        Ok(Self(sources))
    }

    /// The token of a request; `None` without one.
    ///
    /// # Errors
    /// [`CONFLICT`] for more than one in any sources: two readers could use different ones. [`MALFORMED`]
    /// for a credential of another scheme.
    pub fn find<'a>(&'a self, headers: &'a Headers) -> Result<Option<Cow<'a, [u8]>>, Denial> {
        let mut found = Ok(None);
        for source in &self.0 {
            source.each(headers, &mut |token| {
                found = match (&found, token) {
                    (Err(denial), _) => Err(*denial),
                    (Ok(Some(_)), Ok(_)) => Err(CONFLICT),
                    (Ok(_), token) => token.map(Some),
                };
            });
        }
        found
    }

    /// All sources.
    pub(crate) fn all(&self) -> &[CredentialSource] {
        &self.0
    }
}

/// Headers that cannot carry a credential as a whole: gateways remove, join or write them.
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

/// Whether a header of this name can carry a credential.
pub(crate) fn holds_credentials(name: &str) -> bool {
    !NEVER.iter().any(|never| is_alike(never.as_bytes(), name.as_bytes()))
}

/// A token, or the denial of a credential that cannot be read.
pub(crate) type Token<'a> = Result<Cow<'a, [u8]>, Denial>;

impl CredentialSource {
    /// Compiles the source at path `at`.
    pub(crate) fn compile(raw: CredentialConfig, at: &str) -> Result<Self, ConfigError> {
        match (raw.bearer, raw.cookie, raw.header, raw.query) {
            (Some(true), None, None, None) => Ok(Self::Bearer),
            (None, Some(name), None, None) => {
                // RFC 6265 section 4.1.1: a token of RFC 9110.
                let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
                if name.is_empty() || !name.bytes().all(allowed) {
                    return Err(invalid(format!("{at}.cookie"), "expected a cookie's name"));
                }
                Ok(Self::Cookie(name))
            }
            (None, None, Some(name), None) => {
                let field = format!("{at}.header");
                let name = header_name(&field, &name)?;
                if name == "authorization" || !holds_credentials(&name) {
                    return Err(invalid(field, "has another meaning; use `bearer` or `cookie`"));
                }
                Ok(Self::Header(name))
            }
            (None, None, None, Some(name)) => {
                if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
                    return Err(invalid(format!("{at}.query"), "expected a parameter's name"));
                }
                Ok(Self::Query(name))
            }
            _ => {
                Err(invalid(at, "give exactly one of `bearer: true`, `cookie`, `header`, `query`"))
            }
        }
    }

    /// All tokens in the source.
    pub(crate) fn tokens<'a>(&'a self, headers: &'a Headers) -> Vec<Token<'a>> {
        let mut all = Vec::new();
        self.each(headers, &mut |token| all.push(token));
        all
    }

    /// Passes each token to `to`, without copying it: most requests have one.
    fn each<'a>(&'a self, headers: &'a Headers, to: &mut dyn FnMut(Token<'a>)) {
        match self {
            Self::Bearer => headers.all("authorization").map(bearer).for_each(to),
            Self::Header(name) => headers.all(name).map(|v| Ok(v.into())).for_each(to),
            Self::Cookie(name) => {
                let named = cookies(headers).filter(|(n, _)| *n == name.as_bytes());
                // Browsers keep an empty cookie of an ended session.
                let filled = named.filter(|(_, value)| !value.is_empty());
                filled.map(|(_, value)| Ok(value.into())).for_each(to);
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

    /// The header that carries nothing but the credential, if it is one.
    pub(crate) fn header(&self) -> Option<&str> {
        match self {
            Self::Header(name) => Some(name),
            Self::Bearer | Self::Cookie(_) | Self::Query(_) => None,
        }
    }

    /// Whether some reader finds in one source what another reader finds in the other.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Header(name), Self::Header(other)) => {
                is_alike(name.as_bytes(), other.as_bytes())
            }
            (Self::Query(name), Self::Query(other)) => query::is_alike(name, other),
            (one, other) => one == other,
        }
    }
}

/// `Bearer` in any case, spaces, and the token (RFC 9110 section 11.4). Any other value is a credential that
/// cannot be read, not the absence of one.
fn bearer(value: &[u8]) -> Token<'_> {
    let scheme = value.get(..6).filter(|scheme| scheme.eq_ignore_ascii_case(b"bearer"));
    let token = scheme.and_then(|_| value.get(6..)).filter(|rest| rest.first() == Some(&b' '));
    token.map(|token| token.trim_ascii().into()).ok_or(MALFORMED)
}

/// Every cookie as it is written. One without `=` has a value and no name (RFC 6265bis section 5.6).
pub(super) fn cookie_pieces(headers: &Headers) -> impl Iterator<Item = &[u8]> {
    let pieces = headers.all("cookie").flat_map(|line| line.split(|b| *b == b';'));
    pieces.map(<[u8]>::trim_ascii).filter(|piece| !piece.is_empty())
}

/// The name and the value of a cookie; `None` without a name.
pub(super) fn cookie_pair(piece: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = piece.iter().position(|b| *b == b'=')?;
    Some((piece.get(..equals)?.trim_ascii(), piece.get(equals + 1..)?.trim_ascii()))
}

/// The names and values of all cookies that have a name.
fn cookies(headers: &Headers) -> impl Iterator<Item = (&[u8], &[u8])> {
    cookie_pieces(headers).filter_map(cookie_pair)
}

#[cfg(test)]
#[path = "credential_tests.rs"]
mod tests;

//! Removes credentials from a request before it is forwarded.

use std::borrow::Cow;

use policy_kit::{query, Headers};

use super::credential::{cookie_pair, cookie_pieces, CredentialSource};

/// A change to the request headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Removes every header of this name.
    Remove(Cow<'static, str>),
    /// Replaces all values of this header by one.
    Set(&'static str, Vec<u8>),
}

/// The edits that remove the credentials in `sources` and in `own`, with one edit per header. Other cookies
/// and parameters stay. A parameter is removed in every spelling that some reader takes for it.
pub(crate) fn removal(
    sources: &[CredentialSource],
    own: Option<&CredentialSource>,
    headers: &Headers,
) -> Vec<Edit> {
    let mut edits = Vec::new();
    let (mut cookies, mut parameters) = (Vec::new(), Vec::new());
    let mut remove = |name: &Cow<'static, str>| {
        let edit = Edit::Remove(name.clone());
        if headers.has(name) && !edits.contains(&edit) {
            edits.push(edit);
        }
    };
    for source in sources.iter().chain(own) {
        match source {
            CredentialSource::Bearer => remove(&Cow::Borrowed("authorization")),
            CredentialSource::Header(name) => remove(&Cow::Owned(name.clone())),
            CredentialSource::Cookie(name) => cookies.push(name.as_bytes()),
            CredentialSource::Query(name) => parameters.push(name.as_str()),
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

fn without_cookies(headers: &Headers, names: &[&[u8]]) -> Option<Edit> {
    let removed = |piece: &&[u8]| cookie_pair(piece).is_some_and(|(name, _)| names.contains(&name));
    if !cookie_pieces(headers).any(|piece| removed(&piece)) {
        return None;
    }
    let rest: Vec<_> = cookie_pieces(headers).filter(|piece| !removed(piece)).collect();
    Some(match rest.is_empty() {
        true => Edit::Remove("cookie".into()),
        false => Edit::Set("cookie", rest.join(&b"; "[..])),
    })
}

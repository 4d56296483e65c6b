//! One reading of the query for all that read it: the class of a request, a credential, a key.
//!
//! Upstreams differ in what they take for a parameter: some split at `;`, some ignore the case of names,
//! some drop leading blanks, PHP makes `a.b`, `a b` and `a[b` one name and reads `a[]` as `a`. A parameter
//! has a value here only where all of them find the same one.

use crate::body::escapes::unescape;

/// Why a parameter has no value that every reader finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryFault {
    /// It is given more than once: two readers may take different ones.
    Several,
    /// It is spelt so that some readers find it and others do not, or find another value.
    Unclear,
}

/// The value of the parameter `name` in the query of `target`, decoded as a form is (WHATWG URL standard,
/// section 5.1); `None` where no reader finds one. What other parameters hold does not matter.
///
/// # Errors
/// Readers differ.
pub fn parameter(target: &[u8], name: &str) -> Result<Option<String>, QueryFault> {
    let query = query(target);
    // Some cut a target at `#`, others do not.
    let whole = !query.contains(&b'#');
    let mut found = None;
    for pair in query.split(|b| *b == b'&') {
        let hits = pair.split(|b| *b == b';').filter(|piece| may_be(piece, name)).count();
        if hits == 0 {
            continue;
        }
        if hits > 1 || found.is_some() {
            return Err(QueryFault::Several);
        }
        let (key, value) = sides(pair);
        let clear = whole && !pair.contains(&b';') && unescape(key).as_deref() == Some(name);
        found = Some(unescape(value).filter(|_| clear));
    }
    found.map(|value| value.ok_or(QueryFault::Unclear)).transpose()
}

/// The target without everything that some reader takes for one of the parameters `names`; `None` where
/// there is no such parameter. Other parameters stay as they are written.
#[inline]
pub fn without(target: &[u8], names: &[&str]) -> Option<Vec<u8>> {
    let ours = |pair: &&[u8]| {
        let mut pieces = pair.split(|b| *b == b';');
        pieces.any(|piece| names.iter().any(|name| may_be(piece, name)))
    };
    let pairs = || query(target).split(|b| *b == b'&');
    if !pairs().any(|pair| ours(&pair)) {
        return None;
    }
    let mut out = target.split(|b| *b == b'?').next().unwrap_or_default().to_vec();
    let mut mark = b'?';
    for pair in pairs().filter(|pair| !ours(pair)) {
        out.push(mark);
        out.extend_from_slice(pair);
        mark = b'&';
    }
    Some(out)
}

/// Whether some reader takes two names for one: without case, or as PHP makes variables of parameters
/// (leading blanks and what follows a NUL or `[` go; blanks, dots and `[` become `_`).
pub fn is_alike(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let (key, name) = (bent(one), bent(other));
    same(key, name)
        || same(key.trim_ascii_end(), name)
        || same(array(key), name)
        || same(key, array(name))
}

/// A name without what readers cut off.
fn bent(name: &[u8]) -> &[u8] {
    let start = name.iter().position(|b| *b > b' ' && *b != b'?').unwrap_or(name.len());
    let name = name.get(start..).unwrap_or_default();
    name.split(|b| *b == 0).next().unwrap_or_default()
}

/// The array that PHP puts a parameter of this name in.
fn array(name: &[u8]) -> &[u8] {
    name.split(|b| *b == b'[').next().unwrap_or_default()
}

#[inline(never)]
fn same(one: &[u8], other: &[u8]) -> bool {
    let plain = |byte: &u8| match byte {
        b' ' | b'.' | b'[' => b'_',
        byte => byte.to_ascii_lowercase(),
    };
    one.len() == other.len() && one.iter().map(plain).eq(other.iter().map(plain))
}

/// Whether some reader takes this piece of a query for the parameter `name`. A name with a broken escape, or
/// that is not UTF-8, may be any.
fn may_be(piece: &[u8], name: &str) -> bool {
    let (key, _) = sides(piece);
    if key.is_empty() {
        return name.is_empty();
    }
    unescape(key).is_none_or(|key| is_alike(&key, name))
}

fn query(target: &[u8]) -> &[u8] {
    target.splitn(2, |b| *b == b'?').nth(1).unwrap_or_default()
}

fn sides(pair: &[u8]) -> (&[u8], &[u8]) {
    let mut sides = pair.splitn(2, |b| *b == b'=');
    (sides.next().unwrap_or_default(), sides.next().unwrap_or_default())
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;

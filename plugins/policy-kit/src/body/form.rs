//! The members of a form (`application/x-www-form-urlencoded`, WHATWG URL section 5.1).

use serde_json::Value;

use crate::body::escapes::decoded;
use crate::body::pointer::split;
use crate::body::unread::Unread;

/// The fields at these JSON pointers: `/name` is the field of that name. `None` where there is none.
///
/// # Errors
/// A field of such a name is given twice, or in a way that readers understand differently.
pub(crate) fn pick(form: &[u8], pointers: &[&str]) -> Result<Vec<Option<Value>>, Unread> {
    pointers.iter().map(|pointer| field(form, pointer)).collect()
}

fn field(form: &[u8], pointer: &str) -> Result<Option<Value>, Unread> {
    let (name, deeper) = split(pointer);
    if !deeper.is_empty() {
        return Ok(None);
    }
    let mut found = None;
    for pair in form.split(|b| *b == b'&') {
        let mut sides = pair.splitn(2, |b| *b == b'=');
        let (key, whole) = decoded(sides.next().unwrap_or_default());
        let (value, readable) = decoded(sides.next().unwrap_or_default());
        // A reader that takes `;` for a separator finds other fields.
        let mut pieces = pair.split(|b| *b == b';').skip(1);
        let hidden = pieces.any(|piece| {
            let key = piece.split(|b| *b == b'=').next().unwrap_or_default();
            alike(&decoded(key).0, &name)
        });
        if hidden {
            return Err(Unread::Twice);
        }
        if !alike(&key, &name) {
            continue;
        }
        if found.is_some() || key != name {
            return Err(Unread::Twice);
        }
        if !whole || !readable || pair.contains(&b';') {
            return Err(Unread::Text);
        }
        found = Some(Value::String(value));
    }
    Ok(found)
}

/// Whether the most careless reader takes one name for the other: without case, and as PHP makes variables
/// of fields (blanks in front go, what follows a NUL or a bracket goes, blanks and dots become `_`).
fn alike(one: &str, other: &str) -> bool {
    bent(one).eq(bent(other))
}

fn bent(name: &str) -> impl Iterator<Item = u8> + '_ {
    let name = name.bytes().skip_while(|b| *b == b' ');
    name.take_while(|b| !matches!(b, 0 | b'[')).map(|b| match b {
        b' ' | b'.' => b'_',
        other => other.to_ascii_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_fields_are_refused() {
        use Unread::{Text, Twice};
        for (form, pointer, want) in [
            ("tid=tx-1", "/tid", Ok(Some("tx-1"))),
            ("a=1&tid=tx-1&b=2", "/tid", Ok(Some("tx-1"))),
            ("t%69d=tx%2D1", "/tid", Ok(Some("tx-1"))),
            ("tid=a+b%20c", "/tid", Ok(Some("a b c"))),
            ("tid=a=b", "/tid", Ok(Some("a=b"))),
            ("tid=", "/tid", Ok(Some(""))),
            ("tid", "/tid", Ok(Some(""))),
            ("a%2Fb=1", "/a~1b", Ok(Some("1"))),
            ("tid=caf%C3%A9", "/tid", Ok(Some("caf\u{e9}"))),
            ("", "/tid", Ok(None)),
            ("a=1", "/tid", Ok(None)),
            ("tid=tx-1", "/tid/0", Ok(None)),
            // Other fields may hold anything.
            ("x=%zz&y=%ff&z;w=1&z=1&z=2&tid=tx-1", "/tid", Ok(Some("tx-1"))),
            ("tid=1&tid=1", "/tid", Err(Twice)),
            ("tid=1&TID=2", "/tid", Err(Twice)),
            ("TID=2", "/tid", Err(Twice)),
            ("tid[]=1", "/tid", Err(Twice)),
            ("tid=1&tid[]=2", "/tid", Err(Twice)),
            ("+tid=1", "/tid", Err(Twice)),
            ("tid%00x=1", "/tid", Err(Twice)),
            ("a=1;tid=2", "/tid", Err(Twice)),
            ("tid=1&b=1;tid=2", "/tid", Err(Twice)),
            ("tx.id=1", "/tx_id", Err(Twice)),
            ("tid=1;a=2", "/tid", Err(Text)),
            ("tid=%zz", "/tid", Err(Text)),
            ("tid=%f", "/tid", Err(Text)),
            ("tid=%ff", "/tid", Err(Text)),
        ] {
            let got = field(form.as_bytes(), pointer);
            assert_eq!(got, want.map(|v| v.map(Value::from)), "{form} {pointer}");
        }
    }
}

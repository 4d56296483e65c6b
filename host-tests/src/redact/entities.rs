//! Character references of XML and HTML, as far as they hide a value or a quote.
use std::borrow::Cow;

/// The text with these references resolved. Others, `&nbsp;` for one, stay.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find('&') else { return Cow::Borrowed(text) };
    let (before, mut rest) = text.split_at(first);
    let mut out = String::with_capacity(text.len());
    out.push_str(before);
    while !rest.is_empty() {
        let (meant, length) = reference(rest).unwrap_or(('&', 1));
        out.push(meant);
        rest = rest.get(length..).unwrap_or_default();
        let next = rest.find('&').unwrap_or(rest.len());
        let (run, tail) = rest.split_at(next);
        out.push_str(run);
        rest = tail;
    }
    Cow::Owned(out)
}

/// The character of the reference at the start of the text, and how long the reference is.
fn reference(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(10).position(|it| it == b';')?;
    let name = text.get(1..end)?;
    let meant = match name {
        "quot" => '"',
        "apos" => '\'',
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((meant, end + 1))
}

/// The text as an attribute or as content. A reference that was not resolved stays one.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, it) in text.char_indices() {
        match it {
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' if !is_named(text.get(at + 1..).unwrap_or_default()) => out.push_str("&amp;"),
            other => out.push(other),
        }
    }
    out
}

fn is_named(rest: &str) -> bool {
    let length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    (2..=8).contains(&length) && rest.as_bytes().get(length) == Some(&b';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_that_hide_values_are_resolved() {
        for (text, meant) in [
            ("{&quot;a&quot;:&#39;b&#x27;}", "{\"a\":'b'}"),
            ("a=1&amp;b=2&c=3", "a=1&b=2&c=3"),
            ("&nbsp;&unknown &", "&nbsp;&unknown &"),
            ("é&lt;é", "é<é"),
        ] {
            assert_eq!(decode(text), meant, "{text}");
            assert_eq!(decode(&encode(meant)), meant, "{text}");
        }
    }
}

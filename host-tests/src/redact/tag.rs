//! The tags of XML and HTML: where they start and end, and their attributes.
use super::entities;
use super::names::is_of_a_query;
use super::redactor::Redactor;

/// One attribute of a tag.
pub(super) struct Attribute<'a> {
    name: &'a str,
    value: &'a str,
    /// Where the value starts.
    at: usize,
}

impl Redactor<'_> {
    /// A tag; and whether its attribute `name` makes its content personal.
    pub(super) fn tag(&mut self, tag: &str) -> (String, bool) {
        let mut out = String::with_capacity(tag.len());
        let of = |wanted: &str| {
            attributes(tag).find(|it| it.name.eq_ignore_ascii_case(wanted)).map(|it| it.value)
        };
        let name = of("name");
        // A form that a script sends has fields with an id alone.
        let field = name.or_else(|| of("property")).or_else(|| of("id")).unwrap_or_default();
        let named = self.is_personal(field);
        let mut done = 0;
        for Attribute { name, value, at } in attributes(tag) {
            let meant = entities::decode(value);
            let name = name.rsplit(':').next().unwrap_or(name).to_ascii_lowercase();
            let redacted = match name.as_str() {
                // It is a name and has no content, unless it is a known value.
                "name" | "property" | "id" | "class" | "type" => self.mention(&meant),
                "value" | "content" if named || is_of_a_query(field, &meant) => self.value(&meant),
                name if self.is_personal(name) => self.value(&meant),
                _ => self.free(&meant),
            };
            out.push_str(&self.bare_part(tag.get(done..at).unwrap_or_default()));
            let quote = |it: char| redacted.contains(it) && !value.contains(it);
            if redacted == meant {
                out.push_str(value);
            } else if meant == value && !quote('"') && !quote('\'') {
                out.push_str(&redacted);
            } else {
                out.push_str(&entities::encode(&redacted));
            }
            done = at + value.len();
        }
        out.push_str(&self.bare_part(tag.get(done..).unwrap_or_default()));
        (out, named && name.is_some())
    }

    /// What a tag has beside values. What looks like a tag may be the middle of a program or of a text.
    fn bare_part(&mut self, text: &str) -> String {
        let plain = |it: u8| it.is_ascii_alphabetic() || b" =\"'<>/:\r\n\t".contains(&it);
        match text.bytes().all(plain) {
            true => text.to_owned(),
            false => self.mention(text),
        }
    }
}

/// Where the next tag starts: `<` and a letter, `/`, `!` or `?`. Any other `<` is text.
pub(super) fn tag_start(text: &str) -> usize {
    let starts = |it: char| it.is_alphabetic() || matches!(it, '/' | '!' | '?' | '_');
    let mut all = text.match_indices('<').map(|(at, _)| at);
    let first = all.find(|at| text.get(at + 1..).is_some_and(|it| it.starts_with(starts)));
    first.unwrap_or(text.len())
}

/// Where a tag ends; a `>` in the quotes of a value is no end.
pub(super) fn tag_end(tag: &str) -> usize {
    let mut at = after_name(tag);
    while let Some((_, next)) = attribute(tag, at) {
        at = next;
    }
    let rest = tag.get(at..).unwrap_or_default();
    rest.find('>').map_or(tag.len(), |end| at + end + 1)
}

/// `password` of `<ns:password kind="x">` and of `</ns:password>`.
pub(super) fn local_name(tag: &str) -> &str {
    let name = tag.get(..after_name(tag)).unwrap_or_default().trim_start_matches(['<', '/']);
    if name.starts_with(['?', '!']) {
        return "";
    }
    name.rsplit(':').next().unwrap_or(name)
}

fn after_name(tag: &str) -> usize {
    let name = tag.trim_start_matches(['<', '/']);
    let end = name.find(|it: char| it.is_whitespace() || it == '>' || it == '/');
    tag.len() - name.len() + end.unwrap_or(name.len())
}

fn attributes(tag: &str) -> impl Iterator<Item = Attribute<'_>> {
    let mut at = after_name(tag);
    std::iter::from_fn(move || {
        let (attribute, next) = attribute(tag, at)?;
        at = next;
        Some(attribute)
    })
}

/// The attribute at or after this position, and where it ends. A name alone has an empty value.
fn attribute(tag: &str, at: usize) -> Option<(Attribute<'_>, usize)> {
    let skip = |at: usize, skipped: fn(char) -> bool| {
        let rest = tag.get(at..).unwrap_or_default();
        at + rest.find(|it| !skipped(it)).unwrap_or(rest.len())
    };
    let start = skip(at, |it| it.is_whitespace() || it == '/');
    let first = tag.get(start..)?.chars().next().filter(|it| *it != '>')?;
    // A `=` in the place of a name is part of one.
    let end =
        skip(start + first.len_utf8(), |it| !it.is_whitespace() && !matches!(it, '=' | '>' | '/'));
    let name = tag.get(start..end)?;
    let mark = skip(end, char::is_whitespace);
    let Some(rest) = tag.get(mark..)?.strip_prefix('=') else {
        return Some((Attribute { name, value: "", at: end }, end));
    };
    let at = mark + 1 + rest.len() - rest.trim_start().len();
    let rest = tag.get(at..)?;
    // In a text within a program, quotes are escaped.
    let quotes = ["\"", "'", "\\\"", "\\'"];
    if let Some(quote) = quotes.into_iter().find(|it| rest.starts_with(it)) {
        let at = at + quote.len();
        let rest = tag.get(at..)?;
        let value = rest.split_once(quote).map_or(rest, |(value, _)| value);
        let next = (at + value.len() + quote.len()).min(tag.len());
        return Some((Attribute { name, value, at }, next));
    }
    let end = rest.find(|it: char| it.is_whitespace() || it == '>').unwrap_or(rest.len());
    let value = rest.get(..end)?;
    let closes = rest.get(end..).is_some_and(|it| it.starts_with('>'));
    let value = if closes { value.strip_suffix('/').unwrap_or(value) } else { value };
    Some((Attribute { name, value, at }, at + value.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_with_and_without_quotes() {
        let read = |tag: &str| {
            assert_eq!(tag_end(tag), tag.len(), "{tag}");
            attributes(tag).map(|it| format!("{}={}", it.name, it.value)).collect::<Vec<_>>()
        };
        assert_eq!(read("<a b='c>d' e=f/>"), ["b=c>d", "e=f"]);
        assert_eq!(read("<a href=/x/y g h = \"i\">"), ["href=/x/y", "g=", "h=i"]);
        assert_eq!(read(r#"<a b=\"c d\" e=\'f\'>"#), ["b=c d", "e=f"]);
        assert_eq!(read("<a it's =x b=\"c"), ["it's=x", "b=c"]);
        assert_eq!(read("</a>"), [""; 0]);
        assert_eq!(tag_start("i<n && i <5 < b<é"), 1);
        assert_eq!(tag_start("1<2 <= <"), 8);
    }
}

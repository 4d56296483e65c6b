//! Multipart forms: names are in the heads of the parts.
use super::names::is_of_a_query;
use super::redactor::Redactor;

impl Redactor<'_> {
    /// The parts of a form with files: each has its name in its head.
    pub(super) fn parts(&mut self, text: &str) -> String {
        let Some(boundary) = text.lines().find(|it| it.starts_with("--") && it.len() > 2) else {
            return self.scrub(text);
        };
        let mut part = |part: &str| {
            let blank =
                ["\r\n\r\n", "\n\n"].iter().find_map(|it| part.split_once(it).zip(Some(it)));
            let Some(((head, content), blank)) = blank else { return part.to_owned() };
            let lower = head.to_ascii_lowercase();
            let name = quoted(head).find(|(_, name, _)| *name == "name").map(|(_, _, it)| it);
            let bare = content.strip_suffix("\r\n").or(content.strip_suffix('\n'));
            let bare = bare.unwrap_or(content);
            let kind = lower.split_once("content-type:").map_or("", |(_, kind)| kind.trim());
            let redacted = match name {
                Some(name) if self.is_personal(name) || is_of_a_query(name, bare) => {
                    self.value(bare)
                }
                _ if kind.is_empty() || kind.starts_with("multipart/") => self.free(bare),
                _ => self.body(kind, bare),
            };
            let end = content.get(bare.len()..).unwrap_or_default();
            [head, blank, &redacted, end].concat()
        };
        text.split(boundary).map(&mut part).collect::<Vec<_>>().join(boundary)
    }
}

/// Parameters in quotes: where the value starts, the name, the value.
fn quoted(head: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    let mut done = 0;
    std::iter::from_fn(move || loop {
        let at = done + head.get(done..)?.find('=')?;
        done = at + 1;
        let quote = head.get(done..)?.chars().next().filter(|it| matches!(it, '"' | '\''));
        let Some(quote) = quote else { continue };
        let start = done + 1;
        let value = head.get(start..)?.split(quote).next()?;
        done = start + value.len() + 1;
        let name = head.get(..at)?.rsplit([' ', '\t', '\r', '\n', ';', '<']).next()?;
        return Some((start, name, value));
    })
}

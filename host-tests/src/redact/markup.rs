//! XML, HTML, and multipart forms: names are in tags and heads.
use super::redactor::Redactor;

impl Redactor<'_> {
    /// XML or HTML: the text of a personal element, and the values of personal attributes.
    pub(super) fn markup(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        // Open elements, and whether all within is personal.
        let mut open: Vec<(&str, bool)> = Vec::new();
        // `<field name="password">`: the text right after it.
        let mut named = false;
        let mut rest = text;
        while !rest.is_empty() {
            let personal = open.last().is_some_and(|(_, personal)| *personal) || named;
            let (run, tail) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
            out.push_str(&self.run(run, personal));
            if let Some((inner, after)) = enclosed(tail, "<![CDATA[", "]]>") {
                out.push_str(&format!("<![CDATA[{}]]>", self.run(inner, personal)));
                rest = after;
                continue;
            }
            if let Some((inner, after)) = enclosed(tail, "<!--", "-->") {
                out.push_str(&format!("<!--{}-->", self.scrub(inner)));
                rest = after;
                continue;
            }
            let (tag, after) = tail.split_at(tag_end(tail));
            let (redacted, by_attribute) = self.tag(tag);
            out.push_str(&redacted);
            named = by_attribute;
            rest = after;
            let name = local_name(tag);
            if tag.starts_with("</") {
                let at = open.iter().rposition(|(it, _)| *it == name);
                open.truncate(at.unwrap_or(open.len()));
            } else if !(name.is_empty() || tag.ends_with("/>")) {
                let above = open.last().is_some_and(|(_, personal)| *personal);
                open.push((name, above || self.is_personal(name)));
            }
        }
        out
    }

    /// Text between tags; the space around it stays.
    fn run(&mut self, text: &str, personal: bool) -> String {
        let bare = text.trim();
        let at = text.len() - text.trim_start().len();
        let redacted = match bare {
            "" => String::new(),
            bare if personal => self.value(bare),
            bare => self.free(bare),
        };
        let (before, after) = (text.get(..at), text.get(at + bare.len()..));
        [before.unwrap_or_default(), &redacted, after.unwrap_or_default()].concat()
    }

    /// A tag; and whether its attribute `name` makes its content personal.
    fn tag(&mut self, tag: &str) -> (String, bool) {
        let mut out = String::with_capacity(tag.len());
        let names = attributes(tag).find(|(_, name, _)| *name == "name");
        let named = names.is_some_and(|(_, _, value)| self.is_personal(value));
        let mut done = 0;
        for (at, name, value) in attributes(tag) {
            let redacted = match name {
                // It is a name and has no content.
                "name" | "id" | "class" | "type" => continue,
                "value" | "content" if named => self.value(value),
                name if self.is_personal(name.rsplit(':').next().unwrap_or(name)) => {
                    self.value(value)
                }
                _ => self.free(value),
            };
            out.push_str(tag.get(done..at).unwrap_or_default());
            out.push_str(&redacted);
            done = at + value.len();
        }
        out.push_str(tag.get(done..).unwrap_or_default());
        (out, named)
    }

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
            let name = attributes(head).find(|(_, name, _)| *name == "name").map(|(_, _, it)| it);
            let bare = content.strip_suffix("\r\n").or(content.strip_suffix('\n'));
            let bare = bare.unwrap_or(content);
            let kind = lower.split_once("content-type:").map_or("", |(_, kind)| kind.trim());
            let redacted = match name {
                Some(name) if self.is_personal(name) => self.value(bare),
                _ if kind.is_empty() || kind.starts_with("multipart/") => self.free(bare),
                _ => self.body(kind, bare),
            };
            let end = content.get(bare.len()..).unwrap_or_default();
            [head, blank, &redacted, end].concat()
        };
        text.split(boundary).map(&mut part).collect::<Vec<_>>().join(boundary)
    }
}

/// The text between `start` and `end`, if the text begins with `start`; to its end if `end` is missing.
fn enclosed<'a>(text: &'a str, start: &str, end: &str) -> Option<(&'a str, &'a str)> {
    let inner = text.strip_prefix(start)?;
    Some(inner.split_once(end).unwrap_or((inner, "")))
}

/// Where a tag ends; a `>` in quotes is none.
fn tag_end(text: &str) -> usize {
    let mut quote = None;
    let end = text.bytes().position(|it| {
        match quote {
            Some(open) if open == it => quote = None,
            None if it == b'"' || it == b'\'' => quote = Some(it),
            _ => {}
        }
        quote.is_none() && it == b'>'
    });
    end.map_or(text.len(), |end| end + 1)
}

/// `password` of `<ns:password kind="x">` and of `</ns:password>`.
fn local_name(tag: &str) -> &str {
    let name = tag.trim_start_matches(['<', '/']);
    let end = name.find(|it: char| it.is_whitespace() || it == '>' || it == '/');
    let name = name.get(..end.unwrap_or(name.len())).unwrap_or_default();
    if name.starts_with(['?', '!']) {
        return "";
    }
    name.rsplit(':').next().unwrap_or(name)
}

/// Attributes in quotes: where the value starts, the name, the value.
fn attributes(tag: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    let mut done = 0;
    std::iter::from_fn(move || loop {
        let at = done + tag.get(done..)?.find('=')?;
        done = at + 1;
        let quote = tag.get(done..)?.chars().next().filter(|it| matches!(it, '"' | '\''));
        let Some(quote) = quote else { continue };
        let start = done + 1;
        let value = tag.get(start..)?.split(quote).next()?;
        done = start + value.len() + 1;
        let name = tag.get(..at)?.rsplit([' ', '\t', '\r', '\n', ';', '<']).next()?;
        return Some((start, name, value));
    })
}

//! XML and HTML: the text of a personal element, and the values of personal attributes.
use super::entities;
use super::redactor::Redactor;
use super::tag::{local_name, tag_end, tag_start};

/// Elements of HTML whose content has no tags.
const RAW: &[&str] = &["script", "style", "textarea", "title"];

/// How a text between tags is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Escaped,
    Plain,
}

impl Redactor<'_> {
    /// A document, a fragment, or what is left of one.
    pub(super) fn markup(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        // Open elements, and whether all within is personal.
        let mut open: Vec<(&str, bool)> = Vec::new();
        // `<field name="password">`: the text right after it.
        let mut named = false;
        let mut raw = None;
        // Such elements that nothing closes, so that the end is sought once.
        let mut unclosed: Vec<&str> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let personal = open.last().is_some_and(|(_, personal)| *personal) || named;
            let end = raw.and_then(|name| raw_end(rest, name));
            unclosed.extend(raw.filter(|_| end.is_none()));
            let (run, tail) = rest.split_at(end.unwrap_or_else(|| tag_start(rest)));
            let program = end.is_some() && matches!(raw.take(), Some("script" | "style"));
            let written = if program { Written::Plain } else { Written::Escaped };
            out.push_str(&self.run(run, personal, written));
            raw = None;
            if let Some((inner, after)) = enclosed(tail, "<![CDATA[", "]]>") {
                let closed = if after.is_empty() && !tail.ends_with("]]>") { "" } else { "]]>" };
                out.push_str(&["<![CDATA[", &self.run(inner, personal, Written::Plain)].concat());
                out.push_str(closed);
                rest = after;
                continue;
            }
            if let Some((inner, after)) = enclosed(tail, "<!--", "-->") {
                let closed = if after.is_empty() && !tail.ends_with("-->") { "" } else { "-->" };
                out.push_str(&["<!--", &self.run(inner, false, Written::Plain), closed].concat());
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
                let is_raw = |it: &&str| name.eq_ignore_ascii_case(it) && !unclosed.contains(it);
                raw = RAW.iter().copied().find(is_raw);
            }
        }
        out
    }

    /// Text between tags; the space around it stays.
    fn run(&mut self, text: &str, personal: bool, written: Written) -> String {
        let bare = text.trim();
        if bare.is_empty() {
            return text.to_owned();
        }
        let at = text.len() - text.trim_start().len();
        let meant = match written {
            Written::Escaped => entities::decode(bare),
            Written::Plain => bare.into(),
        };
        let redacted = if personal { self.value(&meant) } else { self.free(&meant) };
        let redacted = match written {
            _ if redacted == meant => bare.to_owned(),
            Written::Escaped if meant != bare => entities::encode(&redacted),
            _ => redacted,
        };
        let (before, after) = (text.get(..at), text.get(at + bare.len()..));
        [before.unwrap_or_default(), &redacted, after.unwrap_or_default()].concat()
    }
}

/// Where the content of such an element ends. What is left of a program is one; anything else that nothing
/// closes has tags after all.
fn raw_end(text: &str, name: &str) -> Option<usize> {
    let closes = |at: &usize| {
        let after = text.get(at + 2..at + 2 + name.len());
        after.is_some_and(|it| it.eq_ignore_ascii_case(name))
    };
    let end = text.match_indices("</").map(|(at, _)| at).find(closes);
    end.or(matches!(name, "script" | "style").then_some(text.len()))
}

/// The text between `start` and `end`, if the text begins with `start`; to its end if `end` is missing.
fn enclosed<'a>(text: &'a str, start: &str, end: &str) -> Option<(&'a str, &'a str)> {
    let inner = text.strip_prefix(start)?;
    Some(inner.split_once(end).unwrap_or((inner, "")))
}

//! The module declarations, imports and paths of one file.

use std::ops::Range;

/// What a module says, in the order of the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    /// `mod name;`, with the text of its `#[path]` if it has one.
    Module {
        name: String,
        path: Option<String>,
    },
    /// `mod name {`: what follows is said in it, until `Close`.
    Open(String),
    Close,
    Import(Import),
    /// `a::b::c` outside of an import.
    Path(Vec<String>),
    /// A type is defined.
    Type(String),
    /// Anything else that has a name is defined.
    Item(String),
}

/// One leaf of a `use`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// Without `self` at the end; of a glob, the module.
    pub(crate) segments: Vec<String>,
    /// What it is called here; `None` for a glob.
    pub(crate) name: Option<String>,
    /// `pub` in any form.
    pub(crate) exported: bool,
    /// Where the whole `use` stands.
    pub(crate) range: Range<usize>,
}

struct Token<'a> {
    text: &'a str,
    at: usize,
}

fn tokens(code: &str) -> Vec<Token<'_>> {
    let bytes = code.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let word =
            bytes[at..].iter().take_while(|it| it.is_ascii_alphanumeric() || **it == b'_').count();
        let size = match &bytes[at..] {
            _ if word > 0 => word,
            [b':', b':', ..] => 2,
            [byte, ..] if byte.is_ascii_whitespace() || !byte.is_ascii() => {
                at += 1;
                continue;
            }
            _ => 1,
        };
        out.push(Token { text: &code[at..at + size], at });
        at += size;
    }
    out
}

fn is_name(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
}

/// Reads blanked code; `text` is the same with its literals, for `#[path]`.
pub(crate) fn read(code: &str, text: &str) -> Vec<Statement> {
    let tokens = tokens(code);
    let word = |at: usize| tokens.get(at).map_or("", |it| it.text);
    let mut out = Vec::new();
    let mut depth = 0usize;
    let mut open = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let before = if at == 0 { "" } else { word(at - 1) };
        match word(at) {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                if open.last() == Some(&depth) {
                    open.pop();
                    out.push(Statement::Close);
                }
            }
            "mod" if is_name(word(at + 1)) && word(at + 2) == ";" => {
                let path = path_attribute(code, text, tokens[at].at);
                out.push(Statement::Module { name: word(at + 1).to_owned(), path });
                at += 2;
            }
            "mod" if is_name(word(at + 1)) && word(at + 2) == "{" => {
                out.push(Statement::Open(word(at + 1).to_owned()));
                open.push(depth);
                depth += 1;
                at += 2;
            }
            "use" if word(at + 1) != "<" => {
                let end =
                    (at..tokens.len()).find(|it| word(*it) == ";").unwrap_or(tokens.len() - 1);
                let exported = before == "pub" || before == ")";
                let range = tokens[at].at..tokens[end].at + 1;
                let texts: Vec<&str> = tokens[at + 1..end].iter().map(|it| it.text).collect();
                tree(&texts, &[], &mut |segments, name| {
                    let range = range.clone();
                    out.push(Statement::Import(Import { segments, name, exported, range }));
                });
                at = end;
            }
            "struct" | "enum" | "trait" | "type" | "union" if is_name(word(at + 1)) => {
                out.push(Statement::Type(word(at + 1).to_owned()));
                at += 1;
            }
            "fn" | "const" | "static" if is_name(word(at + 1)) && word(at + 1) != "fn" => {
                out.push(Statement::Item(word(at + 1).to_owned()));
                at += 1;
            }
            "macro_rules" if word(at + 1) == "!" => {
                out.push(Statement::Item(word(at + 2).to_owned()))
            }
            name if is_name(name) && word(at + 1) == "::" && before != "::" && before != "." => {
                let mut segments = vec![name.to_owned()];
                while word(at + 1) == "::" && is_name(word(at + 2)) {
                    segments.push(word(at + 2).to_owned());
                    at += 2;
                }
                out.push(Statement::Path(segments));
            }
            _ => {}
        }
        at += 1;
    }
    out
}

/// The text of the `#[path]` right before a declaration.
fn path_attribute(code: &str, text: &str, at: usize) -> Option<String> {
    let start = code[..at].rfind([';', '}']).map_or(0, |it| it + 1);
    let (_, rest) = text.get(start..at)?.split_once("#[path")?;
    Some(rest.split('"').nth(1)?.to_owned())
}

/// The leaves of a use tree.
fn tree(texts: &[&str], prefix: &[String], leaf: &mut impl FnMut(Vec<String>, Option<String>)) {
    let mut segments = prefix.to_vec();
    let mut at = 0;
    while at < texts.len() {
        match texts[at] {
            "{" => {
                let inner = &texts[at + 1..texts.len().saturating_sub(1)];
                return branches(inner).into_iter().for_each(|it| tree(it, &segments, leaf));
            }
            "*" => return leaf(segments, None),
            "as" => return leaf(segments, texts.get(at + 1).map(|it| (*it).to_owned())),
            "self" if !segments.is_empty() => {}
            name if is_name(name) => segments.push(name.to_owned()),
            _ => {}
        }
        at += 1;
    }
    let name = segments.last().cloned();
    if name.is_some() {
        leaf(segments, name);
    }
}

/// Splits at the commas of this level.
fn branches<'a, 'b>(texts: &'b [&'a str]) -> Vec<&'b [&'a str]> {
    let (mut out, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (at, text) in texts.iter().enumerate() {
        match *text {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 0 => {
                out.push(&texts[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    out.push(&texts[start..]);
    out
}

//! One Rust file as text: what is code, what is a comment or a literal, and what is compiled for tests only.

use std::ops::Range;

/// Items that end with their body or a semicolon. Anything else under a `#[cfg(test)]` is a field, a variant
/// or an arm, and ends with a comma.
const ITEMS: [&str; 15] = [
    "pub",
    "fn",
    "mod",
    "use",
    "struct",
    "enum",
    "impl",
    "trait",
    "type",
    "const",
    "static",
    "unsafe",
    "async",
    "extern",
    "macro_rules",
];

/// A file without its comments and its test code. Offsets and line numbers are those of the file.
pub(crate) struct Source {
    /// Literals are blank.
    pub(crate) code: String,
    /// Literals are kept.
    pub(crate) text: String,
    /// Lines that are not compiled for tests only, comments and blank ones included.
    pub(crate) lines: usize,
}

impl Source {
    pub(crate) fn read(raw: &str) -> Self {
        let (comments, literals) = scan(raw.as_bytes());
        let mut text = raw.as_bytes().to_vec();
        comments.iter().for_each(|range| blank(&mut text, range.clone()));
        let mut code = text.clone();
        literals.iter().for_each(|range| blank(&mut code, range.clone()));
        let tests = test_items(&code, raw.as_bytes());
        let mut test_lines = 0;
        for range in &tests {
            blank(&mut code, range.clone());
            blank(&mut text, range.clone());
            test_lines +=
                raw.as_bytes()[range.clone()].iter().filter(|it| **it == b'\n').count() + 1;
        }
        Self {
            code: String::from_utf8_lossy(&code).into_owned(),
            text: String::from_utf8_lossy(&text).into_owned(),
            lines: raw.lines().count().saturating_sub(test_lines),
        }
    }
}

fn blank(bytes: &mut [u8], range: Range<usize>) {
    bytes[range].iter_mut().filter(|it| **it != b'\n').for_each(|it| *it = b' ');
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where comments are, and where string and character literals are.
fn scan(raw: &[u8]) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let (mut comments, mut literals) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < raw.len() {
        let rest = &raw[at..];
        let fresh = at == 0 || !is_word(raw[at - 1]);
        if rest.starts_with(b"//") {
            let size = rest.iter().position(|it| *it == b'\n').unwrap_or(rest.len());
            comments.push(at..at + size);
            at += size;
        } else if rest.starts_with(b"/*") {
            let size = block_comment(rest);
            comments.push(at..at + size);
            at += size;
        } else if let Some(size) = literal(rest, fresh) {
            literals.push(at..at + size);
            at += size;
        } else {
            at += 1;
        }
    }
    (comments, literals)
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The size of a string or character literal that begins here. `fresh`: no word runs up to here.
fn literal(rest: &[u8], fresh: bool) -> Option<usize> {
    match rest {
        [b'"', ..] => Some(quoted(rest)),
        [b'b' | b'c', b'"', ..] if fresh => Some(1 + quoted(&rest[1..])),
        [b'r', ..] if fresh => raw_string(&rest[1..]).map(|size| size + 1),
        [b'b' | b'c', b'r', ..] if fresh => raw_string(&rest[2..]).map(|size| size + 2),
        [b'\'', b'\\', ..] => Some(3 + rest.get(3..)?.iter().position(|it| *it == b'\'')? + 1),
        [b'\'', ..] => {
            // A lifetime has no second quote behind its first character.
            let letter = (2..6)
                .find(|end| rest.get(1..*end).is_some_and(|it| std::str::from_utf8(it).is_ok()))?;
            (rest.get(letter) == Some(&b'\'') && rest.get(1) != Some(&b'\'')).then_some(letter + 1)
        }
        _ => None,
    }
}

fn quoted(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest.iter().take_while(|it| **it == b'#').count();
    if rest.get(hashes) != Some(&b'"') {
        return None;
    }
    let mut end = vec![b'"'];
    end.resize(hashes + 1, b'#');
    let body = &rest[hashes + 1..];
    let size = body.windows(end.len()).position(|it| it == end).unwrap_or(body.len());
    Some((hashes + 1 + size + end.len()).min(rest.len()))
}

/// Attributes and items that are compiled for tests only.
fn test_items(code: &[u8], raw: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = find(code, b"#[cfg(", at) {
        let end = closing(code, start + 1);
        let condition = String::from_utf8_lossy(&raw[start + "#[cfg(".len()..end - ")]".len()]);
        if is_for_tests(&condition) {
            let end = item_end(code, end);
            found.push(start..end);
            at = end;
        } else {
            at = end;
        }
    }
    if find(code, b"#![cfg(test)]", 0).is_some() {
        return std::iter::once(0..code.len()).collect();
    }
    found
}

/// True if a condition holds in tests only. Features of test kits count as tests.
fn is_for_tests(condition: &str) -> bool {
    let condition = condition.trim();
    let inner = |name: &str| condition.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(parts) = inner("any") {
        return split(parts).iter().all(|it| is_for_tests(it));
    }
    if let Some(parts) = inner("all") {
        return split(parts).iter().any(|it| is_for_tests(it));
    }
    let feature = condition.strip_prefix("feature").and_then(|it| it.split('"').nth(1));
    condition == "test" || feature.is_some_and(|it| ["fake", "testing"].contains(&it))
}

/// The parts of a list between its outer commas.
fn split(parts: &str) -> Vec<&str> {
    let mut depth = 0usize;
    let outer = |letter: char| {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    };
    parts.split(outer).filter(|it| !it.trim().is_empty()).collect()
}

fn find(bytes: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(wanted.len()).position(|it| it == wanted).map(|at| from + at)
}

/// Behind the bracket that closes the one at `open`.
fn closing(code: &[u8], open: usize) -> usize {
    let mut depth = 0usize;
    for (at, byte) in code.iter().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

fn item_end(code: &[u8], mut at: usize) -> usize {
    let skip = |mut at: usize| {
        while code.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        at
    };
    at = skip(at);
    while code.get(at..at + 2) == Some(b"#[") {
        at = skip(closing(code, at + 1));
    }
    let word: Vec<u8> = code[at..].iter().copied().take_while(|it| is_word(*it)).collect();
    let is_item = ITEMS.iter().any(|it| it.as_bytes() == word);
    while let Some(byte) = code.get(at) {
        match byte {
            b'{' => return closing(code, at),
            b'(' | b'[' => at = closing(code, at),
            b';' => return at + 1,
            b',' if !is_item => return at + 1,
            b'}' if !is_item => return at,
            _ => at += 1,
        }
    }
    code.len()
}

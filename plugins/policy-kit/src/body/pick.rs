//! The values at some JSON pointers of a document (RFC 8259). Only what a pointer touches must read the same
//! to all readers; the rest must only be JSON. So the rest is skipped byte by byte, and the values are read
//! strictly.

use std::borrow::Cow;

use serde_json::Value;

use crate::body::json::{folded, read, Found, StrictJson, Unreadable, MAX_DEPTH};
use crate::body::pointer::{split, value_at};
use crate::body::unread::Unread;

/// The values at these JSON pointers (RFC 6901), each of which names something below the root; `None`
/// where there is none.
///
/// # Errors
/// It is not one JSON document, or a pointer leads through or to something that readers disagree about: a
/// member that is given twice, also where only the case differs, or a text that is not Unicode.
pub(crate) fn pick(document: &[u8], pointers: &[&str]) -> Result<Vec<Option<Value>>, Unread> {
    let mut found = vec![None; pointers.len()];
    let mut pending = Vec::with_capacity(pointers.len());
    for (place, pointer) in pointers.iter().enumerate() {
        pending.push((place, *pointer));
    }
    let mut scanner = Scanner { bytes: document, at: 0 };
    scanner.value(&pending, &mut found)?;
    match scanner.next() {
        None => Ok(found),
        Some(_) => Err(Unread::Syntax),
    }
}

/// Pointers that lead into the current value, each with its position among all and the rest of it.
type Pending<'p> = [(usize, &'p str)];

/// A document, and how far it is read.
struct Scanner<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Scanner<'b> {
    /// Skips a value, and takes what the pointers name in it.
    fn value(&mut self, pending: &Pending<'_>, found: &mut [Option<Value>]) -> Result<(), Unread> {
        if pending.iter().any(|(_, rest)| rest.is_empty()) {
            // A pointer names all of it; the others lead into it.
            let value = strict(self.skipped()?)?;
            for (place, rest) in pending {
                if let Some(found) = found.get_mut(*place) {
                    *found = value_at(&value, rest).cloned();
                }
            }
            return Ok(());
        }
        match self.peek() {
            Some(b'{') if !pending.is_empty() => self.object(pending, found),
            Some(b'[') if !pending.is_empty() => self.array(pending, found),
            _ => self.skipped().map(|_| ()),
        }
    }

    fn object(&mut self, pending: &Pending<'_>, found: &mut [Option<Value>]) -> Result<(), Unread> {
        let mut met = vec![false; pending.len()];
        self.at += 1;
        if self.eats(b'}') {
            return Ok(());
        }
        loop {
            let name = self.name().ok_or(Unread::Syntax)?;
            let name = unescaped(name);
            let mut here = Vec::new();
            for ((place, rest), met) in pending.iter().zip(&mut met) {
                let (wanted, rest) = split(rest);
                if !alike(&name, &wanted) {
                    continue;
                }
                if std::mem::replace(met, true) {
                    return Err(Unread::Twice);
                }
                if name == wanted {
                    here.push((*place, rest));
                }
            }
            self.value(&here, found)?;
            match self.next() {
                Some(b',') => {}
                Some(b'}') => return Ok(()),
                _ => return Err(Unread::Syntax),
            }
        }
    }

    fn array(&mut self, pending: &Pending<'_>, found: &mut [Option<Value>]) -> Result<(), Unread> {
        self.at += 1;
        if self.eats(b']') {
            return Ok(());
        }
        let mut index = 0;
        loop {
            let mut here = Vec::new();
            for (place, rest) in pending {
                let (wanted, rest) = split(rest);
                if is_index(&wanted, index) {
                    here.push((*place, rest));
                }
            }
            self.value(&here, found)?;
            index += 1;
            match self.next() {
                Some(b',') => {}
                Some(b']') => return Ok(()),
                _ => return Err(Unread::Syntax),
            }
        }
    }

    /// Skips a value of any depth, and returns its bytes.
    fn skipped(&mut self) -> Result<&'b [u8], Unread> {
        self.peek();
        let from = self.at;
        self.skip().ok_or(Unread::Syntax)?;
        self.bytes.get(from..self.at).ok_or(Unread::Syntax)
    }

    fn skip(&mut self) -> Option<()> {
        // The closing bytes of open arrays and objects.
        let mut open: Vec<u8> = Vec::new();
        loop {
            match self.next()? {
                b'{' if self.eats(b'}') => {}
                b'[' if self.eats(b']') => {}
                b'{' => {
                    open.push(b'}');
                    self.name()?;
                    continue;
                }
                b'[' => {
                    open.push(b']');
                    continue;
                }
                b'"' => self.text().map(|_| ())?,
                b't' => self.word(b"rue")?,
                b'f' => self.word(b"alse")?,
                b'n' => self.word(b"ull")?,
                first => self.number(first)?,
            }
            loop {
                let Some(closing) = open.last().copied() else { return Some(()) };
                match self.next()? {
                    b',' => {
                        if closing == b'}' {
                            self.name()?;
                        }
                        break;
                    }
                    byte if byte == closing => {
                        open.pop();
                    }
                    _ => return None,
                }
            }
        }
    }

    /// The next byte that is not blank, left where it is.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at)? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    /// The next byte that is not blank.
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn eats(&mut self, wanted: u8) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    /// A member's name as it is written, with its quotes, and the colon after it.
    fn name(&mut self) -> Option<&'b [u8]> {
        self.peek();
        let from = self.at;
        if self.next()? != b'"' {
            return None;
        }
        self.text()?;
        let name = self.bytes.get(from..self.at);
        name.filter(|_| self.next() == Some(b':'))
    }

    /// A text after its first quote. Whether it is Unicode is checked where it is read.
    fn text(&mut self) -> Option<()> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            match byte {
                b'"' => return Some(()),
                0..=0x1f => return None,
                b'\\' => {
                    let escaped = *self.bytes.get(self.at)?;
                    self.at += 1;
                    match escaped {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' => {
                            let digits = self.bytes.get(self.at..self.at + 4)?;
                            if !digits.iter().all(u8::is_ascii_hexdigit) {
                                return None;
                            }
                            self.at += 4;
                        }
                        _ => return None,
                    }
                }
                _ => {}
            }
        }
    }

    fn word(&mut self, rest: &[u8]) -> Option<()> {
        let there = self.bytes.get(self.at..self.at + rest.len())? == rest;
        self.at += rest.len();
        there.then_some(())
    }

    fn number(&mut self, first: u8) -> Option<()> {
        let first = if first == b'-' { self.digit()? } else { first };
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digit()?;
            self.digits();
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digit()?;
            self.digits();
        }
        Some(())
    }

    fn digit(&mut self) -> Option<u8> {
        let digit = *self.bytes.get(self.at).filter(|byte| byte.is_ascii_digit())?;
        self.at += 1;
        Some(digit)
    }

    fn digits(&mut self) {
        while self.digit().is_some() {}
    }
}

/// Reads a value that all readers read the same.
fn strict(text: &[u8]) -> Result<Value, Unread> {
    let found = Found::default();
    let seed = StrictJson { depth: MAX_DEPTH, found: &found };
    read(seed, &found, text).map_err(|error| match error {
        Unreadable::Twice(..) => Unread::Twice,
        // It was skipped as JSON, so the error is in a text or a number.
        Unreadable::Deep | Unreadable::Syntax(_) => Unread::Text,
    })
}

/// A name without its quotes and escapes. No pointer can name one that is not Unicode.
fn unescaped(name: &[u8]) -> Cow<'_, str> {
    let bare = name.get(1..name.len().saturating_sub(1)).unwrap_or_default();
    if !bare.contains(&b'\\') {
        return std::str::from_utf8(bare).map_or(Cow::Borrowed("\u{fffd}"), Cow::Borrowed);
    }
    match strict(name) {
        Ok(Value::String(name)) => Cow::Owned(name),
        _ => Cow::Borrowed("\u{fffd}"),
    }
}

/// Whether a careless reader takes one name for the other.
fn alike(one: &str, other: &str) -> bool {
    match one.is_ascii() && other.is_ascii() {
        true => one.eq_ignore_ascii_case(other),
        false => folded(one) == folded(other),
    }
}

/// Whether a name is this index into an array, as RFC 6901 writes it.
fn is_index(name: &str, index: usize) -> bool {
    (name == "0" || name.starts_with(|c| ('1'..='9').contains(&c))) && name.parse() == Ok(index)
}

#[cfg(test)]
#[path = "pick_tests.rs"]
mod tests;

//! Whose account a login is for.
//!
//! A casino finds an account by a name that it compares in its own way: mostly without case, often without accents
//! (MySQL's collations), with or without blanks around it. Were each spelling counted apart, an attacker would get
//! a few guesses more for each one. So names that any such casino takes for one are counted as one. Where a casino
//! does tell them apart, such accounts share their failures.

use policy_kit::{text_at, Content, Unread};

/// The base letters of U+00C0 to U+017F.
const LATIN: &str = "aaaaaaaceeeeiiiidnoooooxouuuuytsaaaaaaaceeeeiiiidnooooo-ouuuuyty\
     aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll\
     lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
/// The base letters of U+1E00 to U+1EFF.
const LATIN_ADDITIONAL: &str = "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm\
     mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv\
     wwwwwwwwwwxxxxyyzzzzzzhtwyassssdaaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee\
     eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyyllvvyy";

/// The account that a login names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// Its name as it is counted.
    Named(String),
    /// There is none that every reader finds: why, in one word.
    Unreadable(&'static str),
}

impl Account {
    /// Reads the name at a JSON pointer.
    pub(crate) fn of(content: &Content<'_>, pointer: &str) -> Self {
        let value = match content.value_at(pointer) {
            Ok(value) => value,
            Err(fault) => return Self::Unreadable(Unread::as_str(fault)),
        };
        let name = value.and_then(|value| text_at(&value, "")).map(|name| folded(&name));
        match name.filter(|name| !name.is_empty()) {
            Some(name) => Self::Named(name),
            None => Self::Unreadable("account_missing"),
        }
    }
}

/// A name without case, accents, blanks and characters that are not seen.
pub(crate) fn folded(name: &str) -> String {
    name.chars().filter_map(letter).collect()
}

/// A character as it is compared; `None` for one that is not.
fn letter(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_graphic().then(|| c.to_ascii_lowercase());
    }
    let code = u32::from(c);
    let base = |table: &str, first: u32| {
        let at = usize::try_from(code - first).ok()?;
        table.as_bytes().get(at).copied().map(char::from)
    };
    let moved = |by: u32| char::from_u32(code + by);
    match code {
        // Soft hyphen, combining marks, joiners and other marks without width.
        0xad | 0x300..=0x36f | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x2064 => None,
        0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f | 0xfeff => None,
        0xc0..=0x17f => base(LATIN, 0xc0),
        0x1e00..=0x1eff => base(LATIN_ADDITIONAL, 0x1e00),
        // Greek and Cyrillic capitals.
        0x391..=0x3a9 | 0x410..=0x42f => moved(32),
        0x400..=0x40f => moved(80),
        // Final sigma.
        0x3c2 => moved(1),
        0x212a => Some('k'),
        // Forms of ASCII as wide as a Chinese character.
        0xff01..=0xff5e => char::from_u32(code - 0xff01 + 0x21).map(|c| c.to_ascii_lowercase()),
        _ if c.is_whitespace() || c.is_control() => None,
        _ => Some(c),
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;

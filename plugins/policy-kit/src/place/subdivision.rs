//! Subdivisions: ISO 3166-2, and which lie in which.
//!
//! `subdivisions.txt` has a line for each country that has any: its code, then the codes of its
//! subdivisions in order, each with `<` and the one that it lies in where that is not the country itself.
//! The facts are those of `pycountry` 26.2.16 (2026-02-16), which carries the `iso_3166-2.json` of Debian's
//! `iso-codes`. Codes that ISO assigns later are not known until this table is made anew.

use super::country::{self, COUNT};

const TEXT: &[u8] = include_bytes!("subdivisions.txt");
/// How many subdivisions there are: one after each blank.
const TOTAL: usize = blanks();

/// All subdivisions, by country and then in order, packed.
struct Table {
    /// Where those of each country begin; one more for the end.
    starts: [u16; COUNT + 1],
    codes: [u16; TOTAL],
    /// What each lies in, packed; 0 for its country.
    parents: [u16; TOTAL],
}

static TABLE: Table = table();

/// One to three capital letters or digits as a number that is not 0 and sorts as they do.
pub(super) const fn pack(code: &[u8]) -> Option<u16> {
    let (a, b, c) = match code {
        [a] => (digit(*a), Some(0), Some(0)),
        [a, b] => (digit(*a), digit(*b), Some(0)),
        [a, b, c] => (digit(*a), digit(*b), digit(*c)),
        _ => return None,
    };
    match (a, b, c) {
        (Some(a), Some(b), Some(c)) => Some((a * 37 + b) * 37 + c),
        _ => None,
    }
}

const fn digit(byte: u8) -> Option<u16> {
    match byte {
        b'0'..=b'9' => Some((byte - b'0') as u16 + 1),
        b'A'..=b'Z' => Some((byte - b'A') as u16 + 11),
        _ => None,
    }
}

/// What a subdivision lies in, 0 for its country; `None` where there is no such subdivision.
pub(super) fn parent(country: u8, part: u16) -> Option<u16> {
    let country = usize::from(country);
    let start = usize::from(*TABLE.starts.get(country)?);
    let codes = TABLE.codes.get(start..usize::from(*TABLE.starts.get(country + 1)?))?;
    let at = codes.binary_search(&part).ok()?;
    TABLE.parents.get(start + at).copied()
}

#[expect(clippy::indexing_slicing)] // The compiler evaluates it: what is out of bounds does not build.
const fn blanks() -> usize {
    let (mut count, mut at) = (0, 0);
    while at < TEXT.len() {
        count += (TEXT[at] == b' ') as usize;
        at += 1;
    }
    count
}

/// The code that begins at `at`, packed, and where it ends. A text that holds none does not build.
#[expect(clippy::indexing_slicing)] // Likewise.
const fn code_at(at: usize) -> (u16, usize) {
    let mut end = at;
    while TEXT[end].is_ascii_uppercase() || TEXT[end].is_ascii_digit() {
        end += 1;
    }
    let (_, rest) = TEXT.split_at(at);
    let (code, _) = rest.split_at(end - at);
    let Some(packed) = pack(code) else { unreachable!() };
    (packed, end)
}

#[expect(clippy::indexing_slicing)] // Likewise.
#[allow(long_running_const_eval)] // Twenty thousand bytes.
const fn table() -> Table {
    let (mut starts, mut codes, mut parents) = ([0; COUNT + 1], [0; TOTAL], [0; TOTAL]);
    let (mut at, mut count, mut next) = (0, 0, 0);
    while at < TEXT.len() {
        let Some(country) = country::index(&[TEXT[at], TEXT[at + 1]]) else { unreachable!() };
        while next <= country as usize {
            starts[next] = count as u16;
            next += 1;
        }
        at += 2;
        while TEXT[at] == b' ' {
            (codes[count], at) = code_at(at + 1);
            if TEXT[at] == b'<' {
                (parents[count], at) = code_at(at + 1);
            }
            count += 1;
        }
        at += 1;
    }
    while next <= COUNT {
        starts[next] = count as u16;
        next += 1;
    }
    Table { starts, codes, parents }
}

/// Every subdivision as `US-NJ`, with what it lies in as `GB-ENG` where that is another.
#[cfg(test)]
pub(super) fn all() -> Vec<(String, Option<String>)> {
    let text = std::str::from_utf8(TEXT).unwrap_or_default();
    let line = |line: &'static str| {
        let (country, parts) = line.split_once(' ').unwrap_or((line, ""));
        parts.split(' ').map(move |part| match part.split_once('<') {
            Some((part, of)) => (format!("{country}-{part}"), Some(format!("{country}-{of}"))),
            None => (format!("{country}-{part}"), None),
        })
    };
    text.lines().flat_map(line).collect()
}

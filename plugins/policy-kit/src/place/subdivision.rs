//! Subdivisions: ISO 3166-2, and which lie in which.
//!
//! `subdivisions.txt` has a line for each country that has any, with their codes, and one for each
//! subdivision that holds others (`GB-ENG`), with theirs; short codes first, then in order. The facts are
//! those of `pycountry` 26.2.16 (2026-02-16), which carries the `iso_3166-2.json` of Debian's `iso-codes`.
//! Codes that ISO assigns later are unknown until this table is updated.
//!
//! Every worker of every gateway holds it, so the compiler packs it: each code is kept as the distance to the one
//! before it, mostly in one byte, and codes without a gap between them as their number.

use crate::place::country::{self, COUNT};

const TEXT: &[u8] = include_bytes!("subdivisions.txt");
/// Size of the table, in bytes.
const SIZE: usize = written().1;

/// A number from here on to 127 stands for that many more than one codes without a gap.
const RUN: u16 = 112;
/// How much is added to a distance that would read as a run.
const LONG: u16 = 128 - RUN;

/// All subdivisions, country by country. A number is seven bits a byte, the lowest first, with the eighth
/// where more follow. 0 begins those that lie in a subdivision, whose number follows; less than [`RUN`] is a
/// distance, more than 127 one that is [`LONG`] less, and what is between them a run.
struct Table {
    /// Where each country's begin; one more for the end.
    starts: [u16; COUNT + 1],
    bytes: [u8; SIZE],
}

static TABLE: Table = table();

/// One to three capital letters or digits as a number that is not 0; another for each.
pub(super) const fn pack(code: &[u8]) -> Option<u16> {
    let (mut rest, mut number) = (code, 0);
    if rest.is_empty() || rest.len() > 3 {
        return None;
    }
    while let [byte, more @ ..] = rest {
        let digit = match *byte {
            b'0'..=b'9' => *byte - b'0',
            b'A'..=b'Z' => *byte - b'A' + 10,
            _ => return None,
        };
        number = number * 36 + digit as u16 + 1;
        rest = more;
    }
    Some(number)
}

/// The code of a number, the last letter first.
pub(super) fn unpack(mut number: u16) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let digit = u8::try_from(number.checked_sub(1)? % 36).ok()?;
        number = (number - 1) / 36;
        Some(if digit < 10 { b'0' + digit } else { b'A' + digit - 10 })
    })
}

/// The subdivision that one lies in, 0 for its country; `None` where there is no such subdivision.
#[inline(never)]
pub(super) fn parent(country: u8, part: u16) -> Option<u16> {
    let country = usize::from(country);
    let start = usize::from(*TABLE.starts.get(country)?);
    let bytes = TABLE.bytes.get(start..usize::from(*TABLE.starts.get(country + 1)?))?;
    let (mut bytes, mut code, mut parent) = (bytes.iter(), 0, 0);
    loop {
        match number(&mut bytes)? {
            0 => (code, parent) = (0, number(&mut bytes)?),
            run @ RUN..0x80 => {
                let end = code + run - RUN + 2;
                if (code + 1..end).contains(&part) {
                    return Some(parent);
                }
                code = end;
            }
            distance @ 0x80.. => code += distance - LONG,
            distance => code += distance,
        }
        if code == part {
            return Some(parent);
        }
    }
}

fn number(bytes: &mut std::slice::Iter<'_, u8>) -> Option<u16> {
    let byte = u16::from(*bytes.next()?);
    if byte < 0x80 {
        return Some(byte);
    }
    let (mut number, mut shift) = (byte & 0x7f, 7);
    loop {
        let byte = u16::from(*bytes.next()?);
        number |= (byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
        shift += 7;
    }
}

/// The code that begins at `at`, packed, and where it ends. A text that holds none does not build.
#[expect(clippy::indexing_slicing)] // The compiler evaluates it: what is out of bounds does not build.
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
const fn write(table: &mut ([u8; TEXT.len()], usize), mut number: u16) {
    while number >= 0x80 {
        table.0[table.1] = (number & 0x7f) as u8 | 0x80;
        table.1 += 1;
        number >>= 7;
    }
    table.0[table.1] = number as u8;
    table.1 += 1;
}

/// Writes a number of codes without a gap.
const fn write_run(table: &mut ([u8; TEXT.len()], usize), run: u16) {
    match run {
        0 => {}
        1 => write(table, 1),
        _ => write(table, RUN + run - 2),
    }
}

/// The table with room behind it, its size, and where each country's part of it begins.
#[expect(clippy::indexing_slicing)] // Likewise.
#[allow(long_running_const_eval)] // Twenty thousand bytes.
const fn written() -> ([u8; TEXT.len()], usize, [u16; COUNT + 1]) {
    let (mut table, mut starts) = (([0; TEXT.len()], 0), [0; COUNT + 1]);
    let (mut at, mut next) = (0, 0);
    while at < TEXT.len() {
        let Some(country) = country::index(&[TEXT[at], TEXT[at + 1]]) else { unreachable!() };
        while next <= country as usize {
            starts[next] = table.1 as u16;
            next += 1;
        }
        at += 2;
        if TEXT[at] == b'-' {
            let (parent, end) = code_at(at + 1);
            write(&mut table, 0);
            write(&mut table, parent);
            at = end;
        }
        let (mut last, mut run) = (0, 0);
        while TEXT[at] == b' ' {
            let (code, end) = code_at(at + 1);
            let (distance, full) = (code - last, RUN + run == 0x7f + 2);
            if distance != 1 || full {
                write_run(&mut table, run);
                run = 0;
            }
            match distance {
                1 => run += 1,
                RUN.. => write(&mut table, distance + LONG),
                _ => write(&mut table, distance),
            }
            (last, at) = (code, end);
        }
        write_run(&mut table, run);
        at += 1;
    }
    while next <= COUNT {
        starts[next] = table.1 as u16;
        next += 1;
    }
    (table.0, table.1, starts)
}

#[expect(clippy::indexing_slicing)] // Likewise.
const fn table() -> Table {
    let (written, _, starts) = written();
    let (mut bytes, mut at) = ([0; SIZE], 0);
    while at < SIZE {
        bytes[at] = written[at];
        at += 1;
    }
    Table { starts, bytes }
}

/// Every subdivision as `US-NJ`, with what it lies in as `GB-ENG` where that is another.
#[cfg(test)]
pub(super) fn all() -> Vec<(String, Option<String>)> {
    let text = std::str::from_utf8(TEXT).unwrap_or_default();
    let line = |line: &'static str| {
        let (of, parts) = line.split_once(' ').unwrap_or((line, ""));
        let parent = of.contains('-').then(|| of.to_owned());
        let country = of.get(..2).unwrap_or_default();
        parts.split(' ').map(move |part| (format!("{country}-{part}"), parent.clone()))
    };
    text.lines().flat_map(line).collect()
}

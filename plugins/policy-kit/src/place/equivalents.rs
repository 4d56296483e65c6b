//! Several codes of one place, and places that two countries claim.

use crate::place::country::{self, NONE};
use crate::place::subdivision;

use Equivalent::{PartOf, Same};

/// What another code of a place stands for.
enum Equivalent {
    /// The place of this code.
    Same(&'static str),
    /// A part of the territory of this code, which numbers no parts of its own.
    PartOf(&'static str),
}

/// Codes of ISO 3166-2 that stand for a place with another code, in order: territories, parts of them, and
/// codes that ISO has replaced without a change of the area, which vendors send for years. (France 2021 and
/// 2024, Guatemala 2021, India 2023, Kazakhstan 2022, Mexico 2016; what was merged or split is not among
/// them.) They are in `iso-codes` 4.15.0 and no longer in `pycountry` 26.2.16, or, for `FR-COR` and
/// `MX-DIF`, in neither.
#[rustfmt::skip]
const EQUIVALENTS: [(&str, Equivalent); 84] = [
    ("CN-HK", Same("HK")), ("CN-MO", Same("MO")), ("CN-TW", Same("TW")),
    ("FI-01", Same("AX")),
    ("FR-75", Same("FR-75C")), ("FR-BL", Same("BL")), ("FR-GF", Same("GF")),
    ("FR-GP", Same("GP")), ("FR-MF", Same("MF")), ("FR-MQ", Same("MQ")),
    ("FR-NC", Same("NC")), ("FR-PF", Same("PF")), ("FR-PM", Same("PM")),
    ("FR-RE", Same("RE")), ("FR-TF", Same("TF")), ("FR-WF", Same("WF")),
    ("FR-YT", Same("YT")), ("FR-971", Same("GP")), ("FR-972", Same("MQ")),
    ("FR-973", Same("GF")), ("FR-974", Same("RE")), ("FR-976", Same("YT")),
    ("FR-COR", Same("FR-20R")),
    ("GT-AV", Same("GT-16")), ("GT-BV", Same("GT-15")), ("GT-CM", Same("GT-04")),
    ("GT-CQ", Same("GT-20")), ("GT-ES", Same("GT-05")), ("GT-GU", Same("GT-01")),
    ("GT-HU", Same("GT-13")), ("GT-IZ", Same("GT-18")), ("GT-JA", Same("GT-21")),
    ("GT-JU", Same("GT-22")), ("GT-PE", Same("GT-17")), ("GT-PR", Same("GT-02")),
    ("GT-QC", Same("GT-14")), ("GT-QZ", Same("GT-09")), ("GT-RE", Same("GT-11")),
    ("GT-SA", Same("GT-03")), ("GT-SM", Same("GT-12")), ("GT-SO", Same("GT-07")),
    ("GT-SR", Same("GT-06")), ("GT-SU", Same("GT-10")), ("GT-TO", Same("GT-08")),
    ("GT-ZA", Same("GT-19")),
    ("IN-CT", Same("IN-CG")), ("IN-OR", Same("IN-OD")), ("IN-TG", Same("IN-TS")),
    ("IN-UT", Same("IN-UK")),
    ("KZ-AKM", Same("KZ-11")), ("KZ-AKT", Same("KZ-15")), ("KZ-ALA", Same("KZ-75")),
    ("KZ-AST", Same("KZ-71")), ("KZ-ATY", Same("KZ-23")), ("KZ-KUS", Same("KZ-39")),
    ("KZ-KZY", Same("KZ-43")), ("KZ-MAN", Same("KZ-47")), ("KZ-PAV", Same("KZ-55")),
    ("KZ-SEV", Same("KZ-59")), ("KZ-SHY", Same("KZ-79")), ("KZ-YUZ", Same("KZ-61")),
    ("KZ-ZAP", Same("KZ-27")), ("KZ-ZHA", Same("KZ-31")),
    ("MX-DIF", Same("MX-CMX")),
    ("NL-AW", Same("AW")), ("NL-CW", Same("CW")), ("NL-SX", Same("SX")),
    ("NL-BQ1", Same("BQ-BO")), ("NL-BQ2", Same("BQ-SA")), ("NL-BQ3", Same("BQ-SE")),
    ("NO-21", PartOf("SJ")), ("NO-22", PartOf("SJ")),
    ("RS-25", PartOf("XK")), ("RS-26", PartOf("XK")), ("RS-27", PartOf("XK")),
    ("RS-28", PartOf("XK")), ("RS-29", PartOf("XK")), ("RS-KM", Same("XK")),
    ("US-AS", Same("AS")), ("US-GU", Same("GU")), ("US-MP", Same("MP")),
    ("US-PR", Same("PR")), ("US-UM", Same("UM")), ("US-VI", Same("VI")),
];

/// Places that a second country claims and some sources count to that one: Crimea, Sevastopol, Donetsk and
/// Luhansk, by Russia; the parts of Morocco's regions that ISO 3166-2 marks `EH` or `EH-partial`, Western
/// Sahara.
#[rustfmt::skip]
const CLAIMED: [(&str, &str); 16] = [
    ("EH", "MA"),
    ("MA-10", "EH"), ("MA-11", "EH"), ("MA-12", "EH"), ("MA-AOU", "EH"), ("MA-ASZ", "EH"),
    ("MA-BOD", "EH"), ("MA-ESM", "EH"), ("MA-LAA", "EH"), ("MA-OUD", "EH"), ("MA-TAF", "EH"),
    ("MA-TNT", "EH"),
    ("UA-09", "RU"), ("UA-14", "RU"), ("UA-40", "RU"), ("UA-43", "RU"),
];

/// The keys of [`EQUIVALENTS`], and of what they stand for.
static EQUIVALENT_KEYS: [u32; EQUIVALENTS.len()] = equivalent_keys().0;
static TARGETS: [u32; EQUIVALENTS.len()] = equivalent_keys().1;
/// The keys of [`CLAIMED`], and the countries that claim.
static CLAIMED_KEYS: [u32; CLAIMED.len()] = claimed_keys().0;
static CLAIMANTS: [u8; CLAIMED.len()] = claimed_keys().1;

/// Set in a target: the code's own text stays, and only the country is another.
const PART_OF: u32 = 1 << 31;

#[expect(clippy::indexing_slicing)] // The compiler evaluates it: what is out of bounds does not build.
const fn equivalent_keys() -> ([u32; EQUIVALENTS.len()], [u32; EQUIVALENTS.len()]) {
    let (mut keys, mut targets, mut at) = ([0; EQUIVALENTS.len()], [0; EQUIVALENTS.len()], 0);
    while at < keys.len() {
        keys[at] = key_of(EQUIVALENTS[at].0);
        targets[at] = match EQUIVALENTS[at].1 {
            Same(code) => key_of(code),
            PartOf(code) => key_of(code) | PART_OF,
        };
        at += 1;
    }
    (keys, targets)
}

#[expect(clippy::indexing_slicing)] // Likewise.
const fn claimed_keys() -> ([u32; CLAIMED.len()], [u8; CLAIMED.len()]) {
    let (mut keys, mut by, mut at) = ([0; CLAIMED.len()], [NONE; CLAIMED.len()], 0);
    while at < keys.len() {
        keys[at] = key_of(CLAIMED[at].0);
        by[at] = (key_of(CLAIMED[at].1) >> 16) as u8;
        at += 1;
    }
    (keys, by)
}

const fn key(country: u8, part: u16) -> u32 {
    ((country as u32) << 16) | part as u32
}

/// The key of `EH` or `US-PR`. An invalid code does not build.
const fn key_of(code: &str) -> u32 {
    let (country, part) = code.as_bytes().split_at(2);
    let Some(country) = country::index(country) else { unreachable!() };
    let part = match part {
        [] => Some(0),
        [_, part @ ..] => subdivision::pack(part),
    };
    let Some(part) = part else { unreachable!() };
    key(country, part)
}

#[inline(never)]
fn find(keys: &[u32], key: u32) -> Option<usize> {
    keys.binary_search(&key).ok()
}

/// What a subdivision's code stands for, where that is another place: the country's number and the part's,
/// and whether only the country is another.
pub(super) fn equivalent(country: u8, part: u16) -> Option<(u8, u16, bool)> {
    let at = find(&EQUIVALENT_KEYS, key(country, part))?;
    let target = *TARGETS.get(at)?;
    let (country, part) = (target >> 16 & 0xff, target & 0xffff);
    Some((u8::try_from(country).ok()?, u16::try_from(part).ok()?, target & PART_OF != 0))
}

/// The other country that claims a place, or [`NONE`].
pub(super) fn alternative(country: u8, part: u16) -> u8 {
    let at = find(&CLAIMED_KEYS, key(country, part));
    at.and_then(|at| CLAIMANTS.get(at)).copied().unwrap_or(NONE)
}

/// All codes that stand for another place.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    EQUIVALENTS.iter().map(|(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_order() {
        assert!(EQUIVALENT_KEYS.is_sorted() && CLAIMED_KEYS.is_sorted());
    }
}

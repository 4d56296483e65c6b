//! Countries and territories: ISO 3166-1 alpha-2.

use crate::place::territories::TERRITORIES;

/// No country: the index of none.
pub(super) const NONE: u8 = u8::MAX;

/// The officially assigned codes, and `XK`, a user-assigned code that geolocation vendors and the European
/// Commission use for Kosovo; in alphabetical order.
pub(super) const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH \
    BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY \
    CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN \
    GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH \
    KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO \
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL \
    PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV \
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN \
    VU WF WS XK YE YT ZA ZM ZW";

/// Number of codes.
pub(super) const COUNT: usize = CODES.len().div_ceil(3);

/// Codes by their first letter: a bit for each second letter, and the number of codes before. Used for every
/// request, so it is a lookup and not a search.
static ROWS: [(u32, u8); 26] = rows();

/// The country that each belongs to.
static ROOTS: [u8; COUNT] = roots();

/// The index of a code, if these two bytes are one.
pub(super) const fn index(code: &[u8]) -> Option<u8> {
    let &[first, second] = code else { return None };
    if !first.is_ascii_uppercase() || !second.is_ascii_uppercase() {
        return None;
    }
    position(&ROWS, first, second)
}

/// The country that one belongs to: the United States for Puerto Rico, itself for most.
pub(super) fn root(country: u8) -> u8 {
    ROOTS.get(usize::from(country)).copied().unwrap_or(NONE)
}

/// The code at an index.
pub(super) fn code(country: u8) -> Option<[u8; 2]> {
    let mut rows = (b'A'..=b'Z').zip(&ROWS).rev();
    let begins = |row: &(u8, &(u32, u8))| row.1 .0 != 0 && row.1 .1 <= country;
    let (first, (letters, before)) = rows.find(begins)?;
    let (mut letters, mut rest) = (*letters, country - before);
    while rest > 0 {
        // Clears the lowest letter.
        letters &= letters.wrapping_sub(1);
        rest -= 1;
    }
    (letters != 0).then(|| [first, b'A' + letters.trailing_zeros() as u8])
}

/// Two capital letters, looked up.
#[expect(clippy::indexing_slicing)] // A capital letter is one of 26.
const fn position(rows: &[(u32, u8); 26], first: u8, second: u8) -> Option<u8> {
    let (letters, before) = rows[(first - b'A') as usize];
    let bit = 1 << (second - b'A');
    match letters & bit {
        0 => None,
        _ => Some(before + (letters & (bit - 1)).count_ones() as u8),
    }
}

#[expect(clippy::indexing_slicing)] // The compiler evaluates it: what is out of bounds does not build.
const fn rows() -> [(u32, u8); 26] {
    let (bytes, mut rows, mut at) = (CODES.as_bytes(), [(0, 0); 26], 0);
    while at < COUNT {
        let row = (bytes[at * 3] - b'A') as usize;
        if rows[row].0 == 0 {
            rows[row].1 = at as u8;
        }
        rows[row].0 |= 1 << (bytes[at * 3 + 1] - b'A');
        at += 1;
    }
    rows
}

#[expect(clippy::indexing_slicing)] // Likewise.
const fn roots() -> [u8; COUNT] {
    let (rows, mut roots, mut at) = (rows(), [0; COUNT], 0);
    while at < COUNT {
        roots[at] = at as u8;
        at += 1;
    }
    at = 0;
    while at < TERRITORIES.len() {
        let [of, own] = [TERRITORIES[at].0.as_bytes(), TERRITORIES[at].1.as_bytes()];
        let found = (position(&rows, of[0], of[1]), position(&rows, own[0], own[1]));
        let (Some(of), Some(own)) = found else { return [NONE; COUNT] };
        roots[own as usize] = of;
        at += 1;
    }
    roots
}

//! A place, and the several codes of one.

use crate::place::country;
use crate::place::equivalents::{alternative, equivalent};
use crate::place::subdivision;

/// A country or territory (ISO 3166-1), or one subdivision of it (ISO 3166-2). A place with several codes is one
/// place: `US-PR` reads as `PR`, `FR-75` as `FR-75C`.
///
/// ```
/// use policy_kit::{Place, Relation};
///
/// let place = |code: &str| Place::parse(code.as_bytes()).unwrap();
/// assert_eq!(place("US-PR"), place("PR"));
/// assert_eq!(place("US-NJ").relation(&place("US")), Relation::Inside);
/// assert_eq!(place("US").relation(&place("US-NJ")), Relation::MayBe);
/// assert_eq!(Place::parse(b"UK"), None);
/// ```
#[derive(Clone, Copy)]
pub struct Place {
    /// `MT`, `US-NJ`: ASCII, `length` bytes of it.
    pub(super) text: [u8; 6],
    length: u8,
    /// The country or territory with a code of its own.
    pub(super) country: u8,
    /// The country that `country` belongs to: itself for most.
    pub(super) root: u8,
    /// Another country that some sources name for this place, or [`NONE`].
    pub(super) alternative: u8,
    /// The subdivision, packed; 0 for the whole country.
    pub(super) part: u16,
    /// The subdivision that this one lies in, packed; 0 for none but the country.
    pub(super) parent: u16,
}

impl Place {
    /// The error text for a configuration whose code names no place.
    pub const EXPECTED: &'static str = "expected an assigned ISO 3166-1 code such as `MT`, or an \
        ISO 3166-2 code of a subdivision that exists, such as `US-NJ`";

    /// Reads `MT` or `US-NJ` as an operator writes it in a configuration: upper case, a code that is
    /// assigned (ISO 3166-1 alpha-2 and `XK`, which stands for Kosovo), a subdivision that exists (ISO
    /// 3166-2) or did under a code that was replaced since.
    #[inline(never)]
    pub fn parse(code: &[u8]) -> Option<Self> {
        let (country, part) = split(code)?;
        match part {
            None => Some(country),
            Some(part) => country.part(part),
        }
    }

    /// The country of two capital letters.
    #[inline(never)]
    pub(crate) fn country(code: &[u8]) -> Option<Self> {
        let &[first, second] = code else { return None };
        let country = country::index(code)?;
        let (root, alternative) = (country::root(country), alternative(country, 0));
        let text = [first, second, 0, 0, 0, 0];
        Some(Self { text, length: 2, country, root, alternative, part: 0, parent: 0 })
    }

    /// The subdivision `part` of this country, by its own code or by one that was replaced.
    #[inline(never)]
    pub(super) fn part(&self, part: &[u8]) -> Option<Self> {
        let packed = subdivision::pack(part)?;
        match equivalent(self.country, packed) {
            None => self.numbered(packed, subdivision::parent(self.country, packed)?),
            // The code is its country's, and the territory that it is a part of has one of its own.
            Some((country, _, true)) => {
                let place = self.numbered(packed, 0)?;
                Some(Self { country, root: country::root(country), ..place })
            }
            Some((country, part, false)) => {
                let country = Self::country(&country::code(country)?)?;
                match part {
                    0 => Some(country),
                    _ => country.numbered(part, subdivision::parent(country.country, part)?),
                }
            }
        }
    }

    /// The subdivision of this number, which lies in that one.
    #[inline(never)]
    fn numbered(&self, part: u16, parent: u16) -> Option<Self> {
        let (mut text, mut length) = (self.text, 3);
        *text.get_mut(2)? = b'-';
        for letter in subdivision::unpack(part) {
            *text.get_mut(length)? = letter;
            length += 1;
        }
        text.get_mut(3..length)?.reverse();
        let (length, alternative) = (u8::try_from(length).ok()?, alternative(self.country, part));
        Some(Self { text, length, part, parent, alternative, ..*self })
    }

    /// The code, `MT` or `US-NJ`; of several codes the current one.
    pub fn as_str(&self) -> &str {
        let text = self.text.get(..usize::from(self.length));
        std::str::from_utf8(text.unwrap_or_default()).unwrap_or_default()
    }

    /// Whether it is a subdivision.
    pub fn is_part(&self) -> bool {
        self.part != 0
    }

    /// Whether both are in the country or territory with the same ISO 3166-1 code.
    pub fn same_country(&self, other: &Self) -> bool {
        self.country == other.country
    }

    /// Whether both belong to one country: New Jersey and Puerto Rico do.
    pub fn same_root(&self, other: &Self) -> bool {
        self.root == other.root
    }

    /// Whether `text` is the short form of this subdivision's code: `NJ` of `US-NJ`.
    pub fn is_short(&self, text: &str) -> bool {
        self.is_part() && self.as_str().get(3..) == Some(text)
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.country == other.country && self.part == other.part
    }
}

impl Eq for Place {}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `US-NJ` as its country and the rest.
pub(super) fn split(code: &[u8]) -> Option<(Place, Option<&[u8]>)> {
    let (country, rest) = code.split_at_checked(2)?;
    let part = match rest {
        [] => None,
        [b'-', part @ ..] => Some(part),
        _ => return None,
    };
    Some((Place::country(country)?, part))
}

#[cfg(test)]
#[path = "code_tests.rs"]
mod tests;

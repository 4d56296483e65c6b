//! Reading a place from a source: an edge's headers, a provider's claim, a player account management system.
//! A part that cannot be read never erases one that can, and is never taken for more.

use policy_wire::One;

use crate::place::code::{split, Place};

/// The country that edges write for Tor (Cloudflare).
const TOR: &[u8] = b"T1";
/// What edges write for an unknown country: Cloudflare, Google (Unicode CLDR), Fastly.
const UNSAID: [&[u8]; 5] = [b"XX", b"ZZ", b"**", b"?", b"-"];
/// ISO 3166-1 alpha-3 codes that read as a country and one letter for a subdivision of it: Argentina and
/// its province `AR-G`.
const ALPHA_3: [&[u8]; 10] =
    [b"ARG", b"BOL", b"ECU", b"ESP", b"GMB", b"GRC", b"MHL", b"SLE", b"STP", b"VEN"];

/// A place as a source reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceReading {
    /// The place as far as it can be read.
    pub place: Option<Place>,
    /// Why no more of it can be read.
    pub why: PlaceDoubt,
}

/// Why a place is not known, or only its country is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlaceDoubt {
    /// All of it could be read.
    #[default]
    Read,
    /// The source reports nothing: no header.
    Absent,
    /// The header is there, and empty.
    Empty,
    /// The header came more than once, so it is unknown which one counts.
    Twice,
    /// The edge reports that the country is unknown: `XX`, `ZZ`.
    Unsaid,
    /// The edge reports that the client hides its place: `T1`, Tor.
    Anonymous,
    /// It is neither a country nor a subdivision.
    NotAPlace,
    /// The region is one of another country.
    Contradiction,
    /// The country is known; the region came more than once.
    RegionTwice,
    /// The country is known; the region is no subdivision of it.
    RegionNotAPlace,
}

impl PlaceDoubt {
    /// One word, for evidence.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Absent => "absent",
            Self::Empty => "empty",
            Self::Twice => "twice",
            Self::Unsaid => "unsaid",
            Self::Anonymous => "anonymous",
            Self::NotAPlace => "not_a_place",
            Self::Contradiction => "contradiction",
            Self::RegionTwice => "region_twice",
            Self::RegionNotAPlace => "region_not_a_place",
        }
    }
}

impl PlaceReading {
    fn nothing(why: PlaceDoubt) -> Self {
        Self { place: None, why }
    }

    /// Whether an edge writes this for a client that hides its place.
    pub fn is_hidden(country: &[u8]) -> bool {
        country == TOR
    }

    /// Reads `MT` or `US-NJ` in one text. The country is in upper case; the subdivision may be in lower
    /// case. An unknown subdivision leaves the country known.
    #[inline(never)]
    pub fn text(text: &[u8]) -> Self {
        match split(text) {
            None => Self::nothing(PlaceDoubt::NotAPlace),
            Some((country, None)) => Self { place: Some(country), why: PlaceDoubt::Read },
            Some((country, Some(part))) => match country.part_in_any_case(part) {
                None => Self { place: Some(country), why: PlaceDoubt::RegionNotAPlace },
                place => Self { place, why: PlaceDoubt::Read },
            },
        }
    }

    /// Reads a country header and a region header. The region may be `NJ`, `US-NJ` or, as Google writes it,
    /// `USNJ`, also in lower case (App Engine); the country in upper case only, as every edge writes it.
    pub fn headers(country: One<'_>, region: One<'_>) -> Self {
        let country = match country {
            One::Absent => return Self::nothing(PlaceDoubt::Absent),
            One::Many => return Self::nothing(PlaceDoubt::Twice),
            One::Value(b"") => return Self::nothing(PlaceDoubt::Empty),
            One::Value(TOR) => return Self::nothing(PlaceDoubt::Anonymous),
            One::Value(value) => value,
        };
        let reading = Self::text(country);
        let Some(place) = reading.place else {
            let why = if UNSAID.contains(&country) { PlaceDoubt::Unsaid } else { reading.why };
            return Self::nothing(why);
        };
        let known = |why| Self { place: Some(place), why };
        let region = match region {
            One::Absent | One::Value(b"") => return reading,
            One::Many => return known(PlaceDoubt::RegionTwice),
            One::Value(region) => region,
        };
        match place.region(region) {
            // The country's header may itself hold a subdivision; then one must lie within the other.
            Some(region) => match place.finer(&region).copied() {
                Some(place) => Self { place: Some(place), why: PlaceDoubt::Read },
                None => Self::nothing(PlaceDoubt::Contradiction),
            },
            None => known(PlaceDoubt::RegionNotAPlace),
        }
    }
}

impl Place {
    /// The place that a region header names beside this one's country.
    #[inline(never)]
    fn region(&self, region: &[u8]) -> Option<Self> {
        let letters = self.text.get(..2)?;
        let country = Self::country(letters)?;
        if let Some(place) = country.part_in_any_case(region) {
            return Some(place);
        }
        let (mut upper, length) = ([0; 6], region.len());
        upper.get_mut(..length)?.copy_from_slice(region);
        let upper = upper.get_mut(..length)?;
        upper.make_ascii_uppercase();
        let (first, rest) = upper.split_at_checked(2)?;
        match rest {
            // A region of another country is a contradiction, not just unreadable.
            [b'-', part @ ..] => {
                let named = Self::country(first)?;
                named.part(part).or((named != country).then_some(named))
            }
            rest if first == letters && !ALPHA_3.contains(&&*upper) => country.part(rest),
            _ => None,
        }
    }

    /// The subdivision `part` of this country, whatever its case.
    #[inline(never)]
    fn part_in_any_case(&self, part: &[u8]) -> Option<Self> {
        if !part.iter().any(u8::is_ascii_lowercase) {
            return self.part(part);
        }
        let mut upper = [0; 3];
        let upper = upper.get_mut(..part.len())?;
        upper.copy_from_slice(part);
        upper.make_ascii_uppercase();
        self.part(upper)
    }
}

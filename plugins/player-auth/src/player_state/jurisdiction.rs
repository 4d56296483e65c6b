//! Where a player is licensed to play, as a token or the PAM reports it.

use policy_kit::{Place, PlaceReading};

/// Where a player is licensed to play.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Jurisdiction {
    /// Not reported.
    #[default]
    Absent,
    /// The value is no place of ISO 3166, such as `UK` or `NJ`: it may be any place.
    Unreadable,
    /// This place, or a part of it.
    At(Place),
}

impl Jurisdiction {
    /// Reads `MT` or `us-nj`. A subdivision that does not exist reads as its country.
    pub fn read(text: &str) -> Self {
        match PlaceReading::text(text.to_ascii_uppercase().as_bytes()).place {
            Some(place) => Self::At(place),
            None => Self::Unreadable,
        }
    }

    /// The place, if it is known.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::At(place) => Some(place),
            Self::Absent | Self::Unreadable => None,
        }
    }

    /// This jurisdiction, or `other` if this one is absent.
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Absent => other,
            reported => reported,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_places_of_iso_3166() {
        let at = |code: &str| Jurisdiction::At(Place::parse(code.as_bytes()).unwrap());
        for (text, want) in [
            ("MT", at("MT")),
            ("us-nj", at("US-NJ")),
            ("US-PR", at("PR")),
            ("US-XX", at("US")),
            ("UK", Jurisdiction::Unreadable),
            ("XX", Jurisdiction::Unreadable),
            ("GBR", Jurisdiction::Unreadable),
            ("NJ", Jurisdiction::Unreadable),
            ("New Jersey", Jurisdiction::Unreadable),
            ("", Jurisdiction::Unreadable),
        ] {
            let read = Jurisdiction::read(text);
            assert_eq!(read, want, "{text}");
            assert_eq!(read.or(at("SE")), want, "{text}");
            assert_eq!(Jurisdiction::Absent.or(read), want, "{text}");
        }
    }
}

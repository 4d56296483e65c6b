//! Where a player is licensed to play, as a token or the PAM says it.

use policy_kit::{Place, PlaceReading};

/// Where a player is licensed to play.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Jurisdiction {
    /// Nothing is said.
    #[default]
    Unsaid,
    /// Something is said that is no place of ISO 3166, such as `UK` or `NJ`: it may be any.
    Unreadable,
    /// This one, or a part of it.
    At(Place),
}

impl Jurisdiction {
    /// Reads `MT` or `us-nj`. Of a subdivision that does not exist the country counts.
    pub fn read(text: &str) -> Self {
        match PlaceReading::text(text.to_ascii_uppercase().as_bytes()).place {
            Some(place) => Self::At(place),
            None => Self::Unreadable,
        }
    }

    /// The place, where one is said.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::At(place) => Some(place),
            Self::Unsaid | Self::Unreadable => None,
        }
    }

    /// What somebody else says, where this one says nothing.
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Unsaid => other,
            said => said,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said() {
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
            assert_eq!(Jurisdiction::Unsaid.or(read), want, "{text}");
        }
    }
}

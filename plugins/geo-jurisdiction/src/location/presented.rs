//! The location token that a request presents.

use policy_kit::{Headers, One};

/// The content of the token's header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PresentedLocation {
    /// No token.
    #[default]
    Nothing,
    /// One token.
    Token(Vec<u8>),
    /// Several tokens: two readers may take different ones.
    Many,
}

impl PresentedLocation {
    /// Reads the token's header.
    pub fn read(headers: &Headers, name: &str) -> Self {
        match headers.one(name) {
            One::Absent | One::Value(b"") => Self::Nothing,
            One::Value(token) => Self::Token(token.to_vec()),
            One::Many => Self::Many,
        }
    }
}

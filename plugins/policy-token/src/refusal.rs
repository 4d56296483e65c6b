//! Why a token is not believed, a closed set.

/// The reason. [`Refusal::code`] is what clients and records see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Not a JWS in compact form that every reader reads the same.
    Malformed,
    /// An algorithm that is none, or not the key's, or not the issuer's.
    Algorithm,
    /// No key of that id.
    KeyUnknown,
    /// The signature is not that of the key.
    Signature,
    /// Another issuer than the one whose keys are asked.
    Issuer,
    /// Meant for somebody else.
    Audience,
    /// `exp` has passed, or is missing.
    Expired,
    /// `nbf` or `iat` lies in the future.
    NotYetValid,
    /// Valid for longer than the issuer's tokens may be.
    Lifetime,
}

impl Refusal {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "token_malformed",
            Self::Algorithm => "token_algorithm",
            Self::KeyUnknown => "token_key_unknown",
            Self::Signature => "token_signature",
            Self::Issuer => "issuer_unknown",
            Self::Audience => "audience_mismatch",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
            Self::Lifetime => "token_lifetime",
        }
    }
}

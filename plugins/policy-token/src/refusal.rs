//! Why a token is refused, a closed set.

/// The reason. Clients and records see [`Refusal::code`], operators [`Refusal::evidence`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Not a JWS in compact form that every reader reads the same.
    Malformed,
    /// An unknown algorithm, or not the key's, or not the issuer's.
    Algorithm,
    /// No key of that id.
    KeyUnknown,
    /// The signature is not valid for the key.
    Signature,
    /// Not from the expected issuer.
    Issuer,
    /// For another audience.
    Audience,
    /// `exp` has passed, or is missing.
    Expired,
    /// `nbf` or `iat` is in the future.
    NotYetValid,
    /// Valid for longer than the issuer's tokens may be.
    Lifetime,
    /// A claim that limits the token is present but unreadable.
    Claim(LimitingClaim),
}

/// A claim that limits the validity of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitingClaim {
    /// `aud`, if it is checked.
    Aud,
    /// `exp`.
    Exp,
    /// `iat`, if the lifetime is limited.
    Iat,
    /// `nbf`.
    Nbf,
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
            Self::Claim(_) => "token_claims",
        }
    }

    /// The code, with the claim if one is unreadable.
    pub const fn evidence(self) -> &'static str {
        match self {
            Self::Claim(LimitingClaim::Aud) => "token_claims:aud",
            Self::Claim(LimitingClaim::Exp) => "token_claims:exp",
            Self::Claim(LimitingClaim::Iat) => "token_claims:iat",
            Self::Claim(LimitingClaim::Nbf) => "token_claims:nbf",
            other => other.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_begins_with_the_code() {
        for claim in
            [LimitingClaim::Aud, LimitingClaim::Exp, LimitingClaim::Iat, LimitingClaim::Nbf]
        {
            let refusal = Refusal::Claim(claim);
            let named = refusal.evidence().strip_prefix(refusal.code()).unwrap();
            assert_eq!(named, format!(":{claim:?}").to_ascii_lowercase());
        }
        assert_eq!(Refusal::Malformed.evidence(), "token_malformed");
    }
}

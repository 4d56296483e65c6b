//! Why a token is not believed, a closed set.

/// The reason. [`Refusal::code`] is what clients and records see, [`Refusal::evidence`] what operators do.
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
    /// A claim that limits the token is there and cannot be read.
    Claim(Claim),
}

/// A claim that limits a token: to whom, from when, until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// `aud`, where it is looked at.
    Aud,
    /// `exp`.
    Exp,
    /// `iat`, where a token's lifetime is limited.
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

    /// The code, and the claim where it is one that cannot be read.
    pub const fn evidence(self) -> &'static str {
        match self {
            Self::Claim(Claim::Aud) => "token_claims:aud",
            Self::Claim(Claim::Exp) => "token_claims:exp",
            Self::Claim(Claim::Iat) => "token_claims:iat",
            Self::Claim(Claim::Nbf) => "token_claims:nbf",
            other => other.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_begins_with_the_code() {
        for claim in [Claim::Aud, Claim::Exp, Claim::Iat, Claim::Nbf] {
            let refusal = Refusal::Claim(claim);
            let named = refusal.evidence().strip_prefix(refusal.code()).unwrap();
            assert_eq!(named, format!(":{claim:?}").to_ascii_lowercase());
        }
        assert_eq!(Refusal::Malformed.evidence(), "token_malformed");
    }
}

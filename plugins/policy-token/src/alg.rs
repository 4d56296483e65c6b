//! Signature algorithms (RFC 7518 section 3.1, RFC 8037 section 3.1).

/// An algorithm that a key can be pinned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alg {
    /// ECDSA, P-256, SHA-256.
    Es256,
    /// ECDSA, P-384, SHA-384.
    Es384,
    /// RSA PKCS#1 v1.5, SHA-256.
    Rs256,
    /// RSA PKCS#1 v1.5, SHA-384.
    Rs384,
    /// RSA PKCS#1 v1.5, SHA-512.
    Rs512,
    /// RSA PSS, SHA-256.
    Ps256,
    /// Ed25519.
    EdDsa,
    /// HMAC, SHA-256: only with a secret that the operator configured.
    Hs256,
}

impl Alg {
    /// Every algorithm.
    pub const ALL: [Alg; 8] = [
        Self::Es256,
        Self::Es384,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::EdDsa,
        Self::Hs256,
    ];

    /// The name in `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }

    /// The algorithm with this name; case matters.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.name() == name)
    }

    /// The hash as Envoy's `verify_signature` names it; `None` for algorithms that it does not support.
    pub(crate) const fn host_hash(self) -> Option<&'static str> {
        match self {
            Self::Es256 | Self::Rs256 => Some("sha256"),
            Self::Es384 | Self::Rs384 => Some("sha384"),
            Self::Rs512 => Some("sha512"),
            Self::Ps256 | Self::EdDsa | Self::Hs256 => None,
        }
    }

    /// Bytes of r and of s in a signature, for ECDSA (RFC 7518 section 3.4).
    pub(crate) const fn ecdsa_half(self) -> Option<usize> {
        match self {
            Self::Es256 => Some(32),
            Self::Es384 => Some(48),
            _ => None,
        }
    }
}

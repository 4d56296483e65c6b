//! A JWS in compact form, taken apart but not yet believed (RFC 7515 section 7.1).

use policy_kit::strict_json;
use serde_json::Value;

use crate::{base64url, Alg, Refusal};

/// Longest token that is read, in bytes.
pub const MAX_TOKEN: usize = 8 << 10;
/// Longest key id, in bytes.
const MAX_KID: usize = 256;
/// Headers that bring their own key, or change what the rest means.
const REFUSED: [&str; 9] = ["crit", "jku", "jwk", "x5u", "x5c", "b64", "enc", "zip", "salt"];

/// The protected header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the token says it is signed with; compared with the key's own.
    pub alg: Alg,
    /// Which key.
    pub kid: Option<String>,
    /// What kind of token, such as `JWT` or `location+jwt`.
    pub typ: Option<String>,
}

/// A token in its parts.
#[derive(Clone, Debug)]
pub struct Jws<'a> {
    /// The protected header.
    pub header: Header,
    /// The payload, decoded.
    pub payload: Vec<u8>,
    /// The signature, decoded: for ECDSA, r and s.
    pub signature: Vec<u8>,
    token: &'a str,
    signed: usize,
}

impl<'a> Jws<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// [`Refusal::Malformed`], or [`Refusal::Algorithm`] for one that is not in [`Alg`].
    pub fn parse(token: &'a [u8]) -> Result<Self, Refusal> {
        if token.len() > MAX_TOKEN {
            return Err(Refusal::Malformed);
        }
        let token = std::str::from_utf8(token).map_err(|_| Refusal::Malformed)?;
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::Malformed);
        };
        let decode = |part: &str| base64url::decode(part.as_bytes()).ok_or(Refusal::Malformed);
        let signed = header.len() + 1 + payload.len();
        let header = Header::parse(&decode(header)?)?;
        let (payload, signature) = (decode(payload)?, decode(signature)?);
        if signature.is_empty() {
            return Err(Refusal::Malformed);
        }
        Ok(Self { header, payload, signature, token, signed })
    }

    /// The bytes that are signed.
    pub fn signing_input(&self) -> &'a [u8] {
        self.token.as_bytes().get(..self.signed).unwrap_or_default()
    }

    /// The whole token.
    pub fn token(&self) -> &'a str {
        self.token
    }
}

impl Header {
    /// Whether the token is of one of these kinds, and not another that the issuer signs with the same
    /// keys (RFC 8725 section 3.11). One that names no kind is of any.
    pub fn is_of(&self, kinds: &[String]) -> bool {
        let Some(typ) = self.typ.as_deref() else { return true };
        // RFC 7515 section 4.1.9: the prefix may be left out, and case does not matter.
        let prefix = typ.get(..12).filter(|prefix| prefix.eq_ignore_ascii_case("application/"));
        let typ = prefix.and_then(|_| typ.get(12..)).unwrap_or(typ);
        kinds.iter().any(|known| known.eq_ignore_ascii_case(typ))
    }

    fn parse(json: &[u8]) -> Result<Self, Refusal> {
        let Some(Value::Object(members)) = strict_json(json) else {
            return Err(Refusal::Malformed);
        };
        if members.keys().any(|name| REFUSED.contains(&name.as_str())) {
            return Err(Refusal::Malformed);
        }
        let alg = match members.get("alg") {
            Some(Value::String(name)) => Alg::of(name).ok_or(Refusal::Algorithm)?,
            _ => return Err(Refusal::Malformed),
        };
        let text = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.len() <= MAX_KID => Ok(Some(text.clone())),
            Some(_) => Err(Refusal::Malformed),
        };
        Ok(Self { alg, kid: text("kid")?, typ: text("typ")? })
    }
}

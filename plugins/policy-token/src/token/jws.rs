//! A JWS in compact form, parsed but not verified (RFC 7515 section 7.1).

use policy_kit::strict_json;
use serde_json::Value;

use crate::alg::Alg;
use crate::base64url;
use crate::refusal::Refusal;

/// Longest token that is read, in bytes.
const MAX_TOKEN: usize = 8 << 10;
/// Longest key id, in bytes.
const MAX_KID: usize = 256;
/// Headers that change the meaning of a token: `crit` names some that must be understood (RFC 7515 section
/// 4.1.11), and none is supported. Headers that contain or reference a key (`jku`, `jwk`, `x5u`, `x5c`, `x5t`)
/// are allowed, as they are ignored.
const REFUSED: [&str; 5] = ["crit", "b64", "enc", "zip", "salt"];

/// The protected header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The algorithm that the token names; compared with the key's own.
    pub alg: Alg,
    /// The id of the key.
    pub kid: Option<String>,
    /// The kind of token, such as `JWT` or `location+jwt`.
    pub typ: Option<String>,
}

/// A parsed token.
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

/// The three parts of a token, not decoded yet.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    token: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    /// Splits a token; `None` without exactly three parts, which is no JWS.
    pub fn of(token: &'a [u8]) -> Option<Self> {
        let token = std::str::from_utf8(token).ok()?;
        let mut parts = token.split('.');
        let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let none_left = parts.next().is_none();
        none_left.then_some(Self { token, header, payload, signature })
    }
}

impl<'a> Jws<'a> {
    /// Parses a token.
    ///
    /// # Errors
    /// [`Refusal::Malformed`], or [`Refusal::Algorithm`] for an algorithm that is not in [`Alg`].
    pub fn parse(token: &'a [u8]) -> Result<Self, Refusal> {
        let parts = Parts::of(token).ok_or(Refusal::Malformed)?;
        Self::read(parts, &KnownHeaders::default())
    }

    /// Parses a token whose header may be known.
    ///
    /// # Errors
    /// As [`Jws::parse`].
    pub fn read(parts: Parts<'a>, known: &KnownHeaders) -> Result<Self, Refusal> {
        if parts.token.len() > MAX_TOKEN {
            return Err(Refusal::Malformed);
        }
        let decode = |part: &str| base64url::decode(part.as_bytes()).ok_or(Refusal::Malformed);
        let signed = parts.header.len() + 1 + parts.payload.len();
        let header = match known.header(parts.header) {
            Some(header) => header.clone(),
            None => Header::parse(&decode(parts.header)?)?,
        };
        let (payload, signature) = (decode(parts.payload)?, decode(parts.signature)?);
        if signature.is_empty() {
            return Err(Refusal::Malformed);
        }
        Ok(Self { header, payload, signature, token: parts.token, signed })
    }

    /// The signed bytes.
    pub fn signing_input(&self) -> &'a [u8] {
        self.token.as_bytes().get(..self.signed).unwrap_or_default()
    }
}

/// Headers of verified tokens with their encoded text: an issuer writes the same header as long as it uses a
/// key, and parsing it is a tenth of the cost of a new token.
#[derive(Clone, Debug, Default)]
pub struct KnownHeaders(Vec<(String, Header)>);

impl KnownHeaders {
    /// Most headers that are kept.
    const MOST: usize = 8;

    /// Remembers the header of a verified token: unverified tokens must not displace others.
    pub fn remember(&mut self, jws: &Jws<'_>) {
        let Some((written, _)) = jws.token.split_once('.') else { return };
        if self.header(written).is_some() {
            return;
        }
        if self.0.len() >= Self::MOST {
            self.0.remove(0);
        }
        self.0.push((written.to_owned(), jws.header.clone()));
    }

    fn header(&self, written: &str) -> Option<&Header> {
        self.0.iter().find(|(known, _)| known == written).map(|(_, header)| header)
    }
}

impl Header {
    /// Whether the token is of one of these kinds, and not another that the issuer signs with the same
    /// keys (RFC 8725 section 3.11). A token without `typ` is of any kind.
    pub fn is_of(&self, kinds: &[String]) -> bool {
        let Some(typ) = self.typ.as_deref() else { return true };
        // RFC 7515 section 4.1.9: the prefix is optional, and case does not matter.
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
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.len() <= MAX_KID => Ok(Some(text.clone())),
            Some(_) => Err(Refusal::Malformed),
        };
        Ok(Self { alg, kid: text("kid")?, typ: text("typ")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Forge;

    #[test]
    fn a_known_header_equals_the_parsed_one() {
        let forge = Forge::at(1_000);
        let (mut known, token) = (KnownHeaders::default(), forge.sign(Alg::Es256, &forge.claims()));
        let parts = Parts::of(token.as_bytes()).unwrap();
        let first = Jws::read(parts, &known).unwrap();
        known.remember(&first);
        known.remember(&first);
        assert_eq!(known.0.len(), 1);
        let again = Jws::read(parts, &known).unwrap();
        assert_eq!((&again.header, &again.payload), (&first.header, &first.payload));
        // Another header with the same payload is not known.
        let other = format!("x{token}");
        assert!(Jws::read(Parts::of(other.as_bytes()).unwrap(), &known).is_err());
        for number in 0..20 {
            let token = format!("{number}{token}");
            known.remember(&Jws { token: &token, ..first.clone() });
        }
        assert_eq!(known.0.len(), KnownHeaders::MOST);
        assert_eq!(known.header("19"), None);
    }

    #[test]
    fn a_token_has_three_parts() {
        for (token, three) in [
            (&b"a.b.c"[..], true),
            (b"..", true),
            (b"a.b", false),
            (b"a.b.c.d", false),
            (b"", false),
            (b"a.b.\xff", false),
        ] {
            assert_eq!(Parts::of(token).is_some(), three, "{}", token.escape_ascii());
        }
    }
}

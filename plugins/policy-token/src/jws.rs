//! A JWS in compact form, taken apart but not yet believed (RFC 7515 section 7.1).

use policy_kit::strict_json;
use serde_json::Value;

use crate::{base64url, Alg, Refusal};

/// Longest token that is read, in bytes.
pub const MAX_TOKEN: usize = 8 << 10;
/// Longest key id, in bytes.
const MAX_KID: usize = 256;
/// Headers that change what the rest means: `crit` names some that must be understood (RFC 7515 section
/// 4.1.11), and none is here. Those that point to a key or bring one (`jku`, `jwk`, `x5u`, `x5c`, `x5t`)
/// are not among them: nobody reads them, so they can neither help a token nor harm one.
const REFUSED: [&str; 5] = ["crit", "b64", "enc", "zip", "salt"];

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

/// The three parts of a token, not looked at yet.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    token: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    /// `None` for a token that has not three: that is no JWS, whatever else it is.
    pub fn of(token: &'a [u8]) -> Option<Self> {
        let token = std::str::from_utf8(token).ok()?;
        let mut parts = token.split('.');
        let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let none_left = parts.next().is_none();
        none_left.then_some(Self { token, header, payload, signature })
    }
}

impl<'a> Jws<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// [`Refusal::Malformed`], or [`Refusal::Algorithm`] for one that is not in [`Alg`].
    pub fn parse(token: &'a [u8]) -> Result<Self, Refusal> {
        let parts = Parts::of(token).ok_or(Refusal::Malformed)?;
        Self::read(parts, &KnownHeaders::default())
    }

    /// The same, for a token whose header may be known.
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

    /// The bytes that are signed.
    pub fn signing_input(&self) -> &'a [u8] {
        self.token.as_bytes().get(..self.signed).unwrap_or_default()
    }

    /// The whole token.
    pub fn token(&self) -> &'a str {
        self.token
    }
}

/// Headers of tokens that proved good, as they were written: an issuer writes the same one for as long as
/// it has a key, and reading it is a tenth of what a token costs that is seen for the first time.
#[derive(Clone, Debug, Default)]
pub struct KnownHeaders(Vec<(String, Header)>);

impl KnownHeaders {
    /// How many are known at once.
    const MOST: usize = 8;

    /// Remembers the header of a token whose signature is good: nobody else may push others out.
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
    fn a_known_header_is_what_was_read() {
        let forge = Forge::at(1_000);
        let (mut known, token) = (KnownHeaders::default(), forge.sign(Alg::Es256, &forge.claims()));
        let parts = Parts::of(token.as_bytes()).unwrap();
        let first = Jws::read(parts, &known).unwrap();
        known.remember(&first);
        known.remember(&first);
        assert_eq!(known.0.len(), 1);
        let again = Jws::read(parts, &known).unwrap();
        assert_eq!((&again.header, &again.payload), (&first.header, &first.payload));
        // Another header under the same payload is another one.
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
    fn parts() {
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

//! JWTs: parseable still, without who they are for, and without a signature that verifies.
use super::Redactor;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine as _;
use serde_json::{Map, Value};

/// Header and claims, where the text is a JWT.
fn parse(text: &str) -> Option<(String, String, &str)> {
    let mut parts = text.split('.');
    let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let decode = |part: &str| -> Option<String> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
        serde_json::from_str::<Map<String, Value>>(&text).is_ok().then_some(text)
    };
    let (header, claims) = (decode(header)?, decode(claims)?);
    parts.next().is_none().then_some((header, claims, signature))
}

impl Redactor<'_> {
    /// The redacted token, where the text is one.
    pub(super) fn jwt(&mut self, text: &str) -> Option<String> {
        let (header, claims, signature) = parse(text)?;
        let (header, claims) = (self.json(&header), self.json(&claims));
        // A broken signature has a length, too: without one, tokens that differ in it alone become equal.
        let length = signature.len() * 3 / 4;
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let signature = self.key.stream(text.as_bytes(), length);
        Some([encode(header.as_bytes()), encode(claims.as_bytes()), encode(&signature)].join("."))
    }
}

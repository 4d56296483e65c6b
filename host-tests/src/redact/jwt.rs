//! JWTs: they stay parseable, without personal claims and with an invalid signature.
use super::redactor::Redactor;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use base64::Engine as _;
use serde_json::{Map, Value};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// One part of a token as JSON, and how it is written: some issuers pad (an AWS load balancer) or take
/// the alphabet of plain base64.
struct Part {
    json: String,
    engine: GeneralPurpose,
}

impl Part {
    fn parse(text: &str) -> Option<Self> {
        // The base64 of `{`, and whatever may follow it, starts so.
        if !text.starts_with('e') {
            return None;
        }
        let config = LENIENT.with_encode_padding(text.ends_with('='));
        let plain = text.contains(['+', '/']);
        let engine = GeneralPurpose::new(if plain { &STANDARD } else { &URL_SAFE }, config);
        let json = String::from_utf8(engine.decode(text).ok()?).ok()?;
        serde_json::from_str::<Map<String, Value>>(&json).ok()?;
        Some(Self { json, engine })
    }

    fn write(&self, json: &str) -> String {
        self.engine.encode(json)
    }
}

impl Redactor<'_> {
    /// The redacted token, where the text is one: a JWT, an encrypted one, or JSON in base64.
    pub(super) fn jwt(&mut self, text: &str) -> Option<String> {
        let parts: Vec<&str> = text.split('.').take(6).collect();
        let header = Part::parse(parts.first()?)?;
        if self.known.is_given(text) {
            return Some(text.to_owned());
        }
        if let Some(pseudonym) = self.known.known(text) {
            return Some(pseudonym);
        }
        match parts.as_slice() {
            [alone] if alone.len() >= 16 => {
                let redacted = self.json(&header.json);
                let redacted = header.write(&redacted);
                if redacted != text {
                    self.known.give(&redacted);
                }
                Some(redacted)
            }
            [_, claims, signature] => {
                let claims = Part::parse(claims)?;
                let (first, second) = (self.json(&header.json), self.json(&claims.json));
                // A broken signature has a length, too: without one, tokens that differ in it alone
                // become equal.
                let bare = signature.trim_end_matches('=');
                let made = self.key.stream(text.as_bytes(), bare.len() * 3 / 4);
                self.summary.replaced("tokens", text);
                let config = LENIENT.with_encode_padding(signature.ends_with('='));
                let signature = GeneralPurpose::new(&URL_SAFE, config).encode(&made);
                let token = [header.write(&first), claims.write(&second), signature].join(".");
                self.known.give(&token);
                Some(token)
            }
            // Nothing of an encrypted one can be read.
            [_, _, _, _, _] => {
                self.summary.replaced("tokens", text);
                Some(self.known.pseudonym(self.key, text))
            }
            _ => None,
        }
    }

    /// The text with the tokens in it redacted.
    pub(super) fn tokens(&mut self, text: &str) -> Option<String> {
        let part = |it: char| it.is_ascii_alphanumeric() || "._-=+/".contains(it);
        let (mut out, mut done, mut at) = (String::new(), 0, 0);
        while let Some(found) = text.get(at..).and_then(|rest| rest.find('e')) {
            let start = at + found;
            at = start + 1;
            let (before, rest) = text.split_at(start);
            if before.ends_with(|it: char| it.is_ascii_alphanumeric()) {
                continue;
            }
            let word = rest.get(..rest.find(|it| !part(it)).unwrap_or(rest.len()));
            let word = word.unwrap_or_default().trim_end_matches(['.', '/']);
            if word.len() < 16 {
                continue;
            }
            let Some(token) = self.jwt(word) else { continue };
            out.push_str(text.get(done..start).unwrap_or_default());
            out.push_str(&token);
            done = start + word.len();
            at = done;
        }
        if done == 0 {
            return None;
        }
        out.push_str(text.get(done..).unwrap_or_default());
        Some(out)
    }
}

//! Tokens of the demo casino, signed with its keys.
use super::error::BenchError;
use crate::replay::DemoCasino;
use bytes::Bytes;
use serde_json::{json, Value};
use std::time::{SystemTime, UNIX_EPOCH};

/// The issuer of the casino's tokens.
pub(super) const ISSUER: &str = "https://casino.test";
/// The audience of its tokens.
pub(super) const AUDIENCE: &str = "casino-api";

/// A casino that players log in at.
pub(super) struct Issuer(DemoCasino);

impl Issuer {
    /// Its tokens count from now on.
    pub(super) fn open() -> Result<Self, BenchError> {
        let casino = DemoCasino::open().map_err(crate::replay::ReplayError::from)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        casino.set_time(u64::try_from(now).unwrap_or_default());
        Ok(Self(casino))
    }

    /// A token of the player with that number, good for a day.
    pub(super) fn token(&self, player: usize, alg: &str) -> Result<String, BenchError> {
        let body = json!({"player": format!("p-{player}"), "password": "demo", "alg": alg,
            "ttl_secs": 86_400});
        let answer = self.ask("POST", "/api/session/login", &body)?;
        let token = answer.get("access_token").and_then(Value::as_str);
        token.map(str::to_owned).ok_or(BenchError::Issuer("the login brought no token"))
    }

    /// The key set it publishes.
    pub(super) fn keys(&self) -> Result<Value, BenchError> {
        self.ask("GET", "/.well-known/jwks.json", &Value::Null)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, BenchError> {
        let request = http::Request::builder().method(method).uri(path);
        let request = request.body(Bytes::from(body.to_string()));
        let request = request.map_err(|_| BenchError::Issuer("its address is none"))?;
        let answer = self.0.answer(&request);
        serde_json::from_slice(answer.body())
            .map_err(|_| BenchError::Issuer("its answer cannot be read"))
    }
}

/// The token with another signature: known issuer, known key, as much work to refuse as to accept. Only the
/// first half of the signature changes, so that it has to be verified.
pub(super) fn forged(token: &str, number: usize) -> Option<String> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (signed, signature) = token.rsplit_once('.')?;
    let mut bytes = signature.as_bytes().to_vec();
    for (at, number) in [(8, number % 64), (9, number / 64 % 64)] {
        let digit = bytes.get_mut(at)?;
        let old = DIGITS.iter().position(|it| it == digit)?;
        *digit = *DIGITS.get((old + number) % 64)?;
    }
    // Number 0 leaves both as they are; the third differs always.
    let digit = bytes.get_mut(10)?;
    *digit = if *digit == b'A' { b'B' } else { b'A' };
    Some(format!("{signed}.{}", String::from_utf8(bytes).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forged_tokens_differ_only_in_the_signature() {
        let issuer = Issuer::open().unwrap();
        let token = issuer.token(1001, "EdDSA").unwrap();
        let mut seen: Vec<String> = (0..200).map(|n| forged(&token, n).unwrap()).collect();
        seen.push(token.clone());
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 201);
        let signed = token.rsplit_once('.').unwrap().0;
        assert!(seen.iter().all(|it| it.starts_with(signed) && it.len() == token.len()));
        assert!(issuer.keys().unwrap()["keys"].is_array());
    }
}

//! One issuer, compiled.

use std::time::Duration;

use policy_kit::{invalid, Call, ConfigError, Host};
use policy_token::{Alg, Key, Keys, Rules};

use crate::config::{IssuerConfig, KeysConfig};
use crate::identity::Mapping;
use crate::keyring::Keyring;

/// Longest key set that is read, in bytes.
const MAX_JWKS: usize = 64 << 10;
/// Longest a stream may be made to wait for anybody, in milliseconds.
const MAX_TIMEOUT: u64 = 5_000;

/// One issuer.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// What its tokens must say.
    pub rules: Rules,
    /// Algorithms its keys may have.
    pub algorithms: Vec<Alg>,
    types: Vec<String>,
    /// What its tokens say of the player.
    pub mapping: Mapping,
    /// The request for its keys, where they are fetched.
    pub fetch: Option<Call>,
    keyring: Keyring,
}

impl Issuer {
    /// Compiles the issuer at path `at`.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(raw: IssuerConfig, at: &str, host: &mut dyn Host) -> Result<Self, ConfigError> {
        let field = |name: &str| format!("{at}.{name}");
        if raw.issuer.is_empty() {
            return Err(invalid(field("issuer"), "is empty"));
        }
        let audiences = audiences(raw.audiences, raw.any_audience, at)?;
        let algorithms = algorithms(&raw.algorithms, &field("algorithms"))?;
        if raw.skew_s > 600 {
            return Err(invalid(field("skew_s"), "expected at most 600"));
        }
        if raw.max_lifetime_s == Some(0) {
            return Err(invalid(field("max_lifetime_s"), "expected more than 0"));
        }
        let (keyring, fetch) = keys(&raw.keys, &algorithms, &field("keys"), host)?;
        let mapping = Mapping::compile(raw.claims, &field("claims"))?;
        let (issuer, skew, max_lifetime) = (raw.issuer, raw.skew_s, raw.max_lifetime_s);
        let rules = Rules { issuer, audiences, skew, max_lifetime };
        let types = raw.types;
        Ok(Self { rules, algorithms, types, mapping, fetch, keyring })
    }

    /// Whether a token of that kind is one to log in with, and not another that the issuer signs with
    /// the same keys (RFC 8725 section 3.11).
    pub fn takes(&self, typ: Option<&str>) -> bool {
        let Some(typ) = typ else { return true };
        // RFC 7515 section 4.1.9: the prefix may be left out, and case does not matter.
        let prefix = typ.get(..12).filter(|prefix| prefix.eq_ignore_ascii_case("application/"));
        let typ = prefix.and_then(|_| typ.get(12..)).unwrap_or(typ);
        self.types.iter().any(|known| known.eq_ignore_ascii_case(typ))
    }

    /// Its keys, as they are before anything was fetched.
    pub fn keyring(&self) -> Keyring {
        self.keyring.clone()
    }
}

/// The audiences of which one must be in `aud`; `None` where the operator chose not to look.
///
/// # Errors
/// Neither or both said.
pub fn audiences(
    named: Option<Vec<String>>,
    any: bool,
    at: &str,
) -> Result<Option<Vec<String>>, ConfigError> {
    let field = format!("{at}.audiences");
    match (named, any) {
        (None, true) => Ok(None),
        (Some(names), false) if !names.is_empty() && names.iter().all(|n| !n.is_empty()) => {
            Ok(Some(names))
        }
        (Some(_), false) => Err(invalid(field, "must name at least one, and none that is empty")),
        (Some(_), true) => Err(invalid(field, "contradicts `any_audience`")),
        (None, false) => {
            Err(invalid(field, "required; `\"any_audience\": true` is the choice not to look"))
        }
    }
}

/// A timeout in milliseconds.
///
/// # Errors
/// None at all, or longer than any player waits.
pub fn timeout(millis: u64, at: &str) -> Result<Duration, ConfigError> {
    match (1..=MAX_TIMEOUT).contains(&millis) {
        true => Ok(Duration::from_millis(millis)),
        false => Err(invalid(format!("{at}.timeout_ms"), "expected 1 to 5000")),
    }
}

/// Checks what makes the address of a service that is called.
///
/// # Errors
/// Names the field.
pub fn service(
    cluster: &str,
    authority: Option<&str>,
    path: &str,
    at: &str,
) -> Result<(), ConfigError> {
    let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    if !word(cluster) {
        return Err(invalid(format!("{at}.cluster"), "expected a cluster's name"));
    }
    if !authority.is_none_or(word) {
        return Err(invalid(format!("{at}.authority"), "expected a host, with or without a port"));
    }
    if !path.starts_with('/') || !word(path) {
        return Err(invalid(format!("{at}.path"), "expected a path from `/` on"));
    }
    Ok(())
}

fn algorithms(names: &[String], at: &str) -> Result<Vec<Alg>, ConfigError> {
    let mut algorithms = Vec::with_capacity(names.len());
    for name in names {
        let Some(alg) = Alg::of(name).filter(|alg| !algorithms.contains(alg)) else {
            let known = Alg::ALL.map(Alg::name).join(", ");
            return Err(invalid(at, format!("expected each at most once of {known}")));
        };
        algorithms.push(alg);
    }
    if algorithms.is_empty() {
        return Err(invalid(at, "must name at least one algorithm"));
    }
    if algorithms.contains(&Alg::Hs256) && algorithms.len() > 1 {
        return Err(invalid(at, "HS256 stands alone: its key is a secret, not a public key"));
    }
    Ok(algorithms)
}

fn keys(
    raw: &KeysConfig,
    algorithms: &[Alg],
    at: &str,
    host: &mut dyn Host,
) -> Result<(Keyring, Option<Call>), ConfigError> {
    let symmetric = algorithms == [Alg::Hs256];
    match (&raw.jwks, &raw.secret, &raw.cluster) {
        (None, Some(secret), None) if symmetric => {
            let field = format!("{at}.secret");
            let key = Key::from_secret(secret.read(host, &field)?.as_bytes(), None);
            let key = key.ok_or_else(|| invalid(field, "expected at least 32 bytes"))?;
            Ok((Keyring::given(Keys::new(vec![key])), None))
        }
        (None, Some(_), None) => Err(invalid(format!("{at}.secret"), "is only for HS256")),
        (_, _, _) if symmetric => Err(invalid(at, "HS256 needs a `secret`")),
        (Some(jwks), None, None) => {
            let keys = Keys::from_jwks(jwks.to_string().as_bytes(), algorithms);
            let problem = "holds no usable public key for these algorithms";
            let keys = keys.ok_or_else(|| invalid(format!("{at}.jwks"), problem))?;
            Ok((Keyring::given(keys), None))
        }
        (None, None, Some(cluster)) => {
            service(cluster, raw.authority.as_deref(), &raw.path, at)?;
            if !(10..=86_400).contains(&raw.refresh_s) {
                return Err(invalid(format!("{at}.refresh_s"), "expected 10 to 86400"));
            }
            if raw.max_stale_s < raw.refresh_s {
                return Err(invalid(format!("{at}.max_stale_s"), "expected at least `refresh_s`"));
            }
            let authority = raw.authority.as_ref().unwrap_or(cluster).clone();
            let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            let call = Call {
                target: cluster.clone(),
                headers: vec![
                    header(":method", "GET"),
                    header(":path", &raw.path),
                    header(":authority", &authority),
                    header("accept", "application/json"),
                ],
                body: Vec::new(),
                timeout: timeout(raw.timeout_ms, at)?,
                max_reply: MAX_JWKS,
            };
            Ok((Keyring::fetched(raw.refresh_s, raw.max_stale_s), Some(call)))
        }
        _ => Err(invalid(at, "give exactly one of `jwks`, `secret` and `cluster`")),
    }
}

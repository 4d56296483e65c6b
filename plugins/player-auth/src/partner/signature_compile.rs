//! Compiles signatures, and rejects configurations that no request could match.

use base64::engine::general_purpose::STANDARD_NO_PAD;
use base64::Engine;
use policy_kit::{header_name, invalid, is_alike, ConfigError, Host, Secret};
use policy_token::{Alg, Key};
use serde_json::Value;

use super::config::{Encoding, SignatureConfig, WebhookConfig};
use super::signature::{Keys, Signature, SignatureForm};
use crate::token::credential::holds_credentials;

/// The header of Stripe's signatures.
const STRIPE: &str = "stripe-signature";
/// Prefixes of the headers of Standard Webhooks, and of Svix, where that standard comes from.
const WEBHOOKS: [&str; 2] = ["webhook-", "svix-"];
/// The prefix of a secret of Standard Webhooks.
const WHSEC: &str = "whsec_";
/// Shortest secret, in bytes.
const MIN_SECRET: usize = 8;

impl Signature {
    /// Compiles the `hmac` at path `at`.
    pub(super) fn hmac(
        mut raw: SignatureConfig,
        at: &str,
        host: &mut dyn Host,
    ) -> Result<Self, ConfigError> {
        if raw.keys.is_some() {
            return Err(invalid(format!("{at}.secrets"), "expected `secrets`, and no `keys`"));
        }
        let secrets = secrets(&raw.secrets.take().unwrap_or_default(), at, host)?;
        let secrets = secrets.into_iter().map(|(secret, _)| secret.into_bytes()).collect();
        Self::plain(raw, Keys::Hmac(secrets), Encoding::Hex, at)
    }

    /// Compiles the `rsa` at path `at`.
    pub(super) fn rsa(mut raw: SignatureConfig, at: &str) -> Result<Self, ConfigError> {
        let keys = raw.keys.take().unwrap_or_default();
        if raw.secrets.is_some() || !(1..=2).contains(&keys.len()) {
            let problem = "expected one or two public keys, and no `secrets`";
            return Err(invalid(format!("{at}.keys"), problem));
        }
        let one = |(i, key): (usize, &Value)| {
            let key = match key {
                Value::String(pem) => Key::from_pem(pem),
                jwk => Key::from_jwk(jwk, Alg::Rs256, None),
            };
            let problem = "expected a public RSA key of 2048 bits or more, a JWK or PEM";
            key.ok_or_else(|| invalid(format!("{at}.keys[{i}]"), problem))
        };
        let keys = keys.iter().enumerate().map(one).collect::<Result<_, _>>()?;
        Self::plain(raw, Keys::Rsa(keys), Encoding::Base64, at)
    }

    /// Compiles the `stripe` at path `at`. The secret is the text that Stripe shows, including `whsec_`.
    pub(super) fn stripe(
        raw: WebhookConfig,
        at: &str,
        host: &mut dyn Host,
    ) -> Result<Self, ConfigError> {
        let tolerance = tolerance(raw.tolerance_s, at)?;
        let secrets = secrets(&raw.secrets, at, host)?;
        let secrets = secrets.into_iter().map(|(secret, _)| secret.into_bytes()).collect();
        let (header, form) = (STRIPE.to_owned(), SignatureForm::Stripe { tolerance });
        Ok(Self { header, form, keys: Keys::Hmac(secrets) })
    }

    /// Compiles the `standard_webhooks` at path `at`. The secret is `whsec_` followed by the key in base64.
    pub(super) fn standard_webhooks(
        raw: WebhookConfig,
        at: &str,
        host: &mut dyn Host,
    ) -> Result<Self, ConfigError> {
        let tolerance = tolerance(raw.tolerance_s, at)?;
        let decode = |(secret, at): (String, String)| {
            let key = secret.strip_prefix(WHSEC).unwrap_or(&secret).trim_end_matches('=');
            let key = STANDARD_NO_PAD.decode(key).ok().filter(|key| key.len() >= MIN_SECRET);
            let problem =
                "expected `whsec_` and a key in base64; asymmetric keys (`whpk_`) are not supported";
            key.ok_or_else(|| invalid(at, problem))
        };
        let secrets = secrets(&raw.secrets, at, host)?.into_iter().map(decode);
        let keys = Keys::Hmac(secrets.collect::<Result<_, _>>()?);
        let field = format!("{at}.prefix");
        let name = |part: &str| header(format!("{}{part}", raw.prefix), field.clone());
        let (header, id, timestamp) = (name("signature")?, name("id")?, name("timestamp")?);
        Ok(Self {
            header,
            form: SignatureForm::StandardWebhooks { id, timestamp, tolerance },
            keys,
        })
    }

    fn plain(
        raw: SignatureConfig,
        keys: Keys,
        encoding: Encoding,
        at: &str,
    ) -> Result<Self, ConfigError> {
        let timestamp = match raw.timestamp {
            None => None,
            Some(raw) => {
                let at = format!("{at}.timestamp");
                let tolerance = tolerance(raw.tolerance_s, &at)?;
                Some((header(raw.header, format!("{at}.header"))?, tolerance))
            }
        };
        let field = format!("{at}.header");
        let name = header(raw.header, field.clone())?;
        if is_alike(name.as_bytes(), STRIPE.as_bytes()) {
            return Err(invalid(field, "carries Stripe's form of signature; use `stripe`"));
        }
        let webhooks = |prefix| is_alike(name.as_bytes(), format!("{prefix}signature").as_bytes());
        if WEBHOOKS.into_iter().any(webhooks) {
            let problem = "carries signatures of Standard Webhooks; use `standard_webhooks`";
            return Err(invalid(field, problem));
        }
        let timed = timestamp.as_ref().map(|(name, _)| name.as_bytes());
        if timed.is_some_and(|timed| is_alike(timed, name.as_bytes())) {
            return Err(invalid(
                field,
                "is the header of the `timestamp`; each needs a header of its own",
            ));
        }
        let prefix = raw.prefix;
        // Gateways trim values and refuse characters that are not visible.
        if prefix.starts_with(' ') || !prefix.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            let problem = "expected visible ASCII without a leading blank";
            return Err(invalid(format!("{at}.prefix"), problem));
        }
        let encoding = raw.encoding.unwrap_or(encoding);
        Ok(Self { header: name, form: SignatureForm::Plain { encoding, prefix, timestamp }, keys })
    }
}

/// One or two secrets, each with its path.
fn secrets(
    raw: &[Secret],
    at: &str,
    host: &mut dyn Host,
) -> Result<Vec<(String, String)>, ConfigError> {
    let at = format!("{at}.secrets");
    if !(1..=2).contains(&raw.len()) {
        return Err(invalid(at, "expected one or two secrets"));
    }
    let one = |(i, secret): (usize, &Secret)| {
        let at = format!("{at}[{i}]");
        let secret = secret.read(host, &at)?;
        match secret.len() < MIN_SECRET {
            true => Err(invalid(at, "expected 8 bytes or more")),
            false => Ok((secret, at)),
        }
    };
    raw.iter().enumerate().map(one).collect()
}

fn tolerance(seconds: u64, at: &str) -> Result<u64, ConfigError> {
    match (1..=3600).contains(&seconds) {
        true => Ok(seconds),
        false => Err(invalid(format!("{at}.tolerance_s"), "expected 1 to 3600")),
    }
}

/// The name of a header that may carry a signature, its id or its time.
fn header(name: String, at: String) -> Result<String, ConfigError> {
    let name = header_name(&at, &name)?;
    match holds_credentials(&name) {
        true => Ok(name),
        false => Err(invalid(at, "has another meaning and cannot carry a signature")),
    }
}

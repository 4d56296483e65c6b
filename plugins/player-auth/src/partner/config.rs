//! `partners` as the operator writes them. Only [`super::Partners`] reads them further.

use policy_kit::{EndpointClass, Secret};
use serde_json::Value;

/// One partner. Of the means to prove itself it has at least one: `api_key`, `hmac`, `rsa`,
/// `certificate`, `key_id` together with `cidrs`, or `network_only`. Where it has several, all must hold.
#[derive(Debug)]
pub struct PartnerConfig {
    /// A key that it shows.
    pub api_key: Option<ShownConfig>,
    /// What names it in the clear; no secret.
    pub key_id: Option<ShownConfig>,
    /// HMAC-SHA256 over the raw body.
    pub hmac: Option<SignatureConfig>,
    /// RSA-SHA256 (PKCS#1 v1.5) over the raw body.
    pub rsa: Option<SignatureConfig>,
    /// Stripe's signature of webhooks.
    pub stripe: Option<WebhookConfig>,
    /// The symmetric signature of Standard Webhooks.
    pub standard_webhooks: Option<WebhookConfig>,
    /// The client certificate of the connection.
    pub certificate: Option<CertificateConfig>,
    /// The explicit choice to take whoever calls from `cidrs` for it.
    pub network_only: bool,
    /// Networks that it calls from; any if absent.
    pub cidrs: Option<Vec<String>>,
    /// Paths that it may call, each with all below it, by whole segments; `/` is all.
    pub paths: Vec<String>,
    /// Brands whose hosts it may call; all, and hosts of none, if absent.
    pub brands: Option<Vec<String>>,
    /// Classes that its calls may have; `settlement` if absent.
    pub classes: Option<Vec<EndpointClass>>,
    /// Where its credential counts.
    pub environment: Environment,
    /// The name of its quota, told to the upstream.
    pub tier: Option<String>,
    /// The envelope for its refusals where the endpoint names none.
    pub envelope: Option<String>,
    /// Whether its API key goes on to the upstream. Signatures always do.
    pub forward_credential: bool,
}

/// Something that a request shows: exactly one of `header` and `query`.
#[derive(Debug)]
pub struct ShownConfig {
    /// A header's name.
    pub header: Option<String>,
    /// A query parameter's name.
    pub query: Option<String>,
    /// Of an API key: one or two keys.
    pub keys: Option<Vec<KeyConfig>>,
    /// Of a key id: the id.
    pub value: Option<String>,
}

/// One API key, of which the gateway knows the digest only.
#[derive(Debug)]
pub struct KeyConfig {
    /// SHA-256 of the key, 64 hexadecimal digits.
    pub sha256: String,
    /// When it ends, RFC 3339 in UTC: `2027-01-01T00:00:00Z`.
    pub expires: Option<String>,
}

/// A signature over the body.
#[derive(Debug)]
pub struct SignatureConfig {
    /// The header that carries it.
    pub header: String,
    /// How it is written there.
    pub encoding: Option<Encoding>,
    /// What stands before it there, such as `sha256=`.
    pub prefix: String,
    /// Of HMAC: one or two secrets.
    pub secrets: Option<Vec<Secret>>,
    /// Of RSA: one or two public keys, each a JWK or PEM.
    pub keys: Option<Vec<Value>>,
    /// When it was made. What is signed is then the header's value, a dot, and the body.
    pub timestamp: Option<TimestampConfig>,
}

/// A signature whose form a published contract fixes.
#[derive(Debug)]
pub struct WebhookConfig {
    /// One or two secrets, as the sender shows them.
    pub secrets: Vec<Secret>,
    /// How far the time of a signature may be from now, in seconds, 1 to 3600.
    pub tolerance_s: u64,
    /// Of Standard Webhooks: what the names of its three headers begin with.
    pub prefix: String,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal digits in either case.
    Hex,
    /// base64 with padding.
    Base64,
}

/// The time of a signature: seconds or milliseconds since the epoch.
#[derive(Debug)]
pub struct TimestampConfig {
    /// The header that carries it.
    pub header: String,
    /// How far it may be from now, in seconds, 1 to 3600.
    pub tolerance_s: u64,
}

/// Client certificates, as the gateway has checked them: `sha256` and `sans` must both hold where both
/// are given.
#[derive(Debug)]
pub struct CertificateConfig {
    /// SHA-256 of certificates (DER), 64 hexadecimal digits each.
    pub sha256: Vec<String>,
    /// Subject alternative names, URI or DNS.
    pub sans: Vec<String>,
}

/// Where a credential counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    /// Real money.
    #[default]
    Production,
    /// A partner's tests.
    Sandbox,
}

/// What callers may cause that no header proves.
#[derive(Debug)]
pub struct UnverifiedConfig {
    /// Failures and bodies under way that one address may cause, in the long run.
    pub per_minute: u32,
    /// At once.
    pub burst: u32,
    /// Longest body that is held for its signature, in bytes.
    pub max_body_bytes: usize,
    /// Most bodies that a worker holds for such callers at once, a quarter of them of one address.
    pub max_held: usize,
}

impl Default for UnverifiedConfig {
    fn default() -> Self {
        Self { per_minute: 60, burst: 32, max_body_bytes: 64 << 10, max_held: 1024 }
    }
}

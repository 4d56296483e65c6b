//! The configuration's `partners`, `environment` and `unverified` as the operator writes them.

use policy_kit::{EndpointClass, Secret};
use serde_json::Value;

/// One partner, with at least one credential: `api_key`, `hmac`, `rsa`, `stripe`, `standard_webhooks`,
/// `certificate`, `key_id` together with `cidrs`, or `network_only`. If there are several, all are required.
#[derive(Debug)]
pub struct PartnerConfig {
    /// An API key.
    pub api_key: Option<PresentedConfig>,
    /// A public id; no secret.
    pub key_id: Option<PresentedConfig>,
    /// HMAC-SHA256 over the raw body.
    pub hmac: Option<SignatureConfig>,
    /// RSA-SHA256 (PKCS#1 v1.5) over the raw body.
    pub rsa: Option<SignatureConfig>,
    /// Stripe's webhook signature.
    pub stripe: Option<WebhookConfig>,
    /// The symmetric signature of Standard Webhooks.
    pub standard_webhooks: Option<WebhookConfig>,
    /// The client certificate of the connection.
    pub certificate: Option<CertificateConfig>,
    /// The explicit choice to accept every caller from `cidrs`.
    pub network_only: bool,
    /// Networks that it sends from; any if absent.
    pub cidrs: Option<Vec<String>>,
    /// Paths that it may use, each with all below it, by whole segments; `/` is all.
    pub paths: Vec<String>,
    /// Brands whose hosts it may use; all hosts if absent.
    pub brands: Option<Vec<String>>,
    /// Classes that its requests may have; `settlement` if absent.
    pub classes: Option<Vec<EndpointClass>>,
    /// The environment that its credential is for.
    pub environment: Environment,
    /// The name of its quota, for the upstream.
    pub tier: Option<String>,
    /// The envelope of its refusals if the endpoint names none.
    pub envelope: Option<String>,
    /// Whether its API key is forwarded to the upstream. Signatures always are.
    pub forward_credential: bool,
}

/// A credential that requests present in exactly one of `header` and `query`.
#[derive(Debug)]
pub struct PresentedConfig {
    /// A header's name.
    pub header: Option<String>,
    /// A query parameter's name.
    pub query: Option<String>,
    /// For an API key: one or two keys.
    pub keys: Option<Vec<KeyConfig>>,
    /// For a key id: the id.
    pub value: Option<String>,
}

/// One API key, by its digest.
#[derive(Debug)]
pub struct KeyConfig {
    /// SHA-256 of the key, 64 hexadecimal digits.
    pub sha256: String,
    /// When it expires, RFC 3339 in UTC: `2027-01-01T00:00:00Z`.
    pub expires: Option<String>,
}

/// A signature over the body.
#[derive(Debug)]
pub struct SignatureConfig {
    /// The header that carries it.
    pub header: String,
    /// How it is written there.
    pub encoding: Option<Encoding>,
    /// The text before it, such as `sha256=`.
    pub prefix: String,
    /// For HMAC: one or two secrets.
    pub secrets: Option<Vec<Secret>>,
    /// For RSA: one or two public keys, each a JWK or PEM.
    pub keys: Option<Vec<Value>>,
    /// Its time. The signed text is then the header's value, a dot, and the body.
    pub timestamp: Option<TimestampConfig>,
}

/// A signature of a published webhook standard.
#[derive(Debug)]
pub struct WebhookConfig {
    /// One or two secrets, as the sender shows them.
    pub secrets: Vec<Secret>,
    /// Permitted difference between its time and now, in seconds, 1 to 3600.
    pub tolerance_s: u64,
    /// For Standard Webhooks: the prefix of the names of its three headers.
    pub prefix: String,
}

/// The encoding of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal digits in either case.
    Hex,
    /// base64 with padding.
    Base64,
}

/// The time of a signature, in seconds or milliseconds since the epoch.
#[derive(Debug)]
pub struct TimestampConfig {
    /// The header that carries it.
    pub header: String,
    /// Permitted difference from now, in seconds, 1 to 3600.
    pub tolerance_s: u64,
}

/// Client certificates that the gateway has validated. If both `sha256` and `sans` are given, both must match.
#[derive(Debug)]
pub struct CertificateConfig {
    /// SHA-256 of certificates (DER), 64 hexadecimal digits each.
    pub sha256: Vec<String>,
    /// Subject alternative names, URI or DNS.
    pub sans: Vec<String>,
}

/// The environment of a gateway, and of a credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    /// Real money.
    #[default]
    Production,
    /// A partner's tests.
    Sandbox,
}

/// Limits for callers that no header proves.
#[derive(Debug)]
pub struct UnverifiedConfig {
    /// Failures and unverified bodies of one address, per minute.
    pub per_minute: u32,
    /// Failures and unverified bodies of one address at once.
    pub burst: u32,
    /// Longest body that is held for its signature, in bytes.
    pub max_body_bytes: usize,
    /// Most bodies that a worker holds for such callers at once; a quarter of them for one address.
    pub max_held: usize,
}

impl Default for UnverifiedConfig {
    fn default() -> Self {
        Self { per_minute: 60, burst: 32, max_body_bytes: 64 << 10, max_held: 1024 }
    }
}

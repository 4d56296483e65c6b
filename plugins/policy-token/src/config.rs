//! An issuer's keys, algorithms and audiences as the operator writes them.

use policy_kit::{invalid, ConfigError, Secret, SortedMap};
use serde::Deserialize;
use serde_json::Value;

use crate::alg::Alg;

/// Keys: exactly one of `jwks`, `secret` and `cluster`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysConfig {
    /// A key set (RFC 7517) in the document itself.
    pub jwks: Option<Value>,
    /// A shared secret for HS256, at least 32 bytes.
    pub secret: Option<Secret>,
    /// Envoy: the cluster that serves the key set. WasmX: `host:port`.
    pub cluster: Option<String>,
    /// `:authority` of the call; the cluster's name if absent.
    pub authority: Option<String>,
    /// `:path` of the call.
    #[serde(default = "default_path")]
    pub path: String,
    /// Further headers of the call, such as `user-agent`, which some servers require.
    #[serde(default)]
    pub headers: SortedMap<String, String>,
    /// Longest that a request waits for a fetch, in milliseconds.
    #[serde(default = "default_timeout")]
    pub timeout_ms: u64,
    /// How often keys are fetched, in seconds.
    #[serde(default = "default_refresh")]
    pub refresh_s: u64,
    /// How long keys are used after their last successful fetch, in seconds.
    #[serde(default = "default_stale")]
    pub max_stale_s: u64,
}

fn default_path() -> String {
    "/.well-known/jwks.json".to_owned()
}

fn default_timeout() -> u64 {
    500
}

fn default_refresh() -> u64 {
    300
}

fn default_stale() -> u64 {
    86_400
}

/// The audiences of which one must be in `aud`; `None` with `any_audience`.
///
/// # Errors
/// Neither or both are configured, or a name is empty.
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
        (None, false) => Err(invalid(field, "required; `\"any_audience\": true` accepts any")),
    }
}

/// The algorithms of these names.
///
/// # Errors
/// An empty list, an unknown or repeated name, HS256 together with others.
pub fn algorithms(names: &[String], at: &str) -> Result<Vec<Alg>, ConfigError> {
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
        return Err(invalid(at, "HS256 cannot be combined: its key is a secret, not a public key"));
    }
    Ok(algorithms)
}

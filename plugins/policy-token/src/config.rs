//! What an operator writes of an issuer: its keys, its algorithms, whom its tokens are for.

use policy_kit::{invalid, ConfigError, Secret, SortedMap};
use serde::Deserialize;
use serde_json::Value;

use crate::Alg;

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
    /// `:authority` of the request for it; the cluster's name when left out.
    pub authority: Option<String>,
    /// `:path` of the request for it.
    #[serde(default = "default_path")]
    pub path: String,
    /// Further headers of the request for it, such as the `user-agent` without which some servers refuse it.
    #[serde(default)]
    pub headers: SortedMap<String, String>,
    /// Longest a stream waits for a fetch, in milliseconds.
    #[serde(default = "default_timeout")]
    pub timeout_ms: u64,
    /// Keys are fetched anew this often, in seconds.
    #[serde(default = "default_refresh")]
    pub refresh_s: u64,
    /// Keys that could not be fetched anew serve for so long after their last fetch, in seconds.
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

/// The algorithms of these names.
///
/// # Errors
/// None at all, one that is unknown or given twice, HS256 beside others.
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
        return Err(invalid(at, "HS256 stands alone: its key is a secret, not a public key"));
    }
    Ok(algorithms)
}

//! One of the document's `rules` exactly as the operator writes it.

use policy_kit::{EndpointClass, Secret, SortedMap};
use serde::Deserialize;
use serde_json::Value;

use crate::config::Commit;

/// One rule. Members that are left out have the defaults of the catalogue's own rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Classes it is for, at least one.
    pub classes: Vec<EndpointClass>,
    /// Partners whose calls it is for; everybody's if absent.
    pub partners: Option<Vec<String>>,
    /// Endpoints it is for, as `endpoints` writes their paths; all if absent.
    pub endpoints: Option<Vec<String>>,
    /// Methods it is for; `POST`, `PUT`, `PATCH` and `DELETE` if absent.
    pub methods: Option<Vec<String>>,
    /// What such a call needs.
    #[serde(default)]
    pub treat: Treat,
    /// Where its key is; the header `idempotency-key` if absent.
    pub key: Option<KeyConfig>,
    /// What makes two calls the same.
    pub fingerprint: Option<FingerprintConfig>,
    /// What codes within its answers mean.
    pub outcome: Option<OutcomeConfig>,
    /// Statuses of the upstream that mean that nothing was done.
    pub not_executed: Option<Vec<u16>>,
    /// The gateway's own timeout of such a call, retries included, in milliseconds; 15000.
    pub timeout_ms: Option<u64>,
    /// How much longer its outcome is waited for before it is unknown, in milliseconds; 5000.
    pub margin_ms: Option<u64>,
    /// How long its key is kept, in seconds; 3600 of a player, 86400 of a partner.
    pub retention_s: Option<u64>,
    /// The same of a call that the upstream refused with 4xx; 600 of a player, as long as any other of a
    /// partner.
    pub refused_retention_s: Option<u64>,
    /// New keys a second under this rule, which `store.rate` then leaves out.
    pub rate: Option<u32>,
    /// How long a retry waits for the first attempt's answer, in milliseconds; 0.
    pub wait_ms: Option<u64>,
    /// When its answer is released; as the document's `commit` says if absent.
    pub commit: Option<Commit>,
    /// What happens while the store cannot be used.
    pub on_store_error: Option<OnStoreError>,
    /// Who knows what became of a call whose outcome is unknown.
    pub reconcile: Option<ReconcileConfig>,
}

/// What a call needs.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Treat {
    /// A key.
    #[default]
    Required,
    /// Nothing; a key counts if there is one.
    Optional,
    /// Nothing, and a key does not count.
    Pass,
}

/// Where a key is: exactly one of the four.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// A header, whose value may stand in quotes.
    pub header: Option<String>,
    /// JSON pointer to a text or an integer of the body.
    pub body: Option<String>,
    /// A query parameter.
    pub query: Option<String>,
    /// Two to four of these together.
    pub all: Option<Vec<KeyPartConfig>>,
}

/// A part of a key: exactly one of the three.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPartConfig {
    /// A header, whose value may stand in quotes.
    pub header: Option<String>,
    /// JSON pointer to a text or an integer of the body.
    pub body: Option<String>,
    /// A query parameter.
    pub query: Option<String>,
}

/// What makes two calls the same, besides method and path.
#[derive(Debug, Deserialize)]
// Of two kinds: serde's own reading of such a type would leave out where it goes wrong.
#[serde(try_from = "Value")]
pub enum FingerprintConfig {
    /// `"raw"`: every byte of the body.
    Raw,
    /// The values at these JSON pointers.
    Pointers(Vec<String>),
}

impl TryFrom<Value> for FingerprintConfig {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        // What is written is not repeated; what follows `expected` is shown to the operator.
        let wrong = || "neither, expected `raw` or a list of JSON pointers".to_owned();
        match value {
            Value::String(word) if word == "raw" => Ok(Self::Raw),
            Value::Array(items) => {
                let text = |item| match item {
                    Value::String(text) => Ok(text),
                    _ => Err(wrong()),
                };
                items.into_iter().map(text).collect::<Result<_, _>>().map(Self::Pointers)
            }
            _ => Err(wrong()),
        }
    }
}

/// What codes within an answer mean, for contracts that put errors into a 200.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeConfig {
    /// JSON pointer to the code.
    pub pointer: String,
    /// Codes of calls that are over.
    pub completed: Vec<String>,
    /// Codes of calls that had no effect and may be sent again.
    #[serde(default)]
    pub retryable: Vec<String>,
    /// Codes that leave the outcome open. So does every code that is not listed: these are for the
    /// reader.
    #[serde(default)]
    pub unknown: Vec<String>,
}

/// What happens to a call while the store cannot be used.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnStoreError {
    /// Refused with 503 `idempotency_unavailable`.
    #[default]
    Refuse,
    /// Carried out, as if it had no key.
    Forward,
}

/// A service that knows what became of a call, asked with GET.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReconcileConfig {
    /// Envoy: a cluster. WasmX: `host:port`.
    pub cluster: String,
    /// `:authority` of the question; the cluster's name when left out.
    pub authority: Option<String>,
    /// Path with `{key}` and `{owner}` (the player's or partner's name) once, and `{brand}` at most once:
    /// two brands' players may have one name. A key of several places is told as its parts with their lengths in front: `7:round-75:bet-1`.
    pub path: String,
    /// The gateway's own `Authorization` header.
    pub authorization: Option<Secret>,
    /// Further headers of the question, such as `user-agent`.
    #[serde(default)]
    pub headers: SortedMap<String, String>,
    /// Longest it is waited for, in milliseconds.
    #[serde(default = "default_reconcile_timeout")]
    pub timeout_ms: u64,
    /// JSON pointer to the word in its answer.
    pub pointer: String,
    /// Words that mean that the call took effect.
    pub completed: Vec<String>,
    /// Words that mean that it had none.
    #[serde(default)]
    pub free: Vec<String>,
    /// Statuses that mean that it had none.
    #[serde(default)]
    pub free_status: Vec<u16>,
}

fn default_reconcile_timeout() -> u64 {
    1_000
}

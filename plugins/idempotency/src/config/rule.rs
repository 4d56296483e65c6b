//! A rule as the operator writes it.

use policy_kit::{EndpointClass, Secret, SortedMap};
use serde::Deserialize;
use serde_json::Value;

/// One rule. Absent members have the values of the catalogue's rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Classes that it applies to, at least one.
    pub classes: Vec<EndpointClass>,
    /// Partners that it applies to; all callers if absent.
    pub partners: Option<Vec<String>>,
    /// Endpoints that it applies to, as `endpoints` writes their paths; all if absent.
    pub endpoints: Option<Vec<String>>,
    /// Methods that it applies to; all that are not safe if absent.
    pub methods: Option<Vec<String>>,
    /// Whether requests need a key.
    #[serde(default)]
    pub treat: Treat,
    /// Where requests have their key; the header `idempotency-key` if absent.
    pub key: Option<KeyConfig>,
    /// What makes two requests the same; the whole body if absent.
    pub fingerprint: Option<FingerprintConfig>,
    /// What codes within answers mean.
    pub outcome: Option<OutcomeConfig>,
    /// Statuses by which the upstream reports that it did nothing.
    pub not_executed: Option<Vec<u16>>,
    /// The gateway's timeout, retries included, in milliseconds; 15000 if absent.
    pub timeout_ms: Option<u64>,
    /// How long after the timeout the outcome becomes unknown, in milliseconds; 5000 if absent.
    pub margin_ms: Option<u64>,
    /// How long keys are kept, in seconds; 3600 of players and 86400 of partners if absent.
    pub retention_s: Option<u64>,
    /// The same for requests that the upstream refused with 4xx; 600 of players and `retention_s` of
    /// partners if absent.
    pub refused_retention_s: Option<u64>,
    /// New keys a second under this rule, which `store.rate` then does not include.
    pub rate: Option<u32>,
    /// How long a retry waits for the first attempt's answer, in milliseconds; 0 if absent.
    pub wait_ms: Option<u64>,
    /// When answers are released; as the document's `commit` if absent.
    pub commit: Option<Commit>,
    /// What happens while the store is unavailable.
    pub on_store_error: Option<OnStoreError>,
    /// The service that knows unknown outcomes.
    pub reconcile: Option<ReconcileConfig>,
}

/// Whether a request needs a key.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Treat {
    /// It does.
    #[default]
    Required,
    /// It does not; a key counts if there is one.
    Optional,
    /// It does not, and a key does not count.
    Pass,
}

/// When an answer is released.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Commit {
    /// Once the store has it.
    #[default]
    BeforeReply,
    /// At once; the store has it a moment later.
    AfterReply,
}

/// Where the key is: exactly one of the four.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// A header, whose value may be in quotes.
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
    /// A header, whose value may be in quotes.
    pub header: Option<String>,
    /// JSON pointer to a text or an integer of the body.
    pub body: Option<String>,
    /// A query parameter.
    pub query: Option<String>,
}

/// What makes two requests the same, besides method and path.
#[derive(Debug, Deserialize)]
// An untagged enum of serde would not report the field of an error.
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
        // The value is not repeated: it may be secret. The operator sees what follows `expected`.
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
    /// Codes of requests that are completed.
    pub completed: Vec<String>,
    /// Codes of requests that had no effect and may be sent again.
    #[serde(default)]
    pub retryable: Vec<String>,
    /// Codes of unknown outcome, for the reader: every unlisted code is one.
    #[serde(default)]
    pub unknown: Vec<String>,
}

/// What happens to a request while the store is unavailable.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnStoreError {
    /// It is refused with 503 `idempotency_unavailable`.
    #[default]
    Refuse,
    /// It is carried out as if it had no key.
    Forward,
}

/// A service that knows the outcome of requests, called with `GET`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReconcileConfig {
    /// Envoy: a cluster. WasmX: `host:port`.
    pub cluster: String,
    /// `:authority` of the call; the cluster's name if absent.
    pub authority: Option<String>,
    /// Path with `{key}` and `{owner}` (the player's or partner's name) once, and `{brand}` at most once:
    /// players of two brands may have the same name. Each part of a key of several parts is preceded by its
    /// length: `7:round-75:bet-1`.
    pub path: String,
    /// The `Authorization` header.
    pub authorization: Option<Secret>,
    /// Further headers, such as `user-agent`.
    #[serde(default)]
    pub headers: SortedMap<String, String>,
    /// The call's timeout, in milliseconds.
    #[serde(default = "default_reconcile_timeout")]
    pub timeout_ms: u64,
    /// JSON pointer to the word in its reply.
    pub pointer: String,
    /// Words that mean that the request took effect.
    pub completed: Vec<String>,
    /// Words that mean that it had no effect.
    #[serde(default)]
    pub free: Vec<String>,
    /// Statuses that mean that it had no effect.
    #[serde(default)]
    pub free_status: Vec<u16>,
}

fn default_reconcile_timeout() -> u64 {
    1_000
}

//! Fields that every policy's document has.

use policy_wire::Profile;
use serde::Deserialize;

/// Whether refusals take effect.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Refuse.
    #[default]
    Enforce,
    /// Record what would have been refused, and let it pass.
    Shadow,
}

crate::words! { Mode: "enforce" => Enforce, "shadow" => Shadow }

crate::words! { Profile: "envoy" => Envoy, "wasmx" => Wasmx }

crate::settings! {
    /// WasmX: which filter authenticates requests.
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct IdentityConfig {
        /// The filter before this one that strips `x-player-id`, `x-session-id` and `x-partner-id` from what
        /// clients send.
        pub headers_stripped_by: String,
    }
}

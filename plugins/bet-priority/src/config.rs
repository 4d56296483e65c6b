//! The document as the operator writes it.

use policy_kit::{
    settings, words, Endpoint, EnvelopeConfig, IdentityConfig, Mode, Profile, SortedMap,
    TrustConfig, Unclassified,
};

use crate::abuse::config::AbuseConfig;
use crate::market::config::MarketConfig;
use crate::queue::config::GroupConfig;
use crate::rate::config::fleet::FleetConfig;
use crate::rate::config::limit::LimitConfig;
use crate::rate::descriptors::DescriptorConfig;
use crate::surge::config::SurgeConfig;

settings! {
    /// The document, deserialized and not yet checked.
    #[derive(Debug)]
    pub struct Config {
        /// The gateway the module runs in.
        pub host: Profile = Profile::default(),
        /// The operator's name for this document, for metrics, logs and evidence.
        pub version: String = String::new(),
        /// Whether refusals take effect. In `shadow` no request is refused or held.
        pub mode: Mode = Mode::default(),
        /// Which proxies to trust about the client's address.
        pub address: TrustConfig,
        /// Hosts and the brands they belong to, where no earlier filter reports the brand.
        pub brands: SortedMap<String, String> = SortedMap::default(),
        /// WasmX: which filter authenticates requests. Required there for keys by player, session or partner.
        pub identity: Option<IdentityConfig> = None,
        /// Worker threads of the gateway (Envoy's `--concurrency`), for limits of `worker` scope. 1 to 1024.
        pub workers: Option<u32> = None,
        /// Rate limits.
        pub limits: Vec<LimitConfig> = Vec::new(),
        /// Where the tokens of limits of `fleet` scope are leased.
        pub fleet: Option<FleetConfig> = None,
        /// Request headers for Envoy's own rate limit service.
        pub descriptors: Vec<DescriptorConfig> = Vec::new(),
        /// Requests in flight: one entry for each upstream or group of upstreams that shares its capacity.
        pub concurrency: Vec<GroupConfig> = Vec::new(),
        /// How retries of a request that was admitted are recognised.
        pub retries: RetriesConfig = RetriesConfig::default(),
        /// When the surge profile is on.
        pub surge: Option<SurgeConfig> = None,
        /// Suspended markets, and the cap on requests for one market.
        pub market: Option<MarketConfig> = None,
        /// Failed logins and deposits, and bots.
        pub abuse: Option<AbuseConfig> = None,
        /// Requests that match no endpoint.
        pub unclassified: Unclassified = Unclassified::default(),
        /// What happens, when the gateway fails a host call, to classes that move no money.
        pub on_error: OnError = OnError::default(),
        /// Refusals in a partner's contract, by the names that endpoints give.
        pub envelopes: SortedMap<String, EnvelopeConfig> = SortedMap::default(),
        /// The class of each path.
        pub endpoints: Vec<Endpoint>,
        /// Whether endpoints for `GET` match `HEAD`, too.
        pub head_as_get: bool = false,
    }
}

settings! {
    /// How retries of a request that was admitted are recognised: by its idempotency key.
    #[derive(Debug)]
    pub struct RetriesConfig {
        /// The header with the key.
        pub header: String = default_key_header(),
        /// Seconds for which a worker remembers a key that it admitted. 0 to 3600; 0 for none.
        pub remember_s: u64 = default_remember(),
    }
}

fn default_key_header() -> String {
    "idempotency-key".to_owned()
}

fn default_remember() -> u64 {
    60
}

/// What happens when a host call fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// Refused with 503 `policy_unavailable`.
    #[default]
    Refuse,
    /// The request passes unchecked, unless it moves money.
    Forward,
}

words! { OnError: "refuse" => Refuse, "forward" => Forward }

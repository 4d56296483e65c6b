//! The service that counts for all gateways.

use policy_kit::{settings, Secret, SortedMap};

settings! {
    /// Redis behind HTTP, for rules of `scope: fleet`: it takes one command as a JSON array and answers `{"result": ...}` or
    /// `{"error": ...}`. The function library `envoy-examples/redis/pitboss.lua` must be loaded.
    #[derive(Debug)]
    pub struct FleetConfig {
        /// Envoy: a cluster. WasmX: `host:port`.
        pub cluster: String,
        /// `:authority`; the cluster's name if absent.
        pub authority: Option<String> = None,
        /// `:path`.
        pub path: String = path(),
        /// The gateway's own `Authorization` header.
        pub authorization: Option<Secret> = None,
        /// Further headers of the call.
        pub headers: Option<SortedMap<String, String>> = None,
        /// Longest wait of a request for tokens, in milliseconds: 1 to 1000.
        pub timeout_ms: u64 = timeout(),
        /// How many gateways share the limits, 1 to 1000. While Redis is away, each of their workers goes on with its share.
        pub gateways: u32,
        /// How long tokens may be used after they were leased, in milliseconds: 100 to 5000.
        pub lease_ms: u64 = lease(),
        /// How long Redis is not asked after it failed, in seconds: 1 to 60.
        pub retry_s: u64 = retry(),
        /// What the names of its keys begin with: up to 64 lower-case letters, digits and `-`. Gateways with the same prefix
        /// count together.
        pub prefix: String = prefix(),
    }
}

fn path() -> String {
    "/".to_owned()
}

const fn timeout() -> u64 {
    100
}

const fn lease() -> u64 {
    1_000
}

const fn retry() -> u64 {
    5
}

fn prefix() -> String {
    "pitboss".to_owned()
}

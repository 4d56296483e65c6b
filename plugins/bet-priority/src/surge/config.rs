//! The configuration's `surge` as the operator writes it.

use policy_kit::{settings, Secret, SortedMap};

settings! {
    /// When the surge profile is on. What it changes stands with each group of `concurrency`. At least one of `schedule`, `switch` and `auto`.
    #[derive(Debug)]
    pub struct SurgeConfig {
        /// Times at which it is on, up to 1000, none of which overlap.
        pub schedule: Vec<WindowConfig> = Vec::new(),
        /// A switch that the operator's systems serve.
        pub switch: Option<SwitchConfig> = None,
        /// By itself, while requests are shed.
        pub auto: Option<AutoConfig> = None,
    }
}

settings! {
    /// A time at which it is on.
    #[derive(Debug)]
    pub struct WindowConfig {
        /// Its beginning, a UTC time of RFC 3339: `2026-06-11T19:00:00Z`.
        pub from: String,
        /// Its end, at most 31 days later; the profile is off from this moment on.
        pub until: String,
    }
}

settings! {
    /// A switch: a JSON document such as `{"surge": true, "until": "2026-06-11T21:30:00Z", "suspended_markets": ["m-1"]}`.
    #[derive(Debug)]
    pub struct SwitchConfig {
        /// Envoy: the cluster that serves it. WasmX: `host:port`.
        pub cluster: String,
        /// `:authority` of the call; the cluster's name if absent.
        pub authority: Option<String> = None,
        /// `:path` of the call.
        pub path: String = default_path(),
        /// The gateway's own `Authorization` header.
        pub authorization: Option<Secret> = None,
        /// Further headers of the call, such as `user-agent`.
        pub headers: SortedMap<String, String> = SortedMap::default(),
        /// How often it is polled, in seconds, 1 to 60.
        pub poll_s: u64 = default_poll(),
        /// Timeout of a poll, in milliseconds, 1 to 5000.
        pub timeout_ms: u64 = default_timeout(),
        /// How long after the last successful poll it counts as out of reach, in seconds, more than `poll_s`, at most
        /// 86400. It keeps its last state all the same.
        pub stale_s: u64 = default_stale(),
    }
}

settings! {
    /// When it is on by itself.
    #[derive(Debug)]
    pub struct AutoConfig {
        /// It begins when requests have been shed for so long without a pause of a second, in milliseconds, 100 to 60000.
        pub after_ms: u64 = default_after(),
        /// It ends when none has been shed for so long, in milliseconds, 1000 to 3600000, and at least `after_ms`.
        pub calm_ms: u64 = default_calm(),
    }
}

fn default_path() -> String {
    "/surge".to_owned()
}

fn default_poll() -> u64 {
    2
}

fn default_timeout() -> u64 {
    500
}

fn default_stale() -> u64 {
    60
}

fn default_after() -> u64 {
    2_000
}

fn default_calm() -> u64 {
    30_000
}

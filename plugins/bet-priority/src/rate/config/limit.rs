//! A rate limit.

use policy_kit::{settings, words, EndpointClass};

use crate::rate::config::part::{KeyPart, Per};

settings! {
    /// A rate limit: `requests` each `per` for one key, `burst` at once.
    #[derive(Clone, Debug)]
    pub struct LimitConfig {
        /// The rule's name, unique: in metrics, in `RateLimit-Policy` and in refusals. Up to 64 lower-case letters, digits
        /// and `-`.
        pub name: String,
        /// The requests that it is for; all but `settlement` and `safer-gambling` if absent.
        pub matching: MatchConfig as "match" = MatchConfig::default(),
        /// What has a counter of its own, at most four parts together. An empty list is one counter for all.
        pub key: Vec<KeyPart>,
        /// How many requests pass each `per`, in the long run: 1 to 1000000.
        pub requests: u32,
        /// The time: `second`, `minute`, `hour`, `day`, or 1 to 2592000 seconds.
        pub per: Per,
        /// How many pass at once: 1 to 1000000; as `requests` if absent. It must be paid off within 366 days.
        pub burst: Option<u32> = None,
        /// What one request counts for, 1 to `burst`.
        pub cost: u32 = one(),
        /// Whether it refuses.
        pub mode: LimitMode = LimitMode::default(),
        /// Who counts together.
        pub scope: Scope = Scope::default(),
        /// When answers have `RateLimit` and `RateLimit-Policy`.
        pub fields: Fields = Fields::default(),
        /// Whether they have `X-RateLimit-Limit`, `-Remaining` and `-Reset` as well.
        pub legacy_fields: bool = false,
        /// What counts for a part of the key that a request does not have.
        pub absent: Absent = Absent::default(),
        /// What happens where the shared counters cannot be reached. If absent, `local` where `workers` is given, else
        /// `refuse`.
        pub on_error: Option<OnError> = None,
        /// Keys that are counted at once, 16 to 1048576: 16 bytes each. In a full table, a key without a slot starts with
        /// as much debt as the key that had to leave.
        pub slots: u32 = slots(),
        /// How much later `Retry-After` may be than the limit asks for, in percent of the wait: 0 to 100.
        pub jitter: u32 = jitter(),
    }
}

const fn one() -> u32 {
    1
}

const fn slots() -> u32 {
    65_536
}

const fn jitter() -> u32 {
    25
}

settings! {
    /// Which requests a rule is for. What is absent is not compared.
    #[derive(Clone, Debug)]
    pub struct MatchConfig {
        /// Classes; all but `settlement` and `safer-gambling` if absent, which a rule has to name.
        pub classes: Option<Vec<EndpointClass>> = None,
        /// Methods in upper case. `GET` takes `HEAD`, too.
        pub methods: Option<Vec<String>> = None,
        /// Endpoints, as `endpoints` writes their paths.
        pub endpoints: Option<Vec<String>> = None,
    }
}

/// Whether a rule refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimitMode {
    /// It does.
    #[default]
    Enforce,
    /// It counts what it would have refused.
    Shadow,
}

words! { LimitMode: "enforce" => Enforce, "shadow" => Shadow }

/// Who counts together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Each worker for itself, with its share of the rate: `requests` and `burst` divided by `workers`. The cheapest,
    /// and too strict for a client whose connections one worker serves alone. The burst is rounded down, but never
    /// below `cost`.
    Worker,
    /// All workers of a gateway.
    #[default]
    Node,
    /// All gateways, by `fleet`.
    Fleet,
}

words! { Scope: "worker" => Worker, "node" => Node, "fleet" => Fleet }

/// When answers tell about a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fields {
    /// On every answer to a request that the rule matches.
    Always,
    /// On refusals by the rule.
    #[default]
    Refused,
    /// Never: refusals do not name the rule either.
    Never,
}

words! { Fields: "always" => Always, "refused" => Refused, "never" => Never }

/// What counts for a part of the key that a request does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Absent {
    /// The client's address in its place: leaving a token or a header away is no way around the rule.
    #[default]
    Client,
    /// The rule does not count the request.
    Skip,
}

words! { Absent: "client" => Client, "skip" => Skip }

/// What happens where the shared counters cannot be reached. `settlement` and `safer-gambling` pass in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// This worker goes on alone, with its share of the rate.
    Local,
    /// Refused with 503 `policy_unavailable`.
    #[default]
    Refuse,
}

words! { OnError: "local" => Local, "refuse" => Refuse }

//! Headers by which whoever sends a request steers Envoy's router.

/// Request headers that Envoy's router obeys: how often and why it tries again, how long it waits, what
/// it answers then. The connection manager takes most of them from clients whose address it holds for
/// outside, and believes those of the inside: private networks without `x-forwarded-for`, a partner's
/// tunnel among them.
///
/// | header | what it does |
/// | --- | --- |
/// | `x-envoy-retry-on`, `x-envoy-retry-grpc-on` | tries again, with no `retry_policy` of the route |
/// | `x-envoy-max-retries` | how often |
/// | `x-envoy-retriable-status-codes`, `x-envoy-retriable-header-names` | after which answers |
/// | `x-envoy-hedge-on-per-try-timeout` | sends another while the first is still out |
/// | `x-envoy-upstream-rq-timeout-ms`, `-per-try-timeout-ms`, `x-envoy-expected-rq-timeout-ms`, `x-envoy-upstream-stream-duration-ms` | gives up sooner, or later than a lease lasts |
/// | `x-envoy-upstream-rq-timeout-alt-response` | answers 204 to what timed out |
/// | `x-envoy-upstream-alt-stat-name` | counts it elsewhere |
/// | `x-envoy-attempt-count`, `x-envoy-is-timeout-retry` | tell the upstream which try it is |
///
/// (docs of 1.40: `configuration/http/http_filters/router_filter`).
pub const ROUTER_HEADERS: [&str; 14] = [
    "x-envoy-retry-on",
    "x-envoy-retry-grpc-on",
    RETRIES_HEADER,
    "x-envoy-retriable-status-codes",
    "x-envoy-retriable-header-names",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-upstream-stream-duration-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-attempt-count",
    "x-envoy-is-timeout-retry",
];

/// How often Envoy's router may try once more, in place of what a `retry_policy` says; `0` takes hedging
/// with it. The router takes the header away.
pub const RETRIES_HEADER: &str = "x-envoy-max-retries";

//! Headers by which the sender of a request steers Envoy's router. The one table of them.

/// Request headers that Envoy's router obeys: retries, timeouts, and the status of a timeout. The connection
/// manager removes most of them from external requests and believes those of internal ones: from private networks
/// without `x-forwarded-for`, a partner's tunnel among them.
///
/// | header | effect |
/// | --- | --- |
/// | `x-envoy-retry-on`, `x-envoy-retry-grpc-on` | retries, without a `retry_policy` of the route |
/// | `x-envoy-max-retries` | number of retries |
/// | `x-envoy-retriable-status-codes`, `x-envoy-retriable-header-names` | responses after which it retries |
/// | `x-envoy-hedge-on-per-try-timeout` | sends a second request while the first is pending |
/// | `x-envoy-upstream-rq-timeout-ms`, `-per-try-timeout-ms`, `x-envoy-expected-rq-timeout-ms`, `x-envoy-upstream-stream-duration-ms` | timeouts, shorter or longer than a lease |
/// | `x-envoy-upstream-rq-timeout-alt-response` | a timeout becomes a 204 |
/// | `x-envoy-upstream-alt-stat-name` | another name in the metrics |
/// | `x-envoy-attempt-count`, `x-envoy-is-timeout-retry` | number of the attempt, for the upstream |
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

/// Number of retries, in place of the `retry_policy`'s; `0` switches hedging off, too. The router removes the
/// header.
pub const RETRIES_HEADER: &str = "x-envoy-max-retries";

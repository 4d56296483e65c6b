//! The router and the upstream codec.
use super::address::set;
use crate::traffic::Fields;
use std::time::Duration;

/// Headers that configure the router and are not forwarded.
const ORDERS: &[&str] = &[
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-max-retries",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-rq-timeout-ms",
];

/// The header fields of the upstream request: `host` for the authority, no pseudo headers. With `has_body`
/// a body follows, possibly empty.
pub fn upstream_fields(headers: &Fields, has_body: bool, timeout: Duration) -> Fields {
    let get = |name: &[u8]| headers.iter().find(|(it, _)| it == name).map(|(_, it)| it.clone());
    let mut out = vec![(b"host".to_vec(), get(b":authority").unwrap_or_default())];
    let ordinary =
        |name: &[u8]| !name.starts_with(b":") && !ORDERS.iter().any(|it| it.as_bytes() == name);
    out.extend(headers.iter().filter(|(name, _)| ordinary(name)).cloned());
    if !timeout.is_zero() {
        let timeout = timeout.as_millis().to_string();
        set(&mut out, "x-envoy-expected-rq-timeout-ms", timeout.as_bytes());
    }
    let method = get(b":method").unwrap_or_default();
    let has = |name: &[u8]| out.iter().any(|(it, _)| it == name);
    if !has(b"content-length") && !has(b"transfer-encoding") {
        if has_body {
            out.push((b"transfer-encoding".to_vec(), b"chunked".to_vec()));
        } else if !matches!(method.as_slice(), b"GET" | b"HEAD" | b"DELETE" | b"TRACE" | b"CONNECT")
        {
            out.push((b"content-length".to_vec(), b"0".to_vec()));
        }
    }
    out
}

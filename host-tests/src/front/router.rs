//! The end of the chain: what the router and the codec make of a request on its way upstream.
use super::address::set;
use crate::traffic::Fields;
use std::time::Duration;

/// Headers that the router reads as orders to itself and does not forward.
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

/// The header fields as the upstream gets them: `host` for the authority, no pseudo headers. A body may
/// follow without one byte in it.
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
    let told = |name: &[u8]| out.iter().any(|(it, _)| it == name);
    if !told(b"content-length") && !told(b"transfer-encoding") {
        if has_body {
            out.push((b"transfer-encoding".to_vec(), b"chunked".to_vec()));
        } else if !matches!(method.as_slice(), b"GET" | b"HEAD" | b"DELETE" | b"TRACE" | b"CONNECT")
        {
            out.push((b"content-length".to_vec(), b"0".to_vec()));
        }
    }
    out
}

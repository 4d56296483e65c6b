//! The client's address: X-Forwarded-For, trusted hops, and the headers derived from them.
use crate::gateway::Hcm;
use crate::own_address::own_address;
use crate::traffic::{Fields, Request};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Envoy's own headers that are removed from external requests.
const FROM_OUTSIDE: &[&str] = &[
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-internal",
    "x-envoy-ip-tags",
    "x-envoy-max-retries",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-rq-timeout-ms",
    "x-forwarded-client-cert",
];

/// Those that only an edge gateway removes (`use_remote_address`).
const AT_THE_EDGE: &[&str] = &[
    "x-envoy-decorator-operation",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-original-host",
    "x-envoy-original-path",
];

/// Rewrites the headers with the client's address, and returns `source.address`.
pub(super) fn apply(hcm: &Hcm, request: &Request, fields: &mut Fields) -> SocketAddr {
    let peer = request.client;
    let forwarded = value(fields, "x-forwarded-for").unwrap_or_default().to_vec();
    let hops = hcm.xff_num_trusted_hops;
    let mut source = peer;
    if hcm.use_remote_address {
        if let Some(hop) = hops.checked_sub(1).and_then(|skip| from_right(&forwarded, skip)) {
            source = SocketAddr::new(hop, 0);
        }
        if !hcm.skip_xff_append {
            // For a peer on a loopback address Envoy writes the machine's own address. It knows one loopback
            // address of each family.
            let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
            let local = loopback.contains(&peer.ip());
            let ip = if local { own_address().into() } else { peer.ip() };
            append(fields, "x-forwarded-for", &ip.to_string(), ",");
        }
    } else if let Some(hop) = from_right(&forwarded, hops) {
        source = SocketAddr::new(hop, 0);
    }
    if value(fields, "x-forwarded-proto").is_none() || (hcm.use_remote_address && hops == 0) {
        set(fields, "x-forwarded-proto", b"http");
    }
    let stripped = |name: &[u8]| {
        let among = |list: &[&str]| list.iter().any(|it| it.as_bytes() == name);
        among(FROM_OUTSIDE) || (hcm.use_remote_address && among(AT_THE_EDGE))
    };
    fields.retain(|(name, _)| !stripped(name));
    if !hcm.via.is_empty() {
        append(fields, "via", &hcm.via, ", ");
    }
    if hcm.use_remote_address {
        set(fields, "x-envoy-external-address", source.ip().to_string().as_bytes());
    }
    if hcm.generate_request_id {
        let keep = !hcm.use_remote_address || hcm.preserve_request_id;
        if !keep || value(fields, "x-request-id").is_none_or(<[u8]>::is_empty) {
            set(fields, "x-request-id", request_id(request.number).as_bytes());
        }
    }
    source
}

/// A request id that is the same in every run.
pub fn request_id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// The address `skip` entries from the right end of X-Forwarded-For.
fn from_right(forwarded: &[u8], skip: usize) -> Option<IpAddr> {
    let entry = forwarded.split(|it| *it == b',').rev().nth(skip)?;
    std::str::from_utf8(entry).ok()?.trim().parse().ok()
}

pub(super) fn value<'a>(fields: &'a Fields, name: &str) -> Option<&'a [u8]> {
    fields.iter().find(|(it, _)| it == name.as_bytes()).map(|(_, value)| value.as_slice())
}

pub(super) fn set(fields: &mut Fields, name: &str, value: &[u8]) {
    match fields.iter_mut().find(|(it, _)| it == name.as_bytes()) {
        Some((_, old)) => *old = value.to_vec(),
        None => fields.push((name.as_bytes().to_vec(), value.to_vec())),
    }
}

fn append(fields: &mut Fields, name: &str, value: &str, separator: &str) {
    match fields.iter_mut().find(|(it, _)| it == name.as_bytes()) {
        Some((_, old)) if !old.is_empty() => {
            old.extend_from_slice(separator.as_bytes());
            old.extend_from_slice(value.as_bytes());
        }
        _ => set(fields, name, value.as_bytes()),
    }
}

//! The attributes of peers, connection, upstream, route and node.

use std::net::SocketAddr;

use crate::host::shared::Shared;
use crate::plugin::Profile;
use crate::properties::stream_view::StreamView;
use crate::properties::value::{Lookup, Value, ABSENT, OPAQUE};
use crate::stream::Stream;

/// Attributes of Envoy that this host does not emulate.
pub(super) fn not_emulated(profile: Profile, top: &[u8], rest: &[&[u8]]) -> Option<&'static str> {
    match (profile, top, rest) {
        // The whole message contains Envoy's build and all its extensions.
        (Profile::Envoy, b"xds", [b"node"]) => Some("the attribute xds.node as a whole"),
        _ => None,
    }
}

/// Attributes outside of a stream.
pub(super) fn host_wide<'a>(shared: &'a Shared, top: &[u8], rest: &[&[u8]]) -> Lookup<'a> {
    match (top, rest) {
        (b"xds", []) if shared.profile == Profile::Envoy => Err(OPAQUE),
        (b"xds", [b"node", name]) if shared.profile == Profile::Envoy => node(shared, name),
        _ => Err(ABSENT),
    }
}

fn node<'a>(shared: &'a Shared, name: &[u8]) -> Lookup<'a> {
    match name {
        b"id" => Ok(Value::Text(shared.node.id.as_bytes())),
        b"cluster" => Ok(Value::Text(shared.node.cluster.as_bytes())),
        _ => Err(ABSENT),
    }
}

/// The configuration that serves the stream. All `metadata` is empty.
pub(super) fn xds<'a>(view: &StreamView<'a>, rest: &[&[u8]]) -> Lookup<'a> {
    let route = &view.stream.route;
    let name = |name: &'a Option<String>| name.as_ref().map(|it| Value::Text(it.as_bytes()));
    let empty = |there: bool| there.then_some(Value::Text(b""));
    let found = match rest {
        [b"node", name] => return node(view.shared, name),
        [] => return Err(OPAQUE),
        [b"cluster_name"] => name(&route.cluster),
        [b"cluster_metadata"] => empty(route.cluster.is_some()),
        [b"route_name"] => name(&route.name),
        [b"route_metadata"] => empty(route.name.is_some()),
        [b"virtual_host_name"] => name(&route.virtual_host),
        [b"virtual_host_metadata"] => empty(route.virtual_host.is_some()),
        [b"filter_chain_name"] => Some(Value::Text(view.shared.node.filter_chain.as_bytes())),
        [b"listener_metadata"] => empty(true),
        [b"listener_direction"] => Some(Value::Int(view.shared.node.direction)),
        [b"upstream_host_metadata" | b"upstream_host_locality_metadata"]
            if view.stream.has_host() =>
        {
            return Err(OPAQUE);
        }
        _ => None,
    };
    found.ok_or(ABSENT)
}

pub(super) fn peer(address: SocketAddr, name: &[u8]) -> Option<Value<'static>> {
    match name {
        b"address" => Some(Value::Owned(address.to_string().into_bytes())),
        b"port" => Some(Value::Int(i64::from(address.port()))),
        _ => None,
    }
}

pub(super) fn connection<'a>(stream: &'a Stream, name: &[u8]) -> Option<Value<'a>> {
    match name {
        b"id" => Some(Value::Uint(stream.id.0)),
        b"mtls" | b"peer_certificate_valid" => Some(Value::Bool(false)),
        b"requested_server_name" => {
            let name = stream.server_name.as_deref().unwrap_or_default();
            Some(Value::Text(name.as_bytes()))
        }
        b"tls_version" => stream.server_name.as_ref().map(|_| Value::Text(b"TLSv1.3")),
        _ => None,
    }
}

pub(super) fn upstream<'a>(view: &StreamView<'a>, name: &[u8]) -> Option<Value<'a>> {
    let stream = view.stream;
    let address = view.shared.upstream_address;
    if view.shared.profile == Profile::Wasmx {
        stream.upstream.as_ref()?;
        return match name {
            b"address" | b"port" => peer(address, name),
            _ => None,
        };
    }
    match name {
        // 0 until a host is chosen.
        b"request_attempt_count" => {
            Some(Value::Uint(if stream.has_host() { stream.attempts } else { 0 }))
        }
        b"num_endpoints" => stream.route.cluster.as_ref().map(|_| Value::Uint(1)),
        _ if !stream.has_host() => None,
        b"address" | b"port" => peer(address, name),
        b"locality" => Some(Value::Text(b"")),
        // Connections take no virtual time.
        b"cx_pool_ready_duration" => Some(Value::Int(0)),
        b"transport_failure_reason" => Some(Value::Text(match stream.is_connected() {
            true => b"",
            false => b"delayed connect error: Connection refused",
        })),
        b"local_address" if stream.is_connected() => {
            let own = SocketAddr::new(stream.destination.ip(), 50_000);
            Some(Value::Owned(own.to_string().into_bytes()))
        }
        _ => None,
    }
}

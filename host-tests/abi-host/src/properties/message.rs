//! The attributes `request.*` and `response.*`.

use crate::message::grpc;
use crate::message::headers::Headers;
use crate::message::request::Codec;
use crate::plugin::Profile;
use crate::properties::stream_view::StreamView;
use crate::properties::value::{all_of, Value};

fn int(size: usize) -> Option<Value<'static>> {
    Some(Value::Int(i64::try_from(size).ok()?))
}

fn nanoseconds(time: u64) -> Option<Value<'static>> {
    Some(Value::Int(i64::try_from(time).ok()?))
}

pub(super) fn request<'a>(
    view: &StreamView<'a>,
    name: &[u8],
    subpath: &[&[u8]],
) -> Option<Value<'a>> {
    let stream = view.stream;
    let flow = &stream.request;
    match (name, subpath) {
        (b"time", []) => return nanoseconds(stream.started),
        (b"protocol", []) => {
            return Some(Value::Text(match stream.codec {
                Codec::Http1 => b"HTTP/1.1",
                Codec::Http10 => b"HTTP/1.0",
                Codec::Http2 => b"HTTP/2",
            }));
        }
        (b"duration", []) if stream.ending => {
            return nanoseconds(view.now.saturating_sub(stream.started));
        }
        _ => {}
    }
    let headers = view.open.request_headers.then_some(&flow.headers);
    let text = |name: &str| headers?.get(name).map(Value::Text);
    let path = || headers?.get(":path");
    match (name, subpath) {
        (b"headers", [header]) => all_of(headers?, header).map(Value::Owned),
        (b"headers", []) => whole(view, headers),
        (b"path", []) => text(":path"),
        (b"url_path", []) => {
            let path = path()?;
            Some(Value::Text(path.split(|byte| *byte == b'?').next().unwrap_or(path)))
        }
        (b"query", []) => {
            let path = path()?;
            let query =
                path.iter().position(|byte| *byte == b'?').and_then(|at| path.get(at + 1..));
            Some(Value::Text(query.unwrap_or_default()))
        }
        (b"host", []) => text(":authority"),
        (b"scheme", []) => text(":scheme"),
        (b"method", []) => text(":method"),
        (b"referer", []) => text("referer"),
        (b"useragent", []) => text("user-agent"),
        (b"id", []) => text("x-request-id"),
        (b"size", []) => {
            let declared = headers.and_then(|headers| headers.text("content-length"));
            int(declared.and_then(|text| text.parse().ok()).unwrap_or(flow.bytes))
        }
        (b"total_size", []) => int(flow.bytes + headers.map_or(0, Headers::byte_size)),
        _ => None,
    }
}

pub(super) fn response<'a>(
    view: &StreamView<'a>,
    name: &[u8],
    subpath: &[&[u8]],
) -> Option<Value<'a>> {
    let stream = view.stream;
    let flow = &stream.response;
    let headers = (view.open.response_headers && flow.started).then_some(&flow.headers);
    let trailers = flow.trailers.as_ref().filter(|_| view.open.response_trailers);
    match (name, subpath) {
        (b"code", []) => stream.code.map(|code| Value::Int(i64::from(code))),
        (b"code_details", []) => {
            stream.details.as_ref().map(|details| Value::Text(details.as_bytes()))
        }
        (b"flags", []) => Some(Value::Int(i64::try_from(stream.flags).ok()?)),
        (b"grpc_status", []) => {
            let said = [trailers, headers].into_iter().flatten();
            let said = said.filter_map(|map| map.text("grpc-status")).next();
            match said.and_then(|text| text.parse().ok()) {
                Some(status) => Some(Value::Int(status)),
                // Without one Envoy derives it from the HTTP status.
                None if view.shared.profile == Profile::Envoy => {
                    stream.code.map(|code| Value::Int(i64::from(grpc::code(code))))
                }
                None => None,
            }
        }
        (b"headers", [header]) => all_of(headers?, header).map(Value::Owned),
        (b"headers", []) => whole(view, headers),
        (b"trailers", [header]) => all_of(trailers?, header).map(Value::Owned),
        (b"trailers", []) => whole(view, trailers),
        (b"size", []) => int(stream.client.body.len()),
        (b"total_size", []) => {
            let heads = [headers, trailers].into_iter().flatten();
            int(stream.client.body.len() + heads.map(Headers::byte_size).sum::<usize>())
        }
        (b"backend_latency", []) if view.shared.profile == Profile::Envoy => {
            nanoseconds(stream.latency?)
        }
        _ => None,
    }
}

/// A whole map. Envoy reads a closed one as empty.
fn whole<'a>(view: &StreamView<'a>, map: Option<&'a Headers>) -> Option<Value<'a>> {
    match view.shared.profile {
        Profile::Envoy => Some(Value::Map(map)),
        Profile::Wasmx => map.map(|map| Value::Map(Some(map))),
    }
}

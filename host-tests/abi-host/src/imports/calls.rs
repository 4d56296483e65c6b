//! Calls to other services.

use std::time::Duration;

use wasmtime::Linker;

use crate::callout::{Call, CallAnswer};
use crate::event::{CallEnd, Event};
use crate::host::shared::lock;
use crate::imports::host_call::host_call;
use crate::message::headers::Headers;
use crate::plugin::Profile;
use crate::status::Status;
use crate::vm::memory::{slice, split, write_u32, written, Guest};
use crate::vm::state::VmState;

/// Pointer and size of something in the guest.
type Span = (u32, u32);

struct Raw {
    upstream: Span,
    headers: Span,
    body: Span,
    trailers: Span,
    timeout: u32,
    token_out: u32,
}

fn http_call(guest: &mut Guest<'_>, raw: &Raw) -> wasmtime::Result<Status> {
    let (memory, state) = split(guest);
    if state.host.shared.profile == Profile::Wasmx && !may_call_on_wasmx(state.callback) {
        let callback = state.callback;
        return Err(wasmtime::Error::msg(format!("WasmX allows no calls in {callback}")));
    }
    let take = |(pointer, size): Span| slice(memory, pointer, size);
    let (Some(upstream), Some(headers), Some(body), Some(trailers)) =
        (take(raw.upstream), take(raw.headers), take(raw.body), take(raw.trailers))
    else {
        return Ok(Status::INVALID_MEMORY_ACCESS);
    };
    if state.host.shared.profile == Profile::Wasmx && !is_host_and_port(upstream) {
        return Ok(Status::BAD_ARGUMENT);
    }
    let mut headers = Headers::from_wire(headers);
    let Ok(timeout) = i32::try_from(raw.timeout) else { return Ok(Status::BAD_ARGUMENT) };
    if [":method", ":path", ":authority"].iter().any(|name| headers.get(name).is_none()) {
        return Ok(Status::BAD_ARGUMENT);
    }
    if !body.is_empty() {
        headers.set("content-length", body.len().to_string());
    }
    let timeout = u64::try_from(timeout).ok().filter(|millis| *millis > 0);
    let call = Call {
        plugin: state.plugin().map(|plugin| plugin.name.clone()).unwrap_or_default(),
        worker: state.host.worker,
        upstream: upstream.to_vec(),
        headers,
        body: body.to_vec(),
        trailers: Headers::from_wire(trailers),
        timeout: timeout.map(Duration::from_millis),
        at: state.host.clock.now(),
    };
    if !write_u32(memory, raw.token_out, 0) {
        return Ok(Status::INVALID_MEMORY_ACCESS);
    }
    let shared = state.host.shared.clone();
    let result = lock(&shared.callouts).call(&call);
    let (answer, after) = match result {
        CallAnswer::UnknownTarget => return Ok(Status::BAD_ARGUMENT),
        CallAnswer::NoCapacity => return Ok(Status::INTERNAL_FAILURE),
        CallAnswer::Response(response, after) => (CallEnd::Response(response), Some(after)),
        CallAnswer::Refused(after) => (
            failure(
                shared.profile,
                503,
                "upstream connect error or disconnect/reset before headers",
            ),
            Some(after),
        ),
        CallAnswer::Reset(after) => (CallEnd::Broken, Some(after)),
        CallAnswer::Silence => (CallEnd::Broken, None),
    };
    let due = match (after, call.timeout) {
        (Some(after), Some(timeout)) if after < timeout => Some((answer, after)),
        (Some(after), None) => Some((answer, after)),
        (_, Some(timeout)) => {
            Some((failure(shared.profile, 504, "upstream request timeout"), timeout))
        }
        (None, None) => None,
    };
    state.next_token = state.next_token.wrapping_add(1).max(1);
    let token = state.next_token;
    let (vm, root) = (state.vm, state.root());
    if let Some((answer, after)) = due {
        state.host.post(after, Event::CallDone { vm, root, token, answer });
    }
    let (memory, _) = split(guest);
    Ok(written(write_u32(memory, raw.token_out, token)))
}

/// The response of a failed call: from the router on Envoy, a callback without headers on WasmX.
fn failure(profile: Profile, status: u16, text: &str) -> CallEnd {
    match profile {
        Profile::Envoy => CallEnd::status(status, text),
        Profile::Wasmx => CallEnd::Broken,
    }
}

/// WasmX has no clusters: a call names host and port.
fn is_host_and_port(target: &[u8]) -> bool {
    let target = std::str::from_utf8(target).ok().and_then(|it| it.rsplit_once(':'));
    target.is_some_and(|(host, port)| {
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn may_call_on_wasmx(callback: &str) -> bool {
    matches!(
        callback,
        "proxy_on_request_headers"
            | "proxy_on_request_body"
            | "proxy_on_tick"
            | "proxy_on_http_call_response"
    )
}

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    host_call!(
        linker,
        "env",
        "proxy_http_call",
        |guest,
         upstream: u32,
         upstream_size: u32,
         headers: u32,
         headers_size: u32,
         body: u32,
         body_size: u32,
         trailers: u32,
         trailers_size: u32,
         timeout: u32,
         token_out: u32| {
            http_call(
                guest,
                &Raw {
                    upstream: (upstream, upstream_size),
                    headers: (headers, headers_size),
                    body: (body, body_size),
                    trailers: (trailers, trailers_size),
                    timeout,
                    token_out,
                },
            )
        }
    );
    grpc(linker)
}

/// gRPC calls are not emulated.
fn grpc(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    fn refuse(guest: &mut Guest<'_>, status: Status) -> wasmtime::Result<Status> {
        match guest.data().host.shared.profile {
            Profile::Envoy => {
                guest.data_mut().not_emulated("a gRPC call of a module");
                Ok(status)
            }
            Profile::Wasmx => Err(wasmtime::Error::msg("WasmX does not implement gRPC calls")),
        }
    }
    host_call!(
        linker,
        "env",
        "proxy_grpc_call",
        |guest,
         _upstream: u32,
         _upstream_size: u32,
         _service: u32,
         _service_size: u32,
         _method: u32,
         _method_size: u32,
         _metadata: u32,
         _metadata_size: u32,
         _message: u32,
         _message_size: u32,
         _timeout: u32,
         _token_out: u32| { refuse(guest, Status::INTERNAL_FAILURE) }
    );
    host_call!(
        linker,
        "env",
        "proxy_grpc_stream",
        |guest,
         _upstream: u32,
         _upstream_size: u32,
         _service: u32,
         _service_size: u32,
         _method: u32,
         _method_size: u32,
         _metadata: u32,
         _metadata_size: u32,
         _token_out: u32| { refuse(guest, Status::INTERNAL_FAILURE) }
    );
    host_call!(
        linker,
        "env",
        "proxy_grpc_send",
        |guest, _token: u32, _message: u32, _message_size: u32, _end_of_stream: u32| {
            refuse(guest, Status::BAD_ARGUMENT)
        }
    );
    host_call!(linker, "env", "proxy_grpc_cancel", |guest, _token: u32| {
        refuse(guest, Status::NOT_FOUND)
    });
    host_call!(linker, "env", "proxy_grpc_close", |guest, _token: u32| {
        refuse(guest, Status::NOT_FOUND)
    });
    Ok(())
}

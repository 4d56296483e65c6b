//! Traces of Envoy's HTTP tap filter as recorded traffic.
//!
//! 1. JSON only, buffered traces only, with the body as bytes or as text; one trace a file in a folder
//!    (the file-per-tap sink), or one after the other in a file (the admin stream).
//! 2. The tap sees a request after the connection manager. Headers that the connection manager appends or
//!    overwrites are removed, so that a replay does not append them twice.
//! 3. A request with a body that a filter refuses in its headers is skipped: the tap never sees the body,
//!    with or without a buffer filter.
//! 4. The peer is `downstream_connection`, the moment `headers_received_time`; without the latter the
//!    answer's `date` counts.
//! 5. A body as text has lost what is not UTF-8: Envoy 1.40 writes a blank for such a byte, and may leave out
//!    the following character. A note counts such bodies; one whose length shows the loss is skipped. In a
//!    header such a byte becomes a `!`, which cannot be detected.
mod shape;
mod trace;

use crate::intake::recording::{Defaults, Reason, Recording, Skipped};
use serde_json::Value;
use trace::Trace;

/// True when this document is a trace.
pub fn is_trace(document: &Value) -> bool {
    const KINDS: [&str; 4] = [
        "http_buffered_trace",
        "http_streamed_trace_segment",
        "socket_buffered_trace",
        "socket_streamed_trace_segment",
    ];
    KINDS.iter().any(|kind| document.get(kind).is_some())
}

/// The requests of these traces in the order of their time, and the skipped ones. `Err` is the reason for
/// a trace that is not JSON.
pub fn read_all<'a>(
    traces: impl IntoIterator<Item = Result<&'a Value, Reason>>,
    defaults: &Defaults,
) -> Recording {
    let mut recording = Recording::default();
    let mut as_text = 0;
    for (index, trace) in traces.into_iter().enumerate() {
        let number = index + 1;
        as_text += usize::from(trace.as_ref().is_ok_and(|trace| has_text(trace)));
        match trace.and_then(|value| Trace { number, value, defaults }.read()) {
            Err(reason) => recording.skipped.push(Skipped { entry: number, reason }),
            Ok(request) => recording.requests.push(request),
        }
    }
    if as_text > 0 {
        recording.notes.push(format!(
            "{as_text} bodies were recorded as text (JSON_BODY_AS_STRING), which loses bytes that are not UTF-8; \
             signatures over raw bodies may fail: record with JSON_BODY_AS_BYTES"
        ));
    }
    recording.settle(defaults);
    recording
}

/// True when the request's body was recorded as text.
fn has_text(trace: &Value) -> bool {
    let text = trace.pointer("/http_buffered_trace/request/body/as_string").and_then(Value::as_str);
    text.is_some_and(|it| !it.is_empty())
}

/// A gateway's configuration without its taps, so that a replay is not recorded.
pub fn without(document: &Value) -> Value {
    let mut document = document.clone();
    let filters =
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
    if let Some(filters) = document.pointer_mut(filters).and_then(Value::as_array_mut) {
        let kind = |it: &Value| {
            it.pointer("/typed_config/@type").and_then(Value::as_str).map(str::to_owned)
        };
        filters.retain(|it| !kind(it).is_some_and(|kind| kind.ends_with(".Tap")));
    }
    document
}

#[cfg(test)]
mod tests;

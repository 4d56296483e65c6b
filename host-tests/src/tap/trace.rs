//! One trace of the tap.
use super::shape::{Body, Buffered, Header, Message};
use crate::intake::problem::problem;
use crate::intake::recording::{Defaults, Reason};
use crate::traffic::{Fields, Request};
use base64::Engine as _;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use time::format_description::well_known::{Rfc2822, Rfc3339};
use time::OffsetDateTime;

/// Headers that Envoy itself puts on every request, whatever the client sent.
const OWN: &[&str] = &[
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-request-id",
];

/// A trace to be read.
pub(super) struct Trace<'a> {
    /// Its number, from 1.
    pub(super) number: usize,
    /// The trace.
    pub(super) value: &'a Value,
    /// Defaults for missing values.
    pub(super) defaults: &'a Defaults,
}

impl Trace<'_> {
    pub(super) fn read(&self) -> Result<Request, Reason> {
        let Some(buffered) = self.value.get("http_buffered_trace") else {
            return Err(Reason::from(if self.value.get("http_streamed_trace_segment").is_some() {
                "a part of a streamed trace; tap with `streaming: false`"
            } else {
                "no HTTP trace"
            }));
        };
        let trace: Buffered = serde_path_to_error::deserialize(buffered).map_err(|error| {
            let (field, problem) = problem(&error, "not as the tap writes it");
            fail(field, problem)
        })?;
        let body = match &trace.request.body {
            Some(body) if body.truncated => {
                return Err("its body was cut; raise the tap's max_buffered_rx_bytes".into());
            }
            Some(body) => self.body(body)?,
            None => Vec::new(),
        };
        let mut headers = Fields::new();
        let (mut method, mut target) = (Vec::new(), Vec::new());
        for (index, header) in trace.request.headers.iter().enumerate() {
            let value = self.header(index, header)?;
            let broken = |it: &[u8]| it.iter().any(|it| matches!(it, b'\r' | b'\n'));
            if broken(&value) || broken(header.key.as_bytes()) {
                let field = format!("request.headers[{index}]");
                return Err(fail(field, "must not hold a line break"));
            }
            match header.key.as_str() {
                ":method" => method = value,
                ":path" => target = value,
                ":authority" => headers.insert(0, (b"host".to_vec(), value)),
                key if key.starts_with(':') || OWN.contains(&key) => {}
                key => headers.push((key.as_bytes().to_vec(), value)),
            }
        }
        for (name, value) in [(":method", &method), (":path", &target)] {
            if value.is_empty() {
                return Err(fail(format!("request.headers[{name}]"), "is missing"));
            }
        }
        let client = self.client(&trace)?;
        take_back_peer(&mut headers, trace.downstream_connection.is_some().then_some(client));
        let framed = |name: &[u8]| name == b"content-length" || name == b"transfer-encoding";
        if !body.is_empty() && !headers.iter().any(|(name, _)| framed(name)) {
            headers.push((b"content-length".to_vec(), body.len().to_string().into_bytes()));
        }
        let declared =
            headers.iter().find(|(name, _)| name == b"content-length").map(|(_, it)| it.as_slice());
        if body.is_empty() && declared.is_some_and(|it| it != b"0") {
            return Err("its body never reached the tap: refused from its headers".into());
        }
        let as_text = trace.request.body.as_ref().is_some_and(|it| it.as_bytes.is_none());
        let length = declared.and_then(|it| std::str::from_utf8(it).ok()?.parse::<usize>().ok());
        if as_text && length.is_some_and(|it| it != body.len()) {
            return Err(
                "its body lost bytes that are not UTF-8; tap with JSON_BODY_AS_BYTES".into()
            );
        }
        let (number, offset, at) = (self.number, Duration::ZERO, self.time(&trace)?);
        Ok(Request { number, at, offset, client, method, target, headers, body, http10: false })
    }

    fn body(&self, body: &Body) -> Result<Vec<u8>, Reason> {
        match (&body.as_bytes, &body.as_string) {
            (Some(bytes), _) => base64::engine::general_purpose::STANDARD
                .decode(bytes)
                .map_err(|_| fail("request.body.as_bytes", "must be base64")),
            (None, text) => Ok(text.clone().unwrap_or_default().into_bytes()),
        }
    }

    fn header(&self, index: usize, header: &Header) -> Result<Vec<u8>, Reason> {
        let Some(raw) = header.raw_value.as_ref().filter(|it| !it.is_empty()) else {
            return Ok(header.value.clone().into_bytes());
        };
        base64::engine::general_purpose::STANDARD
            .decode(raw)
            .map_err(|_| fail(format!("request.headers[{index}].raw_value"), "must be base64"))
    }

    fn client(&self, trace: &Buffered) -> Result<SocketAddr, Reason> {
        let port = 20_000 + u16::try_from(self.number % 40_000).unwrap_or_default();
        let connection = trace.downstream_connection.as_ref();
        let socket = connection.and_then(|it| it.remote_address.as_ref()?.socket_address.as_ref());
        let Some(socket) = socket else { return Ok(SocketAddr::new(self.defaults.client, port)) };
        let field = "downstream_connection.remote_address.socket_address.address";
        let ip = socket.address.parse().map_err(|_| fail(field, "must be an address"))?;
        Ok(SocketAddr::new(ip, socket.port_value))
    }

    fn time(&self, trace: &Buffered) -> Result<u64, Reason> {
        let field = "request.headers_received_time";
        let time = match (&trace.request.headers_received_time, date(&trace.response)) {
            (Some(text), _) => OffsetDateTime::parse(text, &Rfc3339).ok(),
            (None, Some(date)) => OffsetDateTime::parse(date, &Rfc2822).ok(),
            (None, None) => {
                let problem = "is missing; tap with `record_headers_received_time: true`";
                return Err(fail(field, problem));
            }
        };
        time.and_then(|it| u64::try_from(it.unix_timestamp_nanos()).ok())
            .ok_or_else(|| fail(field, "no time since 1970"))
    }
}

fn fail(field: impl Into<String>, problem: &'static str) -> Reason {
    format!("{}: {problem}", field.into()).into()
}

fn date(response: &Message) -> Option<&str> {
    response.headers.iter().find(|it| it.key == "date").map(|it| it.value.as_str())
}

/// Takes the peer back from the end of `x-forwarded-for`, where the gateway appended it.
fn take_back_peer(headers: &mut Fields, peer: Option<SocketAddr>) {
    let Some(peer) = peer.map(|it| it.ip().to_string()) else { return };
    let Some(at) = headers.iter().rposition(|(name, _)| name == b"x-forwarded-for") else { return };
    let Some((_, value)) = headers.get_mut(at) else { return };
    let cut = value.iter().rposition(|it| *it == b',');
    let last = value.get(cut.map_or(0, |cut| cut + 1)..).unwrap_or_default();
    if last.trim_ascii() != peer.as_bytes() {
        return;
    }
    match cut {
        Some(cut) => value.truncate(cut),
        None => {
            headers.remove(at);
        }
    }
}

//! A body as far as the gateway has it, of a request or a response.

use policy_wire::Fault;

use crate::driver::filter::BodyFault;

/// What a filter decides on when it returns its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Headers { end_of_stream: bool },
    Body,
}

/// What has arrived of a body while its headers were held for something else. Most gateways hold the body
/// with the headers; Envoy with `allow_on_headers_stop_iteration` shows it, once, and it must not go on
/// with the headers as if the filter had not wanted it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EarlyBody {
    /// Bytes so far.
    pub(crate) size: usize,
    /// Nothing follows.
    pub(crate) whole: bool,
}

/// A body of known size. WasmX announces the size of a body that it then does not hand over.
pub(crate) fn of_size(
    limit: usize,
    size: usize,
    read: impl FnOnce(usize) -> Result<Vec<u8>, Fault>,
) -> Result<Vec<u8>, BodyFault> {
    if size > limit {
        return Err(BodyFault::TooLarge);
    }
    let short = Fault { call: "proxy_get_buffer_bytes", status: None };
    match read(size) {
        Ok(body) if body.len() == size => Ok(body),
        Ok(_) => Err(BodyFault::Unreadable(short)),
        Err(fault) => Err(BodyFault::Unreadable(fault)),
    }
}

/// A body of unknown size: `read` returns as many bytes as it is asked for, and one more than the limit
/// proves an excess.
pub(crate) fn at_most(
    limit: usize,
    read: impl FnOnce(usize) -> Result<Vec<u8>, Fault>,
) -> Result<Vec<u8>, BodyFault> {
    match read(limit.saturating_add(1)) {
        Ok(body) if body.len() > limit => Err(BodyFault::TooLarge),
        Ok(body) => Ok(body),
        Err(fault) => Err(BodyFault::Unreadable(fault)),
    }
}

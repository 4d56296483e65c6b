//! A part of a body that came while its headers were held.

/// What has come of a body while its headers were held for something else. Most gateways hold the body
/// with the headers; Envoy with `allow_on_headers_stop_iteration` shows it, once, and it must not go on
/// with the headers as if nobody had wanted it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Early {
    /// Bytes so far.
    pub(crate) size: usize,
    /// Nothing follows.
    pub(crate) whole: bool,
}

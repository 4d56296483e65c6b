//! A response that the gateway makes itself.

use crate::message::headers::Headers;

/// A response of the gateway itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalReply {
    /// Status code.
    pub status: u16,
    /// Further headers.
    pub headers: Headers,
    /// Body.
    pub body: Vec<u8>,
    /// `response.code_details`.
    pub details: String,
}

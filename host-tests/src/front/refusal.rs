//! Requests that Envoy answers before the first filter.
use super::grpc;
use crate::traffic::{Answer, Fields, Request};

/// Prefix of the detail for requests that are not emulated.
pub const NOT_EMULATED: &str = "not-emulated: ";
pub(super) const UPGRADE: &str = "not-emulated: an upgrade that the gateway lets through";
pub(super) const TORN: &str = "not-emulated: the end of a line within a part of the head";

/// A request that Envoy answers before the first filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// Envoy's response code detail.
    pub details: &'static str,
    /// The location of a redirect.
    pub location: Option<Vec<u8>>,
    /// The client is a gRPC client.
    pub grpc: bool,
}

impl Refusal {
    pub(super) fn new(status: u16, details: &'static str) -> Self {
        Self { status, details, location: None, grpc: false }
    }

    pub(super) fn bad_request(details: &'static str) -> Self {
        Self::new(400, details)
    }

    /// The refusal for a gRPC client, which is never redirected.
    pub(super) fn for_grpc(self) -> Self {
        let status = if self.location.is_some() { 400 } else { self.status };
        Self { grpc: true, ..Self::new(status, self.details) }
    }

    /// The answer the client of this request gets.
    pub fn answer(&self, request: &Request) -> Answer {
        // Refusals of the codec have a body, those of the connection manager do not.
        let by_codec = self.details.starts_with("http");
        let body: &[u8] = match self.status {
            400 if by_codec => b"Bad Request",
            403 if by_codec => b"Forbidden",
            426 => b"Upgrade Required",
            431 => b"Request Header Fields Too Large",
            501 => b"Not Implemented",
            _ => b"",
        };
        let mut headers = Fields::new();
        if let Some(location) = &self.location {
            headers.push((b"location".to_vec(), location.clone()));
        }
        if !body.is_empty() {
            headers.push((b"content-type".to_vec(), b"text/plain".to_vec()));
        }
        if self.grpc {
            return grpc::answer(self.status, body);
        }
        let body = if request.method == b"HEAD" { Vec::new() } else { body.to_vec() };
        Answer { status: self.status, headers, body }
    }
}

//! Requests as the first filter sees them.
use crate::gateway::Gateway;
use crate::traffic::Fields;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// A request as the first filter sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The headers, pseudo headers first.
    pub headers: Fields,
    /// The body.
    pub body: Vec<u8>,
    /// The property `source.address`.
    pub source: SocketAddr,
    /// It is one of HTTP/1.0.
    pub http10: bool,
    /// A body follows the headers, though it may be an empty one.
    pub has_body: bool,
}

impl Accepted {
    /// The request for the filters in wasmtime.
    pub fn for_filters(self, gateway: &Gateway) -> abi_host::Request {
        let mut request = abi_host::Request::new("GET", "/");
        request.headers = self.headers.into_iter().collect();
        request.source = self.source;
        // The destination in the PROXY lines that the replayer sends to the real Envoy.
        request.destination = match self.source {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, gateway.port)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::LOCALHOST, gateway.port)),
        };
        if self.http10 {
            request.codec = abi_host::Codec::Http10;
        }
        request.open_ended = request.headers.get(":method") == Some(b"CONNECT");
        if self.has_body {
            request.chunks.push(self.body);
        }
        request
    }
}

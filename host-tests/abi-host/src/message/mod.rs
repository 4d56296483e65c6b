//! HTTP messages as filters and upstreams see them.

pub mod grpc;
pub(crate) mod headers;
pub(crate) mod local_reply;
pub(crate) mod request;
pub(crate) mod response;

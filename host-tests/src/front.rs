//! What Envoy does with a request before its filters see it, for the emulated half.
//!
//! 1. Each rule was observed in the real Envoy; `tests/replay_front/` sends the same requests to both and
//!    requires equal outcomes.
//! 2. The order is Envoy's: the codec (request line, header fields, lengths), then the connection
//!    manager (host, path, addresses).
//! 3. A refusal has Envoy's response code detail.
mod accepted;
mod address;
mod cors;
mod grpc;
mod head;
mod path;
mod receive;
mod referer;
mod refusal;
mod router;
mod target;
mod url;

pub use accepted::Accepted;
pub use address::request_id;
pub use cors::Cors;
pub use receive::receive;
pub use refusal::{Refusal, NOT_EMULATED};
pub use router::upstream_fields;

//! Response flags of the gateway, as bits of `response.flags`.

/// UT: the upstream did not answer in time.
pub const UPSTREAM_TIMEOUT: u64 = 0x4;
/// UF: the connection to the upstream failed.
pub const UPSTREAM_CONNECTION_FAILURE: u64 = 0x20;
/// UC: the upstream closed the connection.
pub const UPSTREAM_CONNECTION_TERMINATION: u64 = 0x40;
/// NR: no route matched.
pub const NO_ROUTE_FOUND: u64 = 0x100;
/// DC: the client closed the connection.
pub const DOWNSTREAM_TERMINATION: u64 = 0x4000;
/// URX: as often tried as the route allows, and in vain.
pub const UPSTREAM_RETRY_LIMIT_EXCEEDED: u64 = 0x8000;
/// SI: the stream stood still until its idle timeout.
pub const STREAM_IDLE_TIMEOUT: u64 = 0x1_0000;
/// UPE: the upstream broke the protocol, as by a reset in mid-body.
pub const UPSTREAM_PROTOCOL_ERROR: u64 = 0x80_0000;

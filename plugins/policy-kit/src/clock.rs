//! Lengths of time in nanoseconds, the unit of [`Host::now`](policy_wire::Host::now).

/// One millisecond.
pub const MILLI: u64 = 1_000_000;
/// One second.
pub const SECOND: u64 = 1_000 * MILLI;

//! Statuses of host calls.

/// A status of the ABI. Not an enum, since fault injection returns unknown numbers too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status(pub u32);

impl Status {
    /// Done.
    pub const OK: Self = Self(0);
    /// Not found.
    pub const NOT_FOUND: Self = Self(1);
    /// An invalid argument.
    pub const BAD_ARGUMENT: Self = Self(2);
    /// A value has no serialised form.
    pub const SERIALIZATION_FAILURE: Self = Self(3);
    /// A serialised value cannot be read.
    pub const PARSE_FAILURE: Self = Self(4);
    /// A pointer outside of the guest's memory.
    pub const INVALID_MEMORY_ACCESS: Self = Self(6);
    /// An empty queue.
    pub const EMPTY: Self = Self(7);
    /// A shared value changed meanwhile.
    pub const CAS_MISMATCH: Self = Self(8);
    /// The host failed.
    pub const INTERNAL_FAILURE: Self = Self(10);
    /// The connection broke.
    pub const BROKEN_CONNECTION: Self = Self(11);
    /// Not implemented.
    pub const UNIMPLEMENTED: Self = Self(12);
}

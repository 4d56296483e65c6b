//! What one worker knows: who is in flight, who waits, what was used up.

pub(crate) mod gauges;
pub(crate) mod state;
pub(crate) mod tickets;

//! The state that host calls reach: of one worker, and of all workers.

pub(crate) mod shared;
pub(crate) mod state;

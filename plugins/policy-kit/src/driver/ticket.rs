//! A ticket: the place of a held request in a plugin's queue.

/// Stands for a request that a plugin holds. The plugin chooses the number, and uses each once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

//! The idempotency module on the real Envoy: what takes effect, what is told again, and what is not
//! known, with upstreams that fail in every way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../probe/by_hand.rs"]
mod by_hand;
mod casino_day;
mod departures;
mod endings;
mod held;
mod outer;
mod script;
mod shared;
#[path = "../common/until.rs"]
mod until;
mod untouched;
mod world;

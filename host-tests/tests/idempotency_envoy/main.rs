//! The idempotency module on the real Envoy: what takes effect, what is replayed and what is unknown, with
//! upstreams that fail in every way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../probe/by_hand.rs"]
mod by_hand;
mod casino_day;
mod early_ends;
mod exchanges;
mod fixture;
mod held_answers;
mod other_filters;
mod script;
mod shared;
#[path = "../common/until.rs"]
mod until;
mod upstream_traffic;

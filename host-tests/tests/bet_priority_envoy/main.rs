//! bet-priority on the real Envoy: one permit, and an upstream that answers when a test says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../probe/by_hand.rs"]
#[allow(dead_code)]
mod by_hand;
mod fixture;
mod login;
mod queue;
#[path = "../common/until.rs"]
mod until;

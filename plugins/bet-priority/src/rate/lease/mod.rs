//! Tokens leased from Redis, for limits that all gateways share.
//!
//! Redis keeps the counter ([`policy_kit::Gcra`] by its own clock) and grants tokens in batches; a worker spends them
//! without asking, until they expire. What can be admitted beyond the limit is bounded:
//!
//! - Redis never grants more than `burst + rate x time`, whatever is lost, repeated or delayed. Tokens are spent within
//!   `lease_ms` after they were granted, or twice that where more are asked for before they are spent. So in any time `t`
//!   all gateways admit at most `burst + rate x (t + 2 x lease_ms)`.
//! - A worker that does not hear from Redis goes on with `requests` and `burst` divided by gateways and workers, beginning
//!   with a whole burst of its own. If all of them do, they admit at most `burst + rate x t` beside that, where `burst` is
//!   at least `gateways x workers x cost`, for a burst is never divided below `cost`.
//! - Grants whose answer is lost, and tokens that expire, are lost: they only make the limit stricter, for as long as the
//!   rate takes to bring them back.

pub(crate) mod book;
pub mod fleet;
pub(crate) mod slot;

//! Lets every bet and payment take effect once, and gives every retry the first answer.
//!
//! 1. A call that moves money names itself by a key ([`Key`]). What the key stands for is its
//!    [`Scope`]: the same key of another player, partner, brand, method or endpoint is another one.
//! 2. What was asked under the key is its [`Fingerprint`]: another question under the same key is
//!    refused, never answered with the first answer.
//! 3. A key is absent, in progress, completed, oversize or unknown ([`State`]). Whoever claims it first
//!    carries the call out; [`step`] is the whole state machine, and every store runs it.
//! 4. A deadline that passed makes a key unknown, never absent: the call may have taken effect.
//! 5. How a call ended is judged by [`judge`]; what cannot be told is unknown, too.
//! 6. Each claim has a fencing token ([`Fence`]). Whoever lost its claim cannot settle it any more.
//! 7. The embedded store ([`Slots`]) is a fixed number of slots in the gateway's shared data. Nothing
//!    that has not expired is evicted from it, nobody holds more keys than a [`Quota`] allows, and players
//!    take no room from partners ([`Part`]).
//! 8. The same bet under two keys within seconds is a [`DoubleClick`].
#![warn(missing_docs)]

mod answering;
mod asking;
mod boot;
mod bucket;
mod bytes;
pub mod config;
pub mod denials;
mod double_click;
mod early;
mod embedded;
mod ending;
mod failing;
pub mod filter;
mod fingerprint;
mod inquiry;
mod key;
mod key_source;
mod level;
mod lines;
pub mod names;
mod outcome;
mod owner_count;
pub mod plugin;
mod policy;
mod policy_calls;
mod policy_click;
mod policy_promise;
mod policy_room;
mod quota;
mod reconcile;
mod record;
mod refusing;
pub mod replay;
mod request;
mod resolving;
mod rule;
mod rule_config;
mod scatter;
mod scope;
mod share;
mod slots;
mod state;
pub mod store;
mod turn;

pub use boot::Boot;
pub use double_click::{Click, DoubleClick};
pub use embedded::Embedded;
pub use fingerprint::{Fingerprint, Selection};
pub use key::{Key, KeyFault, Namer};
pub use key_source::{KeyPart, KeySource};
pub use outcome::{judge, Attempt, CodeRule, Ending, Judged, OutcomeRule};
pub use policy::Policy;
pub use policy_click::ClickRule;
pub use policy_room::Room;
pub use quota::{Allowance, Failure, Quota, Taken};
pub use reconcile::Reconcile;
pub use record::{Answer, Entry, State};
pub use rule::{Retention, Rule};
pub use scatter::Scatter;
pub use scope::{Owner, Part, PerPart, Scope};
pub use slots::{Limits, Slots, StoreFault};
pub use state::{step, Fence, Kept, Op, Reply, Settled, Step};

#[cfg(test)]
mod simulation_tests;
#[cfg(test)]
mod starvation_tests;
#[cfg(test)]
mod walk;

#[cfg(target_arch = "wasm32")]
policy_shell::export!(
    crate::plugin::Idempotency:
    request_headers, request_body, call, response_headers, response_body, tick, log
);

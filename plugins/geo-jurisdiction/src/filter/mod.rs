//! The filter: reads facts, asks the policy, applies the decision.

mod facts;
mod report;
pub mod request;

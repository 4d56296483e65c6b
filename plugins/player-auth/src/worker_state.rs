//! What one worker remembers from request to request, all of it bounded.

use policy_kit::Bulkhead;

use crate::partner::unverified::Unverified;
use crate::player_state::pam_memory::PamMemory;
use crate::revocation::revocations::Revocations;
use crate::token::memory::{TokenMemory, MAX_CALLS};

/// What a worker remembers.
#[derive(Debug)]
pub struct WorkerState {
    /// Tokens, keys and failures.
    pub tokens: TokenMemory,
    /// Limits for callers that are not yet authenticated as partners.
    pub unverified: Unverified,
    /// Players as the PAM reported them.
    pub pam: PamMemory,
    /// Pending calls to the PAM.
    pub pam_calls: Bulkhead,
    /// The revocations that the worker knows.
    pub revocations: Revocations,
}

impl WorkerState {
    /// The state of a new worker.
    pub fn new(tokens: TokenMemory) -> Self {
        Self {
            tokens,
            unverified: Unverified::default(),
            pam: PamMemory::default(),
            pam_calls: Bulkhead::new(MAX_CALLS),
            revocations: Revocations::default(),
        }
    }
}

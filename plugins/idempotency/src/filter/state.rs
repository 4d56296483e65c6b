//! The filter of one request, and how far the request has come.

use std::rc::Rc;

use policy_kit::{Denial, EndpointClass};

use crate::filter::facts::{Caller, Request};
use crate::filter::worker::WorkerState;
use crate::policy::answer::Answer;
use crate::policy::identity::{Fingerprint, Scope};
use crate::policy::key::Key;
use crate::policy::outcome::Exchange;
use crate::policy::rule::Rule;
use crate::store::port::{Command, Fence};
use crate::store::record::number_at;
use crate::store::shares::WaitPermit;

/// The filter of one request: it claims the key before the request goes on, and settles it before the answer
/// does.
#[derive(Debug)]
pub struct IdempotencyFilter {
    pub(crate) worker: Rc<WorkerState>,
    pub(crate) request: Request,
    pub(crate) stage: Stage,
}

/// How far a request has come.
#[derive(Debug, Default)]
pub(crate) enum Stage {
    /// It has no key, or its headers have not been read yet.
    #[default]
    Idle,
    /// It waits for its body.
    Body,
    /// Its key is being claimed.
    Claiming(PendingClaim),
    /// It is being carried out.
    Claimed(Claim),
    /// It got a local reply, or its key is settled.
    Over,
}

/// A request with a key.
#[derive(Clone, Debug)]
pub(crate) struct KeyedRequest {
    pub(crate) rule: Rc<Rule>,
    pub(crate) class: EndpointClass,
    pub(crate) envelope: Option<String>,
    pub(crate) key: Key,
    pub(crate) caller: Caller,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) scope: Scope,
    /// The fingerprint that makes two bets the same, if this is a bet.
    pub(crate) bet: Option<Fingerprint>,
}

/// A claim that is not decided yet.
#[derive(Debug)]
pub(crate) struct PendingClaim {
    pub(crate) keyed: KeyedRequest,
    pub(crate) step: ClaimStep,
    /// Until when it waits for the first attempt, in nanoseconds since the epoch.
    pub(crate) waits_until: Option<u64>,
    /// Its permit to wait.
    pub(crate) permit: Option<Box<WaitPermit>>,
    /// Whether the reconcile service was called: once is enough.
    pub(crate) reconciled: bool,
}

/// What a pending claim waits for.
#[derive(Debug)]
pub(crate) enum ClaimStep {
    /// The next tick, or nothing yet.
    Idle,
    Claim(Command<Answer>),
    /// Frees a key that was granted, because the request is refused; with the nanoseconds after which another
    /// may be allowed, if known.
    Release(Command<Answer>, Denial, u64),
    /// The reconcile call about this claim, started at this time.
    Reconcile(Fence, u64),
    /// Writes the outcome that the reconcile service reported.
    Resolve(Command<Answer>),
}

/// A request that is carried out under a claim.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) keyed: KeyedRequest,
    pub(crate) fence: Fence,
    /// Until when its key is kept.
    pub(crate) expires: u64,
    /// The fence of its bet, if that is the first of its kind.
    pub(crate) bet: Option<Fence>,
    /// The exchange and the answer without its body, while that is awaited.
    pub(crate) head: Option<(Exchange, Answer)>,
    /// The command that settles it, while the store makes a call.
    pub(crate) settling: Option<Command<Answer>>,
}

impl IdempotencyFilter {
    /// The filter of a new request.
    pub(crate) fn new(worker: Rc<WorkerState>) -> Self {
        Self { worker, request: Request::default(), stage: Stage::Idle }
    }

    pub(crate) fn take_pending(&mut self) -> Option<PendingClaim> {
        match std::mem::take(&mut self.stage) {
            Stage::Claiming(pending) => Some(pending),
            stage => {
                self.stage = stage;
                None
            }
        }
    }

    pub(crate) fn take_claim(&mut self) -> Option<Claim> {
        match std::mem::take(&mut self.stage) {
            Stage::Claimed(claim) => Some(claim),
            stage => {
                self.stage = stage;
                None
            }
        }
    }

    /// The evidence of a decision: the rule, the first digits of the scope, and the result.
    pub(crate) fn evidence(&self, keyed: &KeyedRequest, result: &str) -> String {
        let (rule, end) = (&keyed.rule.name, &self.worker.evidence_end);
        let scope = number_at(&keyed.scope.0, 0);
        // Digit by digit: every request with a key has one, and formatting costs a fiftieth of it.
        let digit = |shift: u32| {
            let digit = u32::try_from(scope >> shift & 15).unwrap_or_default();
            char::from_digit(digit, 16).unwrap_or_default()
        };
        let mut text = String::with_capacity(64 + rule.len() + end.len());
        for piece in ["rule=", rule, " key="] {
            text.push_str(piece);
        }
        text.extend((0..16).rev().map(|place| digit(place * 4)));
        for piece in [" said=", result, end] {
            text.push_str(piece);
        }
        text
    }
}

impl PendingClaim {
    /// The claim of a request, before anything was asked.
    pub(crate) fn new(keyed: KeyedRequest) -> Self {
        let step = ClaimStep::Idle;
        Self { keyed, step, waits_until: None, permit: None, reconciled: false }
    }
}

impl ClaimStep {
    /// The store's command, if this is one.
    pub(crate) fn command(&self) -> Option<&Command<Answer>> {
        match self {
            Self::Claim(command) | Self::Release(command, ..) | Self::Resolve(command) => {
                Some(command)
            }
            Self::Reconcile(..) | Self::Idle => None,
        }
    }
}

impl Claim {
    /// When it was claimed, in nanoseconds since the epoch.
    pub(crate) fn claimed(&self) -> u64 {
        let retention = self.keyed.rule.retention.of(self.keyed.scope.part());
        self.expires.saturating_sub(retention.kept)
    }
}

//! Retries of the route: when the router asks the upstream once more.

use std::time::Duration;

use crate::event::Event;
use crate::worker::Worker;
use crate::{flags, Outcome, StreamId};

/// The first pause before a retry is shorter than this, each further one than twice the last.
const BASE: Duration = Duration::from_millis(25);

/// No pause is longer.
const LONGEST: Duration = Duration::from_millis(250);

/// When the router sends a request again, as Envoy's `retry_policy` says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryPolicy {
    /// `5xx`: any answer of 500 and more, and whatever else went wrong before one.
    pub five_xx: bool,
    /// `gateway-error`: the same with 502, 503 and 504 only.
    pub gateway_error: bool,
    /// `reset`: no answer at all.
    pub reset: bool,
    /// `connect-failure`: the connection was refused.
    pub connect_failure: bool,
    /// `num_retries`: how often at most.
    pub num_retries: u64,
}

impl RetryPolicy {
    /// Reads `retry_on`, as in `connect-failure,reset`. `None` when a condition is not known here.
    pub fn parse(retry_on: &str, num_retries: u64) -> Option<Self> {
        let mut policy = Self { num_retries, ..Self::default() };
        for condition in retry_on.split(',') {
            match condition.trim() {
                "5xx" => policy.five_xx = true,
                "gateway-error" => policy.gateway_error = true,
                "reset" => policy.reset = true,
                "connect-failure" => policy.connect_failure = true,
                _ => return None,
            }
        }
        Some(policy)
    }

    /// Whether an attempt that went like this is worth another. The route's timeout ends all of them.
    fn wants(&self, outcome: &Outcome) -> bool {
        let any = self.five_xx || self.gateway_error;
        match outcome {
            Outcome::Response(response) | Outcome::ResetMidBody(response) => {
                let status = response.status();
                (self.five_xx && (500..600).contains(&status))
                    || (self.gateway_error && (502..=504).contains(&status))
            }
            Outcome::Refused => any || self.reset || self.connect_failure,
            Outcome::Reset => any || self.reset,
            Outcome::Timeout => false,
        }
    }
}

impl Worker {
    /// Whether there is to be another attempt; it is on its way then.
    pub(crate) fn tries_again(&mut self, id: StreamId, outcome: &Outcome) -> bool {
        let Some(pause) = self.pause(id, outcome) else { return false };
        let next = self.world.clock.now().saturating_add(crate::clock::nanoseconds(pause));
        let deadline = self.world.streams.get(&id).and_then(|it| it.deadline);
        let (at, event) = match deadline {
            Some(deadline) if next >= deadline => {
                (deadline, Event::Upstream { stream: id, outcome: Outcome::Timeout })
            }
            _ => (next, Event::Forward { stream: id }),
        };
        self.world.outbox.push((at, self.world.worker, event));
        true
    }

    /// The pause before the next attempt, if there is to be one.
    fn pause(&mut self, id: StreamId, outcome: &Outcome) -> Option<Duration> {
        let stream = self.world.streams.get_mut(&id)?;
        let policy = stream.retries.or(self.world.shared.retries);
        let policy = policy.filter(|it| it.wants(outcome))?;
        let sent = stream.upstream.as_ref().filter(|it| it.complete)?;
        // The router gave up keeping a body that is longer than what a filter may hold.
        let most = stream.request_limit.unwrap_or(self.world.shared.buffer_limit);
        if sent.body.len() > most {
            return None;
        }
        if stream.attempts > stream.max_retries.unwrap_or(policy.num_retries) {
            stream.flags |= flags::UPSTREAM_RETRY_LIMIT_EXCEEDED;
            return None;
        }
        let doublings = u32::try_from(stream.attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        stream.attempts += 1;
        let longest = BASE.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST);
        let pause = self.world.rng.below(usize::try_from(longest.as_millis()).unwrap_or(0));
        Some(Duration::from_millis(u64::try_from(pause).unwrap_or(0)))
    }
}

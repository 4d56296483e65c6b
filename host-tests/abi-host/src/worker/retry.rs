//! Retries of upstream requests.

use std::time::Duration;

use crate::clock::nanoseconds;
use crate::event::Event;
use crate::report::flags;
use crate::report::stream_id::StreamId;
use crate::retry_policy::RetryPolicy;
use crate::upstream::Outcome;
use crate::worker::Worker;

/// Upper bound of the pause before the first retry; each further bound is twice the last.
const BASE: Duration = Duration::from_millis(25);

/// Upper bound of all pauses.
const LONGEST: Duration = Duration::from_millis(250);

impl Worker {
    /// Schedules another attempt. False when there is none.
    pub(crate) fn schedule_retry(&mut self, id: StreamId, outcome: &Outcome) -> bool {
        let Some(pause) = self.pause(id, outcome) else { return false };
        let next = self.host.clock.now().saturating_add(nanoseconds(pause));
        let deadline = self.host.streams.get(&id).and_then(|it| it.deadline);
        let (at, event) = match deadline {
            Some(deadline) if next >= deadline => {
                (deadline, Event::Upstream { stream: id, outcome: Outcome::Timeout })
            }
            _ => (next, Event::Forward { stream: id }),
        };
        self.host.outbox.push((at, self.host.worker, event));
        true
    }

    /// The pause before the next attempt, if there is one.
    fn pause(&mut self, id: StreamId, outcome: &Outcome) -> Option<Duration> {
        let stream = self.host.streams.get_mut(&id)?;
        let policy = stream.retries.or(self.host.shared.retries);
        let policy = policy.filter(|it| permits(it, outcome))?;
        let sent = stream.upstream.as_ref().filter(|it| it.complete)?;
        // The router does not keep a body longer than the buffer limit.
        let most = stream.request_limit.unwrap_or(self.host.shared.buffer_limit);
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
        let pause = self.host.rng.below(usize::try_from(longest.as_millis()).unwrap_or(0));
        Some(Duration::from_millis(u64::try_from(pause).unwrap_or(0)))
    }
}

/// Whether the policy retries after this outcome. The route's timeout ends all attempts.
fn permits(policy: &RetryPolicy, outcome: &Outcome) -> bool {
    let any = policy.five_xx || policy.gateway_error;
    match outcome {
        Outcome::Response(response) | Outcome::ResetMidBody(response) => {
            let status = response.status();
            (policy.five_xx && (500..600).contains(&status))
                || (policy.gateway_error && (502..=504).contains(&status))
        }
        Outcome::Refused => any || policy.reset || policy.connect_failure,
        Outcome::Reset => any || policy.reset,
        Outcome::Timeout => false,
    }
}

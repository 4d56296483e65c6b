//! How a request ended: its permit is free again, and its end counts.

use policy_kit::{Fault, Host, Profile};

use crate::clock;
use crate::filter::hold::{Hold, Running};
use crate::filter::state::{Attempt, PriorityFilter};
use crate::queue::admission::End;

/// `response.flags` of a client that left.
const CLIENT_GONE: u64 = 0x4000;

impl PriorityFilter {
    /// The stream is over.
    pub(super) fn end(&mut self, host: &mut dyn Host) {
        let (hold, attempt) = (std::mem::take(&mut self.hold), self.attempt.take());
        self.market = None;
        let is_running = matches!(hold, Hold::Running(_));
        if !is_running && attempt.is_none() {
            self.leave(hold);
            return;
        }
        let now = clock::now(host);
        let end = match self.policy.profile {
            Profile::Envoy => ending(host),
            Profile::Wasmx => self.ending_on_wasmx(host, now.unwrap_or(self.case.arrived)),
        };
        if let Some(attempt) = attempt {
            self.attempt_ended(host, &attempt, end, now.unwrap_or(self.case.arrived));
        }
        match hold {
            Hold::Running(running) => self.finish(running, end, now.ok()),
            hold => self.leave(hold),
        }
    }

    /// WasmX tells a status and nothing of whose it is: nginx's own 502 and 504 count as the upstream's, 499 is a client
    /// that left.
    fn ending_on_wasmx(&self, host: &mut dyn Host, now: u64) -> End {
        let latency = now.saturating_sub(self.case.arrived);
        match status(host) {
            _ if !self.went_on => End::NotSent,
            0 | 499 => End::ClientGone,
            status => End::Answered { latency, status },
        }
    }

    /// A login or a deposit ended.
    fn attempt_ended(&self, host: &mut dyn Host, attempt: &Attempt, end: End, now: u64) {
        let Some(abuse) = &self.policy.abuse else { return };
        let status = match end {
            End::Answered { status, .. } => Some(status),
            _ => None,
        };
        let rules = &self.policy.rules;
        match (attempt, &abuse.login, &abuse.deposits) {
            (Attempt::Login(ticket), Some(login), _) => {
                if let (End::Answered { status, latency }, Ok(mut worker)) = (end, self.worker()) {
                    if login.is_failure(status) {
                        worker.logins.observe(ticket.endpoint, latency);
                    }
                }
                match login.login_ended(host, ticket, status, now) {
                    Ok(ended) => rules.login_ended(host, ended),
                    Err(fault) => rules.table_fault(host, "login", fault),
                }
            }
            (Attempt::Deposit(ticket), _, Some(deposits)) => {
                match deposits.deposit_ended(host, ticket, status, now) {
                    Ok(ended) => rules.deposit_ended(host, ended),
                    Err(fault) => rules.table_fault(host, "deposits", fault),
                }
            }
            _ => {}
        }
    }

    /// Nothing is decided about the request. It keeps its permit if it goes on all the same; else it never was sent,
    /// and what was charged does not count.
    pub(super) fn abandon(&mut self, host: &mut dyn Host, forward: bool) {
        match std::mem::take(&mut self.hold) {
            hold @ Hold::Running(_) if forward => self.hold = hold,
            Hold::Running(running) => self.finish(running, End::NotSent, None),
            hold => self.leave(hold),
        }
        if forward {
            return;
        }
        self.market = None;
        let receipt = std::mem::take(&mut self.receipt);
        if let Ok(mut worker) = self.worker.try_borrow_mut() {
            worker.limits.give_back(host, &receipt);
        }
    }

    /// The stream is gone, and nothing was heard of its end.
    pub(super) fn forget(&mut self) {
        match std::mem::take(&mut self.hold) {
            // The upstream may still work on it.
            Hold::Running(running) => self.finish(running, End::ClientGone, None),
            hold => self.leave(hold),
        }
    }

    fn finish(&self, running: Running, end: End, now: Option<u64>) {
        if let Ok(mut worker) = self.worker.try_borrow_mut() {
            let now = now.unwrap_or_else(|| worker.now());
            worker.finish(running.group, running.permit, end, now);
        }
    }

    fn leave(&self, hold: Hold) {
        let (Hold::Waiting { ticket, .. } | Hold::Delayed { ticket, .. }) = hold else { return };
        if let Ok(mut worker) = self.worker.try_borrow_mut() {
            worker.leave(ticket);
        }
    }
}

/// How the exchange with the upstream ended, as the gateway reports it at the end of the stream.
fn ending(host: &mut dyn Host) -> End {
    // Envoy has this once the last byte of the upstream's answer is there.
    let latency = number(host.property(&["response", "backend_latency"]));
    if let Some(latency) = latency {
        return End::Answered { latency, status: status(host) };
    }
    let flags = number(host.property(&["response", "flags"])).unwrap_or(0);
    if flags & CLIENT_GONE != 0 {
        return End::ClientGone;
    }
    let details = host.property(&["response", "code_details"]).ok().flatten().unwrap_or_default();
    let upstreams = [&b"upstream"[..], b"response_timeout", b"via_upstream", b"http"];
    match upstreams.iter().any(|prefix| details.starts_with(prefix)) {
        true => End::NoAnswer,
        false => End::NotSent,
    }
}

/// The status of the response; 0 for none.
fn status(host: &mut dyn Host) -> u16 {
    let status = number(host.property(&["response", "code"]));
    status.and_then(|status| u16::try_from(status).ok()).unwrap_or(0)
}

/// A number as Envoy gives it, in little-endian bytes, or as WasmX does, in digits.
fn number(property: Result<Option<Vec<u8>>, Fault>) -> Option<u64> {
    let bytes = property.ok().flatten()?;
    match bytes.first_chunk::<8>().filter(|_| bytes.len() == 8) {
        Some(number) => Some(u64::from_le_bytes(*number)),
        None => std::str::from_utf8(&bytes).ok()?.parse().ok(),
    }
}

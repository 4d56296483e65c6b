//! What the filters of one worker share.

use std::cell::Cell;

use policy_kit::metrics::PerClass;
use policy_kit::{DecisionRecorder, EndpointClass, Fault, HeaderNames, Host};

use crate::filter::facts::now;
use crate::names::{self, SECOND};
use crate::policy::compiled::Policy;
use crate::policy::identity::{Part, PerPart, Scope};
use crate::store::level::FillLevel;
use crate::store::port::{Store, StoreFault};
use crate::store::quota::Quota;
use crate::store::recent_bets::RecentBets;
use crate::store::shares::{ReconcileCalls, WaitPermits};
use crate::store::slots::Embedded;

/// How often the fill level is sampled, in nanoseconds: it moves by minutes.
const SAMPLE_EVERY: u64 = 8 * SECOND;
/// Nanoseconds between two log lines of one kind.
const LOG_EVERY: u64 = 60 * SECOND;

/// What the filters of one worker share.
#[derive(Debug)]
pub(crate) struct WorkerState {
    pub(crate) policy: Policy,
    pub(crate) store: Box<dyn Store>,
    /// The embedded store, which may lie below `store`.
    pub(crate) embedded: Embedded,
    pub(crate) levels: PerPart<FillLevel>,
    /// When the levels were last sampled.
    pub(crate) sampled: Cell<u64>,
    pub(crate) quotas: PerPart<Quota>,
    /// Where double clicks are looked for.
    pub(crate) recent_bets: Option<RecentBets>,
    pub(crate) reconcile_calls: ReconcileCalls,
    pub(crate) wait_permits: WaitPermits,
    pub(crate) fault_log: FaultLog,
    /// The end of all evidence: the document's version and the store's id.
    pub(crate) evidence_end: String,
    pub(crate) recorder: DecisionRecorder,
    /// Counters of keys that were settled with their answer.
    pub(crate) completed: PerClass,
    /// Headers that change the meaning of a request after it was classified.
    pub(crate) stripped: HeaderNames,
    /// The same for requests that may have keys, with the headers that make the router retry.
    pub(crate) stripped_if_keyed: HeaderNames,
}

impl WorkerState {
    /// Samples how full the store is, every eight seconds.
    ///
    /// # Errors
    /// The gateway has no clock.
    pub(crate) fn sample_levels(&self, host: &mut dyn Host) -> Result<(), Fault> {
        let now = now(host)?;
        if now.abs_diff(self.sampled.get()) < SAMPLE_EVERY {
            return Ok(());
        }
        self.sampled.set(now);
        for part in Part::ALL {
            let sampled = self.levels.of(part).sample(host, self.embedded.part(part), now);
            if let Err(fault) = sampled {
                let line = || format!("store of {}: {fault:?}", part.name());
                self.fault_log.write(host, FaultKind::Store, now, line);
            }
        }
        Ok(())
    }

    /// A count cannot be read or written. It is right again once the key would have expired. Without its
    /// count, an owner may fill its part of the store, but no other.
    pub(crate) fn report_quota_fault(&self, host: &mut dyn Host, fault: StoreFault, now: u64) {
        self.fault_log.write(host, FaultKind::Quota, now, || format!("quota: {fault:?}"));
    }

    /// The store did not execute a command.
    pub(crate) fn report_store_fault(
        &self,
        host: &mut dyn Host,
        scope: &Scope,
        fault: StoreFault,
        now: u64,
    ) {
        let part = scope.part().name();
        let kind = match fault {
            StoreFault::Full => {
                host.count(&names::full(part));
                FaultKind::Full
            }
            _ => FaultKind::Store,
        };
        self.fault_log.write(host, kind, now, || format!("store of {part}: {fault:?}"));
    }

    /// A bet cannot be compared with those of the last seconds.
    pub(crate) fn report_click_fault(
        &self,
        host: &mut dyn Host,
        class: EndpointClass,
        fault: StoreFault,
        now: u64,
    ) {
        host.count(&names::unseen(class.as_str()));
        let line = || format!("double click: {fault:?}; such bets are counted, not looked at");
        self.fault_log.write(host, FaultKind::Clicks, now, line);
    }
}

/// What fails for many requests at once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FaultKind {
    /// No slot is free.
    Full,
    /// The store fails.
    Store,
    /// Counts of keys cannot be read or written.
    Quota,
    /// Bets cannot be remembered.
    Clicks,
}

/// When a line of each kind was last logged: one a minute is enough, since counters have the numbers.
#[derive(Debug, Default)]
pub(crate) struct FaultLog([Cell<Option<u64>>; 4]);

impl FaultLog {
    /// Logs a line, unless one of its kind was logged within a minute.
    pub(crate) fn write(
        &self,
        host: &mut dyn Host,
        kind: FaultKind,
        now: u64,
        line: impl FnOnce() -> String,
    ) {
        let Some(last) = self.0.get(kind as usize) else { return };
        if last.get().is_none_or(|last| now.abs_diff(last) >= LOG_EVERY) {
            last.set(Some(now));
            let level = match kind {
                FaultKind::Full | FaultKind::Store => log::Level::Error,
                FaultKind::Quota | FaultKind::Clicks => log::Level::Warn,
            };
            host.log(level, &format!("idempotency: {}", line()));
        }
    }
}

#[cfg(test)]
#[path = "fault_log_tests.rs"]
mod tests;

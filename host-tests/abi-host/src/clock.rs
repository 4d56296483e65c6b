//! Virtual time. Nothing in this crate reads the machine's clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

/// A clock that moves only by [`Clock::set`] and [`Clock::advance`]. Clones share the time.
#[derive(Clone, Debug)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    /// A clock standing at `nanoseconds` since the Unix epoch.
    pub fn at(nanoseconds: u64) -> Self {
        Self(Arc::new(AtomicU64::new(nanoseconds)))
    }

    /// Nanoseconds since the Unix epoch.
    pub fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets the time, in nanoseconds since the Unix epoch. Going back is allowed, as on real
    /// machines whose clock is corrected.
    pub fn set(&self, nanoseconds: u64) {
        self.0.store(nanoseconds, Ordering::Relaxed);
    }

    /// Moves the time forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().saturating_add(nanoseconds(by)));
    }
}

impl Default for Clock {
    /// 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::at(1_767_225_600_000_000_000)
    }
}

pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

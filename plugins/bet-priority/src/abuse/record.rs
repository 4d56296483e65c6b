//! What is counted of one account, address or player: failures within a time, and the lock that follows.
//!
//! Times are in whole seconds, rounded so that a failure counts, and a lock lasts, up to a second longer, never
//! shorter. A time that cannot be, because the clock was set back since, is moved to the latest that can be: no
//! lock lasts for ever.

use policy_kit::SECOND;

/// An attempt that has not ended after so long is lost, in seconds: longer than an upstream takes.
const LOST: u32 = 60;

/// How many failures lock, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Failures that lock; at least 1, at most 255.
    pub failures: usize,
    /// The time within which they count, in seconds.
    pub within: u32,
    /// How long a lock lasts, in seconds.
    pub lock: u32,
    /// How long every further one lasts, in seconds.
    pub again: u32,
    /// How long after a lock the next one is a further one, in seconds.
    pub memory: u32,
}

/// What happens to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing: is it locked?
    Look,
    /// An attempt begins. It takes one of the failures that are left until it ends.
    Begin,
    /// An attempt has failed. The time is that at which it began, in seconds, if it took one.
    Fail(Option<u32>),
    /// An attempt has succeeded.
    Succeed,
    /// An attempt that began then has ended without a result.
    Withdraw(u32),
}

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not locked. The time of an attempt that begins, in seconds.
    Open(u32),
    /// As many attempts are pending as may still fail.
    Crowded,
    /// Locked until then, in seconds since the epoch.
    Locked {
        /// The end of the lock.
        until: u32,
        /// Whether it is a further one.
        again: bool,
    },
}

/// Failures and attempts of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Number of locks so far that are remembered.
    pub(crate) locks: u8,
    /// When the last lock ends, in seconds since the epoch; 0 if there is none.
    pub(crate) until: u32,
    /// Failures and pending attempts.
    pub(crate) marks: Vec<Mark>,
}

/// A failure, or an attempt that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// In seconds since the epoch.
    pub(crate) at: u32,
    pub(crate) pending: bool,
}

/// A moment in whole seconds, rounded down and up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) down: u32,
    up: u32,
}

impl Moment {
    /// Of a time in nanoseconds since the epoch.
    pub(crate) fn of(now: u64) -> Self {
        let whole = |seconds: u64| u32::try_from(seconds).unwrap_or(u32::MAX);
        Self { down: whole(now / SECOND), up: whole(now.div_ceil(SECOND)) }
    }
}

impl Record {
    /// Applies an event at `now`. Returns what the record says then, and whether it has changed in a way that must
    /// be kept.
    pub(crate) fn apply(&mut self, event: Event, now: Moment, terms: &Terms) -> (Verdict, bool) {
        let moved = self.settle(now, terms);
        if now.down < self.until {
            return (Verdict::Locked { until: self.until, again: self.locks > 1 }, moved);
        }
        let changed = match event {
            Event::Look => false,
            Event::Begin if self.marks.len() >= terms.failures => {
                return (Verdict::Crowded, moved);
            }
            Event::Begin => {
                self.marks.push(Mark { at: now.up, pending: true });
                true
            }
            Event::Fail(began) => {
                self.take_out(began);
                self.marks.push(Mark { at: now.up, pending: false });
                if self.marks.iter().filter(|mark| !mark.pending).count() >= terms.failures {
                    self.lock(now, terms);
                    let until = self.until;
                    return (Verdict::Locked { until, again: self.locks > 1 }, true);
                }
                // Attempts that took longer than expected may come on top: failures are what must stay.
                while self.marks.len() > terms.failures {
                    let Some(at) = self.marks.iter().position(|mark| mark.pending) else { break };
                    self.marks.remove(at);
                }
                true
            }
            Event::Succeed => {
                *self = Self::default();
                true
            }
            Event::Withdraw(began) => self.take_out(Some(began)),
        };
        (Verdict::Open(now.up), moved || changed)
    }

    /// Whether it says nothing any more.
    pub(crate) fn is_over(&self) -> bool {
        self.marks.is_empty() && self.locks == 0
    }

    /// Whether it is locked.
    pub(crate) fn is_locked(&self, now: Moment) -> bool {
        now.down < self.until
    }

    /// When it says nothing any more if nothing happens, in seconds since the epoch.
    pub(crate) fn ends(&self, terms: &Terms) -> u32 {
        let life = |mark: &Mark| if mark.pending { LOST } else { terms.within };
        let marks = self.marks.iter().map(|mark| mark.at.saturating_add(life(mark))).max();
        let lock = if self.locks > 0 { self.until.saturating_add(terms.memory) } else { 0 };
        marks.unwrap_or(0).max(lock)
    }

    /// Drops what is over, and moves what lies in a future that cannot be. Returns whether it moved anything.
    pub(crate) fn settle(&mut self, now: Moment, terms: &Terms) -> bool {
        let mut moved = false;
        let mut at_most = |time: &mut u32, most: u32| {
            moved |= *time > most;
            *time = (*time).min(most);
        };
        for mark in &mut self.marks {
            at_most(&mut mark.at, now.up);
        }
        at_most(&mut self.until, now.up.saturating_add(terms.lock_length(self.locks)));
        self.marks.retain(|mark| {
            let life = if mark.pending { LOST } else { terms.within };
            now.down < mark.at.saturating_add(life)
        });
        if now.down >= self.until.saturating_add(terms.memory) {
            (self.locks, self.until) = (0, 0);
        }
        moved
    }

    fn lock(&mut self, now: Moment, terms: &Terms) {
        self.locks = self.locks.saturating_add(1);
        self.until = now.up.saturating_add(terms.lock_length(self.locks));
        self.marks.clear();
    }

    /// Takes out the pending attempt that began then. Returns whether there was one.
    fn take_out(&mut self, began: Option<u32>) -> bool {
        let of = |mark: &Mark| mark.pending && Some(mark.at) == began;
        let Some(at) = self.marks.iter().position(of) else { return false };
        self.marks.remove(at);
        true
    }
}

impl Terms {
    fn lock_length(&self, locks: u8) -> u32 {
        match locks {
            0 | 1 => self.lock,
            _ => self.again,
        }
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;

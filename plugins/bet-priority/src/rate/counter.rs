//! The counters of one rule.

use policy_kit::{Gcra, Host, LoadedBucket, LocalSlots, SharedSlots, SlotFault};

use crate::rate::config::limit::Scope;
use crate::rate::rule::Rule;

/// How often a compare-and-swap is tried.
const TRIES: usize = 3;

/// The counters of one rule: of its scope, and those of this worker alone.
#[derive(Debug)]
pub(crate) struct Counters {
    local: LocalSlots,
    shared: Option<SharedSlots>,
}

/// One counter as it was read.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) id: u64,
    /// Its value.
    pub(crate) value: u64,
    /// The bucket of shared data that holds it; `None` for this worker's memory.
    loaded: Option<LoadedBucket>,
}

/// Why a charge was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// Other workers used up what there was. Nanoseconds to wait.
    Refused(u64),
    /// The table cannot be used.
    Fault(SlotFault),
}

impl Counters {
    pub(crate) fn new(rule: &Rule) -> Self {
        let shared = || SharedSlots::new(&rule.table, rule.slots, 0);
        let shared = (rule.scope == Scope::Node).then(shared);
        Self { local: LocalSlots::new(rule.slots, 0), shared }
    }

    /// Reads a counter of this worker.
    pub(crate) fn read_own(&self, id: u64) -> Reading {
        Reading { id, value: self.local.until(id), loaded: None }
    }

    /// Reads a counter of all workers.
    ///
    /// # Errors
    /// Shared data cannot be read, or holds something else.
    pub(crate) fn read_shared(
        &mut self,
        host: &mut dyn Host,
        id: u64,
    ) -> Result<Reading, SlotFault> {
        let table = self.shared.as_mut().ok_or(SlotFault::Damaged)?;
        let loaded = table.load(host, id)?;
        Ok(Reading { id, value: loaded.bucket.until(id), loaded: Some(loaded) })
    }

    /// Lowers a value that is older than a step of the clock backwards, with all others of its bucket. Where another
    /// worker is first, that one or the next request does it.
    pub(crate) fn cap(&mut self, host: &mut dyn Host, reading: &mut Reading, most: u64) {
        reading.value = reading.value.min(most);
        match (&mut reading.loaded, &mut self.shared) {
            (Some(loaded), Some(table)) => {
                loaded.bucket.cap(most);
                // The request is refused, so the bucket as it was read is not used again.
                _ = table.store(host, loaded);
            }
            _ => self.local.cap(reading.id, most),
        }
    }

    /// Writes the value that a charge gives the counter. Where another worker was first, it is read and charged again.
    ///
    /// # Errors
    /// The charge does not fit any more, or shared data cannot be used.
    pub(crate) fn charge(
        &mut self,
        host: &mut dyn Host,
        reading: &mut Reading,
        (limit, cost): (&Gcra, u32),
        now: u64,
    ) -> Result<(), Missed> {
        for _ in 0..TRIES {
            let value = limit.charge(reading.value, now, cost).map_err(Missed::Refused)?;
            if self.write(host, reading, value).map_err(Missed::Fault)? {
                reading.value = value;
                return Ok(());
            }
            *reading = self.read_shared(host, reading.id).map_err(Missed::Fault)?;
        }
        Err(Missed::Fault(SlotFault::Contended))
    }

    /// Takes a charge to this worker's counters back. One that lost its slot keeps it.
    pub(crate) fn give_back_own(&mut self, id: u64, price: u64) {
        if self.local.bucket(id).is_some_and(|bucket| bucket.has(id)) {
            self.local.put(id, self.local.until(id).saturating_sub(price), &[]);
        }
    }

    /// The same for a counter of all workers. One that cannot be written keeps the charge as well.
    pub(crate) fn give_back_shared(&mut self, host: &mut dyn Host, id: u64, price: u64) {
        for _ in 0..TRIES {
            let Ok(mut reading) = self.read_shared(host, id) else { return };
            let has = reading.loaded.as_ref().is_some_and(|loaded| loaded.bucket.has(id));
            let value = reading.value.saturating_sub(price);
            if !has || self.write(host, &mut reading, value) != Ok(false) {
                return;
            }
        }
    }

    fn write(
        &mut self,
        host: &mut dyn Host,
        reading: &mut Reading,
        value: u64,
    ) -> Result<bool, SlotFault> {
        match (&mut reading.loaded, &mut self.shared) {
            (Some(loaded), Some(table)) => {
                loaded.bucket.put(reading.id, value, &[]);
                table.store(host, loaded)
            }
            _ => {
                self.local.put(reading.id, value, &[]);
                Ok(true)
            }
        }
    }

    /// Bytes of this worker's memory.
    pub(crate) fn size(&self) -> usize {
        self.local.size()
    }
}

impl Reading {
    /// Whether it lies in shared data.
    pub(crate) fn is_shared(&self) -> bool {
        self.loaded.is_some()
    }
}

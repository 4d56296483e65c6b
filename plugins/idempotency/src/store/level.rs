//! How full the store is. Counting every key would cost every request something. Instead each worker
//! samples some buckets now and then, one after another: since no client can choose the bucket of a key, a
//! few hundred represent all. Sampling removes expired keys. The more keys a worker has claimed since its
//! last sample, the more buckets it reads.

use std::cell::{Cell, RefCell};

use policy_kit::Host;

use crate::names::{gauge, STORE};
use crate::policy::capacity::Limits;
use crate::policy::identity::Part;
use crate::store::port::StoreFault;
use crate::store::slots::Slots;

/// Most and fewest buckets of one sample.
const SAMPLED: (u64, u64) = (64, 4);
/// Buckets that the estimate is made of: with 512 buckets of ten keys it is 1.4 % off.
const ESTIMATED: usize = 512;
/// Percent of the keys or bytes at which a warning begins, and below which it ends.
const WARNING: (u64, u64) = (70, 60);

/// The fill level of one part, as one worker knows it.
#[derive(Debug)]
pub(crate) struct FillLevel {
    part: Part,
    limits: Limits,
    /// Where all workers share whether the warning was logged.
    alarm: String,
    gauges: [String; 2],
    next: Cell<u64>,
    /// Keys that this worker has claimed since its last sample.
    claimed: Cell<u64>,
    /// Keys and bytes of the buckets that were sampled last.
    samples: RefCell<Vec<(u32, u32)>>,
    sampled: Cell<usize>,
    warned: Cell<bool>,
}

impl FillLevel {
    /// `start` is the first bucket to sample; each worker has another one.
    pub(crate) fn new(name: &str, part: Part, limits: Limits, start: u64) -> Self {
        let which = part.name();
        Self {
            part,
            limits,
            alarm: format!("{STORE}.{name}.{which}.alarm"),
            gauges: ["keys", "bytes"].map(|what| gauge(what, which)),
            next: Cell::new(start),
            claimed: Cell::new(0),
            samples: RefCell::default(),
            sampled: Cell::new(0),
            warned: Cell::new(false),
        }
    }

    /// Keys that fit: with more than half of the slots in use, buckets are full too often.
    fn keys(&self) -> u64 {
        (self.limits.slots as u64 / 2).max(1)
    }

    /// Counts a claimed key.
    pub(crate) fn count_claim(&self) {
        self.claimed.set(self.claimed.get().saturating_add(1));
    }

    /// Samples some buckets and reports how full the part is.
    ///
    /// # Errors
    /// The gateway fails.
    pub(crate) fn sample(
        &self,
        host: &mut dyn Host,
        slots: &Slots,
        now: u64,
    ) -> Result<(), StoreFault> {
        let buckets = slots.buckets();
        let (most, fewest) = SAMPLED;
        let claimed = self.claimed.replace(0);
        // Nothing is known before the first sample.
        let first = self.sampled.get() == 0;
        let each = if first { most } else { claimed.clamp(fewest, most) };
        for _ in 0..each.min(buckets) {
            let number = self.next.get() % buckets;
            self.next.set(number + 1);
            let (keys, bytes) = slots.sweep(host, number, now)?;
            self.note(
                u32::try_from(keys).unwrap_or(0),
                u32::try_from(bytes).unwrap_or(u32::MAX),
                buckets,
            );
        }
        let (keys, bytes) = self.estimate(buckets);
        for (gauge, value) in self.gauges.iter().zip([keys, bytes]) {
            host.gauge(gauge, value);
        }
        slots.set_out_of_bytes(bytes >= self.limits.bytes);
        let fill = (keys.saturating_mul(100) / self.keys())
            .max(bytes.saturating_mul(100) / self.limits.bytes.max(1));
        let warns = fill >= if self.warned.get() { WARNING.1 } else { WARNING.0 };
        if warns != self.warned.replace(warns) {
            self.log_crossing(host, warns, (keys, bytes))?;
        }
        Ok(())
    }

    fn note(&self, keys: u32, bytes: u32, buckets: u64) {
        let size = ESTIMATED.min(usize::try_from(buckets).unwrap_or(ESTIMATED));
        let at = self.sampled.replace(self.sampled.get().wrapping_add(1)) % size;
        let mut samples = self.samples.borrow_mut();
        match samples.get_mut(at) {
            Some(there) => *there = (keys, bytes),
            None => samples.push((keys, bytes)),
        }
    }

    fn estimate(&self, buckets: u64) -> (u64, u64) {
        let samples = self.samples.borrow();
        let sampled = (samples.len() as u64).max(1);
        let (keys, bytes) = samples.iter().fold((0_u64, 0_u64), |(keys, bytes), (k, b)| {
            (keys + u64::from(*k), bytes + u64::from(*b))
        });
        (keys.saturating_mul(buckets) / sampled, bytes.saturating_mul(buckets) / sampled)
    }

    /// Logs that the warning begins or ends, unless another worker has logged it.
    fn log_crossing(
        &self,
        host: &mut dyn Host,
        warns: bool,
        (keys, bytes): (u64, u64),
    ) -> Result<(), StoreFault> {
        let there = host.shared(&self.alarm).map_err(StoreFault::Gateway)?;
        let (logged, version) = match there {
            Some((value, version)) => (value == [1], Some(version)),
            None => (false, None),
        };
        if logged == warns {
            return Ok(());
        }
        let first = host.set_shared(&self.alarm, &[u8::from(warns)], version);
        if !first.map_err(StoreFault::Gateway)? {
            return Ok(());
        }
        let (level, word) = match warns {
            true => (log::Level::Warn, "is filling up"),
            false => (log::Level::Info, "has room again"),
        };
        let (part, fit, most) = (self.part.name(), self.keys(), self.limits.bytes);
        let line = format!(
            "idempotency: the store of {part} {word}: {keys} keys of {fit} that fit, {bytes} bytes of \
             answers of {most}"
        );
        host.log(level, &line);
        Ok(())
    }
}

#[cfg(test)]
#[path = "level_tests.rs"]
mod tests;

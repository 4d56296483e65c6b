//! How full the store is. Counting each key as it comes and goes would cost every call something; instead a
//! worker looks at some buckets now and then, one after another, and since no client can choose where a key
//! lies, a few hundred of them speak for all. What has expired is cleared away as it is seen. The more keys
//! a worker has claimed since it looked last, the more buckets it looks at.

use std::cell::{Cell, RefCell};

use policy_kit::Host;

use crate::names::{gauge, STORE};
use crate::slots::Slots;
use crate::{Limits, Part, StoreFault};

/// Most buckets that are looked at each time, and fewest.
const EACH: (u64, u64) = (64, 4);
/// Buckets that speak for all: of 512 with ten keys each the sum is 1.4 % off.
const SAMPLE: usize = 512;
/// At so many percent of the keys or bytes there is a line of warning, and at so many it is over.
const WARNING: (u64, u64) = (70, 60);

/// The level of one part, as one worker knows it.
#[derive(Debug)]
pub(crate) struct Level {
    part: Part,
    limits: Limits,
    /// Shared by all workers: whether there was a warning.
    alarm: String,
    gauges: [String; 2],
    next: Cell<u64>,
    /// Keys that this worker has claimed since it looked last.
    claimed: Cell<u64>,
    /// Keys and bytes of the buckets that were looked at last.
    seen: RefCell<Vec<(u32, u32)>>,
    looks: Cell<usize>,
    warned: Cell<bool>,
}

impl Level {
    /// `start` is where a worker begins, so that not all look at the same.
    pub(crate) fn new(name: &str, part: Part, limits: Limits, start: u64) -> Self {
        let which = part.name();
        Self {
            part,
            limits,
            alarm: format!("{STORE}.{name}.{which}.alarm"),
            gauges: ["keys", "bytes"].map(|what| gauge(what, part)),
            next: Cell::new(start),
            claimed: Cell::new(0),
            seen: RefCell::default(),
            looks: Cell::new(0),
            warned: Cell::new(false),
        }
    }

    /// Keys that fit: with more than half of the slots in use, buckets are full too often.
    fn keys(&self) -> u64 {
        (self.limits.slots as u64 / 2).max(1)
    }

    /// One more key of this part was claimed.
    pub(crate) fn claimed(&self) {
        self.claimed.set(self.claimed.get().saturating_add(1));
    }

    /// Looks at some buckets, and tells how full the part is.
    ///
    /// # Errors
    /// The gateway fails.
    pub(crate) fn look(
        &self,
        host: &mut dyn Host,
        slots: &Slots,
        now: u64,
    ) -> Result<(), StoreFault> {
        let buckets = slots.buckets();
        let (most, fewest) = EACH;
        let claimed = self.claimed.replace(0);
        // Nothing is known before the first look.
        let first = self.looks.get() == 0;
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
        slots.set_crowded(bytes >= self.limits.bytes);
        let fill = (keys.saturating_mul(100) / self.keys())
            .max(bytes.saturating_mul(100) / self.limits.bytes.max(1));
        let warns = fill >= if self.warned.get() { WARNING.1 } else { WARNING.0 };
        if warns != self.warned.replace(warns) {
            self.cross(host, warns, (keys, bytes))?;
        }
        Ok(())
    }

    fn note(&self, keys: u32, bytes: u32, buckets: u64) {
        let size = SAMPLE.min(usize::try_from(buckets).unwrap_or(SAMPLE));
        let at = self.looks.replace(self.looks.get().wrapping_add(1)) % size;
        let mut seen = self.seen.borrow_mut();
        match seen.get_mut(at) {
            Some(there) => *there = (keys, bytes),
            None => seen.push((keys, bytes)),
        }
    }

    fn estimate(&self, buckets: u64) -> (u64, u64) {
        let seen = self.seen.borrow();
        let looked = (seen.len() as u64).max(1);
        let (keys, bytes) = seen.iter().fold((0_u64, 0_u64), |(keys, bytes), (k, b)| {
            (keys + u64::from(*k), bytes + u64::from(*b))
        });
        (keys.saturating_mul(buckets) / looked, bytes.saturating_mul(buckets) / looked)
    }

    /// The first worker that sees it says so; the others find it said.
    fn cross(
        &self,
        host: &mut dyn Host,
        warns: bool,
        (keys, bytes): (u64, u64),
    ) -> Result<(), StoreFault> {
        let there = host.shared(&self.alarm).map_err(StoreFault::Gateway)?;
        let (said, version) = match there {
            Some((value, version)) => (value == [1], Some(version)),
            None => (false, None),
        };
        if said == warns {
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

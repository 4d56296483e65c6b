//! The identity of a store. Shared data lives as long as the gateway's process has a filter with its
//! `vm_id`. A worker that finds no store there begins an empty one, and a request that was carried out
//! before could be carried out again. Each beginning has an id, which evidence and metrics report: a new id
//! means that all keys were lost, two ids at once that two listeners do not share their keys.

use policy_kit::{BucketSeed, Host};

use crate::names::STORE;
use crate::policy::identity::{digest, PerPart};
use crate::store::port::StoreFault;
use crate::store::record::{Reader, Writer};

/// How often a compare-and-swap is tried.
const TRIES: usize = 8;

/// The beginning of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boot {
    /// Different each time that the store begins empty.
    pub id: u32,
    /// When it began, in nanoseconds since the epoch.
    pub since: u64,
    /// Whether another worker or an earlier configuration began it.
    pub found: bool,
    /// Spreads its keys over buckets.
    pub seed: BucketSeed,
    /// Its slots. They never change: with another number, all keys would lie elsewhere.
    pub slots: PerPart<usize>,
}

impl Boot {
    /// Finds the store `name`, which all workers of this gateway share, or begins it with `slots`. Its seed
    /// is made of the gateway's random bytes and the time.
    ///
    /// # Errors
    /// Shared data or the clock is unavailable.
    pub fn shared(
        host: &mut dyn Host,
        name: &str,
        slots: PerPart<usize>,
    ) -> Result<Self, StoreFault> {
        let entry = format!("{STORE}.{name}.boot");
        let mut made = false;
        for _ in 0..TRIES {
            let there = host.shared(&entry).map_err(StoreFault::Gateway)?;
            if let Some((value, _)) = there {
                let mut from = Reader::new(&value);
                return Self::read(&mut from, !made).ok_or(StoreFault::Damaged);
            }
            let now = host.now().map_err(StoreFault::Gateway)?;
            let random = host.random().unwrap_or_default();
            let secret = digest(b"scatter", &[&random, &now.to_be_bytes()]);
            let id = digest(b"boot", &[&secret]);
            let mut value = Writer::default();
            value.array::<8>(secret.first_chunk().unwrap_or(&[0; 8]));
            value.array::<4>(id.first_chunk().unwrap_or(&[0; 4])).u64(now);
            for slots in [slots.players, slots.partners] {
                value.u64(slots as u64);
            }
            made = host.set_shared(&entry, &value.done(), None).map_err(StoreFault::Gateway)?;
        }
        Err(StoreFault::Contended)
    }

    fn read(from: &mut Reader<'_>, found: bool) -> Option<Self> {
        let (secret, id, since) = (from.u64()?, from.u32()?, from.u64()?);
        let mut slots = || usize::try_from(from.u64()?).ok();
        let slots = PerPart { players: slots()?, partners: slots()? };
        let boot = Self { id, since, found, seed: BucketSeed::new(secret), slots };
        from.is_empty().then_some(boot)
    }

    /// The id in hexadecimal.
    pub fn name(&self) -> String {
        format!("{:08x}", self.id)
    }
}

#[cfg(test)]
#[path = "boot_tests.rs"]
mod tests;

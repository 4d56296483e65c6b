//! Tables of slots of a fixed size: in the memory of one worker, and in the data that all workers of a gateway
//! share.

use policy_wire::Host;

use crate::limits::fault::SlotFault;
use crate::limits::slot_bucket::{SlotBucket, SLOT_WAYS};

/// Which bucket a key belongs to. The hash is secret, so its upper half spreads keys evenly.
#[inline]
fn bucket_of(id: u64, buckets: u32) -> u32 {
    u32::try_from(((id >> 32) * u64::from(buckets)) >> 32).unwrap_or(0)
}

/// Buckets for so many slots.
const fn buckets(slots: u32) -> u32 {
    let buckets = slots.div_ceil(SLOT_WAYS as u32);
    if buckets == 0 {
        1
    } else {
        buckets
    }
}

/// A table in the memory of one worker. A bucket takes memory once it has a key.
#[derive(Debug)]
pub struct LocalSlots {
    /// None until the first key.
    table: Vec<SlotBucket>,
    buckets: u32,
    extra: usize,
}

impl LocalSlots {
    /// A table for `slots` keys, each with `extra` bytes besides its hash and time.
    pub const fn new(slots: u32, extra: usize) -> Self {
        Self { table: Vec::new(), buckets: buckets(slots), extra }
    }

    /// The bucket of a key, to be read; `None` while the table has no key.
    #[inline]
    pub fn bucket(&self, id: u64) -> Option<&SlotBucket> {
        self.table.get(bucket_of(id, self.buckets) as usize)
    }

    /// Until when the key's slot is in use; the bucket's floor for a key that has none.
    #[inline]
    pub fn until(&self, id: u64) -> u64 {
        self.bucket(id).map_or(0, |bucket| bucket.until(id))
    }

    /// Writes the key's slot.
    #[inline]
    pub fn put(&mut self, id: u64, until: u64, extra: &[u8]) {
        if self.table.is_empty() {
            self.table.resize(self.buckets as usize, SlotBucket::new(self.extra));
        }
        if let Some(bucket) = self.table.get_mut(bucket_of(id, self.buckets) as usize) {
            bucket.put(id, until, extra);
        }
    }

    /// Lowers all times in the key's bucket, as [`SlotBucket::cap`].
    pub fn cap(&mut self, id: u64, most: u64) {
        if let Some(bucket) = self.table.get_mut(bucket_of(id, self.buckets) as usize) {
            bucket.cap(most);
        }
    }

    /// Bytes in use.
    pub fn size(&self) -> usize {
        let buckets: usize = self.table.iter().map(|bucket| bucket.bytes().len()).sum();
        buckets + self.table.len() * size_of::<SlotBucket>()
    }
}

/// A table in shared data, one value for each bucket.
#[derive(Debug)]
pub struct SharedSlots {
    /// The prefix of its buckets' names, and the last name. Reused, so that no request allocates one.
    name: String,
    prefix: usize,
    buckets: u32,
    extra: usize,
}

/// A bucket of shared data as it was read.
#[derive(Debug)]
pub struct LoadedBucket {
    /// The bucket, to be changed and given to [`SharedSlots::store`].
    pub bucket: SlotBucket,
    version: Option<u32>,
    at: u32,
}

impl SharedSlots {
    /// A table for `slots` keys, each with `extra` bytes besides its hash and time. Tables with the same name are
    /// one: the name must hold all that their meaning depends on.
    pub fn new(name: &str, slots: u32, extra: usize) -> Self {
        Self { name: format!("{name}."), prefix: name.len() + 1, buckets: buckets(slots), extra }
    }

    /// Reads the bucket of a key.
    ///
    /// # Errors
    /// The gateway failed the call, or the value is no bucket.
    #[inline]
    pub fn load(&mut self, host: &mut dyn Host, id: u64) -> Result<LoadedBucket, SlotFault> {
        let at = bucket_of(id, self.buckets);
        let there = host.shared(self.name_of(at)).map_err(SlotFault::Host)?;
        let (bucket, version) = match there {
            None => (SlotBucket::new(self.extra), None),
            Some((value, version)) => {
                let bucket = SlotBucket::read(value, self.extra).ok_or(SlotFault::Damaged)?;
                (bucket, Some(version))
            }
        };
        Ok(LoadedBucket { bucket, version, at })
    }

    /// Writes a bucket that was read. `false` where another worker was first.
    ///
    /// # Errors
    /// The gateway failed the call. It may have written the bucket or not.
    #[inline]
    pub fn store(&mut self, host: &mut dyn Host, loaded: &LoadedBucket) -> Result<bool, SlotFault> {
        let name = self.name_of(loaded.at);
        host.set_shared(name, loaded.bucket.bytes(), loaded.version).map_err(SlotFault::Host)
    }

    fn name_of(&mut self, at: u32) -> &str {
        self.name.truncate(self.prefix);
        for shift in (0..8).rev() {
            let digit = char::from_digit(at >> (4 * shift) & 15, 16).unwrap_or('0');
            self.name.push(digit);
        }
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeHost;
    use crate::limits::keyed::keyed_hash;
    use crate::limits::seed::HashKey;
    use policy_wire::Fault;

    fn id(n: u64) -> u64 {
        keyed_hash(HashKey(1, 2), &n.to_le_bytes())
    }

    #[test]
    fn both_tables_hold_what_was_put() {
        let (mut local, mut shared) = (LocalSlots::new(1_000, 0), SharedSlots::new("t", 1_000, 0));
        let mut host = FakeHost::default();
        for n in 0..5_000 {
            local.put(id(n), n + 1, &[]);
            let mut loaded = shared.load(&mut host, id(n)).unwrap();
            loaded.bucket.put(id(n), n + 1, &[]);
            assert_eq!(shared.store(&mut host, &loaded), Ok(true));
        }
        for n in 0..5_000 {
            let there = shared.load(&mut host, id(n)).unwrap().bucket.until(id(n));
            assert_eq!(there, local.until(id(n)), "{n}");
        }
        assert_eq!(host.shared.len(), 63);
        assert!(host.shared.values().all(|(value, _)| value.len() == 265));
        assert!(host.shared.contains_key("t.0000003e"));
        assert_eq!(local.size(), 63 * (265 + size_of::<SlotBucket>()));
    }

    #[test]
    fn the_first_of_two_workers_wins() {
        let (mut one, mut other) = (SharedSlots::new("t", 16, 0), SharedSlots::new("t", 16, 0));
        let mut host = FakeHost::default();
        for turn in 0..3 {
            let mut mine = one.load(&mut host, 5).unwrap();
            let mut theirs = other.load(&mut host, 6).unwrap();
            mine.bucket.put(5, turn, &[]);
            theirs.bucket.put(6, turn, &[]);
            assert_eq!(one.store(&mut host, &mine), Ok(true));
            assert_eq!(other.store(&mut host, &theirs), Ok(false), "{turn}");
        }
    }

    #[test]
    fn failures_are_named() {
        let mut table = SharedSlots::new("t", 16, 0);
        let loaded = table.load(&mut FakeHost::default(), 5).unwrap();
        for call in ["proxy_get_shared_data", "proxy_set_shared_data"] {
            let mut host = FakeHost::default().failing(call, 10);
            let fault = Err(SlotFault::Host(Fault { call, status: Some(10) }));
            let found = match call {
                "proxy_get_shared_data" => table.load(&mut host, 5).map(|_| true),
                _ => table.store(&mut host, &loaded),
            };
            assert_eq!(found, fault);
        }
        let mut host = FakeHost::default();
        host.shared.insert("t.00000000".to_owned(), (vec![9; 9], 1));
        assert_eq!(table.load(&mut host, 5).map(|_| ()), Err(SlotFault::Damaged));
    }
}

//! The birth of a store. Shared data lives as long as the gateway's process has a filter with its `vm_id`;
//! whoever finds none there begins with no key, and a call that was made before could be made again. Each
//! beginning has an id of its own, which evidence and metrics tell: another id means that all keys of
//! before are gone, and two ids at once that two listeners do not share their keys.

use policy_kit::Host;

use crate::bytes::{Reader, Writer};
use crate::names::STORE;
use crate::scope::digest;
use crate::{PerPart, Scatter, StoreFault};

/// How often it is tried where other workers are faster.
const TRIES: usize = 8;

/// A store from its beginning to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boot {
    /// Another one each time that the store begins empty.
    pub id: u32,
    /// When that was, in nanoseconds since the epoch.
    pub since: u64,
    /// Whether it was there already.
    pub found: bool,
    /// Where its keys lie, known to nobody else.
    pub scatter: Scatter,
    /// Its slots, which stay as they were: with others, all keys would lie elsewhere.
    pub slots: PerPart<usize>,
}

impl Boot {
    /// That of the store `name`, which all workers of this gateway share; it begins now, with `slots`, if
    /// there is none. Its secret is what the gateway says is random, and the nanosecond.
    ///
    /// # Errors
    /// Shared data or the clock cannot be used.
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
        let boot = Self { id, since, found, scatter: Scatter::new(secret), slots };
        from.is_empty().then_some(boot)
    }

    /// The id as it is told.
    pub fn name(&self) -> String {
        format!("{:08x}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_kit::fake::FakeHost;
    use policy_kit::Fault;

    #[test]
    fn all_workers_have_the_first_ones() {
        let mut host = FakeHost { now: 7, ..FakeHost::default() };
        let slots = PerPart { players: 64, partners: 32 };
        let first = Boot::shared(&mut host, "a", slots).unwrap();
        assert_eq!((first.found, first.since, first.slots), (false, 7, slots));
        host.now = 8;
        let more = PerPart { players: 96, partners: 96 };
        assert_eq!(Boot::shared(&mut host, "a", more), Ok(Boot { found: true, ..first }));
        let other = Boot::shared(&mut host, "b", slots).unwrap();
        assert_ne!((other.id, other.scatter), (first.id, first.scatter));
        host.shared.insert(format!("{STORE}.a.boot"), (vec![1], 1));
        assert_eq!(Boot::shared(&mut host, "a", slots), Err(StoreFault::Damaged));
        for call in ["proxy_get_shared_data", "proxy_set_shared_data"] {
            let mut host = FakeHost { now: 7, ..FakeHost::default() }.failing(call, 10);
            let fault = Fault { call, status: Some(10) };
            assert_eq!(Boot::shared(&mut host, "a", slots), Err(StoreFault::Gateway(fault)));
        }
    }

    /// The nanosecond alone could be guessed by somebody who has seen the gateway start.
    #[test]
    fn two_gateways_of_one_nanosecond_differ() {
        let born = |random| {
            let mut host = FakeHost { now: 7, random, ..FakeHost::default() };
            Boot::shared(&mut host, "a", PerPart::default()).unwrap()
        };
        let (one, other) = (born(Some([1; 16])), born(Some([2; 16])));
        assert_ne!((one.id, one.scatter), (other.id, other.scatter));
        assert_eq!(born(None), born(None), "a gateway without random bytes has its clock");
    }
}

//! A bounded map that drops the least recently used entry.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A bounded map. Both indexes map numbers to numbers, whatever the type of the keys: a module with several
/// caches carries their code once.
#[derive(Clone, Debug)]
pub struct Lru<K, V> {
    capacity: usize,
    slots: Vec<Option<Slot<K, V>>>,
    /// Empty slots.
    free: Vec<u64>,
    /// Slots by the hash of their key. Of two keys with one hash the later replaces the earlier.
    by_hash: BTreeMap<u64, u64>,
    /// Slots by their last use; the first is the next to be dropped.
    by_use: BTreeMap<u64, u64>,
    uses: u64,
}

#[derive(Clone, Debug)]
struct Slot<K, V> {
    key: K,
    value: V,
    used: u64,
}

impl<K: Hash + Eq, V> Lru<K, V> {
    /// Holds at most `capacity` entries; with 0 it holds nothing.
    pub fn new(capacity: usize) -> Self {
        let (by_hash, by_use) = (BTreeMap::new(), BTreeMap::new());
        Self { capacity, slots: Vec::new(), free: Vec::new(), by_hash, by_use, uses: 0 }
    }

    /// The value, which is now the most recently used.
    pub fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let at = *self.by_hash.get(&hash(key))?;
        let slot = slot(&mut self.slots, at)?.as_mut().filter(|slot| slot.key.borrow() == key)?;
        // The newest stays the newest: the common case of one busy player costs no index update.
        if slot.used != self.uses {
            self.by_use.remove(&slot.used);
            self.uses = self.uses.wrapping_add(1);
            slot.used = self.uses;
            self.by_use.insert(self.uses, at);
        }
        Some(&slot.value)
    }

    /// Inserts or replaces a value; in a full map the least recently used one is dropped.
    pub fn insert(&mut self, key: K, value: V) {
        if self.capacity == 0 {
            return;
        }
        let hash = hash(&key);
        if let Some(at) = self.by_hash.get(&hash).copied() {
            self.vacate(at);
        }
        if self.by_hash.len() >= self.capacity {
            if let Some(at) = self.by_use.first_key_value().map(|(_, at)| *at) {
                self.vacate(at);
            }
        }
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as u64 - 1
        });
        self.uses = self.uses.wrapping_add(1);
        if let Some(slot) = slot(&mut self.slots, at) {
            *slot = Some(Slot { key, value, used: self.uses });
            self.by_hash.insert(hash, at);
            self.by_use.insert(self.uses, at);
        }
    }

    /// Takes a value out.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let at = *self.by_hash.get(&hash(key))?;
        slot(&mut self.slots, at)?.as_ref().filter(|slot| slot.key.borrow() == key)?;
        self.vacate(at)
    }

    fn vacate(&mut self, at: u64) -> Option<V> {
        let gone = slot(&mut self.slots, at)?.take()?;
        self.by_hash.remove(&hash(&gone.key));
        self.by_use.remove(&gone.used);
        self.free.push(at);
        Some(gone.value)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }
}

fn slot<T>(slots: &mut [T], at: u64) -> Option<&mut T> {
    slots.get_mut(usize::try_from(at).ok()?)
}

/// Not keyed: two keys that are made to collide drop one another from the cache, which costs a second lookup.
fn hash<Q: Hash + ?Sized>(key: &Q) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_least_recently_used_entry_goes_first() {
        let mut map = Lru::new(2);
        map.insert("a", 1);
        map.insert("b", 2);
        assert_eq!(map.get("a"), Some(&1));
        map.insert("c", 3);
        assert_eq!(
            [map.get("a").copied(), map.get("b").copied(), map.get("c").copied()],
            [Some(1), None, Some(3)]
        );
    }

    #[test]
    fn zero_capacity_keeps_nothing() {
        let mut map = Lru::new(0);
        map.insert(1, 1);
        assert!(map.is_empty());
    }

    /// The same by a list, newest last.
    #[derive(Default)]
    struct Naive(Vec<(u8, u32)>);

    impl Naive {
        fn get(&mut self, key: u8) -> Option<u32> {
            let at = self.0.iter().position(|(k, _)| *k == key)?;
            let entry = self.0.remove(at);
            self.0.push(entry);
            Some(entry.1)
        }
        fn insert(&mut self, capacity: usize, key: u8, value: u32) {
            self.0.retain(|(k, _)| *k != key);
            if self.0.len() == capacity {
                self.0.remove(0);
            }
            self.0.push((key, value));
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_list(
            capacity in 1usize..6,
            steps in prop::collection::vec((0u8..3, 0u8..8, any::<u32>()), 0..200),
        ) {
            let (mut map, mut naive) = (Lru::new(capacity), Naive::default());
            for (what, key, value) in steps {
                if what == 2 {
                    map.remove(&key);
                    naive.0.retain(|(k, _)| *k != key);
                } else if what == 1 {
                    map.insert(key, value);
                    naive.insert(capacity, key, value);
                } else {
                    prop_assert_eq!(map.get(&key).copied(), naive.get(key));
                }
                prop_assert_eq!(map.len(), naive.0.len());
                prop_assert_eq!(map.by_use.len(), naive.0.len());
                prop_assert!(map.slots.len() <= capacity);
            }
        }
    }
}

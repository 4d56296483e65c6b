//! Values shared by all VMs of the process.

use std::collections::HashMap;

use crate::plugin::Profile;
use crate::status::Status;

/// A value, its cas, and its last access.
struct Entry {
    value: Vec<u8>,
    cas: u32,
    used: u64,
}

/// The shared-data maps, one per VM id.
#[derive(Default)]
pub(crate) struct SharedData {
    maps: HashMap<String, HashMap<Vec<u8>, Entry>>,
    last_cas: u32,
    /// Counts the accesses: the order in which values were used.
    accesses: u64,
    /// Most bytes of keys and values together, on WasmX. Envoy has no limit.
    limit: Option<usize>,
}

impl SharedData {
    /// A store that evicts the least recently used entry when it is full.
    pub(crate) fn limited(limit: usize) -> Self {
        Self { limit: Some(limit), ..Self::default() }
    }

    /// The value and its cas.
    pub(crate) fn get(&mut self, vm_id: &str, key: &[u8]) -> Option<(&[u8], u32)> {
        self.accesses += 1;
        let entry = self.maps.get_mut(vm_id)?.get_mut(key)?;
        entry.used = self.accesses;
        Some((&entry.value, entry.cas))
    }

    /// Stores a value. On Envoy a cas of 0 is unconditional and any cas creates a missing key, so
    /// that a cas no value ever has means "insert if absent". On WasmX a cas of 0 inserts only if
    /// absent, and any other must match.
    pub(crate) fn set(
        &mut self,
        profile: Profile,
        vm_id: &str,
        key: &[u8],
        value: &[u8],
        cas: u32,
    ) -> Status {
        let current = self.get(vm_id, key).map(|(_, cas)| cas);
        let refused = match (profile, current) {
            (Profile::Envoy, None) => false,
            (Profile::Envoy, Some(current)) => cas != 0 && cas != current,
            (Profile::Wasmx, None) => cas != 0,
            (Profile::Wasmx, Some(current)) => cas != current,
        };
        if refused {
            return Status::CAS_MISMATCH;
        }
        if let (Profile::Wasmx, Some(limit)) = (profile, self.limit) {
            if key.len() + value.len() > limit {
                return Status::INTERNAL_FAILURE;
            }
            self.maps.get_mut(vm_id).and_then(|map| map.remove(key));
            self.make_room(limit - key.len() - value.len());
        }
        // 0 means "no cas" in the ABI and u32::MAX is what plugins give for "insert if absent".
        self.last_cas = if self.last_cas >= u32::MAX - 1 { 1 } else { self.last_cas + 1 };
        let entry = Entry { value: value.to_vec(), cas: self.last_cas, used: self.accesses };
        match self.maps.get_mut(vm_id) {
            Some(map) => map.insert(key.to_vec(), entry),
            None => self.maps.entry(vm_id.to_owned()).or_default().insert(key.to_vec(), entry),
        };
        Status::OK
    }

    /// Evicts least recently used entries, of any VM id, until at most `limit` bytes are held.
    fn make_room(&mut self, limit: usize) {
        let size = |(key, entry): (&Vec<u8>, &Entry)| key.len() + entry.value.len();
        let mut held: usize = self.maps.values().flatten().map(size).sum();
        while held > limit {
            let all =
                self.maps.iter().flat_map(|(vm_id, map)| map.iter().map(move |it| (vm_id, it)));
            let oldest = all.min_by_key(|(_, (_, entry))| entry.used);
            let Some((vm_id, key)) = oldest.map(|(id, (key, _))| (id.clone(), key.clone())) else {
                return;
            };
            let gone = self.maps.get_mut(&vm_id).and_then(|map| map.remove(&key));
            held -= gone.map_or(held, |entry| key.len() + entry.value.len());
        }
    }

    /// Keys under a VM id, for tests: the ABI cannot list them.
    pub(crate) fn keys(&self, vm_id: &str) -> Vec<Vec<u8>> {
        let mut keys: Vec<_> =
            self.maps.get(vm_id).into_iter().flat_map(HashMap::keys).cloned().collect();
        keys.sort();
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cas_follows_each_host() {
        use Profile::{Envoy, Wasmx};
        const CURRENT: u32 = 1;
        // (host, key exists, cas given, stored?)
        let cases = [
            (Envoy, false, 0, true),
            (Envoy, false, 7, true),
            (Envoy, false, u32::MAX, true),
            (Envoy, true, 0, true),
            (Envoy, true, CURRENT, true),
            (Envoy, true, CURRENT + 1, false),
            (Envoy, true, u32::MAX, false),
            (Wasmx, false, 0, true),
            (Wasmx, false, 7, false),
            (Wasmx, true, 0, false),
            (Wasmx, true, CURRENT, true),
            (Wasmx, true, CURRENT + 1, false),
        ];
        for case in cases {
            let (profile, exists, cas, stored) = case;
            let mut data = SharedData::default();
            if exists {
                assert_eq!(data.set(profile, "v", b"k", b"old", 0), Status::OK);
            }
            let status = data.set(profile, "v", b"k", b"new", cas);
            assert_eq!(status == Status::OK, stored, "{case:?}");
            let value = data.get("v", b"k").map(|(value, _)| value);
            let expected: Option<&[u8]> = match (stored, exists) {
                (true, _) => Some(b"new"),
                (false, true) => Some(b"old"),
                (false, false) => None,
            };
            assert_eq!(value, expected, "{case:?}");
            assert_eq!(data.get("w", b"k"), None, "another VM id is another map");
        }
    }

    #[test]
    fn a_full_wasmx_store_evicts_the_least_recently_used() {
        let set = |data: &mut SharedData, profile, vm_id: &str, key: &str, size: usize| {
            data.set(profile, vm_id, key.as_bytes(), &vec![0; size], 0)
        };
        let mut data = SharedData::limited(30);
        for key in ["a", "b", "c"] {
            assert_eq!(set(&mut data, Profile::Wasmx, "v", key, 9), Status::OK);
        }
        assert!(data.get("v", b"a").is_some(), "used again");
        assert_eq!(set(&mut data, Profile::Wasmx, "w", "d", 9), Status::OK);
        assert_eq!(data.keys("v"), [b"a".to_vec(), b"c".to_vec()]);
        assert_eq!(set(&mut data, Profile::Wasmx, "w", "e", 28), Status::OK, "of any VM id");
        assert_eq!((data.keys("v").len(), data.keys("w")), (0, vec![b"e".to_vec()]));
        assert_eq!(set(&mut data, Profile::Wasmx, "w", "f", 30), Status::INTERNAL_FAILURE);
        assert_eq!(data.keys("w"), [b"e".to_vec()]);
        assert_eq!(set(&mut data, Profile::Envoy, "v", "g", 99), Status::OK, "Envoy has no limit");
    }
}

//! Values and queues shared by all VMs of the process.

use std::collections::{HashMap, VecDeque};

use crate::{Profile, Status};

/// Keys to values and their cas.
type Map = HashMap<Vec<u8>, (Vec<u8>, u32)>;

/// The shared-data maps, one per VM id.
#[derive(Default)]
pub(crate) struct SharedData {
    maps: HashMap<String, Map>,
    last_cas: u32,
}

impl SharedData {
    pub(crate) fn get(&self, vm_id: &str, key: &[u8]) -> Option<&(Vec<u8>, u32)> {
        self.maps.get(vm_id)?.get(key)
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
        let current = self.get(vm_id, key).map(|(_, cas)| *cas);
        let refused = match (profile, current) {
            (Profile::Envoy, None) => false,
            (Profile::Envoy, Some(current)) => cas != 0 && cas != current,
            (Profile::Wasmx, None) => cas != 0,
            (Profile::Wasmx, Some(current)) => cas != current,
        };
        if refused {
            return Status::CAS_MISMATCH;
        }
        // 0 means "no cas" in the ABI and u32::MAX is what plugins give for "insert if absent".
        self.last_cas = if self.last_cas >= u32::MAX - 1 { 1 } else { self.last_cas + 1 };
        let entry = (value.to_vec(), self.last_cas);
        match self.maps.get_mut(vm_id) {
            Some(map) => map.insert(key.to_vec(), entry),
            None => self.maps.entry(vm_id.to_owned()).or_default().insert(key.to_vec(), entry),
        };
        Status::OK
    }

    /// Keys under a VM id, for tests: the ABI cannot list them.
    pub(crate) fn keys(&self, vm_id: &str) -> Vec<Vec<u8>> {
        let mut keys: Vec<_> =
            self.maps.get(vm_id).into_iter().flat_map(HashMap::keys).cloned().collect();
        keys.sort();
        keys
    }
}

/// Who is told that a queue has something: a root context of a VM of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueOwner {
    pub worker: Option<usize>,
    pub vm: u64,
    pub root: u32,
}

/// The shared queues.
#[derive(Default)]
pub(crate) struct SharedQueues {
    tokens: HashMap<(String, Vec<u8>), u32>,
    queues: HashMap<u32, (QueueOwner, VecDeque<Vec<u8>>)>,
}

impl SharedQueues {
    /// Registers a queue or takes it over, keeping what is in it.
    pub(crate) fn register(&mut self, vm_id: &str, name: &[u8], owner: QueueOwner) -> u32 {
        let next = u32::try_from(self.tokens.len()).unwrap_or(u32::MAX).saturating_add(1);
        let token = *self.tokens.entry((vm_id.to_owned(), name.to_vec())).or_insert(next);
        self.queues.entry(token).or_insert_with(|| (owner, VecDeque::new())).0 = owner;
        token
    }

    pub(crate) fn resolve(&self, vm_id: &str, name: &[u8]) -> Option<u32> {
        self.tokens.get(&(vm_id.to_owned(), name.to_vec())).copied()
    }

    pub(crate) fn enqueue(&mut self, token: u32, value: &[u8]) -> Option<QueueOwner> {
        let (owner, queue) = self.queues.get_mut(&token)?;
        queue.push_back(value.to_vec());
        Some(*owner)
    }

    pub(crate) fn dequeue(&mut self, token: u32) -> Result<Vec<u8>, Status> {
        let (_, queue) = self.queues.get_mut(&token).ok_or(Status::NOT_FOUND)?;
        queue.pop_front().ok_or(Status::EMPTY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cas_rules_of_both_hosts() {
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
            let value = data.get("v", b"k").map(|(value, _)| value.as_slice());
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
    fn queues_keep_their_content_when_taken_over() {
        let owner = |vm| QueueOwner { worker: Some(0), vm, root: 1 };
        let mut queues = SharedQueues::default();
        let token = queues.register("v", b"q", owner(1));
        assert_eq!(queues.enqueue(token, b"a"), Some(owner(1)));
        assert_eq!(queues.register("v", b"q", owner(2)), token);
        assert_eq!(queues.resolve("v", b"q"), Some(token));
        assert_eq!(queues.resolve("w", b"q"), None);
        assert_eq!(queues.enqueue(token, b"b"), Some(owner(2)));
        assert_eq!(queues.dequeue(token), Ok(b"a".to_vec()));
        assert_eq!(queues.dequeue(token), Ok(b"b".to_vec()));
        assert_eq!(queues.dequeue(token), Err(Status::EMPTY));
        assert_eq!(queues.dequeue(token + 1), Err(Status::NOT_FOUND));
    }
}

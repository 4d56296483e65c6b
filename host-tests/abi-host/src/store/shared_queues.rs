//! Queues shared by all VMs of the process.

use std::collections::{HashMap, VecDeque};

use crate::status::Status;

/// The root context that is notified of new items of a queue.
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
    /// Registers a queue, or takes over an existing one with its items.
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

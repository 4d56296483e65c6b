//! The events of a worker, in order of time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::message::headers::Headers;
use crate::message::response::Response;
use crate::report::stream_id::StreamId;
use crate::upstream::Outcome;

/// An event of a worker.
#[derive(Debug)]
pub(crate) enum Event {
    /// The next part of a request arrives: headers first, then the body piece by piece.
    Arrive { stream: StreamId, part: Part },
    /// The client closes its connection.
    ClientLeaves { stream: StreamId },
    /// The router has opened a request upstream.
    Opened { stream: StreamId },
    /// The router has sent the whole request upstream.
    Forward { stream: StreamId },
    /// The upstream's first bytes, or its failure.
    Upstream { stream: StreamId, outcome: Outcome },
    /// A call completes.
    CallDone { vm: u64, root: u32, token: u32, answer: CallEnd },
    /// A timer fires, unless it was set again meanwhile.
    Tick { vm: u64, root: u32, generation: u64 },
    /// A shared queue has an item.
    QueueReady { vm: u64, root: u32, token: u32 },
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Headers,
    Piece,
}

/// How a call ended.
#[derive(Debug)]
pub(crate) enum CallEnd {
    Response(Response),
    /// The connection broke: a callback without headers.
    Broken,
}

impl CallEnd {
    /// The router's response when the service cannot be reached.
    pub(crate) fn status(status: u16, text: &str) -> Self {
        let mut response = Response::new(status).body(text);
        response.headers.add("content-type", "text/plain");
        Self::Response(response)
    }

    pub(crate) fn parts(self) -> (Headers, Vec<u8>, Headers) {
        match self {
            Self::Response(response) => {
                (response.headers, response.chunks.concat(), response.trailers.unwrap_or_default())
            }
            Self::Broken => (Headers::new(), Vec::new(), Headers::new()),
        }
    }
}

struct Entry {
    at: u64,
    sequence: u64,
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

/// The events ahead of one worker: by time, and within one time in the order they were made.
#[derive(Default)]
pub(crate) struct EventQueue {
    heap: BinaryHeap<Reverse<Entry>>,
    sequence: u64,
}

impl EventQueue {
    pub(crate) fn push(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.heap.push(Reverse(Entry { at, sequence: self.sequence, event }));
    }

    pub(crate) fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|entry| entry.0.at)
    }

    pub(crate) fn next(&self) -> Option<(u64, &Event)> {
        self.heap.peek().map(|entry| (entry.0.at, &entry.0.event))
    }

    pub(crate) fn pop(&mut self) -> Option<(u64, Event)> {
        self.heap.pop().map(|entry| (entry.0.at, entry.0.event))
    }
}

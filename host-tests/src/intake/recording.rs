//! The content of a file of recorded traffic, and defaults for missing values.
use crate::traffic::{Fields, Request};
use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

/// 2026-01-01T00:00:00Z, for requests recorded without a time.
pub const START: u64 = 1_767_225_600_000_000_000;

/// Defaults for values that a recording does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// The gateway's peer.
    pub client: IpAddr,
    /// Headers for requests without one of this name.
    pub headers: Fields,
    /// The moment of the first request, in nanoseconds since the Unix epoch.
    pub start: u64,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { client: IpAddr::from([127, 0, 0, 1]), headers: Fields::new(), start: START }
    }
}

impl Defaults {
    /// Adds the headers that the request lacks.
    pub fn complete(&self, request: &mut Request) {
        let had = request.headers.clone();
        let lacks = |name: &[u8]| !had.iter().any(|(it, _)| it.eq_ignore_ascii_case(name));
        let missing = self.headers.iter().filter(|(name, _)| lacks(name)).cloned();
        request.headers.extend(missing);
    }
}

/// The content of a file of recorded traffic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    /// The requests, in the order of their time.
    pub requests: Vec<Request>,
    /// Entries that are not replayed.
    pub skipped: Vec<Skipped>,
    /// Notes about the whole recording.
    pub notes: Vec<String>,
}

/// Why an entry is not replayed. Values of the recording are not repeated: they may be credentials.
pub type Reason = Cow<'static, str>;

/// An entry that is not replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its number in the recording, from 1.
    pub entry: usize,
    /// Why.
    pub reason: Reason,
}

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "skipped entry {}: {}", self.entry, self.reason)
    }
}

impl Recording {
    /// Sorts the requests by time, and counts their offsets from the first.
    pub(crate) fn settle(&mut self, defaults: &Defaults) {
        self.requests.sort_by_key(|request| request.at);
        let start = self.requests.first().map_or(0, |request| request.at);
        for request in &mut self.requests {
            request.offset = Duration::from_nanos(request.at - start);
            defaults.complete(request);
        }
    }
}

//! The content of a file of recorded traffic, and defaults for missing values.
use crate::traffic::{Fields, Request};
use std::borrow::Cow;
use std::collections::BTreeSet;
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
    /// The reason of most skipped entries, the first one of several, and how many they are.
    pub fn commonest_reason(&self) -> Option<(&Reason, usize)> {
        let count = |reason: &Reason| self.skipped.iter().filter(|it| it.reason == *reason).count();
        let reasons: BTreeSet<&Reason> = self.skipped.iter().map(|it| &it.reason).collect();
        let counted = reasons.into_iter().map(|reason| (reason, count(reason)));
        counted.min_by_key(|(_, count)| std::cmp::Reverse(*count))
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commonest_reason_is_counted() {
        let skipped = |reasons: &[&'static str]| Recording {
            skipped: reasons.iter().map(|it| Skipped { entry: 1, reason: (*it).into() }).collect(),
            ..Recording::default()
        };
        let one = skipped(&["a is missing", "b is missing", "b is missing", "c is missing"]);
        assert_eq!(one.commonest_reason(), Some((&"b is missing".into(), 2)));
        assert_eq!(skipped(&["b", "a"]).commonest_reason(), Some((&"a".into(), 1)));
        assert_eq!(skipped(&[]).commonest_reason(), None);
    }
}

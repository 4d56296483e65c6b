//! How far the feed has been read, and whether a poll is due; of one worker, or of all that share it.
//! Times are arguments, in seconds since the epoch.

/// The version of the shared value's format, its first byte.
const FORMAT: u8 = 1;
/// A poll is lost if it has not completed this long after its timeout, in seconds.
const GRACE: u64 = 2;
/// Longest pause between failed polls, in seconds.
const MAX_PAUSE: u64 = 8;
/// Pause before a feed that overflowed is read again, in seconds.
const OVERFLOW_PAUSE: u64 = 60;

// Flags in the second byte of the shared value.
const PENDING: u8 = 1;
const MORE: u8 = 2;
const OVERFLOWN: u8 = 4;

/// How far the feed has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// When the last poll started; 0 before the first.
    pub polled: u64,
    /// Whether it has not completed yet.
    pub pending: bool,
    /// Failed polls since the last successful one.
    pub failures: u8,
    /// When the last poll that read the feed to its end started; 0 before the first.
    pub loaded: u64,
    /// Whether the feed has more pages already.
    pub more: bool,
    /// Whether the feed has more revocations than are kept.
    pub overflown: bool,
    /// The generation of the table; grows with every change.
    pub generation: u64,
    /// The cursor of the next poll; `None` for the first page.
    pub cursor: Option<String>,
}

impl Progress {
    /// Whether to poll now, with a poll every `every` seconds that takes at most `timeout` seconds.
    pub fn is_due(&self, now: u64, every: u64, timeout: u64) -> bool {
        // A time in the future is from before the clock was set back.
        let age = if self.polled > now { u64::MAX } else { now - self.polled };
        if self.pending {
            return age > timeout.saturating_add(GRACE);
        }
        let pause = match (self.failures, self.more, self.overflown) {
            (0, true, _) => 0,
            (0, false, true) => OVERFLOW_PAUSE.max(every),
            (0, false, false) => every,
            (failures, _, _) => {
                1u64.checked_shl(u32::from(failures) - 1).unwrap_or(MAX_PAUSE).min(MAX_PAUSE)
            }
        };
        age >= pause
    }

    /// Why the feed counts as unavailable at `now`, as evidence; `None` if it is available.
    pub fn outage(&self, now: u64, max_stale: u64) -> Option<&'static str> {
        match self.loaded {
            _ if self.overflown => Some("revocations_overflow"),
            0 => Some("revocations_unloaded"),
            loaded if now.abs_diff(loaded) > max_stale => Some("revocations_stale"),
            _ => None,
        }
    }

    /// Whether this progress is newer than `other` at `now`: this worker could not share it.
    pub fn is_after(&self, other: &Self, now: u64) -> bool {
        self.polled <= now && (self.polled, !self.pending) > (other.polled, !other.pending)
    }

    /// The value that workers share.
    pub fn bytes(&self) -> Vec<u8> {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let flags =
            flag(self.pending, PENDING) | flag(self.more, MORE) | flag(self.overflown, OVERFLOWN);
        let mut out = vec![FORMAT, flags, self.failures];
        for number in [self.polled, self.loaded, self.generation] {
            out.extend(number.to_be_bytes());
        }
        out.extend(self.cursor.iter().flat_map(|cursor| cursor.bytes()));
        out
    }

    /// Reads a shared value; `None` for another format.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let ([format, flags, failures], rest) = bytes.split_first_chunk::<3>()?;
        let (polled, rest) = rest.split_first_chunk::<8>()?;
        let (loaded, rest) = rest.split_first_chunk::<8>()?;
        let (generation, rest) = rest.split_first_chunk::<8>()?;
        let cursor = std::str::from_utf8(rest).ok()?;
        (*format == FORMAT).then(|| Self {
            polled: u64::from_be_bytes(*polled),
            pending: flags & PENDING != 0,
            failures: *failures,
            loaded: u64::from_be_bytes(*loaded),
            more: flags & MORE != 0,
            overflown: flags & OVERFLOWN != 0,
            generation: u64::from_be_bytes(*generation),
            cursor: (!cursor.is_empty()).then(|| cursor.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    #[test]
    fn polls_when_due() {
        let at = |polled: u64| Progress { polled, ..Progress::default() };
        let failed = |failures: u8| Progress { failures, ..at(NOW) };
        // The progress; the second at which the next poll is due, with a poll every 5 s of at most 1 s.
        for (progress, due) in [
            (at(NOW), 5),
            (Progress { more: true, ..at(NOW) }, 0),
            (Progress { overflown: true, ..at(NOW) }, 60),
            (Progress { overflown: true, more: true, ..at(NOW) }, 0),
            (Progress { pending: true, ..at(NOW) }, 4),
            (Progress { pending: true, more: true, ..at(NOW) }, 4),
            (failed(1), 1),
            (failed(2), 2),
            (failed(3), 4),
            (failed(4), 8),
            (failed(255), 8),
            (Progress { more: true, ..failed(2) }, 2),
        ] {
            let first = (0..100).find(|after| progress.is_due(NOW + after, 5, 1));
            assert_eq!(first, Some(due), "{progress:?}");
        }
        assert!(Progress::default().is_due(NOW, 5, 1), "at once");
        let ahead = Progress { pending: true, ..at(NOW + 3_600) };
        assert!(ahead.is_due(NOW, 5, 1), "the clock was set back");
    }

    #[test]
    fn the_feed_is_unavailable_until_read_and_when_stale() {
        let loaded = Progress { loaded: NOW, ..Progress::default() };
        assert_eq!(Progress::default().outage(NOW, 60), Some("revocations_unloaded"));
        assert_eq!(loaded.outage(NOW + 60, 60), None);
        assert_eq!(loaded.outage(NOW + 61, 60), Some("revocations_stale"));
        let overflown = Progress { overflown: true, ..loaded };
        assert_eq!(overflown.outage(NOW, 60), Some("revocations_overflow"));
    }

    #[test]
    fn a_shared_value_is_read_back() {
        let full = Progress {
            polled: NOW,
            pending: true,
            failures: 3,
            loaded: NOW - 1,
            more: true,
            overflown: true,
            generation: 7,
            cursor: Some("a/b é".to_owned()),
        };
        for progress in [Progress::default(), full] {
            assert_eq!(Progress::read(&progress.bytes()), Some(progress.clone()));
            let bytes = progress.bytes();
            for cut in 0..27 {
                assert_eq!(Progress::read(&bytes[..cut]), None, "{cut}");
            }
            let mut other = bytes.clone();
            other[0] = 2;
            assert_eq!(Progress::read(&other), None);
            assert_eq!(Progress::read(&[&bytes[..], b"\xff"].concat()), None);
        }
    }

    #[test]
    fn compares_progress() {
        let at = |polled, pending| Progress { polled, pending, ..Progress::default() };
        for (ours, theirs, want) in [
            (at(NOW, false), at(NOW, true), true),
            (at(NOW, true), at(NOW, false), false),
            (at(NOW, false), at(NOW, false), false),
            (at(NOW, true), at(NOW - 1, false), true),
            (at(NOW + 9, false), at(NOW, false), false),
        ] {
            assert_eq!(ours.is_after(&theirs, NOW), want, "{ours:?} {theirs:?}");
        }
    }
}

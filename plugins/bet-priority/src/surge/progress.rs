//! How far the polling of the switch is, of one worker or of all that share it. Times are in seconds since the epoch.

/// First byte of the shared value: the format of what follows.
const FORM: u8 = 1;
/// A poll is lost if it has not completed this long after its timeout, in seconds.
const GRACE: u64 = 2;
/// Longest pause between failed polls, in seconds.
const MAX_PAUSE: u64 = 30;

/// How far the polling is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// When the last poll began; 0 before the first.
    pub(crate) polled: u64,
    /// Whether it has not completed yet.
    pub(crate) pending: bool,
    /// Failed polls since the last successful one.
    pub(crate) failures: u8,
    /// When the last successful poll began; 0 before the first.
    pub(crate) loaded: u64,
    /// Grows with every change of the document; 0 before the first.
    pub(crate) generation: u64,
}

impl Progress {
    /// Whether to poll at `now`, with a poll every `every` seconds that takes at most `timeout` seconds.
    pub(crate) fn is_due(&self, now: u64, every: u64, timeout: u64) -> bool {
        // A time in the future is from before the clock was set back.
        let age = if self.polled > now { u64::MAX } else { now - self.polled };
        if self.pending {
            return age > timeout.saturating_add(GRACE);
        }
        let pause = match self.failures {
            0 => every,
            // From one poll on, twice as long with each failure.
            failures => {
                let times = 1u64.checked_shl(u32::from(failures) - 1).unwrap_or(u64::MAX);
                every.saturating_mul(times).min(MAX_PAUSE.max(every))
            }
        };
        age >= pause
    }

    /// Whether this progress is newer than `other` at `now`: this worker could not share it.
    pub(crate) fn is_after(&self, other: &Self, now: u64) -> bool {
        self.polled <= now && (self.polled, !self.pending) > (other.polled, !other.pending)
    }

    /// The value that workers share.
    pub(crate) fn value(&self) -> Vec<u8> {
        let mut out = vec![FORM, u8::from(self.pending), self.failures];
        for number in [self.polled, self.loaded, self.generation] {
            out.extend(number.to_be_bytes());
        }
        out
    }

    /// Reads a shared value; `None` for another format.
    pub(crate) fn of(value: &[u8]) -> Option<Self> {
        let ([form, pending, failures], rest) = value.split_first_chunk::<3>()?;
        let (polled, rest) = rest.split_first_chunk::<8>()?;
        let (loaded, rest) = rest.split_first_chunk::<8>()?;
        let generation: &[u8; 8] = rest.try_into().ok()?;
        (*form == FORM).then(|| Self {
            polled: u64::from_be_bytes(*polled),
            pending: *pending != 0,
            failures: *failures,
            loaded: u64::from_be_bytes(*loaded),
            generation: u64::from_be_bytes(*generation),
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
        // The progress, and after how many seconds a poll is due, with one every 2 s of at most 1 s.
        for (progress, due) in [
            (Progress::default(), 0),
            (at(NOW), 2),
            (Progress { pending: true, ..at(NOW) }, 4),
            (failed(1), 2),
            (failed(2), 4),
            (failed(3), 8),
            (failed(4), 16),
            (failed(5), 30),
            (failed(70), 30),
            (failed(255), 30),
            (at(NOW + 500), 0),
            (Progress { pending: true, ..at(NOW + 500) }, 0),
        ] {
            let first = (0..100).find(|after| progress.is_due(NOW + after, 2, 1));
            assert_eq!(first, Some(due), "{progress:?}");
        }
        assert!(!failed(9).is_due(NOW + 59, 60, 1) && failed(9).is_due(NOW + 60, 60, 1));
    }

    #[test]
    fn values_are_read_as_they_were_written() {
        let progress =
            Progress { polled: NOW, pending: true, failures: 7, loaded: NOW - 9, generation: 3 };
        let value = progress.value();
        assert_eq!(Progress::of(&value), Some(progress));
        for value in [&[][..], &[2; 27], &value[..26], &[&value[..], &[0]].concat()] {
            assert_eq!(Progress::of(value), None);
        }
    }

    #[test]
    fn of_two_the_newer_counts() {
        let at = |polled, pending| Progress { polled, pending, ..Progress::default() };
        for (own, other, want) in [
            (at(NOW, false), at(NOW - 1, false), true),
            (at(NOW, false), at(NOW, true), true),
            (at(NOW, false), at(NOW, false), false),
            (at(NOW, true), at(NOW, false), false),
            (at(NOW - 1, false), at(NOW, true), false),
            // From before the clock was set back.
            (at(NOW + 1, false), at(NOW - 1, false), false),
        ] {
            assert_eq!(own.is_after(&other, NOW), want, "{own:?} {other:?}");
        }
    }
}

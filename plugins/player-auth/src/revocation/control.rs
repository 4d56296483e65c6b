//! How far the feed has been read, and whose turn it is: known by one worker, or by all that share it.
//! No clock, no host: times are arguments, in seconds since the epoch.

/// First byte of a value: what follows is in this form.
const FORM: u8 = 1;
/// How long a poll may take beyond its own timeout, in seconds.
const GRACE: u64 = 2;
/// Longest pause between failed polls, in seconds.
const MAX_PAUSE: u64 = 8;
/// How long a feed that holds too much is let alone, in seconds.
const OVERFLOW_PAUSE: u64 = 60;

const FLYING: u8 = 1;
const MORE: u8 = 2;
const OVERFLOWN: u8 = 4;

/// How far the feed has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// When the last poll started; 0 before the first.
    pub asked: u64,
    /// Whether it has not ended yet.
    pub flying: bool,
    /// Polls that failed since the last good one.
    pub failures: u8,
    /// When the poll started that last read the feed to its end; 0 before the first.
    pub loaded: u64,
    /// Whether the feed has more already.
    pub more: bool,
    /// Whether the feed holds more than may be remembered.
    pub overflown: bool,
    /// Grows with the table.
    pub generation: u64,
    /// What to ask for next; from the beginning where there is none.
    pub cursor: Option<String>,
}

impl Control {
    /// Whether to poll now, where that is to be done every `every` seconds and takes at most `timeout`.
    pub fn is_due(&self, now: u64, every: u64, timeout: u64) -> bool {
        // A time that lies ahead is from before the clock was set back.
        let age = if self.asked > now { u64::MAX } else { now - self.asked };
        if self.flying {
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

    /// Why the feed does not count as known at `now`, if it does not.
    pub fn lapse(&self, now: u64, max_stale: u64) -> Option<&'static str> {
        match self.loaded {
            _ if self.overflown => Some("revocations_overflow"),
            0 => Some("revocations_unloaded"),
            loaded if now.abs_diff(loaded) > max_stale => Some("revocations_stale"),
            _ => None,
        }
    }

    /// Whether this is from after `other`, as far as can be told at `now`. It is so only where this
    /// worker could not tell the others.
    pub fn is_after(&self, other: &Self, now: u64) -> bool {
        self.asked <= now && (self.asked, !self.flying) > (other.asked, !other.flying)
    }

    /// As it is shared.
    pub fn bytes(&self) -> Vec<u8> {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let flags =
            flag(self.flying, FLYING) | flag(self.more, MORE) | flag(self.overflown, OVERFLOWN);
        let mut out = vec![FORM, flags, self.failures];
        for number in [self.asked, self.loaded, self.generation] {
            out.extend(number.to_be_bytes());
        }
        out.extend(self.cursor.iter().flat_map(|cursor| cursor.bytes()));
        out
    }

    /// Reads what is shared; `None` for anything else.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let ([form, flags, failures], rest) = bytes.split_first_chunk::<3>()?;
        let (asked, rest) = rest.split_first_chunk::<8>()?;
        let (loaded, rest) = rest.split_first_chunk::<8>()?;
        let (generation, rest) = rest.split_first_chunk::<8>()?;
        let cursor = std::str::from_utf8(rest).ok()?;
        (*form == FORM).then(|| Self {
            asked: u64::from_be_bytes(*asked),
            flying: flags & FLYING != 0,
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
    fn when_to_poll() {
        let at = |asked: u64| Control { asked, ..Control::default() };
        let failed = |failures: u8| Control { failures, ..at(NOW) };
        // What is known; the second at which the next poll is due, every 5 s and within 1 s.
        for (control, due) in [
            (at(NOW), 5),
            (Control { more: true, ..at(NOW) }, 0),
            (Control { overflown: true, ..at(NOW) }, 60),
            (Control { overflown: true, more: true, ..at(NOW) }, 0),
            (Control { flying: true, ..at(NOW) }, 4),
            (Control { flying: true, more: true, ..at(NOW) }, 4),
            (failed(1), 1),
            (failed(2), 2),
            (failed(3), 4),
            (failed(4), 8),
            (failed(255), 8),
            (Control { more: true, ..failed(2) }, 2),
        ] {
            let first = (0..100).find(|after| control.is_due(NOW + after, 5, 1));
            assert_eq!(first, Some(due), "{control:?}");
        }
        assert!(Control::default().is_due(NOW, 5, 1), "at once");
        let ahead = Control { flying: true, ..at(NOW + 3_600) };
        assert!(ahead.is_due(NOW, 5, 1), "the clock was set back");
    }

    #[test]
    fn when_the_feed_counts_as_known() {
        let loaded = Control { loaded: NOW, ..Control::default() };
        assert_eq!(Control::default().lapse(NOW, 60), Some("revocations_unloaded"));
        assert_eq!(loaded.lapse(NOW + 60, 60), None);
        assert_eq!(loaded.lapse(NOW + 61, 60), Some("revocations_stale"));
        let overflown = Control { overflown: true, ..loaded };
        assert_eq!(overflown.lapse(NOW, 60), Some("revocations_overflow"));
    }

    #[test]
    fn what_is_shared_is_read_back() {
        let full = Control {
            asked: NOW,
            flying: true,
            failures: 3,
            loaded: NOW - 1,
            more: true,
            overflown: true,
            generation: 7,
            cursor: Some("a/b é".to_owned()),
        };
        for control in [Control::default(), full] {
            assert_eq!(Control::read(&control.bytes()), Some(control.clone()));
            let bytes = control.bytes();
            for cut in 0..27 {
                assert_eq!(Control::read(&bytes[..cut]), None, "{cut}");
            }
            let mut other = bytes.clone();
            other[0] = 2;
            assert_eq!(Control::read(&other), None);
            assert_eq!(Control::read(&[&bytes[..], b"\xff"].concat()), None);
        }
    }

    #[test]
    fn who_is_ahead() {
        let at = |asked, flying| Control { asked, flying, ..Control::default() };
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

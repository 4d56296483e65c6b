//! Lines of the log about what happens to many calls at once: one a minute of each kind. How many calls it
//! was, the counters tell.

use std::cell::Cell;

use policy_kit::Host;

/// How long it is silent after a line.
const SILENCE: u64 = 60_000_000_000;

/// What goes wrong for many calls at once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    /// No slot is free.
    Full,
    /// The store fails.
    Store,
    /// A count of keys cannot be read or written.
    Quota,
    /// Bets cannot be remembered.
    Clicks,
}

/// When a line of each kind was last written.
#[derive(Debug, Default)]
pub(crate) struct Lines([Cell<Option<u64>>; 4]);

impl Lines {
    /// Writes a line, unless there was one of its kind in the last minute.
    pub(crate) fn write(
        &self,
        host: &mut dyn Host,
        trouble: Trouble,
        now: u64,
        line: impl FnOnce() -> String,
    ) {
        let Some(last) = self.0.get(trouble as usize) else { return };
        if last.get().is_none_or(|last| now.abs_diff(last) >= SILENCE) {
            last.set(Some(now));
            let level = match trouble {
                Trouble::Full | Trouble::Store => log::Level::Error,
                Trouble::Quota | Trouble::Clicks => log::Level::Warn,
            };
            host.log(level, &format!("idempotency: {}", line()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_kit::fake::FakeHost;

    #[test]
    fn one_line_a_minute_of_each_kind() {
        let (lines, mut host) = (Lines::default(), FakeHost::default());
        for (at, trouble) in [
            (0, Trouble::Full),
            (1, Trouble::Full),
            (1, Trouble::Store),
            (59, Trouble::Full),
            (60, Trouble::Full),
            (61, Trouble::Store),
        ] {
            let line = || format!("{trouble:?} at {at}");
            lines.write(&mut host, trouble, at * 1_000_000_000, line);
        }
        let want = ["Full at 0", "Store at 1", "Full at 60", "Store at 61"];
        assert_eq!(host.logs, want.map(|line| format!("idempotency: {line}")));
    }
}

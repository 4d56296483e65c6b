//! Times at which the surge profile is on.

use std::collections::BinaryHeap;

use policy_kit::{invalid, ConfigError, SECOND};

use crate::surge::config::WindowConfig;
use crate::surge::instant::utc;

/// Longest window, in nanoseconds: 31 days. A longer one is rather a typing error in its year.
const LONGEST: u64 = 31 * 86_400 * SECOND;
/// Most windows.
const MOST: usize = 1_000;

/// Windows, by their beginnings.
#[derive(Debug, Default)]
pub(crate) struct Schedule(Vec<(u64, u64)>);

impl Schedule {
    /// Compiles the configuration at path `at`.
    ///
    /// # Errors
    /// Names the field.
    pub(crate) fn compile(raw: &[WindowConfig], at: &str) -> Result<Self, ConfigError> {
        if raw.len() > MOST {
            return Err(invalid(at, format!("expected at most {MOST} windows")));
        }
        let mut windows = Vec::with_capacity(raw.len());
        for (i, window) in raw.iter().enumerate() {
            let field = |name: &str| format!("{at}[{i}].{name}");
            let read = |text: &str, name: &str| {
                let problem = "expected a UTC time, such as `2026-06-11T19:00:00Z`";
                utc(text).ok_or_else(|| invalid(field(name), problem))
            };
            let (from, until) = (read(&window.from, "from")?, read(&window.until, "until")?);
            if until <= from {
                return Err(invalid(field("until"), "ends before it begins"));
            }
            if until - from > LONGEST {
                return Err(invalid(field("until"), "is more than 31 days after `from`"));
            }
            windows.push((from, until, i));
        }
        // A sort of its own would be 4 KB of code.
        let windows = BinaryHeap::from(windows).into_sorted_vec();
        let mut before: Option<(u64, usize)> = None;
        for (from, until, i) in &windows {
            if let Some((_, other)) = before.filter(|(end, _)| end > from) {
                let (first, second) = (other.min(*i), other.max(*i));
                let problem = format!("overlaps {at}[{first}]");
                return Err(invalid(format!("{at}[{second}]"), problem));
            }
            before = Some((*until, *i));
        }
        Ok(Self(windows.into_iter().map(|(from, until, _)| (from, until)).collect()))
    }

    /// Whether a window is open at `now`, in nanoseconds since the epoch.
    pub(crate) fn is_on(&self, now: u64) -> bool {
        let begun = self.0.partition_point(|(from, _)| *from <= now);
        let last = begun.checked_sub(1).and_then(|at| self.0.get(at));
        last.is_some_and(|(_, until)| now < *until)
    }

    /// Whether there are no windows.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(windows: &[(&str, &str)]) -> Result<Schedule, ConfigError> {
        let at = |time: &str| match time.len() {
            5 => format!("2026-06-11T{time}:00Z"),
            _ => time.to_owned(),
        };
        let raw =
            windows.iter().map(|(from, until)| WindowConfig { from: at(from), until: at(until) });
        Schedule::compile(&raw.collect::<Vec<_>>(), "surge.schedule")
    }

    #[test]
    fn windows_are_open_from_their_beginning_to_before_their_end() {
        let schedule =
            compile(&[("19:00", "21:00"), ("13:00", "15:00"), ("15:00", "15:01")]).unwrap();
        for (time, want) in [
            ("1970-01-01T00:00:00Z", false),
            ("2026-06-11T12:59:59.999999999Z", false),
            ("2026-06-11T13:00:00Z", true),
            ("2026-06-11T14:59:59Z", true),
            ("2026-06-11T15:00:00Z", true),
            ("2026-06-11T15:01:00Z", false),
            ("2026-06-11T18:59:59Z", false),
            ("2026-06-11T20:59:59.999999999Z", true),
            ("2026-06-11T21:00:00Z", false),
            ("2500-01-01T00:00:00Z", false),
        ] {
            assert_eq!(schedule.is_on(utc(time).unwrap()), want, "{time}");
        }
        assert!(!Schedule::default().is_on(0) && Schedule::default().is_empty());
        assert!(!schedule.is_on(u64::MAX) && !schedule.is_empty());
    }

    #[test]
    fn rejects_invalid_configurations() {
        for (windows, want) in [
            (&[("19:00", "18:00")][..], "surge.schedule[0].until"),
            (&[("19:00", "19:00")], "surge.schedule[0].until"),
            (&[("19:00", "2027-06-11T21:00:00Z")], "surge.schedule[0].until"),
            (&[("19.00", "21:00")], "surge.schedule[0].from"),
            (&[("13:00", "14:00"), ("19:00", "tomorrow")], "surge.schedule[1].until"),
            (&[("13:00", "15:00"), ("14:59", "16:00")], "surge.schedule[1]"),
            (&[("14:59", "16:00"), ("13:00", "15:00")], "surge.schedule[1]"),
            (&[("13:00", "15:00"), ("13:00", "15:00")], "surge.schedule[1]"),
            (&[("13:00", "18:00"), ("14:00", "15:00"), ("16:00", "17:00")], "surge.schedule[1]"),
            (&[("13:00", "14:00"); 1_001], "surge.schedule"),
        ] {
            let error = compile(windows).unwrap_err();
            assert_eq!(error.field, want, "{error}");
        }
    }
}

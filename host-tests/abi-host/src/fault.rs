//! Fault injection: host calls that return a status without any effect, or that trap.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which occurrences of a host call fail. Counting starts at 1 and only sees calls that match the
/// rest of the rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Occurrence {
    /// Every one.
    #[default]
    Every,
    /// This one and all later ones.
    From(u64),
    /// This one alone.
    Only(u64),
}

/// The phase in which a rule applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum During {
    /// Always.
    #[default]
    Everything,
    /// Only in `on_vm_start` and `on_configure`.
    Start,
    /// Everywhere but there.
    Traffic,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Import name, as `proxy_get_property` or `fd_write`.
    pub call: String,
    /// The status it returns, known or not; `None` for a trap.
    pub status: Option<u32>,
    /// Which occurrences.
    pub occurrence: Occurrence,
    /// When.
    pub during: During,
    /// Only calls of this plugin.
    pub plugin: Option<String>,
}

impl Fault {
    /// Every occurrence of `call`, of all plugins, returns `status`.
    pub fn new(call: &str, status: u32) -> Self {
        Self {
            call: call.to_owned(),
            status: Some(status),
            occurrence: Occurrence::Every,
            during: During::Everything,
            plugin: None,
        }
    }

    /// Every occurrence of `call`, of all plugins, traps before it has any effect, as when a VM runs out
    /// of memory.
    pub fn trap(call: &str) -> Self {
        Self { status: None, ..Self::new(call, 0) }
    }

    /// Narrows the rule to some occurrences.
    #[must_use]
    pub fn occurrence(mut self, occurrence: Occurrence) -> Self {
        self.occurrence = occurrence;
        self
    }

    /// Narrows the rule to a phase.
    #[must_use]
    pub fn during(mut self, during: During) -> Self {
        self.during = during;
        self
    }

    /// Narrows the rule to one plugin.
    #[must_use]
    pub fn plugin(mut self, name: &str) -> Self {
        self.plugin = Some(name.to_owned());
        self
    }
}

/// The rules in force. Clones share them, so a test keeps one and gives the other to the chain.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Checked before the lock is taken: chains without faults do not lock.
    armed: AtomicBool,
    rules: Mutex<Vec<(Fault, u64)>>,
}

impl Faults {
    /// No rule at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule. The first rule that applies wins.
    pub fn inject(&self, fault: Fault) {
        self.rules().push((fault, 0));
        self.0.armed.store(true, Ordering::Relaxed);
    }

    /// Drops all rules.
    pub fn clear(&self) {
        self.rules().clear();
        self.0.armed.store(false, Ordering::Relaxed);
    }

    /// True when there is any rule.
    pub(crate) fn armed(&self) -> bool {
        self.0.armed.load(Ordering::Relaxed)
    }

    /// The status of the rule that matches a call; an inner `None` is a trap.
    pub(crate) fn answer(&self, call: &str, plugin: &str, starting: bool) -> Option<Option<u32>> {
        for (fault, seen) in self.rules().iter_mut() {
            let applies = fault.call == call
                && fault.plugin.as_deref().is_none_or(|name| name == plugin)
                && match fault.during {
                    During::Everything => true,
                    During::Start => starting,
                    During::Traffic => !starting,
                };
            if !applies {
                continue;
            }
            *seen += 1;
            let hit = match fault.occurrence {
                Occurrence::Every => true,
                Occurrence::From(first) => *seen >= first,
                Occurrence::Only(one) => *seen == one,
            };
            if hit {
                return Some(fault.status);
            }
        }
        None
    }

    fn rules(&self) -> MutexGuard<'_, Vec<(Fault, u64)>> {
        self.0.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_count_matching_calls_only() {
        let cases: [(&str, Fault, [Option<u32>; 4]); 6] = [
            ("every", Fault::new("a", 2), [Some(2), Some(2), Some(2), Some(2)]),
            (
                "from the second",
                Fault::new("a", 2).occurrence(Occurrence::From(2)),
                [None, Some(2), Some(2), Some(2)],
            ),
            (
                "only the second",
                Fault::new("a", 99).occurrence(Occurrence::Only(2)),
                [None, Some(99), None, None],
            ),
            ("another call", Fault::new("b", 2), [None; 4]),
            ("another plugin", Fault::new("a", 2).plugin("q"), [None; 4]),
            (
                "traffic only, which starts at the third",
                Fault::new("a", 2).during(During::Traffic),
                [None, None, Some(2), Some(2)],
            ),
        ];
        for (name, fault, expected) in cases {
            let faults = Faults::new();
            faults.inject(fault);
            let got = [0, 1, 2, 3].map(|turn| faults.answer("a", "p", turn < 2));
            assert_eq!(got, expected.map(|status| status.map(Some)), "{name}");
            faults.clear();
            assert_eq!(faults.answer("a", "p", false), None, "{name}");
        }
    }
}

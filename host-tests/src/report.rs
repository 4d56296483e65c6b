//! A run for machines: JSON for scripts, JUnit XML for build servers, progress for whoever waits.
mod json;
mod junit;
mod progress;

pub use json::json;
pub use junit::junit;
pub use progress::Progress;

use crate::golden::Golden;
use crate::intake::Skipped;
use crate::replay::Outcome;
use crate::traffic::Request;
use crate::whatif::WhatIf;

/// What a run found.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The requests.
    pub requests: &'a [Request],
    /// Entries that were not replayed.
    pub skipped: &'a [Skipped],
    /// What became of the requests: in wasmtime, or in Envoy where only that ran.
    pub outcomes: &'a [Outcome],
    /// What became of them in Envoy, where both ran.
    pub real: Option<&'a [Outcome]>,
    /// How they compare with the golden decisions.
    pub golden: Option<&'a Golden>,
    /// What another policy would decide.
    pub what_if: Option<&'a WhatIf>,
    /// A changed decision is a failure.
    pub fail_on_change: bool,
}

impl Run<'_> {
    /// In what the two halves differ at this request.
    fn differences(&self, index: usize) -> Vec<String> {
        let real = self.real.and_then(|it| it.get(index));
        let ours = self.outcomes.get(index);
        ours.zip(real).map(|(ours, real)| ours.differences(real)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;

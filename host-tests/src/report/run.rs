//! One run, as input of the reports.
use crate::golden::Golden;
use crate::intake::recording::Skipped;
use crate::replay::Outcome;
use crate::traffic::Request;
use crate::whatif::WhatIf;

/// The results of a run.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The requests.
    pub requests: &'a [Request],
    /// Entries that were not replayed.
    pub skipped: &'a [Skipped],
    /// The outcomes in wasmtime, or in Envoy where only that ran.
    pub outcomes: &'a [Outcome],
    /// The outcomes in Envoy, where both ran.
    pub real: Option<&'a [Outcome]>,
    /// How they compare with the golden decisions.
    pub golden: Option<&'a Golden>,
    /// The changes under another configuration.
    pub what_if: Option<&'a WhatIf>,
    /// A changed decision is a failure.
    pub fail_on_change: bool,
}

impl Run<'_> {
    /// The differences of both halves at this request.
    pub(super) fn differences(&self, index: usize) -> Vec<String> {
        let real = self.real.and_then(|it| it.get(index));
        let ours = self.outcomes.get(index);
        ours.zip(real).map(|(ours, real)| ours.differences(real)).unwrap_or_default()
    }
}

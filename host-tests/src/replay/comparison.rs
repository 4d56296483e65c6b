//! How two halves compare.
use super::outcome::Outcome;
use crate::traffic::Request;

/// The lines of a run, as printed and as in golden files.
pub fn lines(requests: &[Request], outcomes: &[Outcome]) -> String {
    let line = |(request, outcome): (&Request, &Outcome)| outcome.line(request) + "\n";
    requests.iter().zip(outcomes).map(line).collect()
}

/// How two halves compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Requests replayed.
    pub replayed: usize,
    /// The differences, one text for each differing request.
    pub differing: Vec<String>,
}

impl Comparison {
    /// Compares wasmtime's outcomes with Envoy's.
    pub fn new(requests: &[Request], emulated: &[Outcome], real: &[Outcome]) -> Self {
        let pairs = requests.iter().zip(emulated.iter().zip(real));
        let differing = pairs.filter_map(|(request, (ours, envoys))| {
            let differences = ours.differences(envoys);
            if differences.is_empty() {
                return None;
            }
            let (ours, envoys) = (ours.line(request), envoys.line(request));
            let list = differences.join("\n           ");
            Some(format!("wasmtime {ours}\nenvoy    {envoys}\n           {list}"))
        });
        Self { replayed: requests.len(), differing: differing.collect() }
    }

    /// The last line of a run.
    pub fn summary(&self) -> String {
        let differ = self.differing.len();
        let agree = self.replayed - differ;
        format!("replayed {} requests, {agree} agree, {differ} differ", self.replayed)
    }
}

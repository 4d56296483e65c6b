//! Reports of a run: JSON for scripts, JUnit XML for build servers, progress for terminals.
mod json;
mod junit;
mod progress;
mod run;

pub use json::json;
pub use junit::junit;
pub use progress::Progress;
pub use run::Run;

#[cfg(test)]
mod tests;

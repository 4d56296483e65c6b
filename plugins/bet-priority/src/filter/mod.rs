//! Walks one request: reads the facts, asks the rules, holds and releases it, hears how it ended.

mod admission;
mod checks;
mod ending;
mod facts;
mod hold;
mod report;
mod request;
pub(crate) mod state;

#[cfg(test)]
mod admission_tests;
#[cfg(test)]
mod ending_tests;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod limit_tests;
#[cfg(test)]
mod report_tests;
#[cfg(test)]
mod rule_tests;

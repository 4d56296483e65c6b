//! All runs of a surge.
use super::error::SurgeError;
use super::figures::Figures;
use super::goals::{goals, Goal};
use super::plan::Plan;
use super::variant::Missing;
use serde::Serialize;
use std::time::Duration;

/// The most that one of a hundred requests may leave too late.
const MOST_LATE: Duration = Duration::from_millis(20);

/// All runs of a surge.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The arrivals.
    pub plan: Plan,
    /// The runs, in the order of the table.
    pub variants: Vec<Figures>,
    /// Variants that could not run.
    pub missing: Vec<Missing>,
    /// What bet-priority promises.
    pub goals: Vec<Goal>,
}

impl Report {
    /// The report of these runs.
    pub fn new(plan: Plan, variants: Vec<Figures>, missing: Vec<Missing>) -> Self {
        let goals = goals(&plan, &variants);
        Self { plan, variants, missing, goals }
    }

    /// Whether every goal was met; also true where there is none.
    pub fn met(&self) -> bool {
        self.goals.iter().all(|it| it.met)
    }

    /// Whether the clients kept their times.
    ///
    /// # Errors
    /// They did not, in this variant.
    pub fn punctual(&self) -> Result<(), SurgeError> {
        let most = MOST_LATE.as_secs_f64() * 1000.0;
        match self.variants.iter().find(|it| it.late_p99_ms > most) {
            None => Ok(()),
            Some(Figures { key, late_p99_ms, .. }) => {
                let late = Duration::from_secs_f64(late_p99_ms / 1000.0);
                Err(SurgeError::Late { variant: key, late, most: MOST_LATE })
            }
        }
    }
}

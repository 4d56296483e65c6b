//! The compiled `surge`.

use policy_kit::{invalid, ConfigError, Host};

use crate::surge::auto::AutoRules;
use crate::surge::config::SurgeConfig;
use crate::surge::schedule::Schedule;
use crate::surge::switch::SwitchRules;

const AT: &str = "surge";

/// When the surge profile is on.
#[derive(Debug)]
pub struct SurgeRules {
    pub(crate) schedule: Schedule,
    pub(crate) switch: Option<SwitchRules>,
    pub(crate) auto: Option<AutoRules>,
}

impl SurgeRules {
    /// Compiles the configuration's `surge`.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(raw: &SurgeConfig, host: &mut dyn Host) -> Result<Self, ConfigError> {
        let rules = Self {
            schedule: Schedule::compile(&raw.schedule, &format!("{AT}.schedule"))?,
            switch: raw.switch.as_ref().map(|raw| SwitchRules::compile(raw, host)).transpose()?,
            auto: raw
                .auto
                .as_ref()
                .map(|raw| AutoRules::compile(raw, &format!("{AT}.auto")))
                .transpose()?,
        };
        if rules.schedule.is_empty() && rules.switch.is_none() && rules.auto.is_none() {
            let problem = "is never on: give at least one of `schedule`, `switch` and `auto`";
            return Err(invalid(AT, problem));
        }
        Ok(rules)
    }

    /// Whether a switch may suspend markets.
    pub fn has_switch(&self) -> bool {
        self.switch.is_some()
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;

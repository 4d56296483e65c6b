//! How many failed checks one source may cause, as the operator writes it.

use serde::Deserialize;

use crate::config::check::within;
use crate::config::error::ConfigError;

/// Failed checks that one source may cause before its tokens are refused unchecked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailuresConfig {
    /// In the long run, 1 to 60000.
    #[serde(default = "default_rate")]
    pub per_minute: u32,
    /// At once, 1 to 10000.
    #[serde(default = "default_burst")]
    pub burst: u32,
}

impl Default for FailuresConfig {
    fn default() -> Self {
        Self { per_minute: default_rate(), burst: default_burst() }
    }
}

fn default_rate() -> u32 {
    30
}

fn default_burst() -> u32 {
    10
}

impl FailuresConfig {
    /// Checks the configuration at path `at`.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(&self, at: &str) -> Result<(), ConfigError> {
        within(self.per_minute.into(), (1, 60_000), || format!("{at}.per_minute"))?;
        within(self.burst.into(), (1, 10_000), || format!("{at}.burst"))?;
        Ok(())
    }
}

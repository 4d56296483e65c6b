//! Configuration errors.

/// What is wrong with a configuration: the field at fault and the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Path of the offending field, such as `licences[2].markets`; `$` for the whole document.
    pub field: String,
    /// The problem. Never contains the rejected value, which may be a secret.
    pub problem: String,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}

impl std::error::Error for ConfigError {}

/// Makes a [`ConfigError`] from a field path and a problem.
///
/// ```
/// let error = policy_kit::invalid("limits.burst", "expected 1 to 100");
/// assert_eq!(error.to_string(), "limits.burst: expected 1 to 100");
/// ```
#[cold]
#[inline(never)]
pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> ConfigError {
    ConfigError { field: field.into(), problem: problem.into() }
}

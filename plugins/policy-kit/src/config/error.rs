//! Configuration errors.

/// What is wrong with a configuration. Boxed, because every check of every field passes it on: a pointer is less code
/// than two texts.
pub type ConfigError = Box<ConfigFault>;

/// The field at fault and the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFault {
    /// Path of the offending field, such as `licences[2].markets`; `$` for the whole document.
    pub field: String,
    /// The problem. Never contains the rejected value, which may be a secret.
    pub problem: String,
}

impl std::fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}

impl std::error::Error for ConfigFault {}

/// Makes a [`ConfigError`] from a field path and a problem.
///
/// ```
/// let error = policy_kit::invalid("limits.burst", "expected 1 to 100");
/// assert_eq!(error.to_string(), "limits.burst: expected 1 to 100");
/// ```
#[cold]
#[inline(never)]
pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> ConfigError {
    fault(field.into(), problem.into())
}

#[cold]
#[inline(never)]
fn fault(field: String, problem: String) -> ConfigError {
    Box::new(ConfigFault { field, problem })
}

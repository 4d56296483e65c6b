//! Finds the real Envoy.
use super::clock;
use crate::artifact::build_clock;
use crate::workspace::workspace_root;
use std::path::{Path, PathBuf};

/// Names the binary; otherwise `.venv/bin/envoy` of the workspace is taken.
pub const ENVOY_VARIABLE: &str = "PITBOSS_ENVOY";

/// Why the real Envoy cannot run on this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoEnvoy {
    /// There is none.
    #[error(
        "no Envoy here: {looked_at} is missing; `make envoy` gets it, or set {ENVOY_VARIABLE}"
    )]
    Missing {
        /// Where it should be.
        looked_at: String,
    },
    /// The variable names no file.
    #[error("{ENVOY_VARIABLE} names no file: {named}")]
    Wrong {
        /// Its value.
        named: String,
    },
    /// Its clock cannot be set to the recorded time.
    #[error("no Envoy here: its clock is set by a preloaded library (64-bit Linux only)")]
    NoPreloading,
}

impl NoEnvoy {
    /// Whether wasmtime may run alone: not if a binary was named, and not under CI.
    pub fn may_be_skipped(&self) -> bool {
        !matches!(self, Self::Wrong { .. }) && std::env::var_os("CI").is_none()
    }
}

/// The Envoy to use.
pub fn find() -> Result<PathBuf, NoEnvoy> {
    let named = std::env::var_os(ENVOY_VARIABLE).filter(|it| !it.is_empty());
    find_where(clock::PRELOADING, named.map(PathBuf::from))
}

fn find_where(preloading: bool, named: Option<PathBuf>) -> Result<PathBuf, NoEnvoy> {
    if !preloading {
        return Err(NoEnvoy::NoPreloading);
    }
    match named {
        Some(path) if path.is_file() => Ok(path),
        Some(path) => Err(NoEnvoy::Wrong { named: path.display().to_string() }),
        None => {
            let path = workspace_root().join(".venv/bin/envoy");
            let missing = || NoEnvoy::Missing { looked_at: shown(&path) };
            path.is_file().then(|| path.clone()).ok_or_else(missing)
        }
    }
}

/// The Envoy to use in a test. Without one the test is skipped, which this prints with the reason;
/// under CI it is an error.
pub fn find_for_test() -> Result<Option<PathBuf>, NoEnvoy> {
    match find() {
        Ok(path) => {
            build_clock();
            Ok(Some(path))
        }
        Err(missing) if missing.may_be_skipped() => {
            println!("skipped: {missing}");
            Ok(None)
        }
        Err(missing) => Err(missing),
    }
}

fn shown(path: &Path) -> String {
    path.strip_prefix(workspace_root()).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_a_system_without_preloading() {
        let text = find_where(false, None).unwrap_err().to_string();
        assert!(text.starts_with("no Envoy here: ") && text.contains("clock"), "{text}");
    }

    /// Falling back to another binary, or to none, would test something else than was asked for.
    #[test]
    fn a_missing_named_binary_is_never_skipped() {
        let wrong = find_where(true, Some("no/envoy".into())).unwrap_err();
        assert_eq!(wrong.to_string(), "PITBOSS_ENVOY names no file: no/envoy");
        assert!(!wrong.may_be_skipped());
    }
}

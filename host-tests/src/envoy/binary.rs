//! Where the real Envoy is, or why there is none.
use super::clock;
use std::path::{Path, PathBuf};

/// Names the binary; otherwise `.venv/bin/envoy` of the workspace is taken.
pub const ENVOY_VARIABLE: &str = "PITBOSS_ENVOY";

/// Why nothing runs in the real Envoy on this machine.
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
    /// Its clock cannot be set to the recorded time.
    #[error("no Envoy here: its clock is set by a preloaded library (64-bit Linux only)")]
    NoPreloading,
}

/// The Envoy to use.
pub fn find() -> Result<PathBuf, NoEnvoy> {
    find_where(clock::PRELOADING)
}

fn find_where(preloading: bool) -> Result<PathBuf, NoEnvoy> {
    if !preloading {
        return Err(NoEnvoy::NoPreloading);
    }
    let path = match std::env::var_os(ENVOY_VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => workspace_root().join(".venv/bin/envoy"),
    };
    if path.is_file() {
        return Ok(path);
    }
    Err(NoEnvoy::Missing { looked_at: shown(&path) })
}

/// The Envoy to use in a test. Without one the test is skipped, which this prints with the reason;
/// under CI it is an error.
pub fn find_for_test() -> Result<Option<PathBuf>, NoEnvoy> {
    match find() {
        Ok(path) => {
            crate::artifact::build_clock();
            Ok(Some(path))
        }
        Err(missing) if std::env::var_os("CI").is_some() => Err(missing),
        Err(missing) => {
            println!("skipped: {missing}");
            Ok(None)
        }
    }
}

/// The folder with `Cargo.lock`, from the current folder upwards.
pub fn workspace_root() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    here.ancestors()
        .find(|it| it.join("Cargo.lock").is_file())
        .map_or_else(|| here.clone(), Path::to_path_buf)
}

fn shown(path: &Path) -> String {
    path.strip_prefix(workspace_root()).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_that_preloads_nothing_is_told_as_the_reason() {
        let told = find_where(false).unwrap_err().to_string();
        assert!(told.starts_with("no Envoy here: ") && told.contains("clock"), "{told}");
    }
}

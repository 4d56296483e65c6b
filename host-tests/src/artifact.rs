//! Finds the `.wasm` files; tests build them once per process.
use crate::workspace::workspace_root;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Names the folder with the `.wasm` files. If it is set, nothing is built.
pub const WASM_DIR_VARIABLE: &str = "PITBOSS_WASM_DIR";

/// Why a module is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactError {
    /// It was never built.
    #[error("{file} is not in {folder}; `make build` builds it")]
    Missing {
        /// The file.
        file: String,
        /// Where it should be.
        folder: String,
    },
    /// It does not build.
    #[error("building {package} failed:\n{output}")]
    Build {
        /// The package.
        package: String,
        /// The output of cargo.
        output: String,
    },
}

/// The folder with the `.wasm` files.
pub fn wasm_dir() -> PathBuf {
    if let Some(folder) = std::env::var_os(WASM_DIR_VARIABLE) {
        return PathBuf::from(folder);
    }
    target_dir().join("wasm32-wasip1/plugin")
}

/// Cargo's target folder.
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => workspace_root().join(folder),
        None => workspace_root().join("target"),
    }
}

/// The module `file` in `folder`.
pub fn find(folder: &Path, file: &str) -> Result<PathBuf, ArtifactError> {
    let path = folder.join(file);
    if path.is_file() {
        return Ok(path);
    }
    let folder = folder.strip_prefix(workspace_root()).unwrap_or(folder).display().to_string();
    Err(ArtifactError::Missing { file: file.to_owned(), folder })
}

/// Builds the module of `package`, once per process, and returns its path. With [`WASM_DIR_VARIABLE`] set
/// nothing is built.
pub fn build(package: &str) -> Result<PathBuf, ArtifactError> {
    static BUILT: Mutex<BTreeMap<String, Result<(), ArtifactError>>> = Mutex::new(BTreeMap::new());
    if std::env::var_os(WASM_DIR_VARIABLE).is_none() {
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        built
            .entry(package.to_owned())
            .or_insert_with(|| run_cargo("rustc", package, WASM))
            .clone()?;
    }
    find(&wasm_dir(), &format!("{}.wasm", package.replace('-', "_")))
}

/// Builds the library that sets Envoy's clock, once per process. A failure is printed; finding the library
/// fails later.
pub(crate) fn build_clock() {
    static BUILT: OnceLock<Result<(), ArtifactError>> = OnceLock::new();
    let built = BUILT.get_or_init(|| run_cargo("build", "replay-clock", &[]));
    if let Err(error) = built {
        println!("{error}");
    }
}

/// Flags that cargo adds to those of `.cargo/config.toml`.
const FLAGS_VARIABLE: &str = "CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS";

/// Keeps the builder's home folder, where the sources of dependencies are, out of panic locations. The
/// Makefile sets the same flags: with others cargo would build all modules again.
fn wasm_flags() -> Option<OsString> {
    if let Some(flags) = std::env::var_os(FLAGS_VARIABLE) {
        return Some(flags);
    }
    let home = std::env::var_os("CARGO_HOME").filter(|it| !it.is_empty()).map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))?;
    let sources = home.join("registry/src").into_os_string().into_string().ok()?;
    // Cargo splits the flags at blanks.
    (!sources.contains(char::is_whitespace))
        .then(|| format!("--remap-path-prefix={sources}=registry").into())
}

/// As the Makefile builds modules.
const WASM: &[&str] =
    &["--target", "wasm32-wasip1", "--profile", "plugin", "--crate-type", "cdylib"];

fn run_cargo(command: &str, package: &str, options: &[&str]) -> Result<(), ArtifactError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let result = Command::new(cargo)
        .args([command, "--quiet", "-p", package])
        .args(options)
        .envs(wasm_flags().map(|flags| (FLAGS_VARIABLE, flags)))
        .current_dir(workspace_root())
        .output();
    let output = match result {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    Err(ArtifactError::Build { package: package.to_owned(), output })
}

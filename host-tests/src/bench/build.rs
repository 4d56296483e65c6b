//! The build to measure: of this checkout, or of another one.
use crate::artifact;
use crate::workspace::workspace_root;
use std::path::{Path, PathBuf};

/// Where the modules of a build are, and the examples that configure them.
#[derive(Debug, Clone)]
pub struct Build {
    /// The folder with the `.wasm` files.
    pub modules: PathBuf,
    /// The folder with the gateways' configurations.
    pub examples: PathBuf,
}

impl Build {
    /// This checkout's.
    ///
    /// # Errors
    /// There is no current folder.
    pub fn here() -> std::io::Result<Self> {
        let examples = workspace_root().join("envoy-examples");
        Ok(Self { modules: std::path::absolute(artifact::wasm_dir())?, examples })
    }

    /// That of another checkout, in which `make build` has run.
    ///
    /// # Errors
    /// There is no current folder.
    pub fn of_checkout(root: &Path) -> std::io::Result<Self> {
        let root = std::path::absolute(root)?;
        let modules = root.join("target/wasm32-wasip1/plugin");
        Ok(Self { modules, examples: root.join("envoy-examples") })
    }
}

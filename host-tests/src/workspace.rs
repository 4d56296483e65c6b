//! The folder of the workspace.
use std::path::{Path, PathBuf};

/// The folder with `Cargo.lock`, from the current folder upwards.
pub fn workspace_root() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    here.ancestors()
        .find(|it| it.join("Cargo.lock").is_file())
        .map_or_else(|| here.clone(), Path::to_path_buf)
}

//! A build that is measured: this checkout's, or another one's beside it.
use super::auth::HIT;
use super::goals::{Aim, Goal};
use super::once::{CLAIM, REPLAY};
use super::variants::{variants, Variant, LOCATED};
use super::BenchError;
use crate::artifact;
use crate::envoy::workspace_root;
use std::path::{Path, PathBuf};

/// Where the modules of a build are, and the examples that configure them.
#[derive(Debug, Clone)]
pub struct Build {
    /// The folder with the `.wasm` files.
    pub modules: PathBuf,
    /// The folder with the gateways' configurations.
    pub examples: PathBuf,
}

/// What every request goes through: its name here, in the other build, and in the list of ratios.
const COMPARED: [(&str, &str, &str); 4] = [
    (LOCATED, "located bet, other build", "located bet, to the other build"),
    (HIT, "known token, other build", "known token, to the other build"),
    (CLAIM, "claim, other build", "claim, to the other build"),
    (REPLAY, "replay, other build", "replay, to the other build"),
];

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

/// The variants of another build that stand beside this one's: a located bet, a known token, a claim and a
/// replay, or those of one policy.
///
/// # Errors
/// An example of the other build cannot be read.
pub fn others(other: &Build, policy: Option<&str>) -> Result<Vec<Variant>, BenchError> {
    let all = variants(other, policy)?.into_iter();
    let renamed = all.filter_map(|variant| {
        let (_, name, _) = COMPARED.iter().find(|(ours, _, _)| *ours == variant.name)?;
        Some(Variant { name, ..variant })
    });
    Ok(renamed.collect())
}

/// This build's cost over the other's.
pub(super) fn goals() -> impl Iterator<Item = Goal> {
    let goal = |(above, below, name)| Goal { name, above, below, aim: Aim::AtMost(1.0) };
    COMPARED.into_iter().map(goal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_build_has_its_own_modules_and_names() {
        let other = Build { modules: PathBuf::from("/other"), ..Build::here().unwrap() };
        let others = others(&other, None).unwrap();
        let names: Vec<_> = others.iter().map(|variant| variant.name).collect();
        assert_eq!(names.len(), COMPARED.len());
        for (ours, theirs, _) in COMPARED {
            assert!(names.contains(&theirs) && !names.contains(&ours), "{names:?}");
        }
        assert!(others.iter().all(|variant| variant.wasm_dir == Path::new("/other")));
    }
}

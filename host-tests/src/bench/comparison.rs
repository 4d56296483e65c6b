//! Comparison with another build.
use super::build::Build;
use super::error::BenchError;
use super::goals::{Aim, Goal};
use super::names::{CLAIM, HIT, LOCATED, REPLAY};
use super::variant::Variant;
use super::variants::variants;

/// Compared variants: the name here, in the other build, and in the list of ratios.
const COMPARED: [(&str, &str, &str); 4] = [
    (LOCATED, "located bet, other build", "located bet, to the other build"),
    (HIT, "known token, other build", "known token, to the other build"),
    (CLAIM, "claim, other build", "claim, to the other build"),
    (REPLAY, "replay, other build", "replay, to the other build"),
];

/// The variants of the other build: a located bet, a known token, a claim and a replay, or those of one
/// policy.
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
    use std::path::{Path, PathBuf};

    #[test]
    fn the_other_build_has_separate_modules_and_names() {
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

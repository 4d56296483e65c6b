//! Golden decisions: the reviewed output of a replay.
use similar::{ChangeTag, TextDiff};
use std::path::Path;

/// Rewrites the golden file instead of comparing with it.
pub const UPDATE_VARIABLE: &str = "UPDATE_GOLDEN";

/// How a run compares with its golden file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Golden {
    /// No difference.
    Same,
    /// The file was written.
    Updated,
    /// The run differs.
    Differs {
        /// The lines that differ, with their neighbours.
        diff: String,
    },
}

/// Compares the lines of a run with the golden file, or rewrites the file if `update` is set.
pub fn check(path: &Path, actual: &str, update: bool) -> Result<Golden, std::io::Error> {
    let expected = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && update => String::new(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let problem = format!("is missing; {UPDATE_VARIABLE}=1 writes it");
            return Err(std::io::Error::new(error.kind(), problem));
        }
        read => read?,
    };
    if expected == actual {
        return Ok(Golden::Same);
    }
    if update {
        std::fs::write(path, actual)?;
        return Ok(Golden::Updated);
    }
    Ok(Golden::Differs { diff: diff(&expected, actual) })
}

/// True when the environment asks for golden files to be rewritten.
pub fn update_asked() -> bool {
    std::env::var_os(UPDATE_VARIABLE).is_some_and(|it| !it.is_empty() && it != "0")
}

fn diff(expected: &str, actual: &str) -> String {
    let diff = TextDiff::from_lines(expected, actual);
    let mut out = String::new();
    for group in diff.grouped_ops(1) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => "golden ",
                ChangeTag::Insert => "now    ",
                ChangeTag::Equal => "       ",
            };
            out.push_str(sign);
            out.push_str(change.value());
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_written_only_on_demand() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.golden");
        let missing = check(&path, "", false).unwrap_err().to_string();
        assert_eq!(missing, "is missing; UPDATE_GOLDEN=1 writes it");
        assert_eq!(check(&path, "1 allow\n2 deny\n", true).unwrap(), Golden::Updated);
        assert_eq!(check(&path, "1 allow\n2 deny\n", false).unwrap(), Golden::Same);
        let Golden::Differs { diff } = check(&path, "1 allow\n2 allow\n", false).unwrap() else {
            panic!("a difference went unnoticed");
        };
        assert_eq!(diff, "       1 allow\ngolden 2 deny\nnow    2 allow\n\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1 allow\n2 deny\n");
    }
}

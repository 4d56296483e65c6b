//! The figures of a checkout, to be compared before and after a reorganisation.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use crate::circles::circles;
use crate::duplicates;
use crate::tree::{Crate, File};

/// Type names in use for how a request ended. One is enough.
const OUTCOMES: [&str; 12] = [
    "Conclusion",
    "End",
    "Ended",
    "Ending",
    "Finished",
    "Judged",
    "Kept",
    "Outcome",
    "Result",
    "Said",
    "Settled",
    "State",
];

/// Type names in use for what a policy or one of its checks concludes. One is enough.
const DECISIONS: [&str; 11] = [
    "Decision",
    "Finding",
    "Judgement",
    "Opinion",
    "Ruling",
    "Sentence",
    "Told",
    "Treatment",
    "Verdict",
    "Wanting",
    "Why",
];

/// The members of the workspace at `root`, as its manifest lists them.
pub(crate) fn members(root: &Path) -> Vec<String> {
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let list = manifest.split("members = [").nth(1).and_then(|it| it.split(']').next()).unwrap();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The table of all figures.
pub(crate) fn table(root: &Path) -> String {
    let members = members(root);
    let crates: Vec<(&String, Crate)> =
        members.iter().map(|it| (it, Crate::read(&root.join(it)))).collect();
    let mut out = String::new();
    let mut row = |name: &str, files: usize, lines: usize, circles: usize| {
        writeln!(out, "{name:<34} {files:>6} {lines:>7} {circles:>8}").unwrap();
    };
    let (mut of_plugins, mut of_all) = ((0, 0, 0), (0, 0, 0));
    for (name, read) in &crates {
        let lines = read.own_files().map(|it| it.source.lines).sum();
        let figures = (read.own_files().count(), lines, circles(&read.edges()).len());
        row(name, figures.0, figures.1, figures.2);
        let sums = [Some(&mut of_all), name.starts_with("plugins/").then_some(&mut of_plugins)];
        for sum in sums.into_iter().flatten() {
            *sum = (sum.0 + figures.0, sum.1 + figures.1, sum.2 + figures.2);
        }
    }
    row("plugins/", of_plugins.0, of_plugins.1, of_plugins.2);
    row("all crates", of_all.0, of_all.1, of_all.2);
    let heading =
        format!("{:<34} {:>6} {:>7} {:>8}\n", "production code of", "files", "lines", "circles");
    let plugins = || {
        let plugins = crates.iter().filter(|(name, _)| name.starts_with("plugins/"));
        plugins.flat_map(|(_, read)| read.own_files())
    };
    let names = |known: &[&'static str]| in_use(plugins(), known);
    writeln!(out).unwrap();
    writeln!(
        out,
        "plugins/, pairs of equal runs of ten lines or more: {}",
        duplicates::pairs(plugins())
    )
    .unwrap();
    writeln!(out, "plugins/, names for how a request ended: {}", names(&OUTCOMES)).unwrap();
    writeln!(out, "plugins/, names for a decision: {}", names(&DECISIONS)).unwrap();
    heading + &out
}

fn in_use<'a>(files: impl Iterator<Item = &'a File>, known: &[&'static str]) -> String {
    let types: BTreeSet<&str> = files.flat_map(|it| it.types.iter().map(String::as_str)).collect();
    let found: Vec<&str> = types.into_iter().filter(|it| known.contains(it)).collect();
    format!("{} ({})", found.len(), found.join(", "))
}

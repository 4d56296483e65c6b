//! Runs of lines that stand in two places.

use std::collections::HashMap;

use crate::tree::File;

/// Shorter runs are not counted.
const SHORTEST: usize = 10;

/// The lines of a file that count: trimmed, without comments, imports, tests and blank lines.
fn lines(file: &File) -> Vec<String> {
    let mut text = file.source.text.clone().into_bytes();
    for range in &file.imports {
        text[range.clone()].iter_mut().filter(|it| **it != b'\n').for_each(|it| *it = b' ');
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    let normal = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines()
        .map(normal)
        .filter(|it| !it.is_empty() && it != "pub" && it != "pub(crate)")
        .collect()
}

/// How many pairs of equal runs of [`SHORTEST`] lines or more there are; a longer run counts once.
pub(crate) fn pairs<'a>(files: impl Iterator<Item = &'a File>) -> usize {
    let files: Vec<Vec<String>> = files.map(lines).collect();
    let mut places: HashMap<&[String], Vec<(usize, usize)>> = HashMap::new();
    for (file, lines) in files.iter().enumerate() {
        for (at, run) in lines.windows(SHORTEST).enumerate() {
            places.entry(run).or_default().push((file, at));
        }
    }
    let before = |(file, at): (usize, usize)| at.checked_sub(1).map(|at| &files[file][at]);
    let mut count = 0;
    for places in places.values() {
        for (index, one) in places.iter().enumerate() {
            for other in &places[index + 1..] {
                // Where the lines before are equal too, the pair was counted there.
                count += usize::from(before(*one).is_none() || before(*one) != before(*other));
            }
        }
    }
    count
}

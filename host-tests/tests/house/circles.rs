//! Circles of imports.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::tree::{Crate, Edges};

/// The sets of files that import each other, directly or through others.
pub(crate) fn circles(edges: &Edges) -> Vec<BTreeSet<usize>> {
    let nodes: BTreeSet<usize> = edges.keys().flat_map(|(from, to)| [*from, *to]).collect();
    let reached = |start: usize| {
        let mut seen = BTreeSet::new();
        let mut next = vec![start];
        while let Some(node) = next.pop() {
            let from = edges.range((node, 0)..=(node, usize::MAX));
            next.extend(from.map(|((_, to), _)| *to).filter(|to| seen.insert(*to)));
        }
        seen
    };
    let all: Vec<(usize, BTreeSet<usize>)> = nodes.iter().map(|it| (*it, reached(*it))).collect();
    let mut circles: Vec<BTreeSet<usize>> = Vec::new();
    for (node, seen) in &all {
        if seen.contains(node) && !circles.iter().any(|it| it.contains(node)) {
            let mutual =
                all.iter().filter(|(other, back)| seen.contains(other) && back.contains(node));
            circles.push(mutual.map(|(other, _)| *other).collect());
        }
    }
    circles
}

/// Every circle of a crate, a line for each import in it.
pub(crate) fn describe(read: &Crate) -> String {
    let edges = read.edges();
    let mut out = String::new();
    for circle in circles(&edges) {
        writeln!(out, "circle of {} files:", circle.len()).unwrap();
        for ((from, to), names) in &edges {
            if circle.contains(from) && circle.contains(to) {
                let [from, to] = [from, to].map(|it| read.files[*it].path.display());
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                writeln!(out, "  {from} -> {to}: {}", names.join(", ")).unwrap();
            }
        }
    }
    out
}

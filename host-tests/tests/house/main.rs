//! The layout of the sources: no circles of imports, and the figures of `make figures`.
//!
//! The sources are read as text. A `use`, or a path such as `crate::a::b::f()`, is an import of the file of
//! the module that it names, and also of the file that defines the name, where the module only re-exports
//! it. The `mod x;` and the `pub use` of a parent are no imports; code under `#[cfg(test)]` is left out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod circles;
mod duplicates;
mod figures;
mod reader;
mod source;
mod syntax;
mod tree;

use std::path::PathBuf;

use host_tests::envoy::workspace_root;

/// Crates in which circles of imports are still allowed, by the start of their folder.
const EXEMPT: [&str; 0] = [];

#[test]
fn no_files_import_each_other() {
    let root = workspace_root();
    let mut found = String::new();
    for member in figures::members(&root) {
        if !EXEMPT.iter().any(|it| member.starts_with(it)) {
            found += &circles::describe(&tree::Crate::read(&root.join(member)));
        }
    }
    assert!(found.is_empty(), "{}", found.replace(&format!("{}/", root.display()), ""));
}

/// `make figures`; `PITBOSS_TREE` is the checkout to measure, this one by default.
#[test]
#[ignore = "prints figures and checks nothing: make figures"]
fn figures() {
    let tree = std::env::var_os("PITBOSS_TREE").filter(|it| !it.is_empty());
    let tree = tree.map_or_else(workspace_root, PathBuf::from);
    println!("{}", figures::table(&tree));
}

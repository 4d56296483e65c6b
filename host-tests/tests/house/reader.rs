//! The reader itself, on small sources.

use std::fs;
use std::path::Path;

use crate::circles::{circles, describe};
use crate::source::Source;
use crate::tree::Crate;
use crate::{duplicates, figures};

/// Writes a crate of these files and reads it.
fn read(files: &[(&str, &str)]) -> (tempfile::TempDir, Crate) {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("one"), files);
    let read = Crate::read(&folder.path().join("one"));
    (folder, read)
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join("src").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// The imports as `a.rs -> b.rs: names`.
fn imports(files: &[(&str, &str)]) -> Vec<String> {
    let (folder, read) = read(files);
    let src = folder.path().join("one/src");
    let name = |at: usize| read.files[at].path.strip_prefix(&src).unwrap().display().to_string();
    let edges = read.edges();
    let line = |((from, to), names): (&(usize, usize), &std::collections::BTreeSet<String>)| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        format!("{} -> {}: {}", name(*from), name(*to), names.join(" "))
    };
    edges.iter().map(line).collect()
}

#[test]
fn imports_lead_to_the_file_of_the_module() {
    let parent = "pub mod leaf;\npub mod other;\npub use leaf::Leaf;\n";
    let lib = "mod a;\nmod b;\npub use b::Leaf as Exported;\n";
    for (text, expected) in [
        ("use crate::b::leaf::Leaf;", vec!["a.rs -> b/leaf.rs: Leaf"]),
        ("use crate::b::{leaf::{self, f}, other};", vec!["a.rs -> b/leaf.rs: f leaf", "a.rs -> b/other.rs: other"]),
        ("use super::b::leaf as l; fn g() { l::f(); }", vec!["a.rs -> b/leaf.rs: f leaf"]),
        ("fn g() { crate::b::leaf::f(); self::h(); }\nfn h() {}", vec!["a.rs -> b/leaf.rs: f"]),
        ("use std::fmt; use crate::b::leaf::*;", vec!["a.rs -> b/leaf.rs: leaf"]),
        // Through a re-export: the parent, and the file that defines the name.
        ("use crate::b::Leaf;", vec!["a.rs -> b/mod.rs: Leaf", "a.rs -> b/leaf.rs: Leaf"]),
        (
            "use crate::Exported;",
            vec!["a.rs -> lib.rs: Exported", "a.rs -> b/mod.rs: Leaf", "a.rs -> b/leaf.rs: Leaf"],
        ),
        // No code: comments, literals, tests.
        ("// use crate::b::leaf::f;\n/* crate::b::leaf::f() */", vec![]),
        ("const A: &str = \"crate::b::leaf::f()\"; const B: char = '\"'; fn c<'a>(_: &'a str) {}", vec![]),
        ("#[cfg(test)]\nmod tests { use crate::b::leaf::f; }", vec![]),
        ("#[cfg(test)]\n#[allow(x)]\nuse crate::b::leaf::f;\n", vec![]),
        ("#[cfg(not(test))]\nuse crate::b::leaf::f;\n", vec!["a.rs -> b/leaf.rs: f"]),
    ] {
        let files = [
            ("lib.rs", lib),
            ("a.rs", text),
            ("b/mod.rs", parent),
            ("b/leaf.rs", "pub struct Leaf;\npub fn f() {}\n"),
            ("b/other.rs", ""),
        ];
        let mut found = imports(&files);
        found.sort();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn declarations_and_exports_of_a_parent_are_no_imports() {
    let files = [
        ("lib.rs", "mod a;\npub use a::A;\n"),
        ("a.rs", "#[path = \"odd.rs\"]\nmod b;\n#[cfg(test)]\nmod tests;\npub struct A;\npub use b::B;\n"),
        ("odd.rs", "use super::A;\npub struct B(A);\n"),
    ];
    assert_eq!(imports(&files), ["odd.rs -> a.rs: A"]);
}

#[test]
fn a_program_imports_its_library_by_the_name_of_the_crate() {
    let files = [
        ("lib.rs", "pub mod a;\n"),
        ("a.rs", "pub fn f() {}\n"),
        ("main.rs", "mod cli;\nfn main() { cli::run(); }\n"),
        ("cli.rs", "pub fn run() { one::a::f(); }\n"),
    ];
    assert_eq!(imports(&files), ["main.rs -> cli.rs: run", "cli.rs -> a.rs: f"]);
}

#[test]
fn a_planted_circle_is_found() {
    let lib = ("lib.rs", "mod a;\nmod b;\nmod c;\nmod d;\n");
    let d = ("d.rs", "use crate::a::A;\n");
    let a = ("a.rs", "use crate::b::B;\npub struct A(B);\n");
    let b = ("b.rs", "use crate::c::C;\npub struct B(C);\n");
    let (_folder, straight) = read(&[lib, a, b, ("c.rs", "pub struct C;\n"), d]);
    assert_eq!(circles(&straight.edges()).len(), 0);
    let (folder, bent) =
        read(&[lib, a, b, ("c.rs", "pub struct C;\nfn f() { super::a::g() }\n"), d]);
    let text = describe(&bent).replace(&format!("{}/", folder.path().display()), "");
    let expected = "circle of 3 files:\n  one/src/a.rs -> one/src/b.rs: B\n  one/src/b.rs -> one/src/c.rs: C\n  \
                    one/src/c.rs -> one/src/a.rs: g\n";
    assert_eq!(text, expected);
}

#[test]
fn a_circle_through_the_exports_of_the_crate_is_found() {
    let (_folder, read) = read(&[
        ("lib.rs", "mod a;\nmod b;\npub use a::A;\npub use b::B;\n"),
        ("a.rs", "use crate::B;\npub struct A(B);\n"),
        ("b.rs", "use crate::A;\npub struct B(Box<A>);\n"),
    ]);
    assert_eq!(circles(&read.edges()).len(), 1);
}

#[test]
fn lines_for_tests_are_not_counted() {
    for (text, expected) in [
        ("fn a() {}\n\n// why\nfn b() {}\n", 4),
        ("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n", 1),
        ("struct A {\n    #[cfg(test)]\n    b: u8,\n    c: u8,\n}\n", 3),
        ("#[cfg(any(test, feature = \"fake\"))]\npub mod fake;\nmod a;\n", 1),
        ("#[cfg(feature = \"other\")]\nmod a;\n", 2),
        ("#[cfg(any(test, target_arch = \"wasm32\"))]\nmod a;\n", 2),
        ("#[cfg(all(test, unix))]\nmod a;\n", 0),
        ("#[cfg(not(test))]\nmod a;\n", 2),
    ] {
        assert_eq!(Source::read(text).lines, expected, "{text}");
    }
}

#[test]
fn equal_runs_are_counted_once_a_pair() {
    let run: String = (0..12).map(|it| format!("    f({it});\n")).collect();
    let short: String = run.lines().take(9).map(|it| format!("{it}\n")).collect();
    for (first, second, expected) in [
        (&run, &run, 1),
        (&run, &short, 0),
        (&run, &run.replace("    ", "  ").replace("f(3);", "f(3); // why"), 1),
    ] {
        let file = |name: &str, body: &str| format!("fn {name}() {{\n{body}    {name}2();\n}}\n");
        let (_folder, read) = read(&[
            ("lib.rs", "mod a;\nmod b;\n"),
            ("a.rs", &file("a", first)),
            ("b.rs", &file("b", second)),
        ]);
        assert_eq!(duplicates::pairs(read.files.iter()), expected, "{second}");
    }
}

#[test]
fn the_table_has_a_row_for_each_crate_and_the_names_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::write(root.join("Cargo.toml"), "members = [\n  \"plugins/p\",\n  \"h\",\n]\n").unwrap();
    write(
        &root.join("plugins/p"),
        &[("lib.rs", "mod a;\nmod b;\n"), ("a.rs", "use crate::b::Ruling;\npub enum Ending {}\n")],
    );
    write(
        &root.join("plugins/p"),
        &[("b.rs", "use crate::a::Ending;\npub struct Ruling;\npub struct RulingKept;\n")],
    );
    write(&root.join("h"), &[("lib.rs", "pub struct Verdict;\n")]);
    let table = figures::table(root);
    let cells: Vec<String> =
        table.lines().map(|it| it.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        cells,
        [
            "production code of files lines circles",
            "plugins/p 3 7 1",
            "h 1 1 0",
            "plugins/ 3 7 1",
            "all crates 4 8 1",
            "",
            "plugins/, pairs of equal runs of ten lines or more: 0",
            "plugins/, names for how a request ended: 1 (Ending)",
            "plugins/, names for a decision: 1 (Ruling)",
        ]
    );
}

#[test]
fn files_of_another_crate_are_not_counted() {
    let folder = tempfile::tempdir().unwrap();
    write(
        &folder.path().join("two"),
        &[("lib.rs", ""), ("b.rs", "use crate::a::A;\npub struct B(A);\n")],
    );
    let files = [
        ("lib.rs", "mod a;\n#[path = \"../../two/src/b.rs\"]\nmod b;\n"),
        ("a.rs", "use crate::b::B;\npub struct A(Box<B>);\n"),
    ];
    write(&folder.path().join("one"), &files);
    let read = Crate::read(&folder.path().join("one"));
    assert_eq!((read.own_files().count(), read.edges().len()), (2, 0));
}

//! The built modules contain nothing of the machine that built them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of a test

use std::path::PathBuf;

use host_tests::artifact;
use host_tests::envoy::workspace_root;

const PLUGINS: [&str; 4] = ["geo-jurisdiction", "player-auth", "bet-priority", "idempotency"];

fn modules() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    PLUGINS.into_iter().map(|it| (it, std::fs::read(artifact::build(it).unwrap()).unwrap()))
}

fn contains(module: &[u8], text: &str) -> bool {
    module.windows(text.len()).any(|it| it == text.as_bytes())
}

/// Panic locations hold the paths of sources; those of dependencies are absolute.
#[test]
fn modules_contain_no_path_of_the_builder() {
    let homes = ["HOME", "CARGO_HOME"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let own = homes.chain([workspace_root()]).map(|it| it.display().to_string());
    let own = own.filter(|it| it.len() > 1);
    let usual = ["/root/", "/home/", "/Users/", ".cargo/registry"].map(str::to_owned);
    let paths: Vec<String> = usual.into_iter().chain(own).collect();
    for (name, module) in modules() {
        for path in &paths {
            assert!(!contains(&module, path), "{name} contains {path}");
        }
    }
}

/// Names of functions are a seventh of a module, and debugging information refers to the builder's files.
#[test]
fn modules_contain_no_names_and_no_debugging_information() {
    for (name, module) in modules() {
        let sections = custom_sections(&module).expect("a WebAssembly module");
        let unwanted = |it: &String| it == "name" || it.starts_with(".debug");
        assert!(!sections.iter().any(unwanted), "{name}: {sections:?}");
    }
}

/// The names of the custom sections (WebAssembly core specification, 5.5.3).
fn custom_sections(module: &[u8]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = module.strip_prefix(b"\0asm\x01\0\0\0")?;
    while let Some((id, after)) = rest.split_first() {
        let (size, after) = unsigned(after)?;
        let (section, after) = after.split_at_checked(size)?;
        if *id == 0 {
            let (length, name) = unsigned(section)?;
            names.push(String::from_utf8_lossy(name.get(..length)?).into_owned());
        }
        rest = after;
    }
    Some(names)
}

/// A number in LEB128, and what follows it.
fn unsigned(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

#[test]
fn sections_are_found() {
    let module = b"\0asm\x01\0\0\0\x01\x01\0\0\x06\x04name\xff\0\x03\x02ab";
    assert_eq!(custom_sections(module), Some(vec!["name".to_owned(), "ab".to_owned()]));
    assert_eq!(custom_sections(b"\0asm\x01\0\0\0\0\x09\x01a"), None);
}

#[test]
fn modules_carry_their_version() {
    for (name, module) in modules() {
        assert!(contains(&module, "pitboss.version"), "{name}");
        assert!(contains(&module, &format!("{name} {}", env!("CARGO_PKG_VERSION"))), "{name}");
    }
}

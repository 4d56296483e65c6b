//! Shared by the tests: the fixture module, built once, and helpers.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use abi_host::{
    Answer, Chain, ChainBuilder, Engine, EngineOptions, Module, PluginConfig, Report, Request,
    Response, UpstreamRequest,
};

/// The engine of this test binary, with a disk cache beside the build.
pub fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let cache_directory = Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("modules"));
        Engine::new(EngineOptions { cache_directory, ..EngineOptions::default() }).unwrap()
    })
}

/// The bytes of the fixture.
pub fn plain_file() -> &'static PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let arguments =
            ["build", "--target", "wasm32-wasip1", "--profile", "plugin", "-p", "plain-filter"];
        let status = Command::new(env!("CARGO"))
            .args(arguments)
            .envs(flags().map(|flags| ("CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS", flags)))
            .current_dir(&root)
            .status();
        assert!(status.unwrap().success(), "the fixture does not build");
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let target = target.unwrap_or_else(|| root.join("target"));
        target.join("wasm32-wasip1/plugin/plain_filter.wasm")
    })
}

/// The flags of the Makefile: with others cargo would build the fixture again.
fn flags() -> Option<String> {
    let set = std::env::var("CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS").ok();
    let home =
        std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| home + "/.cargo"));
    let home = home.ok().filter(|home: &String| !home.contains(char::is_whitespace));
    set.or_else(|| home.map(|it| format!("--remap-path-prefix={it}/registry/src=registry")))
}

/// The fixture.
pub fn plain() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| engine().load(plain_file()).unwrap())
}

/// A chain under construction.
pub fn builder() -> ChainBuilder {
    Chain::builder(engine())
}

/// A chain of fixtures named a, b, c ..., one for each configuration.
pub fn chain(configurations: &[&str]) -> Chain {
    with(builder(), configurations).start().unwrap()
}

/// Appends fixtures named a, b, c ...
pub fn with(mut builder: ChainBuilder, configurations: &[&str]) -> ChainBuilder {
    for (name, configuration) in ["a", "b", "c", "d"].iter().zip(configurations) {
        builder = builder.wasm(plain(), PluginConfig::new(name, configuration));
    }
    builder
}

/// An upstream that answers 200 "hello".
pub fn hello(_: &UpstreamRequest) -> Answer {
    Answer::respond(Response::new(200).body("hello"))
}

/// Drives one request against [`hello`].
pub fn run(chain: &mut Chain, request: Request) -> Report {
    chain.run(request, &mut hello)
}

/// The messages logged by one plugin, or by all for "".
pub fn lines<'a>(report: &'a Report, plugin: &str) -> Vec<&'a str> {
    let mine = |line: &&abi_host::LogLine| plugin.is_empty() || line.plugin == plugin;
    report.logs.iter().filter(mine).map(|line| &*line.message).collect()
}

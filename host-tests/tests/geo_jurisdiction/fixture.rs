//! The deployed example, the module, and a request through the edge.

use std::path::PathBuf;
use std::sync::OnceLock;

use abi_host::{Chain, ChainBuilder, Module, PluginConfig, Profile};
use host_tests::gateway::Gateway;
use serde_json::Value;

pub(crate) use crate::common::{code, edge, engine, hello, outcome};

pub(crate) const PLUGIN: &str = "geo-jurisdiction";
pub(crate) const OTTER: &str = "play.lucky-otter.example";

/// The example that operators start from.
pub(crate) fn example() -> Gateway {
    Gateway::example(PLUGIN).unwrap()
}

/// The plugin's configuration in the example, with some top-level members replaced.
pub(crate) fn configuration(changes: &Value) -> String {
    example().configured(changes).unwrap().to_string()
}

/// The folder of the modules, built.
pub(crate) fn wasm_dir() -> PathBuf {
    host_tests::artifact::build(PLUGIN).unwrap().parent().unwrap().to_owned()
}

pub(crate) fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| engine().load(wasm_dir().join("geo_jurisdiction.wasm")).unwrap())
}

pub(crate) fn builder(profile: Profile, configuration: &str) -> ChainBuilder {
    let plugin = PluginConfig::new(PLUGIN, configuration);
    Chain::builder(engine()).profile(profile).wasm(module(), plugin)
}

/// A chain under a profile; the document names the same host.
pub(crate) fn chain(profile: Profile) -> Chain {
    let host = match profile {
        Profile::Envoy => "envoy",
        Profile::Wasmx => "wasmx",
    };
    let changes = serde_json::json!({"host": host});
    builder(profile, &configuration(&changes)).start().unwrap()
}

/// A request of client 198.51.100.23, from the trusted edge.
pub(crate) fn through_the_edge(
    method: &str,
    target: &[u8],
    headers: &[(&str, &[u8])],
) -> abi_host::Request {
    let mut request = abi_host::Request::new(method, "/");
    request.headers.set(":path", target);
    request.headers.set(":authority", OTTER);
    // WasmX gives the client's host here.
    request.headers.add("host", OTTER);
    request.headers.add("x-forwarded-for", "198.51.100.23");
    for (name, value) in headers {
        request.headers.add(name, value);
    }
    request.source = edge();
    request
}

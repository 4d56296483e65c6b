//! The test kit: the deployed example, the module, an issuer, and requests through the edge.

use std::path::PathBuf;
use std::sync::OnceLock;

use abi_host::{Chain, ChainBuilder, Clock, Module, PluginConfig, Profile, Report, Request};
use host_tests::gateway::Gateway;
use policy_token::testing::{Forge, ALGORITHMS, AUDIENCE, ISSUER, MAX_LIFETIME};
use serde_json::{json, Value};

pub(crate) use crate::common::{code, edge, engine, hello, outcome};

pub(crate) const PLUGIN: &str = "player-auth";
pub(crate) const OTTER: &str = "play.lucky-otter.example";
pub(crate) const RIVER: &str = "bet.river-kings.example";
/// The time at the start of the tests, in seconds since the epoch.
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const SECOND: u64 = 1_000_000_000;
pub(crate) const PROFILES: [Profile; 2] = [Profile::Envoy, Profile::Wasmx];

/// The issuer of these tests.
pub(crate) fn forge() -> &'static Forge {
    static FORGE: OnceLock<Forge> = OnceLock::new();
    FORGE.get_or_init(|| Forge::at(NOW))
}

/// The example that operators start from.
pub(crate) fn example() -> Gateway {
    Gateway::example(PLUGIN).unwrap()
}

/// The plugin's configuration in the example, with some top-level members replaced.
pub(crate) fn configuration(profile: Profile, changes: &Value) -> String {
    let mut document = example().configured(changes).unwrap();
    if changes.get("host").is_none() {
        document["host"] = if profile == Profile::Envoy { "envoy" } else { "wasmx" }.into();
    }
    let services = ["/introspection", "/issuers/0/keys", "/player_state/pam", "/revocations"];
    for service in services.iter().filter(|_| profile == Profile::Wasmx) {
        // There a service is a host and a port.
        if let Some(Value::String(name)) = document.pointer_mut(&format!("{service}/cluster")) {
            name.push_str(":8000");
        }
    }
    document.to_string()
}

/// The issuer of a configuration, with these keys.
pub(crate) fn issuer(keys: &Value) -> Value {
    json!({
        "issuer": ISSUER, "audiences": [AUDIENCE], "keys": keys,
        "algorithms": ALGORITHMS.map(policy_token::Alg::name),
        "max_lifetime_s": MAX_LIFETIME,
        "claims": {"headers": {"x-player-jurisdiction": "/jurisdiction"}},
    })
}

/// Changes to the example: the keys of an issuer in the document, tokens in three places, failures
/// without an end.
pub(crate) fn inline(forge: &Forge) -> Value {
    let keys: Value = serde_json::from_str(&forge.jwks()).unwrap();
    json!({
        "issuers": [issuer(&json!({"jwks": keys}))],
        "introspection": null,
        "partners": null,
        "player_state": null,
        "credentials": [{"bearer": true}, {"header": "x-token"}, {"cookie": "session"}],
        "failures": {"per_minute": 60_000, "burst": 10_000},
    })
}

/// Changes to the example: keys fetched from the cluster `casino`.
pub(crate) fn fetched() -> Value {
    json!({
        "issuers": [issuer(&json!({"cluster": "casino"}))],
        "partners": null,
        "player_state": null,
        "introspection": null,
        "failures": {"per_minute": 60_000, "burst": 10_000},
    })
}

/// The folder of the modules, built.
pub(crate) fn wasm_dir() -> PathBuf {
    host_tests::artifact::build(PLUGIN).unwrap().parent().unwrap().to_owned()
}

pub(crate) fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| engine().load(wasm_dir().join("player_auth.wasm")).unwrap())
}

pub(crate) fn builder(profile: Profile, configuration: &str) -> ChainBuilder {
    let plugin = PluginConfig::new(PLUGIN, configuration);
    let clock = Clock::at(NOW * SECOND);
    Chain::builder(engine()).clock(clock).profile(profile).wasm(module(), plugin)
}

/// A chain under a profile, with changes to the example.
pub(crate) fn chain(profile: Profile, changes: &Value) -> Chain {
    builder(profile, &configuration(profile, changes)).start().unwrap()
}

/// A request that the trusted edge passes on for a client of 198.51.100.23.
pub(crate) fn through_the_edge(method: &str, path: &str) -> Request {
    let mut request = Request::new(method, path);
    request.headers.set(":authority", OTTER);
    // WasmX gives the client's host here.
    request.headers.add("host", OTTER);
    request.headers.add("x-forwarded-for", "198.51.100.23");
    request.source = edge();
    request
}

/// The same to another host.
pub(crate) fn at_host(mut request: Request, host: &str) -> Request {
    request.headers.set(":authority", host);
    request.headers.set("host", host);
    request
}

/// The same with a credential.
pub(crate) fn with_token(request: Request, token: impl AsRef<[u8]>) -> Request {
    request.header("authorization", [b"Bearer ", token.as_ref()].concat())
}

/// A bet with a credential.
pub(crate) fn bet(token: impl AsRef<[u8]>) -> Request {
    with_token(through_the_edge("POST", "/api/bets"), token)
}

/// Runs a request on the first worker.
pub(crate) fn run(chain: &mut Chain, request: Request) -> Report {
    chain.run(request, &mut hello)
}

/// Status and challenge that belong to a refusal's code.
pub(crate) fn status_of(code: &str) -> (u16, bool) {
    let denial = player_auth::denials::ALL.into_iter().find(|denial| denial.code == code).unwrap();
    (denial.status, player_auth::denials::error(denial).is_some())
}

/// Asserts that a request was refused with a code, in every way in which a client and the upstream
/// see it.
pub(crate) fn assert_refused(report: &Report, code: &str, case: &str) {
    assert_eq!(outcome(report), code, "{case}");
    let (status, challenged) = status_of(code);
    assert_eq!(report.status(), status, "{case}");
    let challenge = report.header("www-authenticate").map(String::from_utf8_lossy);
    assert_eq!(challenge.is_some(), challenged, "{case}: {challenge:?}");
    if let Some(challenge) = challenge {
        assert!(challenge.starts_with("Bearer realm=\"casino\", error=\""), "{case}: {challenge}");
    }
    assert_eq!(report.upstream, None, "{case}");
    assert_eq!(report.traps, [], "{case}");
}

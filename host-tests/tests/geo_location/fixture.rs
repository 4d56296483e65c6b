//! Both modules with their examples' configurations, an issuer of logins, a location provider, and bets with
//! the tokens of both.

use std::path::PathBuf;
use std::sync::OnceLock;

use abi_host::{Chain, ChainBuilder, Clock, Module, PluginConfig, Profile, Report, Request};
use host_tests::gateway::Gateway;
use policy_token::testing::{Forge, ALGORITHMS, AUDIENCE, ISSUER};
use policy_token::Alg;
use serde_json::{json, Value};

pub(crate) use policy_kit::SECOND;

pub(crate) use crate::common::{code, edge, engine, hello, outcome};

pub(crate) const GEO: &str = "geo-jurisdiction";
pub(crate) const AUTH: &str = "player-auth";
pub(crate) const OTTER: &str = "play.lucky-otter.example";
/// A client in New Jersey, by the table of the example.
pub(crate) const CLIENT: &str = "198.51.100.130";
/// The time at the start of a test, in seconds since the epoch.
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const PROFILES: [Profile; 2] = [Profile::Envoy, Profile::Wasmx];
const PROVIDER: &str = "https://location.test";

/// The issuer of logins.
pub(crate) fn house() -> &'static Forge {
    static FORGE: OnceLock<Forge> = OnceLock::new();
    FORGE.get_or_init(|| Forge::with_suffix(NOW, "-house"))
}

/// The location provider.
pub(crate) fn provider() -> &'static Forge {
    static FORGE: OnceLock<Forge> = OnceLock::new();
    FORGE.get_or_init(|| Forge::at(NOW))
}

/// The claims of a check in New Jersey that passed, with some replaced; `null` removes one.
pub(crate) fn claims(forge: &Forge, changes: &Value) -> Value {
    let now = forge.claims()["iat"].as_u64().unwrap();
    let mut all = json!({
        "iss": PROVIDER, "exp": now + 80_000, "passed": true, "region": "US-NJ", "confident": true,
        "ip": CLIENT, "jti": "loc-7",
    });
    all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    forge.claims_with(&all)
}

/// A location token.
pub(crate) fn location(changes: &Value) -> String {
    provider().sign(Alg::Es256, &claims(provider(), changes))
}

/// The login of a player in a session.
pub(crate) fn login(forge: &Forge, player: &str, session: &str) -> String {
    let claims = json!({"sub": player, "sid": session, "exp": NOW + 80_000});
    let claims = match forge.claims()["iat"] == json!(NOW) {
        true => claims,
        false => json!({"sub": player, "sid": session}),
    };
    forge.sign(Alg::Es256, &forge.claims_with(&claims))
}

fn name(profile: Profile) -> &'static str {
    match profile {
        Profile::Envoy => "envoy",
        Profile::Wasmx => "wasmx",
    }
}

fn jwks(forge: &Forge) -> Value {
    json!({"jwks": serde_json::from_str::<Value>(&forge.jwks()).unwrap()})
}

/// player-auth's configuration.
pub(crate) fn auth(profile: Profile, forge: &Forge) -> String {
    let issuer = json!({
        "issuer": ISSUER, "audiences": [AUDIENCE], "keys": jwks(forge),
        "algorithms": ALGORITHMS.map(Alg::name),
    });
    let changes = json!({"host": name(profile), "issuers": [issuer], "introspection": null,
        "player_state": null});
    Gateway::example(AUTH).unwrap().configured(&changes).unwrap().to_string()
}

/// The `location` of these tests, with some members replaced.
pub(crate) fn located(profile: Profile, forge: &Forge, changes: &Value) -> Value {
    let mut all = json!({
        "issuer": PROVIDER, "audiences": [AUDIENCE], "keys": jwks(forge),
        "algorithms": ALGORITHMS.map(Alg::name),
        "recheck": "/api/safer-gambling/location-check", "reasons": ["OUT_OF_BOUNDARY"],
        "classes": {"deposit": "fresh"},
        "failures": {"per_minute": 60_000, "burst": 10_000},
    });
    if profile == Profile::Wasmx {
        all["identity"] = json!({"headers_stripped_by": AUTH});
    }
    all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    all
}

/// geo-jurisdiction's configuration with such a `location`.
pub(crate) fn geo(profile: Profile, location: &Value) -> String {
    let licences = json!([{"brand": "lucky-otter", "markets": ["MT", "US-NJ", "US-ME"]}]);
    let changes = json!({"host": name(profile), "licences": licences, "location": location,
        "players_unique": true});
    Gateway::example(GEO).unwrap().configured(&changes).unwrap().to_string()
}

/// Keys that are fetched from a service.
pub(crate) fn fetched(profile: Profile) -> Value {
    let cluster = if profile == Profile::Wasmx { "geo:8000" } else { "geo" };
    json!({"keys": {"cluster": cluster, "refresh_s": 60, "max_stale_s": 600}})
}

/// The folder of the modules, both built.
pub(crate) fn wasm_dir() -> PathBuf {
    host_tests::artifact::build(AUTH).unwrap();
    host_tests::artifact::build(GEO).unwrap().parent().unwrap().to_owned()
}

pub(crate) fn module(plugin: &str) -> &'static Module {
    static MODULES: OnceLock<[Module; 2]> = OnceLock::new();
    let modules = MODULES.get_or_init(|| {
        let load = |file| engine().load(wasm_dir().join(file)).unwrap();
        ["player_auth.wasm", "geo_jurisdiction.wasm"].map(load)
    });
    &modules[usize::from(plugin == GEO)]
}

/// Both modules in their order, with a `location`.
pub(crate) fn builder(profile: Profile, location: &Value) -> ChainBuilder {
    let auth = PluginConfig::new(AUTH, auth(profile, house()));
    let geo = PluginConfig::new(GEO, geo(profile, location));
    Chain::builder(engine())
        .clock(Clock::at(NOW * SECOND))
        .profile(profile)
        .wasm(module(AUTH), auth)
        .wasm(module(GEO), geo)
}

/// A chain with changes to the `location` of these tests.
pub(crate) fn chain(profile: Profile, changes: &Value) -> Chain {
    builder(profile, &located(profile, provider(), changes)).start().unwrap()
}

/// A request of player p-1 in session s-1 that the trusted edge passes on.
pub(crate) fn request(path: &str) -> Request {
    request_of("p-1", "s-1", CLIENT, path)
}

/// A request of any player, session and client.
pub(crate) fn request_of(player: &str, session: &str, client: &str, path: &str) -> Request {
    let mut request = Request::new("POST", path);
    request.headers.set(":authority", OTTER);
    // WasmX gives the client's host here.
    request.headers.add("host", OTTER);
    request.headers.add("x-forwarded-for", client);
    request.source = edge();
    let login = format!("Bearer {}", login(house(), player, session));
    request
        .header("authorization", login)
        .header("x-geo-country", "US")
        .header("x-geo-region", "NJ")
}

/// The same with a location token.
pub(crate) fn with(request: Request, token: impl AsRef<[u8]>) -> Request {
    request.header("x-geolocation", token)
}

/// Runs a request.
pub(crate) fn run(chain: &mut Chain, request: Request) -> Report {
    chain.run(request, &mut hello)
}

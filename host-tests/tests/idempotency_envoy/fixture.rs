//! What these tests share: the deployed example, the demo casino, and a gateway of one partner before
//! an upstream that does what a script says.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use casino::{Casino, Settings};
use host_tests::client::send;
use host_tests::envoy::{find_for_test, EnvoyProcess, Options};
use host_tests::gateway::Gateway;
use host_tests::traffic::{Answer, Request};
use serde_json::{json, Value};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::script::Upstream;

const AUTH: &str = "player-auth";
const PLUGIN: &str = "idempotency";
/// Where the document has its connection manager.
const MANAGER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
/// Where the document has its HTTP filters.
pub(crate) const HTTP_FILTERS: &str =
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
/// The header of a replay.
pub(crate) const REPLAYED: &str = "idempotent-replayed";

pub(crate) fn example() -> Gateway {
    Gateway::example(PLUGIN).unwrap()
}

/// The folder of the modules, built.
fn wasm_dir() -> PathBuf {
    host_tests::artifact::build(AUTH).unwrap();
    host_tests::artifact::build(PLUGIN).unwrap().parent().unwrap().to_owned()
}

/// Options for two workers; `None` where there is no Envoy.
pub(crate) fn options(upstream: SocketAddr) -> Option<Options> {
    let mut options = Options::new(find_for_test().unwrap()?, wasm_dir(), upstream);
    options.concurrency = 2;
    Some(options)
}

/// The module's configuration in the example, with some top-level members replaced.
pub(crate) fn idempotency(changes: &Value) -> Value {
    example().configured(changes).unwrap()
}

/// The demo casino, served.
pub(crate) struct House {
    pub(crate) casino: Arc<Mutex<Casino>>,
    pub(crate) address: SocketAddr,
    server: JoinHandle<()>,
}

impl House {
    pub(crate) async fn open() -> Self {
        let casino = Arc::new(Mutex::new(Casino::new(Settings::default()).unwrap()));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = Arc::clone(&casino);
        let server = tokio::spawn(async move {
            casino::serve(listener, served, std::future::pending()).await.unwrap();
        });
        Self { casino, address, server }
    }

    /// What is asked of the casino without the gateway.
    pub(crate) fn inside(&self, path: &str, body: &Value) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let request = http::Request::builder().method("POST").uri(path);
        let request = request.body(body.to_string().into()).unwrap();
        let now = casino::Time::from_millis(now.try_into().unwrap());
        let answer = self.casino.lock().unwrap().handle(now, &request);
        assert!(answer.status().is_success(), "{path}: {answer:?}");
        serde_json::from_slice(answer.body()).unwrap_or_default()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The one partner's gateway: its calls need no signature, and each has its key in `Idempotency-Key`.
pub(crate) struct Plan {
    /// Members of the module's configuration.
    pub(crate) module: Value,
    /// Kinds of calls: the first segments of their paths.
    pub(crate) kinds: &'static [&'static str],
    /// Routes by a kind's prefix, in front of the one to the upstream.
    pub(crate) routes: Value,
    /// Clusters beside `casino`.
    pub(crate) clusters: Value,
    /// Filters in place of the buffer filter.
    pub(crate) last: Value,
}

impl Plan {
    /// The example's buffer filter and its one route.
    pub(crate) fn new(kinds: &'static [&'static str], rules: &Value) -> Self {
        Self {
            module: json!({"rules": rules, "double_click": null}),
            kinds,
            routes: json!([]),
            clusters: json!([]),
            last: json!([buffer(131_072)]),
        }
    }

    /// The bootstrap.
    pub(crate) fn document(&self) -> Value {
        let endpoints: Vec<_> = self.kinds.iter().map(|kind| endpoint(kind)).collect();
        let auth = Gateway::example(AUTH).unwrap().configured(&json!({
            "issuers": [], "player_state": null, "endpoints": endpoints,
            "brands": {"*": "lucky-otter"},
            "partners": {"house": {
                "network_only": true, "cidrs": ["127.0.0.0/8"], "paths": ["/"]}},
        }));
        let mut module = idempotency(&self.module);
        module["endpoints"] = json!(endpoints);
        let document = example().deployed(AUTH, &auth.unwrap().to_string()).unwrap();
        let document = Gateway::from_document(document).unwrap();
        let mut document = document.deployed(PLUGIN, &module.to_string()).unwrap();
        let manager = document.pointer_mut(MANAGER).unwrap();
        let held = self.module.pointer("/requests/hold").is_some_and(|hold| hold == "headers");
        let filters = manager["http_filters"].as_array_mut().unwrap();
        let router = filters.len() - 1;
        let last = self.last.as_array().unwrap().clone();
        filters.splice(router - 1..router, last);
        if held {
            let plugin = filters.iter_mut().find(|filter| filter["name"] == PLUGIN).unwrap();
            plugin["typed_config"]["config"]["allow_on_headers_stop_iteration"] = json!(true);
        }
        let routes = manager.pointer_mut("/route_config/virtual_hosts/0/routes").unwrap();
        routes.as_array_mut().unwrap().splice(0..0, self.routes.as_array().unwrap().clone());
        let clusters = document.pointer_mut("/static_resources/clusters").unwrap();
        clusters.as_array_mut().unwrap().extend(self.clusters.as_array().unwrap().clone());
        document
    }
}

/// How the configuration names the endpoint of a kind of calls.
pub(crate) fn template(kind: &str) -> String {
    format!("/{kind}/{{case}}")
}

fn endpoint(kind: &str) -> Value {
    json!({"template": template(kind), "methods": ["POST"], "class": "settlement",
           "caller": "partner"})
}

/// A rule for one kind of calls.
pub(crate) fn rule(kind: &str, members: &Value) -> Value {
    let mut rule = json!({"classes": ["settlement"], "endpoints": [template(kind)]});
    rule.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    rule
}

pub(crate) fn buffer(bytes: usize) -> Value {
    json!({"name": "envoy.filters.http.buffer", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
        "max_request_bytes": bytes}})
}

/// A running gateway before a scripted upstream.
pub(crate) struct Stage {
    pub(crate) envoy: EnvoyProcess,
    pub(crate) upstream: Upstream,
}

impl Stage {
    pub(crate) async fn open(plan: Plan) -> Option<Self> {
        Self::open_with(plan, |_| ()).await
    }

    pub(crate) async fn open_with(plan: Plan, with: impl FnOnce(&mut Options)) -> Option<Self> {
        let upstream = Upstream::start().await;
        let mut options = options(upstream.address)?;
        options.recorded = false;
        with(&mut options);
        let envoy = EnvoyProcess::start(&plan.document(), options).await.unwrap();
        Some(Self { envoy, upstream })
    }

    /// Makes a call; `None` where no whole answer came.
    pub(crate) async fn ask(&self, call: &Request) -> Option<Answer> {
        send(self.envoy.address, None, call).await.ok()
    }

    pub(crate) async fn stat(&self, name: &str) -> u64 {
        self.envoy.admin.stat(name).await.unwrap()
    }

    /// How often keys have come to this.
    pub(crate) async fn outcomes(&self, outcome: &str) -> u64 {
        let name = "wasmcustom.pitboss.idempotency.outcomes.class=settlement.outcome=";
        self.stat(&format!("{name}{outcome}")).await
    }
}

/// A call of the partner's; what is asked is the same for the same path.
pub(crate) fn call(path: &str, key: &str) -> Request {
    let call = Request::new("POST", path).header("idempotency-key", key);
    call.header("content-type", "application/json").body(json!({ "call": path }).to_string())
}

/// The `code` of a refusal, or the body.
pub(crate) fn code_or_body(answer: &Answer) -> String {
    let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let code = document["code"].as_str().map(str::to_owned);
    code.unwrap_or_else(|| String::from_utf8_lossy(&answer.body).into_owned())
}

/// What is replayed of an answer.
pub(crate) fn kept(answer: &Answer) -> (u16, Option<String>, Vec<u8>) {
    (answer.status, answer.header("content-type"), answer.body.clone())
}

pub(crate) fn is_replay(answer: &Answer) -> bool {
    answer.header(REPLAYED).is_some_and(|value| value == "true")
}

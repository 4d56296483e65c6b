//! Key rotation in the real Envoy: the casino is the issuer, and the test sets the clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/until.rs"]
mod until;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine;
use bytes::Bytes;
use host_tests::client::send;
use host_tests::envoy::{clock, find_for_test, EnvoyProcess, Options};
use host_tests::gateway::Gateway;
use host_tests::replay::DemoCasino;
use host_tests::traffic::{Answer, Request};
use host_tests::upstream::Server;
use serde_json::{json, Value};
use until::until;

const SECOND: u64 = 1_000_000_000;
/// 2026-03-02T21:00:00Z.
const START: u64 = 1_772_485_200 * SECOND;
const KEYS: &str = "/.well-known/jwks.json";

/// The casino as the issuer of tokens.
#[derive(Clone)]
struct Issuer {
    house: DemoCasino,
    well: Arc<AtomicBool>,
    fetches: Arc<AtomicUsize>,
}

impl Issuer {
    fn open(well: bool) -> Self {
        let house = DemoCasino::open().unwrap();
        house.set_time(START);
        Self { house, well: Arc::new(well.into()), fetches: Arc::default() }
    }

    fn ask(&self, path: &str, body: &Value) -> Value {
        let request = http::Request::builder().method("POST").uri(path);
        let answer = self.house.answer(&request.body(Bytes::from(body.to_string())).unwrap());
        serde_json::from_slice(answer.body()).unwrap()
    }

    /// A token of its newest keys.
    fn token(&self, player: &str) -> String {
        let login = json!({"player": player, "password": "demo", "ttl_secs": 86_400});
        self.ask("/api/session/login", &login)["access_token"].as_str().unwrap().to_owned()
    }

    fn rotate(&self) {
        self.ask("/_keys/rotate", &json!({"keep_previous": true}));
    }

    fn is_well(&self, well: bool) {
        self.well.store(well, Ordering::SeqCst);
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    /// Serves the keys, each time over a new connection, so that a server that is gone is gone.
    fn answer(&self, request: &http::Request<Bytes>) -> http::Response<Bytes> {
        let mut answer = match request.uri().path() {
            KEYS => {
                self.fetches.fetch_add(1, Ordering::SeqCst);
                self.house.answer(request)
            }
            other => panic!("{other}"),
        };
        if !self.well.load(Ordering::SeqCst) {
            *answer.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        }
        answer.headers_mut().insert("connection", http::HeaderValue::from_static("close"));
        answer
    }
}

/// The deployed Envoy, with an upstream that answers 200 and a separate cluster for the keys.
struct Stage {
    envoy: EnvoyProcess,
    issuer: Issuer,
    /// Dropped to stop the issuer.
    keys: Option<Server>,
    _upstream: Server,
    elapsed: u64,
}

impl Stage {
    async fn open(workers: usize, well: bool) -> Option<Self> {
        let binary = find_for_test().unwrap()?;
        host_tests::artifact::build("player-auth").unwrap();
        let issuer = Issuer::open(well);
        let serving = issuer.clone();
        let keys = Server::start(move |request| serving.answer(&request)).await.unwrap();
        let upstream = Server::start(|_| http::Response::new(Bytes::new())).await.unwrap();
        let wasm_dir = host_tests::artifact::wasm_dir();
        let mut options = Options::new(binary, wasm_dir, upstream.address);
        options.concurrency = workers;
        options.clusters.insert("issuer".to_owned(), keys.address);
        options.clock = Some((clock::library().unwrap(), START));
        let envoy = EnvoyProcess::start(&document(), options).await.unwrap();
        Some(Self { envoy, issuer, keys: Some(keys), _upstream: upstream, elapsed: 0 })
    }

    /// As above, after the keys were fetched by a tick and by no stream.
    async fn with_keys(workers: usize) -> Option<Self> {
        let stage = Self::open(workers, true).await?;
        let fetched = "wasmcustom.pitboss.player-auth.keys.issuer=0.result=ok";
        until("keys", || async { stage.envoy.admin.stat(fetched).await.unwrap_or(0) > 0 }).await;
        assert_eq!(stage.issuer.fetches(), 1, "the main thread and the workers share one fetch");
        Some(stage)
    }

    /// Time passes, for Envoy and the casino.
    fn pass(&mut self, seconds: u64) {
        self.elapsed += seconds;
        let now = START + self.elapsed * SECOND;
        self.envoy.set_time(now).unwrap();
        self.issuer.house.set_time(now);
    }

    async fn ask(&self, token: &str) -> Answer {
        let mut request = Request::new("GET", "/api/account/balance");
        request.headers[0].1 = b"play.lucky-otter.example".to_vec();
        let request = request.header("authorization", format!("Bearer {token}"));
        send(self.envoy.address, Some(self.envoy.listener_port), &request).await.unwrap()
    }

    async fn status(&self, token: &str) -> u16 {
        self.ask(token).await.status
    }

    /// The refusal when keys are unavailable, with its `retry-after`.
    async fn unavailable(&self, token: &str) {
        let answer = self.ask(token).await;
        assert_eq!((answer.status, code(&answer).as_str()), (503, "keys_unavailable"));
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
    }
}

fn document() -> Value {
    let gateway = Gateway::example("player-auth").unwrap();
    let mut policy = gateway.configured(&json!({})).unwrap();
    policy["issuers"][0]["keys"]["cluster"] = "issuer".into();
    let mut document = gateway.deployed("player-auth", &policy.to_string()).unwrap();
    let clusters = document.pointer_mut("/static_resources/clusters").unwrap();
    let mut issuer = clusters[0].clone();
    issuer["name"] = "issuer".into();
    clusters.as_array_mut().unwrap().push(issuer);
    document
}

fn code(answer: &Answer) -> String {
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    problem["code"].as_str().unwrap_or_default().to_owned()
}

/// The same token, as if signed with another key.
fn with_kid(token: &str, kid: &str) -> String {
    let (header, rest) = token.split_once('.').unwrap();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap();
    let mut header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"] = kid.into();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_request_with_a_new_key_waits_for_the_fetch() {
    let Some(stage) = Stage::with_keys(1).await else { return };
    let old = stage.issuer.token("p-1");
    assert_eq!(stage.status(&old).await, 200);
    stage.issuer.rotate();
    let new = stage.issuer.token("p-1");
    assert_eq!(stage.status(&new).await, 200, "no 401, whoever comes first");
    assert_eq!(stage.issuer.fetches(), 2);
    assert_eq!(stage.status(&old).await, 200);
    assert_eq!(stage.issuer.fetches(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn later_requests_wait_for_the_same_fetch() {
    let Some(stage) = Stage::with_keys(1).await else { return };
    stage.issuer.rotate();
    let tokens: Vec<String> = (1..=8).map(|n| stage.issuer.token(&format!("p-{n}"))).collect();
    let (a, b, c, d) = tokio::join!(
        stage.status(&tokens[0]),
        stage.status(&tokens[1]),
        stage.status(&tokens[2]),
        stage.status(&tokens[3])
    );
    assert_eq!([a, b, c, d], [200; 4]);
    assert_eq!(stage.issuer.fetches(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_keys_stay_valid_while_the_issuer_is_unavailable() {
    for refused in [false, true] {
        let Some(mut stage) = Stage::with_keys(1).await else { return };
        let [known, unseen] = ["p-1", "p-2"].map(|player| stage.issuer.token(player));
        assert_eq!(stage.status(&known).await, 200);
        stage.issuer.is_well(false);
        if refused {
            stage.keys = None;
        }
        stage.issuer.rotate();
        let new = stage.issuer.token("p-1");
        stage.unavailable(&new).await;
        assert_eq!(stage.status(&known).await, 200);
        assert_eq!(stage.status(&unseen).await, 200, "a token not seen before, of an old key");
        // An hour on, twelve fetches of the timer have failed or would have.
        stage.pass(3_600);
        let failed = "wasmcustom.pitboss.player-auth.keys.issuer=0.result=failed";
        let admin = stage.envoy.admin;
        let before = admin.stat(failed).await.unwrap();
        until("a failed fetch", || async { admin.stat(failed).await.unwrap_or(0) > before }).await;
        assert_eq!(stage.status(&known).await, 200);
        assert_eq!(stage.status(&unseen).await, 200);
        stage.unavailable(&new).await;
        // As soon as it is back, and the next fetch is due, the new key counts.
        if !refused {
            stage.issuer.is_well(true);
            stage.pass(60);
            assert_eq!(stage.status(&new).await, 200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_before_the_first_fetch_are_temporary() {
    let Some(mut stage) = Stage::open(1, false).await else { return };
    let token = stage.issuer.token("p-1");
    for _ in 0..3 {
        stage.unavailable(&token).await;
    }
    stage.pass(120);
    stage.unavailable(&with_kid(&token, "player-es256-99")).await;
    stage.issuer.is_well(true);
    stage.pass(120);
    // Now the timer or the request itself, whoever is first.
    until("keys", || async {
        let status = stage.status(&token).await;
        assert!([200, 503].contains(&status), "{status}");
        status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_share_fetched_keys() {
    let Some(mut stage) = Stage::with_keys(2).await else { return };
    let admin = stage.envoy.admin;
    let connections = |worker: usize| {
        let filter = format!("/stats?filter=worker_{worker}.downstream_cx_total$");
        async move {
            let (_, text) = admin.get(&filter).await.unwrap();
            text.trim().rsplit(' ').next().unwrap().parse::<u64>().unwrap()
        }
    };
    for generation in 1..=2 {
        let token = stage.issuer.token("p-1");
        let before = [connections(0).await, connections(1).await];
        // The kernel deals connections out to the workers.
        until("both workers", || async {
            assert_eq!(stage.status(&token).await, 200);
            connections(0).await > before[0] && connections(1).await > before[1]
        })
        .await;
        assert_eq!(stage.issuer.fetches(), generation, "one fetch serves both");
        // Fetches are distinguished by the second.
        stage.pass(60);
        stage.issuer.rotate();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_is_fetched_once() {
    let Some(mut stage) = Stage::with_keys(1).await else { return };
    // From here a request takes far less than five seconds.
    stage.pass(60);
    let good = stage.issuer.token("p-1");
    let unknown = with_kid(&good, "player-es256-99");
    let refused = || async {
        let answer = stage.ask(&unknown).await;
        assert_eq!((answer.status, code(&answer).as_str()), (401, "token_signature"));
    };
    refused().await;
    assert_eq!(stage.issuer.fetches(), 2, "it waited for a fetch");
    refused().await;
    assert_eq!(stage.issuer.fetches(), 2, "and is remembered");
    // A second fetch is not allowed so soon, so the key stays unknown.
    stage.unavailable(&with_kid(&good, "player-es256-98")).await;
    assert_eq!(stage.status(&good).await, 200);
    stage.pass(1);
    let answer = stage.ask(&unknown).await;
    assert_eq!((answer.status, stage.issuer.fetches()), (401, 2));
    stage.pass(60);
    let answer = stage.ask(&with_kid(&good, "player-es256-97")).await;
    assert_eq!((answer.status, stage.issuer.fetches()), (401, 3));
}

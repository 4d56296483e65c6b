//! The casino's players through a real Envoy: a self-exclusion with a valid token, and revocations on every
//! worker.

use bytes::Bytes;
use host_tests::client::send;
use host_tests::envoy::{clock, find_for_test, EnvoyProcess, Options};
use host_tests::replay::DemoCasino;
use host_tests::traffic::{Answer, Request};
use host_tests::upstream::Server;
use serde_json::{json, Value};

use crate::attacks_envoy::{deployed, request};
use crate::fixture::{self, SECOND};
use crate::until::until;

/// 2026-03-02T21:00:00Z.
const START: u64 = 1_772_485_200 * SECOND;

/// Envoy as deployed, and the casino behind it, which is also the PAM and the feed.
struct Stage {
    envoy: EnvoyProcess,
    house: DemoCasino,
    _casino: Server,
    elapsed: u64,
}

impl Stage {
    async fn open(workers: usize, changes: &Value) -> Option<Self> {
        let binary = find_for_test().unwrap()?;
        let house = DemoCasino::open().unwrap();
        house.set_time(START);
        let serving = house.clone();
        let casino = Server::start(move |request: http::Request<Bytes>| serving.answer(&request))
            .await
            .unwrap();
        let mut options = Options::new(binary, fixture::wasm_dir(), casino.address);
        options.concurrency = workers;
        options.clock = Some((clock::library().unwrap(), START));
        let policy = fixture::example().configured(changes).unwrap();
        let envoy = EnvoyProcess::start(&deployed(&policy.to_string()), options).await.unwrap();
        Some(Self { envoy, house, _casino: casino, elapsed: 0 })
    }

    /// Time passes, for Envoy and the casino; for Envoy, whose clock runs meanwhile, a little less.
    fn pass(&mut self, seconds: u64) {
        self.elapsed += seconds;
        let now = START + self.elapsed * SECOND;
        self.envoy.set_time(now).unwrap();
        self.house.set_time(now);
    }

    /// What only the casino's own people do.
    fn back_office(&self, path: &str, body: &Value) -> Value {
        let request = http::Request::builder().method("POST").uri(path);
        let answer = self.house.answer(&request.body(Bytes::from(body.to_string())).unwrap());
        serde_json::from_slice(answer.body()).unwrap()
    }

    fn token(&self, player: &str) -> String {
        let login = json!({"player": player, "password": "demo", "ttl_secs": 86_400});
        let answer = self.back_office("/api/session/login", &login);
        answer["access_token"].as_str().unwrap().to_owned()
    }

    async fn ask(&self, path: &str, body: &Value, token: &str) -> String {
        let ask: Request = request("POST", path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .header("idempotency-key", "k-1")
            .body(body.to_string());
        let answer = send(self.envoy.address, Some(self.envoy.listener_port), &ask).await.unwrap();
        shown(&answer)
    }

    async fn bet(&self, token: &str) -> String {
        let bet = json!({"event": "ev-1", "selection": "home", "stake": 100});
        self.ask("/api/bets", &bet, token).await
    }

    async fn withdraw(&self, token: &str) -> String {
        self.ask("/api/withdrawals", &json!({"amount": 100}), token).await
    }
}

/// The code of a refusal, or `taken`.
fn shown(answer: &Answer) -> String {
    match fixture::code(&answer.body) {
        Some(code) => code,
        None if answer.status < 300 => "taken".to_owned(),
        None => format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_excludes_herself_and_withdraws() {
    let changes = json!({"player_state": {
        "pam": {"cluster": "casino", "authority": "casino.internal", "cache_s": 5},
        "names": {"closed": "suspended"},
    }});
    let Some(mut stage) = Stage::open(1, &changes).await else { return };
    let token = stage.token("p-1");
    assert_eq!(stage.bet(&token).await, "taken");
    let exclusion = json!({"days": 30});
    let excluded = stage.ask("/api/safer-gambling/self-exclusion", &exclusion, &token).await;
    assert_eq!(excluded, "taken");
    stage.pass(60);
    assert_eq!(stage.bet(&token).await, "player_excluded", "the same live, known token");
    assert_eq!(stage.withdraw(&token).await, "taken");
    for (state, bet, withdrawal) in [
        ("kyc_pending", "kyc_required", "kyc_required"),
        ("cool_off", "player_excluded", "taken"),
        ("time_limit", "session_limit_reached", "taken"),
        ("deposit_limit", "taken", "taken"),
        ("closed", "account_suspended", "account_suspended"),
        ("active", "taken", "taken"),
    ] {
        stage.back_office("/_players/p-1", &json!({ "state": state }));
        stage.pass(60);
        assert_eq!(stage.bet(&token).await, bet, "{state}");
        assert_eq!(stage.withdraw(&token).await, withdrawal, "{state}");
    }
    // The PAM is gone: what puts money at risk waits, what is the player's own does not.
    stage.back_office("/_faults", &json!({"rules": [{"prefix": "/players/", "status": 500}]}));
    stage.pass(60);
    assert_eq!(stage.bet(&token).await, "player_state_unavailable");
    assert_eq!(stage.withdraw(&token).await, "taken");
    assert_eq!(stage.house.broken(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_tokens_are_refused_on_every_worker() {
    let changes = json!({"revocations": {"cluster": "casino", "authority": "casino.internal"}});
    let Some(mut stage) = Stage::open(2, &changes).await else { return };
    let [logged_out, suspended, other] = ["p-1", "p-2", "p-3"].map(|player| stage.token(player));
    let admin = stage.envoy.admin;
    let connections = |worker: usize| {
        let filter = format!("/stats?filter=worker_{worker}.downstream_cx_total$");
        async move {
            let (_, text) = admin.get(&filter).await.unwrap();
            text.trim().rsplit(' ').next().unwrap().parse::<u64>().unwrap()
        }
    };
    // The kernel deals connections out to the workers; each has to say it several times.
    let everywhere = |token: String, want: &'static str, stage: &Stage| {
        let (address, port) = (stage.envoy.address, stage.envoy.listener_port);
        async move {
            let before = [connections(0).await, connections(1).await];
            let mut all = true;
            while all
                && (connections(0).await < before[0] + 3 || connections(1).await < before[1] + 3)
            {
                let bet = json!({"event": "ev-1", "selection": "home", "stake": 100}).to_string();
                let ask = request("POST", "/api/bets")
                    .header("authorization", format!("Bearer {token}"))
                    .header("content-type", "application/json")
                    .body(bet);
                all = shown(&send(address, Some(port), &ask).await.unwrap()) == want;
            }
            all
        }
    };
    for token in [&logged_out, &suspended, &other] {
        until("taken", || everywhere(token.clone(), "taken", &stage)).await;
    }
    stage.pass(2);
    assert_eq!(stage.ask("/api/session/logout", &json!({}), &logged_out).await, "taken");
    stage.back_office("/_players/p-2", &json!({"state": "suspended"}));
    for token in [&logged_out, &suspended] {
        until("revoked", || everywhere(token.clone(), "token_revoked", &stage)).await;
    }
    assert!(everywhere(other.clone(), "taken", &stage).await, "no other player");
    stage.back_office("/_players/p-2", &json!({"state": "active"}));
    let again = stage.token("p-2");
    assert!(everywhere(again, "taken", &stage).await, "a token from after that");
    // The feed is stale: wagers are denied, and revoked tokens stay revoked.
    stage.back_office("/_faults", &json!({"rules": [{"prefix": "/revocations", "status": 500}]}));
    stage.pass(70);
    until("stale", || everywhere(other.clone(), "revocations_unavailable", &stage)).await;
    assert_eq!(stage.withdraw(&other).await, "taken");
    assert!(everywhere(logged_out.clone(), "token_revoked", &stage).await);
}

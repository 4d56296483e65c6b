//! The deployed example before the demo casino: a payment provider that repeats itself and players who
//! click twice, on two workers.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use casino::partner::{sign_psp, PSP_HEADER};
use casino::Kind;
use host_tests::client::send;
use host_tests::envoy::EnvoyProcess;
use host_tests::traffic::{Answer, Request};
use serde_json::{json, Value};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::fixture::{code_or_body, example, idempotency, is_replay, kept, options, House};

/// Connections at once.
const CONNECTIONS: usize = 48;
const DEPOSITS: usize = 500;
const RETRIES: usize = 20;
const PLAYERS: usize = 200;

/// Envoy as deployed, and the casino behind it, which is also the PAM and the issuer.
struct Stage {
    envoy: EnvoyProcess,
    house: House,
}

/// Who asks Envoy.
#[derive(Clone, Copy)]
struct Client(SocketAddr, u16);

impl Stage {
    async fn open() -> Option<Self> {
        let house = House::open().await;
        let options = options(house.address)?;
        // Longer than this test: who clicks twice does so within the window.
        let click = json!({"mode": "enforce", "window_ms": 60_000,
                           "same": ["/event", "/selection", "/stake"]});
        let module = idempotency(&json!({ "double_click": click }));
        let document = example().deployed("idempotency", &module.to_string()).unwrap();
        let envoy = EnvoyProcess::start(&document, options).await.unwrap();
        Some(Self { envoy, house })
    }

    fn client(&self) -> Client {
        Client(self.envoy.address, self.envoy.listener_port)
    }

    /// What the casino's books say.
    fn check(&self, kind: Kind, times: usize) {
        let casino = self.house.casino.lock().unwrap();
        let ledger = casino.ledger();
        assert_eq!(usize::try_from(ledger.count(kind)).unwrap(), times);
        assert_eq!(ledger.double_effects().len(), 0);
        assert_eq!(ledger.check(), vec![]);
    }

    /// Nobody has worked alone.
    async fn check_workers(&self) {
        for worker in 0..2 {
            let filter = format!("/stats?filter=worker_{worker}.downstream_cx_total$");
            let (_, text) = self.envoy.admin.get(&filter).await.unwrap();
            let connections: u64 = text.trim().rsplit(' ').next().unwrap().parse().unwrap();
            assert!(connections > 20, "worker {worker}: {text}");
        }
    }
}

impl Client {
    async fn ask(self, request: &Request) -> Answer {
        send(self.0, Some(self.1), request).await.unwrap()
    }

    /// Retries until no other attempt is pending, and returns how often one was.
    async fn insist(self, request: &Request) -> (Answer, usize) {
        let mut refused = 0;
        loop {
            let answer = self.ask(request).await;
            if code_or_body(&answer) != "idempotency_in_progress" {
                return (answer, refused);
            }
            // A settlement may be owed, and 503 is no end of it.
            assert!([409, 503].contains(&answer.status), "{answer:?}");
            assert_eq!(answer.header("retry-after").as_deref(), Some("1"));
            refused += 1;
        }
    }
}

/// A request through the edge.
fn request(host: &str, client: &str, path: &str, body: &Value) -> Request {
    let mut request = Request::new("POST", path).from("10.0.0.1:40000".parse().unwrap());
    request.headers = vec![(b"host".to_vec(), host.into())];
    let request = request.header("x-forwarded-for", client);
    request.header("content-type", "application/json").body(body.to_string())
}

/// The payment provider's call.
fn callback(deposit: &str) -> Request {
    let body = json!({
        "deposit_id": deposit, "status": "approved", "transaction_id": format!("tx-{deposit}-0001"),
    });
    let call = request("wallet.lucky-otter.example", "192.0.2.110", "/psp/callback", &body);
    let signature = sign_psp(&call.body);
    call.header(PSP_HEADER, signature)
}

/// Does all of it, so many at once, and gives back what came of each in order.
async fn at_once<T: Send + 'static, F>(most: usize, all: Vec<F>) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(most));
    let mut tasks = JoinSet::new();
    for (n, one) in all.into_iter().enumerate() {
        let room = Arc::clone(&room);
        tasks.spawn(async move {
            let _place = room.acquire().await.unwrap();
            (n, one.await)
        });
    }
    let mut done = tasks.join_all().await;
    done.sort_by_key(|(n, _)| *n);
    done.into_iter().map(|(_, it)| it).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_five_hundred_callbacks_once() {
    let Some(stage) = Stage::open().await else { return };
    let (house, client) = (&stage.house, stage.client());
    let deposits: Vec<String> = (0..DEPOSITS)
        .map(|n| {
            let deposit = json!({"amount": 1_000, "method": "redirect"});
            let answer = house.inside(&format!("/api/deposits?player=p-{}", n % 50), &deposit);
            answer["deposit_id"].as_str().unwrap().to_owned()
        })
        .collect();
    // Every credit is there at once, and is reported a little later.
    house.inside("/_faults", &json!({"rules": [{"prefix": "/psp/callback", "delay_ms": 150}]}));
    // Of the first ones the second attempt is sent beside the first.
    let (twice, later) = (RETRIES / 2, RETRIES);
    let attempts = deposits[..twice].iter().chain(&deposits);
    let attempts = attempts.map(|deposit| {
        let call = callback(deposit);
        async move { client.insist(&call).await }
    });
    let mut answers = at_once(CONNECTIONS, attempts.collect()).await;
    let retries = deposits[twice..later].iter().map(|deposit| {
        let call = callback(deposit);
        async move { client.insist(&call).await }
    });
    let retries = at_once(CONNECTIONS, retries.collect()).await;
    let beside = answers.drain(..twice).collect::<Vec<_>>();
    assert!(beside.iter().chain(&answers).any(|(_, refused)| *refused > 0), "none in flight");
    let (mut replays, mut first) = (0, 0);
    for (n, (answer, _)) in answers.iter().enumerate() {
        assert_eq!(answer.status, 200, "{}", code_or_body(answer));
        let told: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(told["deposit_id"], deposits[n].as_str());
        let again = if n < twice { beside.get(n) } else { retries.get(n - twice) };
        let again = again.map(|(answer, _)| answer);
        if let Some(again) = again {
            assert_eq!(kept(again), kept(answer), "byte for byte");
        }
        // Of the two that are sent together, either may be the first.
        for answer in again.into_iter().chain([answer]) {
            match is_replay(answer) {
                true => replays += 1,
                false => first += 1,
            }
        }
    }
    assert_eq!((first, replays), (DEPOSITS, RETRIES));
    stage.check(Kind::Deposit, DEPOSITS);
    stage.check_workers().await;
}

/// A casino that credits and does not say so, or says something else.
#[tokio::test(flavor = "multi_thread")]
async fn no_failure_credits_twice() {
    let Some(stage) = Stage::open().await else { return };
    let (house, client) = (&stage.house, stage.client());
    let mut credits = 0;
    for (fault, first, second, credited) in [
        (json!({"status": 500, "effect": true}), Some(500), 503, 1),
        (json!({"status": 409, "effect": true}), Some(409), 503, 1),
        (json!({"reset": "silent", "effect": true}), Some(503), 503, 1),
        (json!({"reset": "mid_body", "effect": true}), None, 503, 1),
        (json!({"status": 503}), Some(503), 503, 0),
        (json!({"reset": "silent"}), Some(503), 503, 0),
        (json!({"status": 429}), Some(429), 200, 1),
        (json!({"status": 401}), Some(401), 200, 1),
    ] {
        let deposit = json!({"amount": 1_000, "method": "redirect"});
        let deposit = house.inside("/api/deposits?player=p-1", &deposit);
        let call = callback(deposit["deposit_id"].as_str().unwrap());
        let mut rule = fault.clone();
        rule["prefix"] = json!("/psp/callback");
        rule["times"] = json!(1);
        house.inside("/_faults", &json!({ "rules": [rule] }));
        let answer = send(client.0, Some(client.1), &call).await.ok();
        assert_eq!(answer.map(|answer| answer.status), first, "{fault}");
        for _ in 0..2 {
            let answer = client.ask(&call).await;
            assert_eq!(answer.status, second, "{fault}");
            assert!(second == 200 || code_or_body(&answer) == "outcome_unknown", "{fault}");
        }
        credits += credited;
        stage.check(Kind::Deposit, credits);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_double_clicks_of_two_hundred_players() {
    let Some(stage) = Stage::open().await else { return };
    let (house, client) = (&stage.house, stage.client());
    let tokens: Vec<String> = (1..=PLAYERS)
        .map(|n| {
            let login = json!({"player": format!("p-{n}"), "password": "demo"});
            let answer = house.inside("/api/session/login", &login);
            answer["access_token"].as_str().unwrap().to_owned()
        })
        .collect();
    let bet = |n: usize, key: &str, selection: &str| {
        let bet = json!({"event": "ev-1", "selection": selection, "stake": 100});
        let call = request("play.lucky-otter.example", "198.51.100.23", "/api/bets", &bet);
        let call = call.header("authorization", format!("Bearer {}", tokens[n]));
        let call = call.header("idempotency-key", key);
        async move { client.insist(&call).await.0 }
    };
    // All bets come from one address, of which only some may wait for the keys of the tokens.
    assert_eq!(bet(0, "warm-up-0001", "draw").await.status, 201);
    stage.check(Kind::Stake, 1);
    // The same key: one bet, and both clicks have its answer.
    let clicks = (0..2 * PLAYERS).map(|n| bet(n / 2, "click-0001", "home"));
    let answers = at_once(CONNECTIONS, clicks.collect()).await;
    for pair in answers.chunks(2) {
        assert_eq!(pair[0].status, 201, "{}", code_or_body(&pair[0]));
        assert_eq!(kept(&pair[0]), kept(&pair[1]));
        assert_eq!(pair.iter().filter(|answer| is_replay(answer)).count(), 1);
    }
    stage.check(Kind::Stake, PLAYERS + 1);
    // Another key for each: one bet, and one click is refused.
    let keys = ["click-0002", "click-0003"];
    let clicks = (0..2 * PLAYERS).map(|n| bet(n / 2, keys[n % 2], "away"));
    let answers = at_once(CONNECTIONS, clicks.collect()).await;
    for pair in answers.chunks(2) {
        let mut said: Vec<_> =
            pair.iter().map(|answer| (answer.status, code_or_body(answer))).collect();
        said.sort();
        assert_eq!((said[0].0, &said[1]), (201, &(409, "duplicate_bet".to_owned())));
    }
    stage.check(Kind::Stake, 2 * PLAYERS + 1);
    stage.check_workers().await;
}

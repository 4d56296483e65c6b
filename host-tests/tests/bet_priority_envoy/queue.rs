//! Requests that wait: the order in which they go on, clients that leave, configurations that are pushed.

use std::time::{Duration, Instant};

use host_tests::envoy::Update;
use serde_json::json;
use tokio::net::TcpStream;

use crate::fixture::{answer, document, Stage};
use crate::until::until;

/// Clients whose requests wait, in the order in which they came.
async fn waiting(stage: &Stage, targets: &[&str]) -> Vec<TcpStream> {
    let before = stage.gauge("queued").await;
    let mut clients = Vec::new();
    for target in targets {
        clients.push(stage.say(target).await);
        let queued = before + clients.len() as u64;
        until(target, || async { stage.gauge("queued").await == queued }).await;
    }
    clients
}

async fn is_empty(stage: &Stage) {
    for what in ["in_flight", "queued"] {
        until(what, || async { stage.gauge(what).await == 0 }).await;
    }
}

/// What a naive model says: the class that is kept longest, of these the oldest.
fn model(targets: &[&'static str]) -> Vec<&'static str> {
    let kept = ["/lobby", "/odds", "/balance", "/login", "/bets", "/cashout"];
    let rank = |target: &str| kept.iter().position(|path| target.starts_with(path)).unwrap();
    let mut order = targets.to_vec();
    order.sort_by_key(|target| std::cmp::Reverse(rank(target)));
    order
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_on_in_the_models_order() {
    let Some(mut stage) = Stage::open(&document(&json!({}))).await else { return };
    let mut first = stage.say("/odds?first").await;
    let mut running = stage.arrives().await;
    let targets = [
        "/lobby?1",
        "/odds?1",
        "/bets?1",
        "/balance?1",
        "/lobby?2",
        "/cashout?1",
        "/bets?2",
        "/login?1",
        "/odds?2",
        "/cashout?2",
    ];
    let mut clients = waiting(&stage, &targets).await;
    // Never held, and in flight beside the one.
    let mut limits = stage.say("/limits").await;
    let exempt = stage.arrives().await;
    assert_eq!(exempt.target, "/limits");
    exempt.ok();
    answer(&mut limits).await;
    let mut order = Vec::new();
    for _ in targets {
        assert!(stage.is_quiet());
        running.ok();
        running = stage.arrives().await;
        order.push(running.target.clone());
    }
    running.ok();
    assert_eq!(order, model(&targets));
    for client in [&mut first].into_iter().chain(&mut clients) {
        assert!(answer(client).await.0.starts_with("HTTP/1.1 200 "));
    }
    is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_while_it_waits_loses_nothing() {
    let Some(mut stage) = Stage::open(&document(&json!({}))).await else { return };
    let _first = stage.say("/bets?first").await;
    let running = stage.arrives().await;
    let mut clients = waiting(&stage, &["/cashout?gone", "/bets?stays"]).await;
    drop(clients.remove(0));
    until("gone", || async { stage.gauge("queued").await == 1 }).await;
    running.ok();
    let next = stage.arrives().await;
    assert_eq!(next.target, "/bets?stays");
    next.ok();
    answer(&mut clients[0]).await;
    is_empty(&stage).await;
}

/// The upstream still works on it, as far as the gateway knows: a second, as long as no answer was seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_in_flight_leaves_its_permit_for_a_while() {
    let Some(mut stage) = Stage::open(&document(&json!({}))).await else { return };
    let first = stage.say("/bets?first").await;
    let _running = stage.arrives().await;
    let mut clients = waiting(&stage, &["/bets?next"]).await;
    let left = Instant::now();
    drop(first);
    let next = stage.arrives().await;
    let kept = left.elapsed();
    assert!(kept >= Duration::from_millis(900), "{kept:?}");
    assert_eq!(next.target, "/bets?next");
    next.ok();
    answer(&mut clients[0]).await;
    is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_configuration_strands_nobody() {
    let patient = json!([{"name": "casino", "limit": {"fixed": 1}, "queue": {"classes": {"wager": {"queue_ms": 20_000}}}}]);
    let old = document(&json!({"concurrency": patient}));
    let Some(mut stage) = Stage::open(&old).await else { return };
    let mut first = stage.say("/bets?first").await;
    let running = stage.arrives().await;
    let mut clients = waiting(&stage, &["/bets?1", "/bets?2"]).await;
    let next = document(&json!({"version": "v2"}));
    assert_eq!(stage.envoy.update_listener(&next).await.unwrap(), Update::Accepted);
    // Under the next one there is a permit.
    let fresh = async {
        loop {
            let mut client = stage.say("/limits").await;
            let arrived = stage.arrives().await;
            arrived.ok();
            answer(&mut client).await;
            if stage.envoy.admin.stat("listener_manager.total_listeners_draining").await.unwrap()
                > 0
                || stage.gauge("limit").await > 0
            {
                return;
            }
        }
    };
    fresh.await;
    running.ok();
    answer(&mut first).await;
    for (n, client) in clients.iter_mut().enumerate() {
        let arrived = stage.arrives().await;
        assert_eq!(arrived.target, format!("/bets?{}", n + 1));
        arrived.ok();
        assert!(answer(client).await.0.starts_with("HTTP/1.1 200 "));
    }
    is_empty(&stage).await;
}

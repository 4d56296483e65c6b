//! The server over loopback, on a port the system picks, stopped by the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::sync::{Arc, Mutex};

use casino::{serve, Casino, Settings, TIME_HEADER};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Running {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Running {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let casino = Arc::new(Mutex::new(Casino::new(Settings::default()).unwrap()));
        let task = tokio::spawn(serve(listener, casino, async {
            let _ = stopped.await;
        }));
        Self { address, stop, task }
    }

    /// Sends one request and reads until the server closes; empty if it closed without an answer.
    async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: casino\r\nconnection: close\r\n");
        let text = format!("{head}{headers}content-length: {length}\r\n\r\n{body}");
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Polls until the first fault rule has that many pending requests.
    async fn until_under_way(&self, count: u32) {
        let want = format!(r#""under_way":{count}"#);
        while !self.ask("GET", "/_faults", "", "").await.contains(&want) {
            tokio::task::yield_now().await;
        }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn serves_until_shutdown() {
    let casino = Running::start().await;
    let lobby = casino.ask("GET", "/api/lobby", "", "").await;
    assert!(lobby.starts_with("HTTP/1.1 200 OK\r\n"), "{lobby}");
    let body = r#"{"event":"ev-1","selection":"home","stake":100}"#;
    let headers = format!("x-player-id: p-alice\r\n{TIME_HEADER}: 1000\r\n");
    for _ in 0..2 {
        let bet = casino.ask("POST", "/api/bets", &headers, body).await;
        assert!(bet.starts_with("HTTP/1.1 201 Created\r\n"), "{bet}");
    }
    let ledger = casino.ask("GET", "/_ledger", "", "").await;
    for want in [r#""invariants":"hold""#, r#""bets_placed":2"#, r#""POST /api/bets":2"#] {
        assert!(ledger.contains(want), "{want} in {ledger}");
    }
    assert!(ledger.contains(r#""at":1000,"#), "the time header sets the time: {ledger}");
    casino.stop().await;
}

#[tokio::test]
async fn bad_requests_have_codes() {
    let casino = Running::start().await;
    let time = format!("{TIME_HEADER}: noon\r\n");
    let large = "x".repeat(1024 * 1024 + 1);
    for (method, path, headers, body, want) in [
        ("GET", "/api/lobby", time.as_str(), "", "time_invalid"),
        ("GET", "/nowhere", "", "", "route_unknown"),
        ("POST", "/api/bets", "x-player-id: p-1\r\n", "{", "body_not_json"),
        ("POST", "/api/bets", "x-player-id: p-1\r\n", large.as_str(), "body_too_large"),
    ] {
        let answer = casino.ask(method, path, headers, body).await;
        assert!(answer.contains(&format!(r#""code":"{want}""#)), "{want}: {answer}");
    }
    casino.stop().await;
}

#[tokio::test]
async fn faults_close_connections() {
    let casino = Running::start().await;
    // The rule; what reaches the client, and how many lobbies it counted as answered with 200.
    for (reset, head, body) in [("silent", false, false), ("mid_body", true, false)] {
        let rule =
            format!(r#"{{"rules":[{{"prefix":"/api/lobby","reset":"{reset}","effect":true}}]}}"#);
        let set = casino.ask("POST", "/_faults", "", &rule).await;
        assert!(set.starts_with("HTTP/1.1 200"), "{set}");
        let got = casino.ask("GET", "/api/lobby", "", "").await;
        assert_eq!(got.starts_with("HTTP/1.1 200"), head, "{reset}: {got}");
        assert_eq!(got.contains("punto-banco"), body, "{reset}: {got}");
        assert_eq!(got.contains("games"), head, "{reset}: the first half is sent: {got}");
    }
    casino.stop().await;
}

#[tokio::test]
async fn full_routes_answer_503_until_a_slot_is_released() {
    let casino = Running::start().await;
    let rule = r#"{"rules":[{"prefix":"/api/lobby","concurrency":1,"delay_ms":600000}]}"#;
    casino.ask("POST", "/_faults", "", rule).await;
    let mut first = TcpStream::connect(casino.address).await.unwrap();
    first.write_all(b"GET /api/lobby HTTP/1.1\r\nhost: casino\r\n\r\n").await.unwrap();
    casino.until_under_way(1).await;
    let second = casino.ask("GET", "/api/lobby", "", "").await;
    assert!(second.starts_with("HTTP/1.1 503"), "{second}");
    assert!(second.contains("at_capacity"), "{second}");
    let other = casino.ask("GET", "/api/promotions", "", "").await;
    assert!(other.starts_with("HTTP/1.1 200"), "{other}");
    drop(first);
    casino.until_under_way(0).await;
    casino.stop().await;
}

//! A gateway with one permit before an upstream that answers when a test says so.

use std::net::SocketAddr;
use std::time::Duration;

use host_tests::artifact;
use host_tests::envoy::{find_for_test, EnvoyProcess, Options};
use host_tests::gateway::Gateway;
use host_tests::loopback::HTTP_FILTERS;
use serde_json::{json, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use crate::by_hand::head;

pub(crate) const PLUGIN: &str = "bet-priority";
/// Longest that a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request that the upstream has read, and waits to answer.
pub(crate) struct Arrived {
    /// Its target.
    pub(crate) target: String,
    answer: oneshot::Sender<String>,
}

impl Arrived {
    /// Answers with these bytes. The gateway may be gone.
    pub(crate) fn answer(self, text: &str) {
        _ = self.answer.send(text.to_owned());
    }

    pub(crate) fn ok(self) {
        self.answer("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    }
}

/// A running gateway, and its upstream.
pub(crate) struct Stage {
    pub(crate) envoy: EnvoyProcess,
    arrivals: mpsc::UnboundedReceiver<Arrived>,
}

/// The example's gateway with one permit and these members.
pub(crate) fn document(changes: &Value) -> Value {
    let mut members = json!({
        "version": "v1",
        "address": {"trusted": []},
        "limits": [], "descriptors": [], "fleet": null, "surge": null, "market": null, "abuse": null,
        "concurrency": [{"name": "casino", "limit": {"fixed": 1}, "queue": {"fairness": 0}}],
        "endpoints": [
            {"path": "/lobby", "class": "content"}, {"path": "/odds", "class": "odds"},
            {"path": "/balance", "class": "account"}, {"path": "/login", "class": "session"},
            {"path": "/bets", "class": "wager"}, {"path": "/cashout", "class": "cashout"},
            {"path": "/limits", "class": "safer-gambling"}
        ]
    });
    members.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let example = Gateway::example(PLUGIN).unwrap();
    let configuration = example.configured(&members).unwrap().to_string();
    let mut document = example.deployed(PLUGIN, &configuration).unwrap();
    // Whoever calls here has no token.
    let filters = document.pointer_mut(HTTP_FILTERS).unwrap().as_array_mut().unwrap();
    filters.retain(|filter| filter["name"] != "player-auth");
    document
}

impl Stage {
    /// `None` where there is no Envoy.
    pub(crate) async fn open(document: &Value) -> Option<Self> {
        let wasm_dir = artifact::build(PLUGIN).unwrap().parent().unwrap().to_owned();
        let (upstream, arrivals) = upstream().await;
        let mut options = Options::new(find_for_test().unwrap()?, wasm_dir, upstream);
        (options.recorded, options.updatable) = (false, true);
        let envoy = EnvoyProcess::start(document, options).await.unwrap();
        Some(Self { envoy, arrivals })
    }

    /// The next request that reaches the upstream.
    pub(crate) async fn arrives(&mut self) -> Arrived {
        let next = tokio::time::timeout(PATIENCE, self.arrivals.recv()).await;
        next.expect("nothing reached the upstream").unwrap()
    }

    /// Nothing has reached the upstream that was not taken.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.arrivals.try_recv().is_err()
    }

    /// A client of its own that has sent a request.
    pub(crate) async fn say(&self, target: &str) -> TcpStream {
        self.send(&format!("GET {target} HTTP/1.1\r\nhost: casino.example\r\n\r\n")).await
    }

    pub(crate) async fn send(&self, text: &str) -> TcpStream {
        let mut client = TcpStream::connect(self.envoy.address).await.unwrap();
        client.write_all(text.as_bytes()).await.unwrap();
        client
    }

    pub(crate) async fn gauge(&self, what: &str) -> u64 {
        let name = format!("wasmcustom.pitboss.{PLUGIN}.{what}.group=casino");
        self.envoy.admin.stat(&name).await.unwrap_or_default()
    }
}

/// The head and the body of the next answer.
pub(crate) async fn answer(client: &mut TcpStream) -> (String, String) {
    let all = async {
        let head = head(client).await;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        client.read_exact(&mut body).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    };
    tokio::time::timeout(PATIENCE, all).await.expect("no answer")
}

async fn upstream() -> (SocketAddr, mpsc::UnboundedReceiver<Arrived>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, arrivals) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, tell.clone()));
        }
    });
    (address, arrivals)
}

async fn connection(mut stream: TcpStream, tell: mpsc::UnboundedSender<Arrived>) {
    loop {
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { return };
            text.push(byte);
        }
        let text = String::from_utf8(text).unwrap();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().unwrap());
        if stream.read_exact(&mut vec![0; length]).await.is_err() {
            return;
        }
        let target = text.split(' ').nth(1).unwrap().to_owned();
        let (answer, told) = oneshot::channel();
        if tell.send(Arrived { target, answer }).is_err() {
            return;
        }
        let Ok(answer) = told.await else { return };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

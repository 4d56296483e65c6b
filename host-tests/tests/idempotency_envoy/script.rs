//! An upstream that does with each request what a script says.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// What becomes of one request.
#[derive(Debug)]
pub(crate) enum Act {
    /// An answer with this status and body.
    Answer(u16, &'static str),
    /// The same, once its headers have come and before its body has.
    Early(u16, &'static str),
    /// The connection ends without a word.
    Cut,
    /// The same, and nobody listens any more.
    Leave,
    /// It ends within the body of a 200.
    Torn,
    /// Nothing: it waits until the gateway has left.
    Hold,
    /// A 200, once the test says so.
    Later(oneshot::Receiver<()>),
}

/// The script of each path, and how many requests have come for it. What is not in the script is a
/// 200 that tells how many.
#[derive(Debug, Default)]
struct Script {
    acts: BTreeMap<String, VecDeque<Act>>,
    seen: BTreeMap<String, usize>,
}

impl Script {
    fn seen(&self, path: &str) -> usize {
        self.seen.get(path).copied().unwrap_or_default()
    }
}

/// The upstream.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    script: Shared,
    server: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// Notifies those that wait for a request.
type Shared = Arc<watch::Sender<Script>>;

impl Upstream {
    pub(crate) async fn start() -> Self {
        Self::serve(TcpListener::bind(("127.0.0.1", 0)).await.unwrap())
    }

    pub(crate) fn serve(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let script = Arc::new(watch::Sender::new(Script::default()));
        let server = Arc::<Mutex<Option<JoinHandle<()>>>>::default();
        let (shared, listens) = (Arc::clone(&script), Arc::clone(&server));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, Arc::clone(&shared), Arc::clone(&listens)));
            }
        });
        *server.lock().unwrap() = Some(task);
        Self { address, script, server }
    }

    /// What happens to the next requests for a path.
    pub(crate) fn will(&self, path: &str, acts: impl IntoIterator<Item = Act>) {
        self.script.send_modify(|script| {
            script.acts.insert(path.to_owned(), acts.into_iter().collect());
        });
    }

    /// How many requests have come for a path.
    pub(crate) fn seen(&self, path: &str) -> usize {
        self.script.borrow().seen(path)
    }

    /// Waits for the first request for a path to be read.
    pub(crate) async fn reads(&self, path: &str) {
        let mut told = self.script.subscribe();
        let read = told.wait_for(|script| script.seen(path) > 0);
        let read = tokio::time::timeout(Duration::from_secs(20), read).await;
        assert!(read.is_ok_and(|it| it.is_ok()), "{path}: nothing came");
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        if let Some(server) = self.server.lock().unwrap().take() {
            server.abort();
        }
    }
}

/// Serves a connection to its end.
async fn connection(
    mut stream: TcpStream,
    script: Shared,
    server: Arc<Mutex<Option<JoinHandle<()>>>>,
) {
    while let Some((path, length)) = head(&mut stream).await {
        let mut act = None;
        script.send_modify(|script| {
            act = script.acts.get_mut(&path).and_then(VecDeque::pop_front);
        });
        if !matches!(act, Some(Act::Early(..)))
            && stream.read_exact(&mut vec![0; length]).await.is_err()
        {
            return;
        }
        let mut nth = 0;
        script.send_modify(|script| {
            let seen = script.seen.entry(path).or_default();
            *seen += 1;
            nth = *seen;
        });
        let (status, body) = match act {
            None => (200, format!(r#"{{"nth":{nth}}}"#)),
            Some(Act::Answer(status, body)) => (status, body.to_owned()),
            Some(Act::Early(status, body)) => {
                // It reads on: what has not come yet may come or not.
                if stream.write_all(answer(status, body).as_bytes()).await.is_ok() {
                    let _ = stream.read_to_end(&mut Vec::new()).await;
                }
                return;
            }
            Some(Act::Cut) => return,
            Some(Act::Leave) => {
                let task = server.lock().unwrap().take();
                if let Some(task) = task {
                    task.abort();
                    // Its end closes the socket: only then does the next attempt find no upstream.
                    let _ = task.await;
                }
                return;
            }
            Some(Act::Torn) => {
                let text = answer(200, "0123456789");
                let _ = stream.write_all(&text.as_bytes()[..text.len() - 5]).await;
                return;
            }
            Some(Act::Hold) => {
                let _ = stream.read_to_end(&mut Vec::new()).await;
                return;
            }
            Some(Act::Later(go)) => {
                let _ = go.await;
                (200, format!(r#"{{"nth":{nth}}}"#))
            }
        };
        if stream.write_all(answer(status, &body).as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer(status: u16, body: &str) -> String {
    let length = body.len();
    // The gateway's own replies have no type where they have no body.
    let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
    format!(
        "HTTP/1.1 {status} X\r\n{kind}set-cookie: a=b\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// The path of the next request and the length of its body; `None` at the connection's end.
async fn head(stream: &mut TcpStream) -> Option<(String, usize)> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8(text).unwrap();
    let mut lines = text.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let length = lines.find_map(|line| line.strip_prefix("content-length: "));
    Some((path, length.and_then(|length| length.parse().ok()).unwrap_or_default()))
}

//! HTTP/1.1 around one shared [`Casino`].

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::casino::Casino;
use crate::faults::{Reset, Slot, Transport};
use crate::reply::Refusal;
use crate::time::Time;
use crate::torn::Payload;

/// A test aid: the time of a request in milliseconds since the Unix epoch, instead of the wall
/// clock. Recorded traffic is replayed in virtual time.
pub const TIME_HEADER: &str = "x-casino-time";

/// The largest request body read, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// Serves until `shutdown` is done; open connections are then dropped.
///
/// # Errors
/// Only if the listener itself fails; a broken connection ends alone.
pub async fn serve(
    listener: TcpListener,
    casino: Arc<Mutex<Casino>>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let stream = tokio::select! {
            () = &mut shutdown => return Ok(()),
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) if is_about_one_connection(&error) => continue,
                Err(error) => return Err(error),
            },
        };
        // Answers are small and latency is measured: never wait to fill a segment.
        let _ = stream.set_nodelay(true);
        let casino = Arc::clone(&casino);
        connections.spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&casino), request));
            // An error is the client's.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// Answers one request; an error closes the connection.
async fn answer(
    casino: Arc<Mutex<Casino>>,
    request: Request<Incoming>,
) -> io::Result<Response<Payload>> {
    let (now, request) = match read(request).await {
        Ok(read) => read,
        Err(refusal) => return Ok(refusal.into_response().map(Payload::whole)),
    };
    // Held until the answer is ready or the client disconnects.
    let _place = match Place::take(&casino, &request) {
        Ok(place) => place,
        Err(full) => return Ok(full.map(Payload::whole)),
    };
    let response = lock(&casino).handle(now, &request);
    let Transport { delay_ms, reset } = response.extensions().get().copied().unwrap_or_default();
    if delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    match reset {
        None => Ok(response.map(Payload::whole)),
        Some(Reset::MidBody) => Ok(response.map(Payload::torn)),
        Some(Reset::Silent) => Err(io::Error::other("asked for at /_faults")),
    }
}

/// A slot under a rule's concurrency, released when dropped.
struct Place {
    casino: Arc<Mutex<Casino>>,
    slot: Slot,
}

impl Place {
    fn take(
        casino: &Arc<Mutex<Casino>>,
        request: &Request<Bytes>,
    ) -> Result<Self, Box<Response<Bytes>>> {
        let slot = lock(casino).enter(request)?;
        Ok(Self { casino: Arc::clone(casino), slot })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.casino).leave(&self.slot);
    }
}

async fn read(request: Request<Incoming>) -> Result<(Time, Request<Bytes>), Refusal> {
    let (parts, body) = request.into_parts();
    let now = match parts.headers.get(TIME_HEADER) {
        None => wall_clock(),
        Some(value) => value
            .to_str()
            .ok()
            .and_then(|text| text.parse().ok())
            .map(Time::from_millis)
            .ok_or_else(|| {
                Refusal::bad_request("time_invalid", "x-casino-time: milliseconds since the epoch")
            })?,
    };
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(|_| {
        let (status, code) = (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large");
        Refusal::new(status, code, format!("a body has at most {MAX_BODY} bytes"))
    })?;
    Ok((now, Request::from_parts(parts, body.to_bytes())))
}

fn wall_clock() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Locks, also after a panic: the books are checked separately.
fn lock(casino: &Mutex<Casino>) -> MutexGuard<'_, Casino> {
    casino.lock().unwrap_or_else(PoisonError::into_inner)
}

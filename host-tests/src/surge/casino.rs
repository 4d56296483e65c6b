//! A casino that carries out so many requests at once and no more.
use super::permits::{Permits, Start, Totals};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot::{self, Sender};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
    content-length: 11\r\n\r\n{\"ok\":true}";
/// More than any request of the surge has, as the gateway sends it.
const MOST_BYTES: usize = 65_536;

/// A running casino, on a thread of its own. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Casino {
    /// Where it listens.
    pub(super) address: SocketAddr,
    floor: Arc<Floor>,
    runtime: Option<Runtime>,
}

#[derive(Debug)]
struct Floor {
    permits: Mutex<Permits<Sender<()>>>,
    counts: Mutex<Counts>,
}

/// What the casino carried out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Requests that it read.
    pub(super) read: usize,
    /// Requests that it carried out.
    pub(super) done: usize,
    /// Those among them whose client had left.
    pub(super) wasted: usize,
}

impl Counts {
    /// What was added since `before`.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            read: self.read.saturating_sub(before.read),
            done: self.done.saturating_sub(before.done),
            wasted: self.wasted.saturating_sub(before.wasted),
        }
    }
}

impl Casino {
    /// Opens a casino on a free loopback port.
    pub(super) fn open(permits: usize, service: Duration) -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let permits = Mutex::new(Permits::new(permits, service, Instant::now()));
        let floor = Arc::new(Floor { permits, counts: Mutex::default() });
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let guests = Arc::clone(&floor);
        runtime.spawn(async move {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            while let Ok((stream, _)) = listener.accept().await {
                // An error is the gateway's.
                tokio::spawn(serve(stream, Arc::clone(&guests)));
            }
        });
        Ok(Self { address, floor, runtime: Some(runtime) })
    }

    /// Changes the number of permits.
    pub(super) fn set_permits(&self, permits: usize) {
        let started = lock(&self.floor.permits).set(permits, Instant::now());
        let Some(runtime) = &self.runtime else { return };
        for start in started {
            runtime.spawn(carry_out(start, Arc::clone(&self.floor)));
        }
    }

    /// Sums of permits in use and of waiting requests.
    pub(super) fn totals(&self) -> Totals {
        lock(&self.floor.permits).totals(Instant::now())
    }

    /// What it carried out so far.
    pub(super) fn counts(&self) -> Counts {
        *lock(&self.floor.counts)
    }
}

impl Drop for Casino {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Answers the requests of one connection.
async fn serve(mut stream: TcpStream, floor: Arc<Floor>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut received = Vec::new();
    loop {
        while !take_request(&mut received)? {
            if stream.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        }
        lock(&floor.counts).read += 1;
        let (ticket, mut done) = oneshot::channel();
        let start = lock(&floor.permits).arrive(ticket, Instant::now());
        if let Some(start) = start {
            tokio::spawn(carry_out(start, Arc::clone(&floor)));
        }
        loop {
            tokio::select! {
                _ = &mut done => break,
                // A client that leaves takes its answer away, but not the work.
                count = stream.read_buf(&mut received) => if count? == 0 { return Ok(()) },
            }
        }
        stream.write_all(ANSWER).await?;
    }
}

/// Carries out a request, and then those that waited for its permit.
async fn carry_out(first: Start<Sender<()>>, floor: Arc<Floor>) {
    let mut next = Some(first);
    while let Some(Start { ticket, due }) = next {
        tokio::time::sleep_until(due.into()).await;
        next = lock(&floor.permits).finish(due, Instant::now());
        let left = ticket.send(()).is_err();
        let mut counts = lock(&floor.counts);
        counts.done += 1;
        counts.wasted += usize::from(left);
    }
}

/// Removes the first request from `received`, if all of it is there.
fn take_request(received: &mut Vec<u8>) -> std::io::Result<bool> {
    let broken = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what);
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let head = match request.parse(received).map_err(|error| broken(&error.to_string()))? {
        httparse::Status::Complete(head) => head,
        httparse::Status::Partial if received.len() > MOST_BYTES => {
            return Err(broken("a long head"))
        }
        httparse::Status::Partial => return Ok(false),
    };
    let length = request.headers.iter().find(|it| it.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|it| std::str::from_utf8(it.value).ok()?.parse().ok());
    let whole = head.saturating_add(length.unwrap_or(0));
    if whole > MOST_BYTES {
        return Err(broken("a long body"));
    }
    if received.len() < whole {
        return Ok(false);
    }
    received.drain(..whole);
    Ok(true)
}

/// Locks, also after a panic: the figures then end the run by themselves.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_taken_one_by_one() {
        let two = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n";
        let mut received = Vec::new();
        let mut taken = 0;
        for byte in two {
            received.push(*byte);
            taken += usize::from(take_request(&mut received).unwrap());
        }
        assert_eq!((taken, received.len()), (2, 0));
        assert!(take_request(&mut b"GET\x01".to_vec()).is_err());
        assert!(
            take_request(&mut b"GET / HTTP/1.1\r\ncontent-length: 99999\r\n\r\n".to_vec()).is_err()
        );
    }

    /// A client that leaves frees no permit.
    #[tokio::test]
    async fn requests_of_clients_that_left_are_carried_out() {
        let casino = Casino::open(1, Duration::from_millis(20)).unwrap();
        let get = b"GET / HTTP/1.1\r\n\r\n";
        let start = Instant::now();
        let mut gone = TcpStream::connect(casino.address).await.unwrap();
        gone.write_all(get).await.unwrap();
        while casino.counts().read == 0 {
            tokio::task::yield_now().await;
        }
        drop(gone);
        let mut stays = TcpStream::connect(casino.address).await.unwrap();
        stays.write_all(get).await.unwrap();
        let mut answer = vec![0; ANSWER.len()];
        stays.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, ANSWER);
        assert!(start.elapsed() >= Duration::from_millis(40));
    }
}

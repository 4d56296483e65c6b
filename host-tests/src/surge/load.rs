//! The clients: each request leaves at its time, on a connection of its own.
use super::arrivals::Arrival;
use super::class::Class;
use super::error::SurgeError;
use super::plan::PATIENCE;
use crate::client::ClientError;
use crate::raw;
use crate::traffic::{Answer, Request};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout_at, Instant};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With 200.
    Answered,
    /// With another status.
    Refused(u16),
    /// The client lost patience.
    GaveUp,
    /// The connection broke.
    Broken,
}

/// One request of the surge, as its client saw it.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// What it asked for.
    pub class: Class,
    /// When it was to leave, from the start of the surge.
    pub at: Duration,
    /// How much later it left.
    pub late: Duration,
    /// From the time when it was to leave until it ended.
    pub took: Duration,
    /// How it ended.
    pub ending: Ending,
}

/// Sends the arrivals from `start` on, and waits until each has ended.
pub(super) async fn send(
    gateway: SocketAddr,
    arrivals: &[Arrival],
    start: Instant,
) -> Result<Vec<Sample>, SurgeError> {
    let mut clients = JoinSet::new();
    for (number, arrival) in arrivals.iter().enumerate() {
        let Arrival { at, class } = *arrival;
        let request = class.request(number);
        sleep_until(start + at).await;
        clients.spawn(async move {
            let due = start + at;
            let late = due.elapsed();
            let ending = ending(timeout_at(due + PATIENCE, ask(gateway, &request)).await);
            Sample { class, at, late, took: due.elapsed(), ending }
        });
    }
    let mut samples = Vec::with_capacity(arrivals.len());
    while let Some(sample) = clients.join_next().await {
        samples.push(sample.map_err(|_| SurgeError::Client)?);
    }
    Ok(samples)
}

/// Sends one request and reads the answer. Dropping this closes the connection.
pub(super) async fn ask(gateway: SocketAddr, request: &Request) -> Result<Answer, ClientError> {
    let stream = TcpStream::connect(gateway).await?;
    stream.set_nodelay(true)?;
    raw::exchange(stream, request).await
}

fn ending<E>(answer: Result<Result<Answer, ClientError>, E>) -> Ending {
    match answer {
        Ok(Ok(answer)) if answer.status == 200 => Ending::Answered,
        Ok(Ok(answer)) => Ending::Refused(answer.status),
        Ok(Err(_)) => Ending::Broken,
        Err(_) => Ending::GaveUp,
    }
}

//! The scripted clients whose traffic is recorded: seeded, with fixed times, the same in every run.
mod evening;
mod scenario;

pub use evening::Evening;
pub use scenario::first_light;

use crate::gateway::Gateway;
use crate::har::Recorded;
use crate::replay::{ReplayError, Session};
use crate::traffic::{Answer, Request};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// 2026-03-02T18:00:00Z, a Monday evening.
const START: u64 = 1_772_474_400_000_000_000;

/// Headers of an answer that change from run to run.
const RESTLESS: &[&str] = &["date", "x-envoy-upstream-service-time", "x-request-id"];

/// What the clients of a recording do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// About seventy requests, each written by hand.
    FirstLight,
    /// About two thousand of a whole evening, by the dice of this seed.
    Evening(u64),
}

/// Has the clients of a scenario send what they want to send, each request after the answer to the
/// one before. The recording, and what the gateway decided.
pub async fn record(
    scenario: Scenario,
    gateway: &Gateway,
    wasm_dir: &Path,
    envoy: PathBuf,
) -> Result<Vec<Recorded>, ReplayError> {
    let session = Session::open(gateway, wasm_dir, envoy, START).await?;
    let (mut requests, mut answers) = (Vec::new(), Vec::new());
    match scenario {
        Scenario::FirstLight => {
            requests = first_light();
            for request in &requests {
                answers.push(session.send(request).await?);
            }
        }
        Scenario::Evening(seed) => {
            let mut evening = Evening::new(seed);
            while let Some(request) = evening.next_request() {
                let answer = session.send(&request).await?;
                evening.answered(&answer);
                requests.push(request);
                answers.push(answer);
            }
        }
    }
    let run = session.close(&requests, answers).await?;
    let pairs = requests.into_iter().zip(run);
    Ok(pairs.map(|(request, (answer, _))| Recorded { request, answer: tidy(answer) }).collect())
}

/// An answer without what changes from run to run, so that a recording can be made again.
pub fn tidy(mut answer: Answer) -> Answer {
    answer.headers.retain(|(name, _)| !RESTLESS.iter().any(|it| it.as_bytes() == name));
    answer
}

/// A player, or somebody who would be one.
#[derive(Debug, Clone, Copy)]
struct Client {
    address: &'static str,
    host: &'static str,
    player: &'static str,
    /// Country and region as the edge tells them; nothing where the edge tells nothing.
    place: (Option<&'static str>, Option<&'static str>),
}

/// Collects requests; the time goes on by a seeded pause between two.
struct Script {
    requests: Vec<Request>,
    at: u64,
    seed: u64,
}

impl Script {
    fn new(seed: u64) -> Self {
        Self { requests: Vec::new(), at: START, seed }
    }

    /// From 40 ms to 1.2 s, by a linear congruential generator: no dice, no clock.
    fn pause(&mut self) {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.at += (40 + (self.seed >> 33) % 1_160) * 1_000_000;
    }

    /// A request of this client as its edge forwards it.
    fn ask(&mut self, client: &Client, method: &str, target: impl AsRef<[u8]>) {
        self.add(client, method, target, |request| request);
    }

    /// The same, changed by hand before it goes out.
    fn add(
        &mut self,
        client: &Client,
        method: &str,
        target: impl AsRef<[u8]>,
        change: impl FnOnce(Request) -> Request,
    ) {
        if !self.requests.is_empty() {
            self.pause();
        }
        let number = self.requests.len() + 1;
        let mut request = Request::new(method, target);
        request.number = number;
        request.at = self.at;
        request.offset = Duration::from_nanos(self.at - START);
        let port = 40_000 + u16::try_from(number).unwrap_or_default();
        request.client = SocketAddr::new(edge_of(client), port);
        request.headers = vec![(b"host".to_vec(), client.host.as_bytes().to_vec())];
        request = request.header("authorization", format!("Bearer demo.{}", client.player));
        request = request.header("x-forwarded-for", client.address);
        for (name, value) in [("x-geo-country", client.place.0), ("x-geo-region", client.place.1)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        self.requests.push(change(request));
    }

    /// A request with a JSON body.
    fn post(&mut self, client: &Client, target: &str, body: &str) {
        self.add(client, "POST", target, |it| json(it, body));
    }
}

/// The edge that forwards a client's requests, one for each family of addresses.
fn edge_of(client: &Client) -> IpAddr {
    if client.address.contains(':') {
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0x20, 0, 0, 0, 0, 0, 1))
    } else {
        IpAddr::V4(Ipv4Addr::new(10, 20, 0, 1))
    }
}

fn json(request: Request, body: &str) -> Request {
    request.header("content-type", "application/json").body(body)
}

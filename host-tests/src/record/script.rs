//! A recording written by hand: requests of clients, with a seeded pause between two.
use crate::traffic::Request;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// 2026-03-02T18:00:00Z, a Monday evening.
pub(super) const START: u64 = 1_772_474_400_000_000_000;

/// A client of the casino.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client {
    pub(super) address: &'static str,
    pub(super) host: &'static str,
    pub(super) player: &'static str,
    /// Country and region by the edge's headers, if it sends them.
    pub(super) place: (Option<&'static str>, Option<&'static str>),
}

/// Collects requests; the time goes on by a seeded pause between two.
pub(super) struct Script {
    pub(super) requests: Vec<Request>,
    at: u64,
    seed: u64,
}

impl Script {
    pub(super) fn new(seed: u64) -> Self {
        Self { requests: Vec::new(), at: START, seed }
    }

    /// From 40 ms to 1.2 s, by a linear congruential generator: no dice, no clock.
    fn pause(&mut self) {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.at += (40 + (self.seed >> 33) % 1_160) * 1_000_000;
    }

    /// A request of this client as its edge forwards it.
    pub(super) fn ask(&mut self, client: &Client, method: &str, target: impl AsRef<[u8]>) {
        self.add(client, method, target, |request| request);
    }

    /// The same, changed by hand before it goes out.
    pub(super) fn add(
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
    pub(super) fn post(&mut self, client: &Client, target: &str, body: &str) {
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

pub(super) fn json(request: Request, body: &str) -> Request {
    request.header("content-type", "application/json").body(body)
}

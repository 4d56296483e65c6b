//! A simulated client, and its requests as the edge forwards them.
use super::dice::Dice;
use super::sender::Sender;
use super::table::{Market, AGENTS};
use crate::traffic::{Answer, Request};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The header with the location token.
pub(super) const LOCATION_HEADER: &str = "x-geolocation";

/// A client with an address, a device and possibly a token.
pub(super) struct SimulatedClient {
    pub(super) sender: Sender,
    pub(super) dice: Dice,
    pub(super) player: String,
    pub(super) host: &'static str,
    pub(super) address: String,
    /// Header fields of the edge with place and network of the address.
    pub(super) place: Vec<(&'static str, &'static str)>,
    pub(super) agent: &'static str,
    pub(super) token: Option<String>,
    /// The location token of this device.
    pub(super) location: Option<String>,
}

impl SimulatedClient {
    pub(super) fn new(
        sender: Sender,
        mut dice: Dice,
        player: String,
        host: &'static str,
        address: String,
    ) -> Self {
        let agent = dice.pick(&AGENTS);
        Self {
            sender,
            dice,
            player,
            host,
            address,
            place: Vec::new(),
            agent,
            token: None,
            location: None,
        }
    }

    /// Sets the edge's headers for a market.
    pub(super) fn at_home_in(mut self, market: &Market) -> Self {
        self.place = vec![("x-geo-country", market.country)];
        self.place.extend(market.region.map(|region| ("x-geo-region", region)));
        self
    }

    /// Waits for some seconds.
    pub(super) fn think(&mut self, low: u64, high: u64) {
        let pause = self.dice.between(low * 1000, high * 1000);
        self.sender.wait(pause);
    }

    /// A request as the edge passes it on, without a body.
    pub(super) fn request(&self, method: &str, target: impl AsRef<[u8]>) -> Request {
        let mut request = Request::new(method, target).from(self.edge());
        request.headers = vec![(b"host".to_vec(), self.host.as_bytes().to_vec())];
        request = request.header("user-agent", self.agent);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(location) = &self.location {
            request = request.header(LOCATION_HEADER, location);
        }
        request = request.header("x-forwarded-for", &self.address);
        for (name, value) in &self.place {
            request = request.header(name, value);
        }
        request
    }

    /// The same with a JSON body.
    pub(super) fn json(&self, method: &str, target: &str, body: &Value) -> Request {
        let request = self.request(method, target).header("content-type", "application/json");
        request.body(body.to_string())
    }

    /// A JSON request with a fresh idempotency key.
    pub(super) fn keyed(&mut self, target: &str, body: &Value) -> Request {
        let key = format!("\"{}\"", self.dice.uuid());
        self.json("POST", target, body).header("idempotency-key", key)
    }

    pub(super) async fn get(&mut self, target: &str) -> Answer {
        self.think(1, 6);
        self.sender.send(self.request("GET", target)).await
    }

    pub(super) async fn post(&mut self, target: &str, body: &Value) -> Answer {
        self.think(1, 8);
        self.sender.send(self.json("POST", target, body)).await
    }

    /// The edge that forwards this client's requests, one for each family of addresses.
    fn edge(&self) -> SocketAddr {
        let edge = if self.address.contains(':') {
            IpAddr::V6(Ipv6Addr::new(0xfd00, 0x20, 0, 0, 0, 0, 0, 1))
        } else {
            IpAddr::V4(Ipv4Addr::new(10, 20, 0, 1))
        };
        SocketAddr::new(edge, 0)
    }
}

/// A member of an answer's document, as text.
pub(super) fn member(answer: &Answer, pointer: &str) -> Option<String> {
    let document: Value = serde_json::from_slice(&answer.body).ok()?;
    match document.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

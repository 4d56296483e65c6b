//! A client at the gateway's door: what it sends, as its edge forwards it.
use super::dice::Dice;
use super::table::{Market, AGENTS};
use super::{Desk, END, START};
use crate::traffic::{Answer, Request};
use serde_json::Value;
use std::cell::RefCell;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::task::Poll;

const MILLI: u64 = 1_000_000;

/// Where a client shows what the location service signed.
pub(super) const LOCATION_HEADER: &str = "x-geolocation";

/// Where a script hands its requests in.
pub(super) struct Door {
    desk: Rc<RefCell<Desk>>,
    at: u64,
}

impl Door {
    pub(super) fn new(desk: Rc<RefCell<Desk>>) -> Self {
        Self { desk, at: START }
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, milliseconds: u64) {
        self.at += milliseconds * MILLI;
    }

    /// True when the evening is over.
    pub(super) fn is_late(&self) -> bool {
        self.at >= END
    }

    /// Sends a request, and waits for its answer.
    pub(super) async fn send(&mut self, mut request: Request) -> Answer {
        request.at = self.at;
        self.desk.borrow_mut().asked = Some(request);
        let answer = poll_fn(|_| match self.desk.borrow_mut().answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        })
        .await;
        // No client sends the next one before this one is answered and read.
        self.wait(15);
        answer
    }
}

/// Somebody with an address, a device and perhaps a token.
pub(super) struct Guest {
    pub(super) door: Door,
    pub(super) dice: Dice,
    pub(super) player: String,
    pub(super) host: &'static str,
    pub(super) address: String,
    /// What the edge says of the address: header fields with the place and the kind of network.
    pub(super) place: Vec<(&'static str, &'static str)>,
    pub(super) agent: &'static str,
    pub(super) token: Option<String>,
    /// What the location service signed about this device.
    pub(super) location: Option<String>,
}

impl Guest {
    pub(super) fn new(
        door: Door,
        mut dice: Dice,
        player: String,
        host: &'static str,
        address: String,
    ) -> Self {
        let agent = dice.pick(&AGENTS);
        Self {
            door,
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

    /// Comes from a market, as the edge tells.
    pub(super) fn at_home_in(mut self, market: &Market) -> Self {
        self.place = vec![("x-geo-country", market.country)];
        self.place.extend(market.region.map(|region| ("x-geo-region", region)));
        self
    }

    /// Some seconds of thinking.
    pub(super) fn think(&mut self, low: u64, high: u64) {
        let pause = self.dice.between(low * 1000, high * 1000);
        self.door.wait(pause);
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

    /// One that must not take effect twice, under a fresh key.
    pub(super) fn keyed(&mut self, target: &str, body: &Value) -> Request {
        let key = format!("\"{}\"", self.dice.uuid());
        self.json("POST", target, body).header("idempotency-key", key)
    }

    pub(super) async fn get(&mut self, target: &str) -> Answer {
        self.think(1, 6);
        self.door.send(self.request("GET", target)).await
    }

    pub(super) async fn post(&mut self, target: &str, body: &Value) -> Answer {
        self.think(1, 8);
        self.door.send(self.json("POST", target, body)).await
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
pub(super) fn told(answer: &Answer, pointer: &str) -> Option<String> {
    let document: Value = serde_json::from_slice(&answer.body).ok()?;
    match document.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

//! A casino called in-process, in virtual time.
#![allow(dead_code, unreachable_pub, missing_docs)]

use bytes::Bytes;
use casino::{Casino, Settings, Time};
use http::Request;
use serde_json::Value;

/// 2026-01-01T00:00:00Z.
pub const START: Time = Time::from_secs(1_767_225_600);

pub struct Desk {
    pub casino: Casino,
    pub now: Time,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub raw: Bytes,
    pub body: Value,
}

impl Answer {
    /// The code of a refusal.
    pub fn code(&self) -> Option<&str> {
        self.body["error"]["code"].as_str()
    }
}

impl Desk {
    pub fn open() -> Self {
        Self::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Self {
        Self { casino: Casino::new(settings).unwrap(), now: START }
    }

    pub fn wait_secs(&mut self, secs: i64) {
        self.now = self.now.plus_secs(secs);
    }

    /// Sends bytes as they are.
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Bytes::copy_from_slice(body)).unwrap();
        let response = self.casino.handle(self.now, &request);
        let raw = response.body().clone();
        let body = serde_json::from_slice(&raw).unwrap_or(Value::Null);
        Answer { status: response.status().as_u16(), raw, body }
    }

    /// Sends JSON (null: no body) for a player.
    pub fn ask(&mut self, method: &str, path: &str, player: Option<&str>, body: &Value) -> Answer {
        let headers: Vec<_> = player.map(|id| ("x-player-id", id)).into_iter().collect();
        let bytes = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, &headers, bytes.as_bytes())
    }

    pub fn ledger(&mut self) -> Value {
        self.ask("GET", "/_ledger", None, &Value::Null).body
    }
}

//! The admin interface of a running Envoy.
use crate::client::{self, ClientError};
use crate::traffic::Request;
use serde_json::Value;
use std::net::SocketAddr;

/// A client of the admin interface.
#[derive(Debug, Clone, Copy)]
pub struct Admin {
    /// Where it listens.
    pub address: SocketAddr,
}

impl Admin {
    /// The status and body of `GET path`.
    pub async fn get(&self, path: &str) -> Result<(u16, String), ClientError> {
        let answer = client::send(self.address, None, &Request::new("GET", path)).await?;
        Ok((answer.status, String::from_utf8_lossy(&answer.body).into_owned()))
    }

    /// True once Envoy serves.
    pub async fn is_ready(&self) -> bool {
        matches!(self.get("/ready").await, Ok((200, _)))
    }

    /// The value of one counter or gauge; 0 where it does not exist yet.
    pub async fn stat(&self, name: &str) -> Result<u64, ClientError> {
        let (_, text) = self.get("/stats").await?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        Ok(value.and_then(|it| it.trim().parse().ok()).unwrap_or(0))
    }

    /// Where the one listener listens.
    pub async fn listener(&self) -> Result<Option<SocketAddr>, ClientError> {
        let (_, text) = self.get("/listeners?format=json").await?;
        let list: Value = serde_json::from_str(&text).unwrap_or_default();
        let socket = list.pointer("/listener_statuses/0/local_address/socket_address");
        Ok(socket.and_then(|socket| {
            let ip = socket.get("address")?.as_str()?.parse().ok()?;
            let port = u16::try_from(socket.get("port_value")?.as_u64()?).ok()?;
            Some(SocketAddr::new(ip, port))
        }))
    }
}

//! The fields of `envoy.data.tap.v3` that a replay needs, in the JSON that Envoy writes.
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Buffered {
    pub(super) request: Message,
    #[serde(default)]
    pub(super) response: Message,
    pub(super) downstream_connection: Option<Connection>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Message {
    #[serde(default)]
    pub(super) headers: Vec<Header>,
    pub(super) body: Option<Body>,
    pub(super) headers_received_time: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
    /// Base64, in place of a value that is not UTF-8; written empty beside all others.
    pub(super) raw_value: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Body {
    /// Base64.
    pub(super) as_bytes: Option<String>,
    pub(super) as_string: Option<String>,
    #[serde(default)]
    pub(super) truncated: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Connection {
    pub(super) remote_address: Option<Address>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Address {
    pub(super) socket_address: Option<Socket>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Socket {
    pub(super) address: String,
    #[serde(default)]
    pub(super) port_value: u16,
}

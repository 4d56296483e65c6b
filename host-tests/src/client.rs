//! Sends one recorded request to a gateway, byte for byte.
//!
//! Requests that hyper can express go through hyper. Requests of broken or hostile clients that hyper
//! refuses to send (raw bytes in the target, bad names, contradicting lengths) go through [`crate::raw`].
pub(crate) mod error;

pub use error::ClientError;

use crate::raw;
use crate::traffic::{Answer, Request};
use bytes::Bytes;
use error::PATIENCE;
use http::{HeaderName, HeaderValue, Method, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, SizeHint};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Sends the request to `gateway`. With `listener_port` the connection begins with a PROXY line, so that
/// the recorded client is the gateway's peer and `listener_port` its own port.
pub async fn send(
    gateway: SocketAddr,
    listener_port: Option<u16>,
    request: &Request,
) -> Result<Answer, ClientError> {
    let exchange = async {
        let mut stream = TcpStream::connect(gateway).await?;
        stream.set_nodelay(true)?;
        if let Some(port) = listener_port {
            stream.write_all(proxy_line(request.client, port).as_bytes()).await?;
        }
        match expressible(request) {
            Some(plain) => through_hyper(stream, plain).await,
            None => raw::exchange(stream, request).await,
        }
    };
    tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| ClientError::Silence)?
}

/// The first line of PROXY protocol, version 1.
fn proxy_line(client: SocketAddr, port: u16) -> String {
    let (family, own) = match client.ip() {
        IpAddr::V4(_) => ("TCP4", "127.0.0.1"),
        IpAddr::V6(_) => ("TCP6", "::1"),
    };
    format!("PROXY {family} {} {own} {} {port}\r\n", client.ip(), client.port())
}

/// The request for hyper, if hyper writes exactly what was recorded.
fn expressible(request: &Request) -> Option<http::Request<RecordedBody>> {
    if request.http10 {
        return None;
    }
    let method = Method::from_bytes(&request.method).ok()?;
    let uri: Uri = std::str::from_utf8(&request.target).ok()?.parse().ok()?;
    if uri.to_string().as_bytes() != request.target || method == Method::CONNECT {
        return None;
    }
    let chunked = request.is_chunked();
    let lengths: Vec<&[u8]> = request.values("content-length").collect();
    let length_is_right = match lengths.as_slice() {
        // Hyper would add a length of its own to the other methods.
        [] => {
            chunked
                || (request.body.is_empty() && ["GET", "HEAD", "DELETE"].contains(&method.as_str()))
        }
        [one] => !chunked && *one == request.body.len().to_string().as_bytes(),
        _ => false,
    };
    if !length_is_right || request.values("transfer-encoding").count() != usize::from(chunked) {
        return None;
    }
    let body = RecordedBody { bytes: Full::new(Bytes::from(request.body.clone())), chunked };
    let mut plain = http::Request::new(body);
    *plain.method_mut() = method;
    *plain.uri_mut() = uri;
    let mut last: Option<HeaderName> = None;
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name).ok()?;
        let value = HeaderValue::from_bytes(value).ok()?;
        if value.as_bytes().trim_ascii() != value.as_bytes() {
            return None;
        }
        // A header map groups equal names; other orders need the raw writer.
        if last.as_ref() != Some(&name) && plain.headers().contains_key(&name) {
            return None;
        }
        plain.headers_mut().append(name.clone(), value);
        last = Some(name);
    }
    Some(plain)
}

async fn through_hyper(
    stream: TcpStream,
    request: http::Request<RecordedBody>,
) -> Result<Answer, ClientError> {
    let broken = |error: hyper::Error| ClientError::Answer(error.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(broken)?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(broken)?.to_bytes();
    driver.abort();
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect();
    Ok(Answer { status: head.status.as_u16(), headers, body: body.to_vec() })
}

/// A body that goes out in chunks when it was recorded so.
struct RecordedBody {
    bytes: Full<Bytes>,
    chunked: bool,
}

impl Body for RecordedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.bytes).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        !self.chunked && self.bytes.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.chunked {
            SizeHint::new()
        } else {
            self.bytes.size_hint()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each case is what a client sent, and whether hyper can say it.
    #[test]
    fn only_unchanged_requests_go_through_hyper() {
        let get = |target: &str| Request::new("GET", target);
        let post = || Request::new("POST", "/api/bets");
        for (request, through_hyper) in [
            (get("/api/lobby?x=1"), true),
            (get("http://casino.example/x"), true),
            (get("/a").header("x-geo-country", b"\xff\xfe"), true),
            (get("/a").header("x", "1").header("x", "2"), true),
            (post().body("{}"), true),
            (post().header("transfer-encoding", "chunked"), true),
            (get("/a\0b"), false),
            (get("/a#b"), false),
            (get("/a").header("x y", "1"), false),
            (get("/a").header("x", "1").header("y", "2").header("x", "3"), false),
            (get("/a").header("x", " 1"), false),
            (post(), false),
            (post().body("{}").header("content-length", "2"), false),
            (post().body("{}").header("transfer-encoding", "chunked"), false),
            (post().header("transfer-encoding", "gzip"), false),
            (Request::new("CONNECT", "h:80"), false),
        ] {
            assert_eq!(expressible(&request).is_some(), through_hyper, "{request:?}");
        }
    }

    #[test]
    fn the_proxy_line_names_both_ends() {
        for (client, line) in [
            ("203.0.113.9:5555", "PROXY TCP4 203.0.113.9 127.0.0.1 5555 8443\r\n"),
            ("[2001:db8::7]:1", "PROXY TCP6 2001:db8::7 ::1 1 8443\r\n"),
        ] {
            assert_eq!(proxy_line(client.parse().unwrap(), 8443), line);
        }
    }
}

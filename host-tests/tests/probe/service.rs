//! A scripted service for the real Envoy.

#![allow(unreachable_pub)]

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// Answers one call.
pub type Reply = oneshot::Sender<&'static str>;

/// Where it listens, and the calls that have come.
pub async fn slow_service() -> (SocketAddr, mpsc::UnboundedReceiver<Reply>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, calls) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tell = tell.clone();
            let service = hyper::service::service_fn(move |_| {
                let tell = tell.clone();
                async move {
                    let (reply, told) = oneshot::channel();
                    let _ = tell.send(reply);
                    let body = told.await.unwrap_or_default();
                    Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from(body))))
                }
            });
            let server = hyper::server::conn::http1::Builder::new();
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, calls)
}

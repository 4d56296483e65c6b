//! Upstreams for the real Envoy: plain HTTP/1.1 servers on a free loopback port of this process.
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running upstream; dropping it ends it.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves every request with `handle`.
    pub async fn start<H>(handle: H) -> Result<Self, std::io::Error>
    where
        H: Fn(http::Request<Bytes>) -> http::Response<Bytes> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let handle = Arc::new(handle);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let handle = Arc::clone(&handle);
                let service = hyper::service::service_fn(move |request| {
                    let handle = Arc::clone(&handle);
                    async move { Ok::<_, Infallible>(respond(&*handle, request).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Ok(Self { address, task })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn respond<H>(
    handle: &H,
    request: http::Request<hyper::body::Incoming>,
) -> http::Response<Full<Bytes>>
where
    H: Fn(http::Request<Bytes>) -> http::Response<Bytes>,
{
    let (head, body) = request.into_parts();
    match body.collect().await {
        Ok(body) => handle(http::Request::from_parts(head, body.to_bytes())).map(Full::new),
        // The gateway aborted the request.
        Err(_) => http::Response::new(Full::default()),
    }
}

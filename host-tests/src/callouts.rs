//! Real services for the calls of filters (`proxy_http_call`).
//!
//! A response takes no virtual time, however long the service took. Tests of slow services script the
//! delay instead.
use crate::client::{send, ClientError};
use crate::traffic::Request;
use abi_host::{Call, CallAnswer, Callouts, Headers, Response};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

/// Real services by the names that filters call: clusters on Envoy, `host:port` on WasmX.
#[derive(Debug, Clone, Default)]
pub struct Services(BTreeMap<String, SocketAddr>);

impl Services {
    /// No service.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    #[must_use]
    pub fn with(mut self, name: &str, address: SocketAddr) -> Self {
        self.0.insert(name.to_owned(), address);
        self
    }
}

impl Callouts for Services {
    fn call(&mut self, call: &Call) -> CallAnswer {
        let name = String::from_utf8_lossy(&call.upstream);
        let Some(address) = self.0.get(name.as_ref()).copied() else {
            return CallAnswer::UnknownTarget;
        };
        let request = request(call);
        // On another thread: the caller may be inside a runtime, which must not be blocked.
        let asked = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            Some(runtime.ok()?.block_on(send(address, None, &request)))
        });
        match asked.join().ok().flatten() {
            Some(Ok(answer)) => {
                let mut headers = Headers::from([(":status", answer.status.to_string())]);
                for (name, value) in &answer.headers {
                    headers.add(name, value);
                }
                let chunks = if answer.body.is_empty() { vec![] } else { vec![answer.body] };
                CallAnswer::now(Response { headers, chunks, ..Response::new(answer.status) })
            }
            Some(Err(ClientError::Io(error))) if error.kind() == ErrorKind::ConnectionRefused => {
                CallAnswer::Refused(Duration::ZERO)
            }
            Some(Err(ClientError::Silence)) => CallAnswer::Silence,
            Some(Err(ClientError::Io(_) | ClientError::Answer(_))) => {
                CallAnswer::Reset(Duration::ZERO)
            }
            None => CallAnswer::NoCapacity,
        }
    }
}

fn request(call: &Call) -> Request {
    let pseudo = |name: &str| call.headers.get(name).unwrap_or_default().to_vec();
    let plain = call.headers.iter().filter(|(name, _)| !name.starts_with(b":"));
    let mut headers = vec![(b"host".to_vec(), pseudo(":authority"))];
    headers.extend(plain.map(|(name, value)| (name.to_vec(), value.to_vec())));
    let method = String::from_utf8_lossy(&pseudo(":method")).into_owned();
    let mut request = Request::new(&method, pseudo(":path"));
    request.at = call.at;
    request.headers = headers;
    let bodiless = ["GET", "HEAD", "DELETE"].contains(&method.as_str());
    if call.body.is_empty() && bodiless {
        return request;
    }
    request.body(&call.body)
}

//! What Envoy does with a request before its filters see it, for the half that runs without Envoy.
//!
//! 1. Each rule was observed on the real Envoy, and `tests/replay_front.rs` sends the same requests to
//!    both and wants no difference.
//! 2. The order is Envoy's: the codec (request line, header fields, lengths), then the connection
//!    manager (host, path, addresses).
//! 3. A refusal carries Envoy's response code detail, which is what its access log says.
mod address;
mod cors;
mod head;
mod path;
mod router;
mod target;

pub use address::request_id;
pub use cors::Cors;
pub use router::upstream_fields;

use crate::gateway::Gateway;
use crate::traffic::{Answer, Fields, Request};
use std::net::SocketAddr;

/// A request that Envoy answers before the first filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// Envoy's response code detail.
    pub details: &'static str,
    /// Where the client is sent instead.
    pub location: Option<Vec<u8>>,
}

impl Refusal {
    fn new(status: u16, details: &'static str) -> Self {
        Self { status, details, location: None }
    }

    fn bad_request(details: &'static str) -> Self {
        Self::new(400, details)
    }

    /// The answer the client gets.
    pub fn answer(&self) -> Answer {
        // The codec explains itself in the body, the connection manager does not.
        let by_codec = self.details.starts_with("http");
        let body: &[u8] = match self.status {
            400 if by_codec => b"Bad Request",
            403 if by_codec => b"Forbidden",
            431 => b"Request Header Fields Too Large",
            501 => b"Not Implemented",
            _ => b"",
        };
        let mut headers = Fields::new();
        if let Some(location) = &self.location {
            headers.push((b"location".to_vec(), location.clone()));
        }
        if !body.is_empty() {
            headers.push((b"content-type".to_vec(), b"text/plain".to_vec()));
        }
        Answer { status: self.status, headers, body: body.to_vec() }
    }
}

/// A request as the first filter sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The headers, pseudo headers first.
    pub headers: Fields,
    /// The body.
    pub body: Vec<u8>,
    /// The property `source.address`.
    pub source: SocketAddr,
}

impl Accepted {
    /// The same as the filters in wasmtime get it.
    pub fn for_filters(self, gateway: &Gateway) -> abi_host::Request {
        let mut request = abi_host::Request::new("GET", "/");
        request.headers = self.headers.into_iter().collect();
        request.source = self.source;
        request.destination.set_port(gateway.port);
        if !self.body.is_empty() {
            request.chunks.push(self.body);
        }
        request
    }
}

/// Takes a request as the gateway's listener would.
pub fn receive(gateway: &Gateway, request: &Request) -> Result<Accepted, Refusal> {
    let hcm = &gateway.hcm;
    head::check_line(request)?;
    let mut fields = head::fields(request, hcm)?;
    head::hop_by_hop(&mut fields)?;
    let target = target::split(&request.method, &request.target, &mut fields)?;
    if target.authority.as_ref().is_some_and(|it| !target::authority_is_valid(it)) {
        return Err(Refusal::bad_request("http.invalid_authority"));
    }
    // Only a proxy in front could have had a TLS connection.
    let is_https = target.scheme.as_deref() == Some(b"https");
    if is_https && hcm.use_remote_address && hcm.xff_num_trusted_hops == 0 {
        return Err(Refusal::new(403, "http1.https_url_on_plaintext_connection"));
    }
    let Some(authority) = target.authority else {
        return Err(Refusal::bad_request("missing_host_header"));
    };
    if !target.path.starts_with(b"/") {
        return Err(Refusal::new(404, "absolute_path_rejected"));
    }
    if target.path.contains(&b'#') {
        return Err(Refusal::bad_request("path_normalization_failed"));
    }
    let path = match path::apply(hcm, &target.path) {
        path::Path::Use(path) => path,
        path::Path::Reject => return Err(Refusal::bad_request("path_normalization_failed")),
        path::Path::Redirect(location) => {
            return Err(Refusal {
                status: 307,
                details: "path_normalization_failed",
                location: Some(location),
            })
        }
    };
    let upgrade = is_upgrade(&fields);
    head::strip_connection(&mut fields);
    let source = address::apply(hcm, request, &mut fields);
    if upgrade {
        return Err(Refusal::new(403, "upgrade_failed"));
    }
    let authority = target::strip(hcm, &authority, gateway.port);
    let (scheme, scheme_place) = match target.scheme {
        // The scheme of an absolute target is known before its path is.
        Some(scheme) => (scheme, 1),
        None => (forwarded_scheme(&fields), 3),
    };
    let mut headers: Fields = vec![
        (b":authority".to_vec(), authority),
        (b":path".to_vec(), path),
        (b":method".to_vec(), request.method.clone()),
    ];
    headers.insert(scheme_place, (b":scheme".to_vec(), scheme));
    headers.append(&mut fields);
    Ok(Accepted { headers, body: request.body.clone(), source })
}

/// The scheme that X-Forwarded-Proto tells, by now only a trusted one.
fn forwarded_scheme(fields: &Fields) -> Vec<u8> {
    let told = address::value(fields, "x-forwarded-proto").unwrap_or_default();
    let https = told.eq_ignore_ascii_case(b"https");
    if https {
        b"https".to_vec()
    } else {
        b"http".to_vec()
    }
}

/// True for an upgrade that Envoy would have to be told to allow. It ignores `h2c`.
fn is_upgrade(fields: &Fields) -> bool {
    let asks = |name: &str| address::value(fields, name).map(<[u8]>::to_ascii_lowercase);
    let wants = asks("connection")
        .is_some_and(|it| it.split(|it| *it == b',').any(|it| it.trim_ascii() == b"upgrade"));
    wants && asks("upgrade").is_some_and(|it| it != b"h2c")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::policyless;
    use serde_json::json;

    /// What the first filter sees, as a Lua filter in the real Envoy printed it.
    #[test]
    fn the_first_filter_sees_the_headers_in_envoys_order() {
        let hops = |hops: u8| {
            let options = json!({"use_remote_address": true, "xff_num_trusted_hops": hops});
            Gateway::from_document(policyless(&options)).unwrap()
        };
        let last = "x-forwarded-for=203.0.113.9|x-envoy-external-address=203.0.113.9|x-request-id=";
        let whole = "x-forwarded-for=203.0.113.9|x-forwarded-proto=http|x-envoy-external-address=203.0.113.9|x-request-id=";
        let secure = |it: Request| it.header("x-forwarded-proto", "https");
        for (hop_count, request, wanted, rest) in [
            (
                0,
                Request::new("POST", "/x").header("z", "1").body("{}"),
                ":authority=casino.example|:path=/x|:method=POST|:scheme=http|z=1|content-length=2|",
                whole,
            ),
            (
                0,
                secure(Request::new("GET", "/x")),
                ":authority=casino.example|:path=/x|:method=GET|:scheme=http|x-forwarded-proto=http|",
                last,
            ),
            (
                1,
                secure(Request::new("GET", "/x")),
                ":authority=casino.example|:path=/x|:method=GET|:scheme=https|x-forwarded-proto=https|",
                last,
            ),
            (
                1,
                Request::new("GET", "https://o/x"),
                ":authority=o|:scheme=https|:path=/x|:method=GET|",
                whole,
            ),
        ] {
            let accepted = receive(&hops(hop_count), &request).unwrap();
            let shown: Vec<String> = accepted
                .headers
                .iter()
                .map(|(name, value)| {
                    format!("{}={}", name.escape_ascii(), value.escape_ascii())
                })
                .collect();
            assert_eq!(shown.join("|"), format!("{wanted}{rest}{}", request_id(1)));
        }
    }
}

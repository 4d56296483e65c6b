//! What is behind the filters: the router, and the casino behind that, which also answers what the
//! filters ask by themselves.
use super::house::House;
use crate::front::upstream_fields;
use crate::gateway::{Action, Gateway};
use crate::traffic::Fields;
use abi_host::{
    grpc, Call, CallAnswer, Callouts, Headers, Response, RetryPolicy, StreamId, Upstream,
    UpstreamRequest,
};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::time::Duration;

/// Marks an answer that the router gave because there was no upstream to ask.
pub(super) const NO_ROUTE: &str = "x-pitboss-no-upstream";

/// The router, and the casino behind it.
pub(super) struct Behind<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) house: &'a House,
}

impl Upstream for Behind<'_> {
    fn opened(&mut self, _: StreamId, headers: &Headers) -> Option<abi_host::Answer> {
        // No route of those that are emulated takes a tunnel.
        let connect = headers.get(":method") == Some(b"CONNECT");
        connect.then(|| local(headers, 404, "route_not_found", b"").into())
    }

    fn answer(&mut self, request: &UpstreamRequest) -> abi_host::Answer {
        let answer: abi_host::Answer = behind(self.gateway, self.house, request).into();
        answer.under(retries(self.gateway, &request.headers))
    }
}

/// An answer of the router.
fn local(request: &Headers, status: u16, details: &str, body: &[u8]) -> Response {
    if grpc::is_call(request) {
        let head = request.get(":method") == Some(b"HEAD");
        let headers = grpc::reply(status, Headers::new(), body, head);
        return Response { headers, ..Response::new(200) }.header(NO_ROUTE, details);
    }
    let answer = Response::new(status).header(NO_ROUTE, details).body(body);
    if body.is_empty() {
        answer
    } else {
        answer.header("content-type", "text/plain")
    }
}

/// When the router asks the upstream again; never where it answers by itself.
fn retries(gateway: &Gateway, request: &Headers) -> RetryPolicy {
    let text = |name: &str| request.text(name).unwrap_or_default();
    match gateway.routes.find(text(":authority"), text(":path")).map(|it| &it.action) {
        Some(Action::Forward { retries, .. }) => *retries,
        Some(Action::Direct { .. }) | None => RetryPolicy::default(),
    }
}

/// What the router does.
fn behind(gateway: &Gateway, house: &House, request: &UpstreamRequest) -> Response {
    let text = |name: &str| request.headers.text(name).unwrap_or_default().to_owned();
    let (authority, path) = (text(":authority"), text(":path"));
    let no_route = || local(&request.headers, 404, "route_not_found", b"");
    let timeout = match gateway.routes.find(&authority, &path).map(|it| &it.action) {
        _ if request.headers.get("x-forwarded-proto").is_none_or(<[u8]>::is_empty) => {
            return no_route();
        }
        None => return no_route(),
        Some(Action::Direct { status, body }) => {
            return local(&request.headers, *status, "direct_response", body);
        }
        Some(Action::Forward { timeout, .. }) => *timeout,
    };
    ask(house, &request.headers, &request.body, timeout)
}

/// The clusters of a gateway. As before the real Envoy, each leads to the casino; one that the
/// gateway does not name is no cluster.
pub(super) struct Clusters {
    names: BTreeSet<String>,
    house: House,
}

impl Clusters {
    pub(super) fn new(gateway: &Gateway, house: &House) -> Self {
        Self { names: gateway.clusters.iter().cloned().collect(), house: house.clone() }
    }
}

impl Callouts for Clusters {
    fn call(&mut self, call: &Call) -> CallAnswer {
        let known = std::str::from_utf8(&call.upstream).is_ok_and(|it| self.names.contains(it));
        if !known {
            return CallAnswer::UnknownTarget;
        }
        self.house.set_time(call.at);
        let mut headers = call.headers.clone();
        headers.set("x-envoy-internal", "true");
        let timeout = call.timeout.unwrap_or_default();
        CallAnswer::now(ask(&self.house, &headers, &call.body, timeout))
    }
}

/// Asks the casino, as the router would.
fn ask(house: &House, headers: &Headers, body: &[u8], timeout: Duration) -> Response {
    let fields: Fields = headers.clone().into_pairs();
    let fields = upstream_fields(&fields, body, timeout);
    let text = |name: &str| headers.text(name).unwrap_or_default();
    let method = text(":method");
    let Some(plain) = plain(method, text(":path"), &fields, body) else {
        // The casino's server takes no such request.
        return Response::new(400);
    };
    let response = house.answer(&plain);
    let mut headers = Headers::from([(":status", response.status().as_str())]);
    for (name, value) in response.headers() {
        headers.add(name, value);
    }
    let answer = Response { headers, ..Response::new(200) };
    answer.body(response.body())
}

fn plain(method: &str, path: &str, fields: &Fields, body: &[u8]) -> Option<http::Request<Bytes>> {
    let mut request = http::Request::builder().method(method).uri(path);
    for (name, value) in fields {
        request = request.header(name.as_slice(), value.as_slice());
    }
    request.body(Bytes::copy_from_slice(body)).ok()
}

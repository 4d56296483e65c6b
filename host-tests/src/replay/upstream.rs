//! The upstream of an emulated replay: the router and the casino, which also answers the calls of filters.
use super::demo_casino::DemoCasino;
use crate::front::upstream_fields;
use crate::gateway::{Action, Gateway};
use crate::traffic::Fields;
use abi_host::{
    Call, CallAnswer, Callouts, Headers, Response, RetryPolicy, Upstream, UpstreamRequest,
};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::time::Duration;

/// The router, and the casino as its upstream.
pub(super) struct CasinoUpstream<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) casino: &'a DemoCasino,
}

impl Upstream for CasinoUpstream<'_> {
    fn answer(&mut self, request: &UpstreamRequest) -> abi_host::Answer {
        let route = self.gateway.routes.find(&request.headers);
        // Direct responses of the route table never reach the upstream.
        let (timeout, retries) = match route.map(|it| &it.action) {
            Some(Action::Forward { timeout, retries, .. }) => (*timeout, *retries),
            Some(Action::Direct { .. }) | None => (Duration::ZERO, RetryPolicy::default()),
        };
        let answer: abi_host::Answer =
            ask(self.casino, &request.headers, &request.body, timeout).into();
        answer.under(retries)
    }
}

/// The clusters of a gateway. As with the real Envoy, each leads to the casino; unknown names fail.
pub(super) struct Clusters {
    names: BTreeSet<String>,
    casino: DemoCasino,
}

impl Clusters {
    pub(super) fn new(gateway: &Gateway, casino: &DemoCasino) -> Self {
        Self { names: gateway.clusters.iter().cloned().collect(), casino: casino.clone() }
    }
}

impl Callouts for Clusters {
    fn call(&mut self, call: &Call) -> CallAnswer {
        let known = std::str::from_utf8(&call.upstream).is_ok_and(|it| self.names.contains(it));
        if !known {
            return CallAnswer::UnknownTarget;
        }
        self.casino.set_time(call.at);
        let mut headers = call.headers.clone();
        headers.set("x-envoy-internal", "true");
        let timeout = call.timeout.unwrap_or_default();
        CallAnswer::now(ask(&self.casino, &headers, &call.body, timeout))
    }
}

/// Sends a request to the casino, as the router would.
fn ask(casino: &DemoCasino, headers: &Headers, body: &[u8], timeout: Duration) -> Response {
    let fields: Fields = headers.clone().into_pairs();
    let fields = upstream_fields(&fields, !body.is_empty(), timeout);
    let text = |name: &str| headers.text(name).unwrap_or_default();
    let method = text(":method");
    let Some(plain) = plain(method, text(":path"), &fields, body) else {
        // The casino's server refuses such a request.
        return Response::new(400);
    };
    let response = casino.answer(&plain);
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

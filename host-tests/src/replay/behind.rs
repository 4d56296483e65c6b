//! What is behind the filters: the router, and the casino behind that, which also answers what the
//! filters ask by themselves.
use super::house::House;
use crate::front::upstream_fields;
use crate::gateway::{Action, Gateway};
use crate::traffic::Fields;
use abi_host::{
    Call, CallAnswer, Callouts, Headers, Response, RetryPolicy, Upstream, UpstreamRequest,
};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::time::Duration;

/// The router, and the casino behind it.
pub(super) struct Behind<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) house: &'a House,
}

impl Upstream for Behind<'_> {
    fn answer(&mut self, request: &UpstreamRequest) -> abi_host::Answer {
        let text = |name: &str| request.headers.text(name).unwrap_or_default();
        let route = self.gateway.routes.find(text(":authority"), text(":path"));
        // What the route table answers by itself never comes here.
        let (timeout, retries) = match route.map(|it| &it.action) {
            Some(Action::Forward { timeout, retries, .. }) => (*timeout, *retries),
            Some(Action::Direct { .. }) | None => (Duration::ZERO, RetryPolicy::default()),
        };
        let answer: abi_host::Answer =
            ask(self.house, &request.headers, &request.body, timeout).into();
        answer.under(retries)
    }
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
    let fields = upstream_fields(&fields, !body.is_empty(), timeout);
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

//! Routes of the gateway.

use std::time::Duration;

use crate::message::headers::Headers;
use crate::message::local_reply::LocalReply;
use crate::report::flags;

/// Finds the route of a request by its headers.
pub(crate) type Router = Box<dyn Fn(&Headers) -> Route + Send + Sync>;

/// The route of a request. All fields are empty in a chain without a route table.
#[derive(Clone, Debug, Default)]
pub struct Route {
    /// Name of the virtual host.
    pub virtual_host: Option<String>,
    /// Name of the route, empty where the table gives it none; `None` where no route matches.
    pub name: Option<String>,
    /// Its cluster.
    pub cluster: Option<String>,
    /// A direct response of the gateway.
    pub answer: Option<RouteAnswer>,
    /// The route timeout, overriding the chain's.
    pub timeout: Option<Duration>,
    /// The idle timeout, overriding the chain's. Zero: none.
    pub idle_timeout: Option<Duration>,
}

/// A direct response of the route table.
#[derive(Clone, Debug)]
pub struct RouteAnswer {
    /// The response.
    pub reply: LocalReply,
    /// Response flags that go with it.
    pub flags: u64,
}

impl Route {
    /// No route matches: Envoy answers 404.
    pub fn not_found(virtual_host: Option<String>) -> Self {
        let details = "route_not_found".to_owned();
        let reply = LocalReply { status: 404, details, ..LocalReply::default() };
        let answer = Some(RouteAnswer { reply, flags: flags::NO_ROUTE_FOUND });
        Self { virtual_host, answer, ..Self::default() }
    }
}

/// The node of the gateway.
#[derive(Clone, Debug, Default)]
pub struct GatewayNode {
    /// `node.id`, empty where it is not configured.
    pub id: String,
    /// `node.cluster`, likewise.
    pub cluster: String,
    /// Name of the filter chain, likewise.
    pub filter_chain: String,
    /// The listener's traffic direction: 0 unspecified, 1 inbound, 2 outbound.
    pub direction: i64,
}

//! Where a request goes, as the gateway's route table has it.

use std::time::Duration;

use crate::{flags, Headers, LocalReply};

/// Finds the route of a request by its headers.
pub(crate) type Router = Box<dyn Fn(&Headers) -> Route + Send + Sync>;

/// What is known of a request's route. Of a chain without a route table nothing is.
#[derive(Clone, Debug, Default)]
pub struct Route {
    /// Name of the virtual host.
    pub virtual_host: Option<String>,
    /// Name of the route, empty where the table gives it none; `None` where no route matches.
    pub name: Option<String>,
    /// The cluster it leads to.
    pub cluster: Option<String>,
    /// The gateway's own answer in the place of an upstream's.
    pub answer: Option<RouteAnswer>,
    /// How long the upstream may take, in the place of the chain's route timeout.
    pub timeout: Option<Duration>,
    /// How long the stream may stand still, in the place of the chain's idle timeout. Zero: for ever.
    pub idle_timeout: Option<Duration>,
}

/// An answer that the route table gives.
#[derive(Clone, Debug)]
pub struct RouteAnswer {
    /// The answer.
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

/// What the gateway says of itself.
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

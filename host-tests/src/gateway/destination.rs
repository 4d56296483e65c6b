//! The route of one request for `abi-host`: names, direct responses, timeouts.
use super::bootstrap::Gateway;
use super::routes::Action;
use abi_host::{Headers, LocalReply, Route, RouteAnswer};

impl Gateway {
    /// The route of a request with these headers.
    pub fn destination(&self, headers: &Headers) -> Route {
        let text = |name: &str| headers.text(name).unwrap_or_default();
        let Some(host) = self.routes.host(text(":authority")) else {
            return Route::not_found(None);
        };
        let name = Some(host.name.clone());
        // No emulated route accepts a tunnel, and without a scheme no route matches.
        let connect = headers.get(":method") == Some(b"CONNECT");
        let no_scheme = headers.get("x-forwarded-proto").is_none_or(<[u8]>::is_empty);
        let found = host.find(headers).filter(|_| !connect && !no_scheme);
        let Some(found) = found else { return Route::not_found(name) };
        let mut route =
            Route { virtual_host: name, name: Some(found.name.clone()), ..Route::default() };
        match &found.action {
            Action::Direct { status, body } => {
                let details = "direct_response".to_owned();
                let reply = LocalReply {
                    status: *status,
                    body: body.clone(),
                    details,
                    ..LocalReply::default()
                };
                route.answer = Some(RouteAnswer { reply, flags: 0 });
            }
            Action::Forward { cluster, timeout, idle_timeout, .. } => {
                route.cluster = Some(cluster.clone());
                route.timeout = Some(*timeout);
                route.idle_timeout = *idle_timeout;
            }
        }
        route
    }
}

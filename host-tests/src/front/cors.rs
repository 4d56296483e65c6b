//! `envoy.filters.http.cors`: answers preflights and adds headers to other responses.
use crate::gateway::{CorsPolicy, Gateway};
use abi_host::{Headers, LocalReply, NativeAction, NativeFilter};

/// The CORS filter, with the policies of the route table.
#[derive(Debug, Clone)]
pub struct Cors {
    gateway: Gateway,
}

impl Cors {
    /// The filter of this gateway.
    pub fn new(gateway: &Gateway) -> Self {
        Self { gateway: gateway.clone() }
    }

    /// The policy in force, when the request's origin is one of its own.
    fn policy<'a>(&'a self, request: &Headers) -> Option<(&'a CorsPolicy, String)> {
        let origin = request.text("origin").filter(|it| !it.is_empty())?.to_owned();
        let route = self.gateway.routes.find(request)?;
        let policy = route.cors.as_ref()?;
        policy.origins.iter().any(|it| it.matches(&origin)).then_some((policy, origin))
    }
}

impl NativeFilter for Cors {
    fn name(&self) -> &str {
        "cors"
    }

    fn request_headers(&mut self, request: &mut Headers, _end_of_stream: bool) -> NativeAction {
        let asked = request.get("access-control-request-method").is_some_and(|it| !it.is_empty());
        if request.get(":method") != Some(b"OPTIONS") || !asked {
            return NativeAction::Continue;
        }
        let Some((policy, origin)) = self.policy(request) else { return NativeAction::Continue };
        let mut headers = Headers::new();
        headers.add("access-control-allow-origin", origin);
        if policy.credentials {
            headers.add("access-control-allow-credentials", "true");
        }
        for (name, value) in [
            ("access-control-allow-methods", &policy.methods),
            ("access-control-allow-headers", &policy.headers),
            ("access-control-max-age", &policy.max_age),
            ("access-control-expose-headers", &policy.expose),
        ] {
            if !value.is_empty() {
                headers.add(name, value);
            }
        }
        let details = "cors_response".to_owned();
        NativeAction::Reply(LocalReply { status: 200, headers, body: Vec::new(), details })
    }

    fn response_headers(&mut self, request: &Headers, response: &mut Headers) {
        let Some((policy, origin)) = self.policy(request) else { return };
        response.set("access-control-allow-origin", origin);
        if policy.credentials {
            response.set("access-control-allow-credentials", "true");
        }
        if !policy.expose.is_empty() {
            response.set("access-control-expose-headers", &policy.expose);
        }
    }
}

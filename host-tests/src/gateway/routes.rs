//! The route table: clusters, timeouts and CORS policies.
use super::node::{FieldError, Node};
use abi_host::{Headers, RetryPolicy};
use std::time::Duration;

/// The route configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Routes {
    hosts: Vec<VirtualHost>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VirtualHost {
    pub(crate) name: String,
    domains: Vec<String>,
    routes: Vec<Route>,
}

/// One route.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Its name, empty where it has none.
    pub name: String,
    path: PathMatch,
    /// Headers that a request must have, each with exactly this value.
    headers: Vec<(String, String)>,
    /// What happens to the request.
    pub action: Action,
    /// The CORS policy in force.
    pub cors: Option<CorsPolicy>,
}

#[derive(Debug, Clone, PartialEq)]
enum PathMatch {
    Prefix(String),
    Exact(String),
}

/// What a route does with a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Forward it upstream.
    Forward {
        /// The cluster.
        cluster: String,
        /// Timeout of the upstream.
        timeout: Duration,
        /// When the request is retried.
        retries: RetryPolicy,
        /// Idle timeout of the route, if it has one.
        idle_timeout: Option<Duration>,
    },
    /// Answer it.
    Direct {
        /// The status.
        status: u16,
        /// The body.
        body: Vec<u8>,
    },
}

/// A CORS policy of a route.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CorsPolicy {
    pub(crate) origins: Vec<OriginMatch>,
    pub(crate) methods: String,
    pub(crate) headers: String,
    pub(crate) expose: String,
    pub(crate) max_age: String,
    pub(crate) credentials: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum OriginMatch {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
}

impl OriginMatch {
    pub(crate) fn matches(&self, origin: &str) -> bool {
        match self {
            // In Envoy an exact "*" matches every origin.
            Self::Exact(it) => it == "*" || it == origin,
            Self::Prefix(it) => origin.starts_with(it.as_str()),
            Self::Suffix(it) => origin.ends_with(it.as_str()),
            Self::Contains(it) => origin.contains(it.as_str()),
        }
    }
}

impl Routes {
    /// Every route.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Route> {
        self.hosts.iter().flat_map(|host| &host.routes)
    }

    /// The route of a request with these headers, if it has one.
    pub fn find(&self, headers: &Headers) -> Option<&Route> {
        self.host(headers.text(":authority").unwrap_or_default())?.find(headers)
    }

    /// The virtual host of a request, if it has one.
    pub(crate) fn host(&self, authority: &str) -> Option<&VirtualHost> {
        let authority = authority.to_ascii_lowercase();
        let best = |rank: fn(&str, &str) -> Option<usize>| {
            self.hosts
                .iter()
                .filter_map(|host| {
                    host.domains
                        .iter()
                        .filter_map(|it| rank(it, &authority))
                        .max()
                        .map(|n| (n, host))
                })
                .max_by_key(|(rank, _)| *rank)
                .map(|(_, host)| host)
        };
        // Exact names first, then the longest suffix, the longest prefix, and "*".
        best(|domain, host| (domain == host).then_some(0))
            .or_else(|| {
                best(|domain, host| {
                    wildcard(domain.strip_prefix('*')?, host, |host, part| host.ends_with(part))
                })
            })
            .or_else(|| {
                best(|domain, host| {
                    wildcard(domain.strip_suffix('*')?, host, |host, part| host.starts_with(part))
                })
            })
            .or_else(|| best(|domain, _| (domain == "*").then_some(0)))
    }
}

impl VirtualHost {
    /// The route of a request to this host, if it has one.
    pub(crate) fn find(&self, headers: &Headers) -> Option<&Route> {
        let path = headers.text(":path").unwrap_or_default();
        let path = path.split('?').next().unwrap_or(path);
        let is_path = |route: &&Route| match &route.path {
            PathMatch::Prefix(prefix) => path.starts_with(prefix.as_str()),
            PathMatch::Exact(exact) => path == exact,
        };
        let has = |(name, value): &(String, String)| headers.text(name) == Some(value);
        self.routes.iter().filter(is_path).find(|route| route.headers.iter().all(has))
    }
}

fn wildcard(part: &str, host: &str, ends: fn(&str, &str) -> bool) -> Option<usize> {
    (!part.is_empty() && part.len() < host.len() && ends(host, part)).then_some(part.len())
}

/// Reads `route_config`.
pub(super) fn read(node: &Node<'_>) -> Result<Routes, FieldError> {
    node.known(&["name", "virtual_hosts", "validate_clusters"])?;
    let mut hosts = Vec::new();
    for host in node.list("virtual_hosts")? {
        host.known(&["name", "domains", "routes", "typed_per_filter_config"])?;
        let cors = read_cors(&host)?;
        let domains = host
            .need("domains")?
            .items()?
            .iter()
            .map(|it| it.str().map(str::to_ascii_lowercase))
            .collect::<Result<_, _>>()?;
        let mut routes = Vec::new();
        for route in host.list("routes")? {
            routes.push(read_route(&route, cors.as_ref())?);
        }
        hosts.push(VirtualHost { name: host.text("name")?, domains, routes });
    }
    Ok(Routes { hosts })
}

fn read_route(node: &Node<'_>, cors: Option<&CorsPolicy>) -> Result<Route, FieldError> {
    node.known(&["name", "match", "route", "direct_response", "typed_per_filter_config"])?;
    let matcher = node.need("match")?;
    matcher.known(&["prefix", "path", "headers"])?;
    let path = match (matcher.get("prefix"), matcher.get("path")) {
        (Some(prefix), None) => PathMatch::Prefix(prefix.str()?.to_owned()),
        (None, Some(path)) => PathMatch::Exact(path.str()?.to_owned()),
        _ => return Err(matcher.fail("must have `prefix` or `path`")),
    };
    let headers = matcher.list("headers")?.iter().map(read_header).collect::<Result<_, _>>()?;
    let action = match (node.get("route"), node.get("direct_response")) {
        (Some(route), None) => {
            route.known(&["cluster", "timeout", "idle_timeout", "retry_policy", "priority"])?;
            // Which circuit breakers count: no replay reaches them.
            route.get("priority").map(|it| it.choice(&["DEFAULT", "HIGH"])).transpose()?;
            let cluster = route.need("cluster")?.str()?.to_owned();
            let idle_timeout = route.get("idle_timeout").map(|it| duration(&it)).transpose()?;
            let timeout =
                route.get("timeout").map_or(Ok(Duration::from_secs(15)), |it| duration(&it))?;
            let retries = route.get("retry_policy").map_or(Ok(RetryPolicy::default()), retries)?;
            Action::Forward { cluster, timeout, retries, idle_timeout }
        }
        (None, Some(direct)) => {
            direct.known(&["status", "body"])?;
            let status = direct.need("status")?;
            let body = match direct.get("body") {
                None => Vec::new(),
                Some(body) => body.need("inline_string")?.str()?.as_bytes().to_vec(),
            };
            Action::Direct {
                status: u16::try_from(status.number()?).map_err(|_| status.fail("is no status"))?,
                body,
            }
        }
        _ => return Err(node.fail("must have `route` or `direct_response`")),
    };
    let name = node.text("name")?;
    let cors = read_cors(node)?.or_else(|| cors.cloned());
    Ok(Route { name, path, headers, action, cors })
}

/// A header that a request must have, with exactly this value.
fn read_header(node: &Node<'_>) -> Result<(String, String), FieldError> {
    node.known(&["name", "string_match"])?;
    let value = node.need("string_match")?;
    value.known(&["exact"])?;
    let name = node.need("name")?.str()?.to_ascii_lowercase();
    Ok((name, value.need("exact")?.str()?.to_owned()))
}

fn retries(node: Node<'_>) -> Result<RetryPolicy, FieldError> {
    node.known(&["retry_on", "num_retries"])?;
    let count = node.get("num_retries").map_or(Ok(1), |it| it.number())?;
    let on = node.need("retry_on")?;
    RetryPolicy::parse(on.str()?, count)
        .ok_or_else(|| on.fail("the replayer knows 5xx, gateway-error, reset and connect-failure"))
}

/// A duration as protobuf's JSON writes it.
pub(super) fn duration(node: &Node<'_>) -> Result<Duration, FieldError> {
    node.str()?
        .strip_suffix('s')
        .and_then(|it| it.parse::<f64>().ok())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| node.fail("must be a duration, as in 15s"))
}

fn read_cors(node: &Node<'_>) -> Result<Option<CorsPolicy>, FieldError> {
    let Some(per_filter) = node.get("typed_per_filter_config") else { return Ok(None) };
    let mut cors = None;
    for (name, config) in per_filter.fields()? {
        if name != "envoy.filters.http.cors" {
            return Err(config.fail("the replayer does not emulate this field"));
        }
        cors = Some(read_policy(&config.typed()?.1)?);
    }
    Ok(cors)
}

fn read_policy(node: &Node<'_>) -> Result<CorsPolicy, FieldError> {
    node.known(&[
        "@type",
        "allow_origin_string_match",
        "allow_methods",
        "allow_headers",
        "expose_headers",
        "max_age",
        "allow_credentials",
    ])?;
    let mut origins = Vec::new();
    for matcher in node.list("allow_origin_string_match")? {
        matcher.known(&["exact", "prefix", "suffix", "contains"])?;
        let read = |name: &str| matcher.get(name).map(|it| it.str().map(str::to_owned)).transpose();
        origins.push(if let Some(text) = read("exact")? {
            OriginMatch::Exact(text)
        } else if let Some(text) = read("prefix")? {
            OriginMatch::Prefix(text)
        } else if let Some(text) = read("suffix")? {
            OriginMatch::Suffix(text)
        } else if let Some(text) = read("contains")? {
            OriginMatch::Contains(text)
        } else {
            return Err(matcher.fail("must have exact, prefix, suffix or contains"));
        });
    }
    Ok(CorsPolicy {
        origins,
        methods: node.text("allow_methods")?,
        headers: node.text("allow_headers")?,
        expose: node.text("expose_headers")?,
        max_age: node.text("max_age")?,
        credentials: node.flag("allow_credentials")?,
    })
}

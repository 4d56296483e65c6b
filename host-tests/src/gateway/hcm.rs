//! The options of the HTTP connection manager that change what a filter sees.
use super::node::{FieldError, Node};
use super::routes::duration;
use std::time::Duration;

/// What to do with `%2f` and `%5c` in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EscapedSlashes {
    /// Leave them.
    #[default]
    Keep,
    /// Answer 400.
    Reject,
    /// Answer 307 to the path with slashes.
    Redirect,
    /// Forward the path with slashes.
    Forward,
}

/// What to do with header names that have an underscore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Underscores {
    /// Leave them.
    #[default]
    Allow,
    /// Answer 400.
    Reject,
    /// Leave the header out.
    Drop,
}

/// Options of the HTTP connection manager, with Envoy's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hcm {
    /// Resolve dot segments and decode unreserved characters.
    pub normalize_path: bool,
    /// Merge adjacent slashes.
    pub merge_slashes: bool,
    /// `%2f` and `%5c`.
    pub escaped_slashes: EscapedSlashes,
    /// The peer's address counts, not headers of the request.
    pub use_remote_address: bool,
    /// How many entries of X-Forwarded-For from the right belong to trusted proxies.
    pub xff_num_trusted_hops: usize,
    /// Leave X-Forwarded-For alone.
    pub skip_xff_append: bool,
    /// Strip any port from the host.
    pub strip_any_port: bool,
    /// Strip the listener's port from the host.
    pub strip_matching_port: bool,
    /// Strip a dot at the end of the host.
    pub strip_trailing_dot: bool,
    /// Value for the `via` header, empty for none.
    pub via: String,
    /// Value of the `server` header.
    pub server_name: String,
    /// Generate `x-request-id`.
    pub generate_request_id: bool,
    /// Keep the request id of an external client.
    pub preserve_request_id: bool,
    /// Put the request id on answers too.
    pub request_id_in_response: bool,
    /// Header names with an underscore.
    pub underscores: Underscores,
    /// Upgrades that Envoy accepts (`upgrade_configs`), in lower case. They are not emulated.
    pub upgrades: Vec<String>,
    /// Idle timeout of a stream; zero for none.
    pub stream_idle_timeout: Duration,
    /// Time until a request must be complete; zero for none.
    pub request_timeout: Duration,
    /// Maximum duration of a stream; zero for none.
    pub max_stream_duration: Duration,
    /// Configured timeouts, each with its field.
    pub(super) limits: Vec<(String, Duration)>,
    /// Answer HTTP/1.0 too.
    pub accept_http_10: bool,
    /// More headers than this get 431.
    pub max_headers_count: usize,
    /// Longer request heads than this get 431.
    pub max_headers_kib: usize,
}

/// Fields that do not change what a filter sees.
const NEUTRAL: &[&str] = &[
    "@type",
    "access_log",
    "access_log_options",
    "delayed_close_timeout",
    "drain_timeout",
    "http2_protocol_options",
    "http_filters",
    "http_protocol_options",
    "common_http_protocol_options",
    "route_config",
    "stat_prefix",
    "tracing",
];

/// Fields that `read` reads.
const EMULATED: &[&str] = &[
    "always_set_request_id_in_response",
    "codec_type",
    "generate_request_id",
    "max_request_headers_kb",
    "merge_slashes",
    "normalize_path",
    "path_with_escaped_slashes_action",
    "preserve_external_request_id",
    "request_headers_timeout",
    "request_timeout",
    "server_name",
    "skip_xff_append",
    "stream_idle_timeout",
    "strip_any_host_port",
    "strip_matching_host_port",
    "strip_trailing_host_dot",
    "upgrade_configs",
    "use_remote_address",
    "via",
    "xff_num_trusted_hops",
];

/// Reads the options; a field that would change what filters see, and is not emulated, is an error.
pub(super) fn read(node: &Node<'_>) -> Result<Hcm, FieldError> {
    node.known(&[NEUTRAL, EMULATED].concat())?;
    if let Some(codec) = node.get("codec_type") {
        if codec.choice(&["AUTO", "HTTP1", "HTTP2", "HTTP3"])?.0 > 1 {
            return Err(codec.fail("the replayer speaks HTTP/1.1: must be AUTO or HTTP1"));
        }
    }
    let common = node.get("common_http_protocol_options");
    let http1 = node.get("http_protocol_options");
    if let Some(common) = &common {
        common.known(&[
            "idle_timeout",
            "max_connection_duration",
            "max_stream_duration",
            "max_requests_per_connection",
            "max_headers_count",
            "headers_with_underscores_action",
        ])?;
    }
    if let Some(http1) = &http1 {
        http1.known(&["accept_http_10", "enable_trailers"])?;
    }
    let number = |node: Option<Node<'_>>, default: usize| {
        node.map_or(Ok(default), |it| it.number().map(|n| usize::try_from(n).unwrap_or(usize::MAX)))
    };
    let limits = limits(node, common.as_ref())?;
    let limit = |name: &str, default: Duration| {
        let found = limits.iter().find(|(it, _)| it.ends_with(name));
        found.map_or(default, |(_, limit)| *limit)
    };
    let server_name = node.text("server_name")?;
    Ok(Hcm {
        normalize_path: node.flag("normalize_path")?,
        merge_slashes: node.flag("merge_slashes")?,
        escaped_slashes: escaped_slashes(node)?,
        use_remote_address: node.flag("use_remote_address")?,
        xff_num_trusted_hops: number(node.get("xff_num_trusted_hops"), 0)?,
        skip_xff_append: node.flag("skip_xff_append")?,
        strip_any_port: node.flag("strip_any_host_port")?,
        strip_matching_port: node.flag("strip_matching_host_port")?,
        strip_trailing_dot: node.flag("strip_trailing_host_dot")?,
        via: node.text("via")?,
        server_name: if server_name.is_empty() { "envoy".to_owned() } else { server_name },
        generate_request_id: node.get("generate_request_id").map_or(Ok(true), |it| it.bool())?,
        preserve_request_id: node.flag("preserve_external_request_id")?,
        request_id_in_response: node.flag("always_set_request_id_in_response")?,
        underscores: underscores(
            within(common.as_ref(), "headers_with_underscores_action").as_ref(),
        )?,
        upgrades: upgrades(node)?,
        stream_idle_timeout: limit("stream_idle_timeout", Duration::from_secs(300)),
        request_timeout: limit("request_timeout", Duration::ZERO),
        max_stream_duration: limit("max_stream_duration", Duration::ZERO),
        limits,
        accept_http_10: http1.as_ref().map_or(Ok(false), |it| it.flag("accept_http_10"))?,
        max_headers_count: number(within(common.as_ref(), "max_headers_count"), 100)?,
        max_headers_kib: number(node.get("max_request_headers_kb"), 60)?,
    })
}

/// Every configured timeout, by its field.
fn limits(
    node: &Node<'_>,
    common: Option<&Node<'_>>,
) -> Result<Vec<(String, Duration)>, FieldError> {
    let of_node = ["request_timeout", "request_headers_timeout", "stream_idle_timeout"];
    let of_common = ["max_stream_duration", "max_connection_duration", "idle_timeout"];
    let found = of_node.into_iter().map(|name| node.get(name));
    let found = found.chain(of_common.into_iter().map(|name| within(common, name)));
    found.flatten().map(|it| Ok((it.path().to_owned(), duration(&it)?))).collect()
}

/// The accepted upgrades.
fn upgrades(node: &Node<'_>) -> Result<Vec<String>, FieldError> {
    let mut out = Vec::new();
    for upgrade in node.list("upgrade_configs")? {
        upgrade.known(&["upgrade_type", "enabled"])?;
        let kind = upgrade.need("upgrade_type")?;
        let name = kind.str()?.to_ascii_lowercase();
        if name.starts_with("connect") {
            return Err(kind.fail("the replayer does not emulate tunnels"));
        }
        if upgrade.get("enabled").map_or(Ok(true), |it| it.bool())? {
            out.push(name);
        }
    }
    Ok(out)
}

fn within<'a>(node: Option<&Node<'a>>, name: &str) -> Option<Node<'a>> {
    node.and_then(|it| it.get(name))
}

fn escaped_slashes(node: &Node<'_>) -> Result<EscapedSlashes, FieldError> {
    let Some(action) = node.get("path_with_escaped_slashes_action") else {
        return Ok(EscapedSlashes::Keep);
    };
    let names = [
        "IMPLEMENTATION_SPECIFIC_DEFAULT",
        "KEEP_UNCHANGED",
        "REJECT_REQUEST",
        "UNESCAPE_AND_REDIRECT",
        "UNESCAPE_AND_FORWARD",
    ];
    Ok(match action.choice(&names)?.1 {
        "REJECT_REQUEST" => EscapedSlashes::Reject,
        "UNESCAPE_AND_REDIRECT" => EscapedSlashes::Redirect,
        "UNESCAPE_AND_FORWARD" => EscapedSlashes::Forward,
        _ => EscapedSlashes::Keep,
    })
}

fn underscores(node: Option<&Node<'_>>) -> Result<Underscores, FieldError> {
    let Some(node) = node else { return Ok(Underscores::Allow) };
    Ok(match node.choice(&["ALLOW", "REJECT_REQUEST", "DROP_HEADER"])?.1 {
        "REJECT_REQUEST" => Underscores::Reject,
        "DROP_HEADER" => Underscores::Drop,
        _ => Underscores::Allow,
    })
}

//! The HTTP filters of the listener, in order.
use super::message;
use super::node::{FieldError, Node};

/// One HTTP filter.
#[derive(Debug, Clone, PartialEq)]
pub enum HttpFilter {
    /// A proxy-wasm module.
    Wasm(Box<WasmFilter>),
    /// `envoy.filters.http.cors`; the route has its policy.
    Cors,
    /// `envoy.filters.http.buffer`.
    Buffer {
        /// Larger bodies get 413.
        max_request_bytes: usize,
    },
    /// `envoy.filters.http.tap`; a replay does not run it.
    Tap,
    /// The end of every chain.
    Router,
}

/// What Envoy does with a module that trapped or would not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailurePolicy {
    /// Answer 503 until the configuration changes: Envoy's default.
    Closed,
    /// Let requests pass without the filter.
    Open,
    /// Start the module again.
    Reload,
}

/// A proxy-wasm filter as the gateway's configuration has it.
#[derive(Debug, Clone, PartialEq)]
pub struct WasmFilter {
    /// Name of the filter in the chain.
    pub filter: String,
    /// Name of the plugin.
    pub name: String,
    /// Root id.
    pub root_id: String,
    /// VM id: filters with the same one share their data.
    pub vm_id: String,
    /// File name of the module, without folders.
    pub file: String,
    /// The plugin's configuration as the module gets it.
    pub configuration: Vec<u8>,
    /// The VM's configuration as the module gets it.
    pub vm_configuration: Vec<u8>,
    /// Environment variables with their values.
    pub environment: Vec<(String, String)>,
    /// Environment variables that come from the gateway's own environment.
    pub host_environment: Vec<String>,
    /// What happens after a trap.
    pub failure_policy: FailurePolicy,
    /// Stop at the headers without stopping the body.
    pub stop_iteration: bool,
}

/// Reads one member of `http_filters`.
pub(super) fn read(node: &Node<'_>) -> Result<HttpFilter, FieldError> {
    node.known(&["name", "typed_config"])?;
    let (kind, config) = node.need("typed_config")?.typed()?;
    match kind {
        "Wasm" => read_wasm(node.need("name")?.str()?, &config.need("config")?)
            .map(|it| HttpFilter::Wasm(Box::new(it))),
        "Cors" => {
            config.known(&["@type"])?;
            Ok(HttpFilter::Cors)
        }
        "Buffer" => {
            config.known(&["@type", "max_request_bytes"])?;
            let limit = config.need("max_request_bytes")?.number()?;
            Ok(HttpFilter::Buffer {
                max_request_bytes: usize::try_from(limit).unwrap_or(usize::MAX),
            })
        }
        "Tap" => Ok(HttpFilter::Tap),
        "Router" => {
            config.known(&["@type", "suppress_envoy_headers", "dynamic_stats"])?;
            if config.flag("suppress_envoy_headers")? {
                return Err(config
                    .need("suppress_envoy_headers")?
                    .fail("the replayer does not emulate this field"));
            }
            Ok(HttpFilter::Router)
        }
        _ => {
            let typed = config.get("@type").unwrap_or(node.need("typed_config")?);
            Err(typed.fail(
                "the replayer knows no such filter; it knows wasm, cors, buffer, tap and router",
            ))
        }
    }
}

fn read_wasm(filter: &str, config: &Node<'_>) -> Result<WasmFilter, FieldError> {
    config.known(&[
        "name",
        "root_id",
        "vm_config",
        "configuration",
        "fail_open",
        "failure_policy",
        "capability_restriction_config",
        "allow_on_headers_stop_iteration",
    ])?;
    let vm = config.need("vm_config")?;
    vm.known(&[
        "vm_id",
        "runtime",
        "code",
        "configuration",
        "allow_precompiled",
        "nack_on_code_cache_miss",
        "environment_variables",
    ])?;
    if let Some(runtime) = vm.get("runtime") {
        if !matches!(runtime.str()?, "" | "envoy.wasm.runtime.v8") {
            return Err(runtime.fail("must be envoy.wasm.runtime.v8, or left out"));
        }
    }
    let code = vm.need("code")?;
    code.known(&["local"])?;
    let local = code.need("local")?;
    local.known(&["filename"])?;
    let path = local.need("filename")?;
    let file = path.str()?.rsplit('/').next().unwrap_or_default().to_owned();
    if !file.ends_with(".wasm") {
        return Err(path.fail("must name a .wasm file"));
    }
    let mut environment = Vec::new();
    let mut host_environment = Vec::new();
    if let Some(variables) = vm.get("environment_variables") {
        variables.known(&["host_env_keys", "key_values"])?;
        for key in variables.list("host_env_keys")? {
            host_environment.push(key.str()?.to_owned());
        }
        if let Some(values) = variables.get("key_values") {
            for (name, value) in values.fields()? {
                environment.push((name.to_owned(), value.str()?.to_owned()));
            }
        }
    }
    // An empty one restricts nothing; any other takes imports and callbacks away from the module.
    if let Some(restriction) = config.get("capability_restriction_config") {
        restriction.known(&["allowed_capabilities"])?;
        let allowed = restriction.get("allowed_capabilities");
        if let Some(allowed) = allowed {
            if !allowed.fields()?.is_empty() {
                return Err(allowed.fail("the replayer does not emulate this field"));
            }
        }
    }
    Ok(WasmFilter {
        filter: filter.to_owned(),
        name: config.text("name")?,
        root_id: config.text("root_id")?,
        vm_id: vm.text("vm_id")?,
        file,
        configuration: any_to_bytes(config.get("configuration"))?,
        vm_configuration: any_to_bytes(vm.get("configuration"))?,
        environment,
        host_environment,
        failure_policy: failure_policy(config)?,
        stop_iteration: config.flag("allow_on_headers_stop_iteration")?,
    })
}

fn failure_policy(config: &Node<'_>) -> Result<FailurePolicy, FieldError> {
    let Some(policy) = config.get("failure_policy") else {
        let open = config.flag("fail_open")?;
        return Ok(if open { FailurePolicy::Open } else { FailurePolicy::Closed });
    };
    let (_, name) = policy.choice(&["UNSPECIFIED", "FAIL_RELOAD", "FAIL_CLOSED", "FAIL_OPEN"])?;
    Ok(match name {
        "FAIL_OPEN" => FailurePolicy::Open,
        "FAIL_RELOAD" => FailurePolicy::Reload,
        _ => FailurePolicy::Closed,
    })
}

/// The bytes a module gets of a `google.protobuf.Any`, as Envoy unpacks it.
fn any_to_bytes(any: Option<Node<'_>>) -> Result<Vec<u8>, FieldError> {
    use base64::Engine as _;
    let Some(any) = any else { return Ok(Vec::new()) };
    if any.fields()?.is_empty() {
        return Ok(Vec::new());
    }
    let value = any.get("value");
    let fields = |node: &Node<'_>| {
        node.value().as_object().cloned().ok_or_else(|| node.fail("must be an object"))
    };
    let kind = any.type_name()?;
    match kind {
        "TypedStruct" => any.known(&["@type", "type_url", "value"])?,
        _ => any.known(&["@type", "value"])?,
    }
    match kind {
        "StringValue" => value.map_or(Ok(Vec::new()), |it| it.str().map(|s| s.as_bytes().to_vec())),
        "BytesValue" => value.map_or(Ok(Vec::new()), |it| {
            base64::engine::general_purpose::STANDARD
                .decode(it.str()?)
                .map_err(|_| it.fail("must be base64"))
        }),
        // Envoy passes on the message, which is not JSON.
        "Struct" => {
            let fields = value.as_ref().map(fields).transpose()?;
            Ok(message::structure(&fields.unwrap_or_default()))
        }
        "TypedStruct" => {
            let fields = value.as_ref().map(fields).transpose()?;
            Ok(message::typed(&any.text("type_url")?, fields.as_ref()))
        }
        "Empty" => Ok(Vec::new()),
        _ => Err(any.need("@type")?.fail("must be a StringValue with JSON")),
    }
}

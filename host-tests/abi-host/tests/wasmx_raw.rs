//! Single host calls on WasmX and on Envoy, by modules without an SDK.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use abi_host::{Chain, HostError, PluginConfig, Profile, Report, Request};
use support::{builder, engine, hello};

/// A module with these imports whose callback does this.
fn module(imports: &str, data: &str, callback: &str) -> String {
    format!(
        r#"(module {imports}
          (memory (export "memory") 1)
          {data}
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 4096))
          {callback})"#
    )
}

fn on_request(does: &str) -> String {
    format!(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            {does} (i32.const 0))"#
    )
}

fn start(profile: Profile, text: &str) -> Result<Chain, HostError> {
    let module = engine().compile(text).unwrap();
    builder().profile(profile).wasm(&module, PluginConfig::new("raw", "")).start()
}

fn run(profile: Profile, text: &str) -> Report {
    start(profile, text).unwrap().run(Request::get("/"), &mut hello)
}

#[test]
fn counters_only_count_and_gauges_only_record() {
    const COUNTER: u32 = 0;
    const GAUGE: u32 = 1;
    for (kind, call, on_wasmx) in [
        (COUNTER, "increment", 200),
        (COUNTER, "record", 500),
        (GAUGE, "increment", 500),
        (GAUGE, "record", 200),
    ] {
        let imports = format!(
            r#"(import "env" "proxy_define_metric"
                (func $define (param i32 i32 i32 i32) (result i32)))
              (import "env" "proxy_{call}_metric" (func $change (param i32 i64) (result i32)))"#
        );
        let does = format!(
            "(drop (call $define (i32.const {kind}) (i32.const 80) (i32.const 3) (i32.const 0)))
             (drop (call $change (i32.load (i32.const 0)) (i64.const 1)))"
        );
        let text = module(&imports, r#"(data (i32.const 80) "key")"#, &on_request(&does));
        assert_eq!(run(Profile::Wasmx, &text).status(), on_wasmx, "{call} {kind}");
        assert_eq!(run(Profile::Envoy, &text).status(), 200, "{call} {kind}");
    }
}

#[test]
fn local_replies_lose_the_second_cookie() {
    let imports = r#"(import "env" "proxy_send_local_response"
        (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"#;
    // Two pairs: their number, the sizes, the texts.
    let data = r#"(data (i32.const 80) "\02\00\00\00\0a\00\00\00\01\00\00\00\0a\00\00\00\01\00\00\00set-cookie\00a\00set-cookie\00b\00")"#;
    let does = "(drop (call $answer (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 80) (i32.const 46) (i32.const -1)))";
    let text = module(imports, data, &on_request(does));
    for (profile, wanted) in [(Profile::Envoy, &["a", "b"][..]), (Profile::Wasmx, &["a"])] {
        let report = run(profile, &text);
        let response = report.response.unwrap();
        let cookies: Vec<_> = response.headers.get_all("set-cookie").collect();
        let wanted: Vec<_> = wanted.iter().map(|it| it.as_bytes()).collect();
        assert_eq!(cookies, wanted, "{profile:?}");
    }
}

#[test]
fn properties_at_start_trap() {
    let imports = r#"(import "env" "proxy_get_property"
        (func $get (param i32 i32 i32 i32) (result i32)))"#;
    let callback = r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $get (i32.const 80) (i32.const 11) (i32.const 0) (i32.const 4))) (i32.const 1))"#;
    let text = module(imports, r#"(data (i32.const 80) "plugin_name")"#, callback);
    assert!(start(Profile::Envoy, &text).is_ok());
    let error = start(Profile::Wasmx, &text).err().unwrap();
    assert!(error.to_string().contains("WasmX crashes"), "{error}");
}

/// `:method`, `:path` and `:authority` are there; what matters is the target.
#[test]
fn a_call_names_host_and_port() {
    let imports = r#"(import "env" "proxy_http_call"
          (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))"#;
    let pairs: [(&str, &str); 3] = [(":method", "GET"), (":path", "/"), (":authority", "a")];
    let mut wire = 3u32.to_le_bytes().to_vec();
    for (name, value) in pairs {
        wire.extend(u32::try_from(name.len()).unwrap().to_le_bytes());
        wire.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
    }
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        wire.extend(text.bytes().chain([0]));
    }
    let escaped: String = wire.iter().map(|byte| format!("\\{byte:02x}")).collect();
    for (target, wanted) in [
        ("auth.internal:8080", 0),
        ("[::1]:80", 0),
        ("auth", 2),
        (":80", 2),
        ("auth:", 2),
        ("a:0", 2),
    ] {
        let data =
            format!(r#"(data (i32.const 80) "{target}") (data (i32.const 200) "{escaped}")"#);
        let (length, size) = (target.len(), wire.len());
        let does = format!(
            "(i32.store8 (i32.const 8) (call $call (i32.const 80) (i32.const {length})
               (i32.const 200) (i32.const {size}) (i32.const 0) (i32.const 0) (i32.const 0)
               (i32.const 0) (i32.const 1000) (i32.const 16)))
             (drop (call $log (i32.const 2) (i32.const 8) (i32.const 1)))"
        );
        let text = module(imports, &data, &on_request(&does));
        let module = engine().compile(&text).unwrap();
        let answers = |_: &abi_host::Call| abi_host::CallAnswer::now(abi_host::Response::new(200));
        let stages = builder().profile(Profile::Wasmx).callouts(answers);
        let mut chain = stages.wasm(&module, PluginConfig::new("raw", "")).start().unwrap();
        let report = chain.run(Request::get("/"), &mut hello);
        assert_eq!(report.logs[0].message.as_bytes(), [wanted], "{target}");
    }
}

#[test]
fn names_of_headers_keep_their_case() {
    let imports = r#"(import "env" "proxy_get_header_map_pairs"
          (func $pairs (param i32 i32 i32) (result i32)))
        (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))"#;
    let does = "(drop (call $pairs (i32.const 0) (i32.const 0) (i32.const 4)))
        (drop (call $log (i32.const 2) (i32.load (i32.const 0)) (i32.load (i32.const 4))))";
    let text = module(imports, "", &on_request(does));
    for (profile, wanted) in [(Profile::Envoy, "x-geo-country"), (Profile::Wasmx, "X-Geo-Country")]
    {
        let request = Request::get("/").header_as_written("X-Geo-Country", "MT");
        let report = start(profile, &text).unwrap().run(request, &mut hello);
        let seen = &report.logs[0].message;
        assert!(seen.contains(&format!("{wanted}\0MT")), "{profile:?}: {seen:?}");
        assert_eq!(report.upstream.unwrap().headers.get("x-geo-country"), Some(&b"MT"[..]));
    }
}

//! Calls of a filter in wasmtime to real services.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use abi_host::{Answer, Chain, Engine, EngineOptions, PluginConfig, Request, Response};
use host_tests::callouts::Services;
use host_tests::upstream::Server;

#[tokio::test(flavor = "multi_thread")]
async fn real_services_answer() {
    let pam = Server::start(|request| {
        let line = format!("{} {}", request.method(), request.uri());
        let known = line == "GET /probe" && request.headers()["host"] == "probe.example";
        http::Response::builder().status(if known { 200 } else { 404 }).body("ok".into()).unwrap()
    })
    .await
    .unwrap();
    // A closed port.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // A server that closes the connection.
    let rude = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rude_address = rude.local_addr().unwrap();
    let hangs_up = tokio::spawn(async move { while rude.accept().await.is_ok() {} });
    let services =
        Services::new().with("pam", pam.address).with("gone", gone).with("rude", rude_address);
    let engine = Engine::new(EngineOptions::default()).unwrap();
    let module = engine.load(host_tests::artifact::build("shell-probe").unwrap()).unwrap();
    for (target, want) in [
        ("pam", "answer=200/2"),
        ("gone", "answer=503/8+"),
        ("rude", "no-answer"),
        ("nobody", "failed:proxy_http_call"),
    ] {
        let configuration = format!(r#"{{"target": "{target}"}}"#);
        let mut chain = Chain::builder(&engine)
            .callouts(services.clone())
            .wasm(&module, PluginConfig::new("shell-probe", configuration))
            .start()
            .unwrap();
        let request = Request::get("/x").header("x-script", "call");
        let report = chain.run(request, &mut |_: &_| Answer::respond(Response::new(200)));
        let seen = report.filter_state.get("wasm.probe.seen").unwrap();
        assert_eq!(String::from_utf8_lossy(seen), want, "{target}");
    }
    hangs_up.abort();
}

//! The attributes of a host in each callback: the same module reads them in the real Envoy and in the emulated
//! one, and `attributes.golden` is the table of Envoy. Stable values are compared too.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of a test

mod real;
mod scenes;
mod table;

use abi_host::{
    Answer, Chain, Clock, Engine, EngineOptions, Outcome, PluginConfig, UpstreamRequest,
};
use host_tests::artifact;
use host_tests::envoy::{find_for_test, workspace_root};
use host_tests::front::receive;
use host_tests::gateway::Gateway;
use host_tests::golden::{check, update_asked, Golden};
use scenes::{document, scenes, Scene};
use std::net::SocketAddr;
use std::time::Duration;
use table::Table;

/// What the emulated host has.
fn emulated(gateway: &Gateway, upstream: SocketAddr) -> Table {
    let engine = Engine::new(EngineOptions::default()).unwrap();
    let wasm = gateway.wasm().next().unwrap();
    let file = artifact::find(&artifact::wasm_dir(), &wasm.file).unwrap();
    let module = engine.load(file).unwrap();
    let config = PluginConfig::new(&wasm.name, &wasm.configuration);
    let config = config.root_id(&wasm.root_id).vm_id(&wasm.vm_id);
    let routes = gateway.clone();
    let mut chain = Chain::builder(&engine)
        .clock(Clock::at(1_767_225_600_000_000_000))
        .node(gateway.node.clone())
        .router(move |headers| routes.destination(headers))
        .upstream_address(upstream)
        .wasm(&module, config)
        .start()
        .unwrap();
    let mut answer = |request: &UpstreamRequest| {
        let path = request.headers.text(":path").unwrap_or_default();
        let scene = scenes().into_iter().find(|it| it.reaches(path)).unwrap();
        match scene.answer {
            Some(answer) => Answer::respond(answer).after(Duration::from_millis(1)),
            None => Answer::fail(Outcome::Refused),
        }
    };
    chain.run_for(Duration::from_millis(30), &mut answer);
    for Scene { request, trailers, .. } in scenes() {
        let mut request = receive(gateway, &request).unwrap().for_filters(gateway);
        request.trailers = trailers;
        chain.run(request, &mut answer);
    }
    assert!(chain.traps().is_empty(), "{:?}", chain.traps());
    Table::read(chain.logs().iter().map(|line| line.message.as_str()))
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_are_present_as_in_envoy() {
    artifact::build("attributes").unwrap();
    let document = document();
    let gateway = Gateway::from_document(document.clone()).unwrap();
    let golden = workspace_root().join("host-tests/tests/attributes/attributes.golden");
    let server = real::upstream().await;
    let ours = emulated(&gateway, server);
    if let Some(binary) = find_for_test().unwrap() {
        let envoys = real::ask(binary, &document, server).await;
        match check(&golden, &envoys.text(), update_asked()).unwrap() {
            Golden::Same | Golden::Updated => {}
            Golden::Differs { diff } => panic!("Envoy has other attributes:\n{diff}"),
        }
        let differing = ours.differences(&envoys);
        assert!(differing.is_empty(), "{}", differing.join("\n"));
    }
    match check(&golden, &ours.text(), false).unwrap() {
        Golden::Same | Golden::Updated => {}
        Golden::Differs { diff } => panic!("the emulated host has other attributes:\n{diff}"),
    }
}

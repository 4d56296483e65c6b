//! The half that runs in the real Envoy.
use super::house::House;
use super::outcome::Outcome;
use super::ReplayError;
use crate::client;
use crate::envoy::{assign, EnvoyProcess, Options};
use crate::front::request_id;
use crate::gateway::Gateway;
use crate::traffic::{Answer, Request};
use crate::upstream::Server;
use std::path::{Path, PathBuf};

/// Replays all requests, in order.
pub async fn run(
    gateway: &Gateway,
    requests: &[Request],
    wasm_dir: &Path,
    envoy: PathBuf,
) -> Result<Vec<Outcome>, ReplayError> {
    let run = send_all(gateway, requests, wasm_dir, envoy).await?;
    Ok(run.into_iter().map(|(_, outcome)| outcome).collect())
}

/// Sends all requests, in order; what came back, and what the access log says of it.
pub async fn send_all(
    gateway: &Gateway,
    requests: &[Request],
    wasm_dir: &Path,
    envoy: PathBuf,
) -> Result<Vec<(Answer, Outcome)>, ReplayError> {
    for wasm in gateway.wasm() {
        crate::artifact::find(wasm_dir, &wasm.file)?;
    }
    let house = House::open()?;
    let casino = house.clone();
    let server = Server::start(move |request| casino.answer(&request)).await?;
    let wasm_dir = std::path::absolute(wasm_dir)?;
    let options = Options::new(envoy, wasm_dir, server.address);
    let envoy = EnvoyProcess::start(&gateway.document, options).await?;
    let mut answers = Vec::with_capacity(requests.len());
    for request in requests {
        house.set_time(request.at);
        let answer = client::send(envoy.address, Some(gateway.port), &request.marked()).await;
        answers
            .push(answer.map_err(|source| ReplayError::Send { number: request.number, source })?);
    }
    let numbers: Vec<usize> = requests.iter().map(|it| it.number).collect();
    let log = assign(envoy.access_log(requests.len()).await?, &numbers);
    let outcomes = requests.iter().zip(answers).map(|(request, mut answer)| {
        let line = log.get(&request.number).cloned().unwrap_or_default();
        if let Some(random) = &line.request_id {
            answer.body = replace(&answer.body, random, &request_id(request.number));
        }
        let details = line.details.clone().unwrap_or_default();
        let outcome = Outcome::new(&answer, &details, |name| line.fact(name).map(str::to_owned));
        (answer, outcome)
    });
    Ok(outcomes.collect())
}

/// Envoy's request ids are random; in a body the one of the emulation stands for it.
fn replace(body: &[u8], random: &str, fixed: &str) -> Vec<u8> {
    match std::str::from_utf8(body) {
        Ok(text) if random.len() == fixed.len() => text.replace(random, fixed).into_bytes(),
        _ => body.to_vec(),
    }
}

//! The replay in the real Envoy.
use super::demo_casino::DemoCasino;
use super::error::ReplayError;
use super::gate::Gate;
use super::outcome::Outcome;
use crate::client::{self, ClientError};
use crate::envoy::{assign, clock, EnvoyProcess, LogLine, Options};
use crate::front::request_id;
use crate::gateway::Gateway;
use crate::traffic::{Answer, Request};
use crate::upstream::Server;
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Replays all requests, in order.
pub async fn run(
    gateway: &Gateway,
    requests: &[Request],
    wasm_dir: &Path,
    envoy: PathBuf,
) -> Result<Vec<Outcome>, ReplayError> {
    run_once_it_serves(gateway, requests, wasm_dir, envoy, || ()).await
}

/// As [`run`]; `serves` is called once Envoy serves, before the first request.
pub async fn run_once_it_serves(
    gateway: &Gateway,
    requests: &[Request],
    wasm_dir: &Path,
    envoy: PathBuf,
    serves: impl FnOnce(),
) -> Result<Vec<Outcome>, ReplayError> {
    let run = send(gateway, requests, wasm_dir, envoy, serves).await?;
    Ok(run.into_iter().map(|(_, outcome)| outcome).collect())
}

/// Sends all requests, in order. Returns each answer with its outcome by the access log. An unanswered
/// request has the outcome `unanswered`, and the replay continues.
pub async fn send_all(
    gateway: &Gateway,
    requests: &[Request],
    wasm_dir: &Path,
    envoy: PathBuf,
) -> Result<Vec<(Answer, Outcome)>, ReplayError> {
    send(gateway, requests, wasm_dir, envoy, || ()).await
}

async fn send(
    gateway: &Gateway,
    requests: &[Request],
    wasm_dir: &Path,
    envoy: PathBuf,
    serves: impl FnOnce(),
) -> Result<Vec<(Answer, Outcome)>, ReplayError> {
    let start = requests.first().map_or(0, |it| it.at);
    let session = Session::open(gateway, wasm_dir, envoy, start).await?;
    serves();
    let mut answers = Vec::with_capacity(requests.len());
    for request in requests {
        answers.push(session.try_send(request).await?);
    }
    session.outcomes(requests, answers).await
}

/// A running Envoy with a fresh casino as its upstream, both in recorded time.
pub struct Session {
    envoy: EnvoyProcess,
    casino: DemoCasino,
    gate: Gate,
    port: u16,
    _upstream: Server,
}

impl Session {
    /// Starts both, at `start` nanoseconds since the Unix epoch.
    pub async fn open(
        gateway: &Gateway,
        wasm_dir: &Path,
        envoy: PathBuf,
        start: u64,
    ) -> Result<Self, ReplayError> {
        for wasm in gateway.wasm() {
            crate::artifact::find(wasm_dir, &wasm.file)?;
        }
        let casino = DemoCasino::open()?;
        let answering = casino.clone();
        let gate = Gate::default();
        let at_gate = gate.clone();
        let answer = move |request: http::Request<Bytes>| {
            let answer = answering.answer(&request);
            at_gate.pass(&request);
            answer
        };
        let upstream = Server::start(answer).await?;
        let wasm_dir = std::path::absolute(wasm_dir)?;
        let mut options = Options::new(envoy, wasm_dir, upstream.address);
        options.clock = Some((clock::library()?, start));
        let envoy = EnvoyProcess::start(&crate::tap::without(&gateway.document), options).await?;
        Ok(Self { envoy, casino, gate, port: gateway.port, _upstream: upstream })
    }

    /// Sets the clocks to the request's time, sends it and waits for the answer.
    pub async fn send(&self, request: &Request) -> Result<Answer, ReplayError> {
        let answer = self.try_send(request).await?;
        answer.map_err(|source| ReplayError::Send { number: request.number, source })
    }

    /// As [`Self::send`], with a missing answer as a value.
    async fn try_send(
        &self,
        request: &Request,
    ) -> Result<Result<Answer, ClientError>, ReplayError> {
        self.casino.set_time(request.at);
        self.envoy.set_time(request.at)?;
        Ok(client::send(self.envoy.address, Some(self.port), &request.marked()).await)
    }

    /// Sends the second request while the upstream delays its answer to the first.
    pub(super) async fn send_pair(
        &self,
        [first, second]: &[Request; 2],
    ) -> Result<[Answer; 2], ReplayError> {
        self.gate.hold(first.number);
        let mut one = std::pin::pin!(self.send(first));
        let refused = tokio::select! {
            answer = &mut one => Some(answer),
            () = self.gate.arrived() => None,
        };
        let (one, two) = match refused {
            Some(answer) => (answer, self.send(second).await),
            None => tokio::join!(one, async {
                let answer = self.send(second).await;
                self.gate.release();
                answer
            }),
        };
        Ok([one?, two?])
    }

    /// The outcomes of the sent requests by the access log, each with its answer.
    pub async fn close(
        self,
        requests: &[Request],
        answers: Vec<Answer>,
    ) -> Result<Vec<(Answer, Outcome)>, ReplayError> {
        self.outcomes(requests, answers.into_iter().map(Ok).collect()).await
    }

    async fn outcomes(
        mut self,
        requests: &[Request],
        answers: Vec<Result<Answer, ClientError>>,
    ) -> Result<Vec<(Answer, Outcome)>, ReplayError> {
        let numbers: Vec<usize> = requests.iter().map(|it| it.number).collect();
        // An unanswered request may have no line, and there are no more lines once Envoy has ended.
        let answered = answers.iter().filter(|it| it.is_ok()).count();
        let lines = if self.envoy.has_ended() { 0 } else { answered };
        let mut log = assign(self.envoy.access_log(lines).await?, &numbers);
        // Where an unanswered request has a line all the same, that of an answered one comes later.
        for more in lines..requests.len() {
            let missing = |(request, answer): (&Request, &Result<Answer, ClientError>)| {
                answer.is_ok() && !log.contains_key(&request.number)
            };
            if self.envoy.has_ended() || !requests.iter().zip(&answers).any(missing) {
                break;
            }
            log = assign(self.envoy.access_log(more + 1).await?, &numbers);
        }
        let outcomes = requests.iter().zip(answers).map(|(request, answer)| {
            let mut answer = match answer {
                Ok(answer) => answer,
                Err(error) => return Ok((Answer::default(), Outcome::unanswered(error.word()))),
            };
            let line = log.get(&request.number).cloned().unwrap_or_default();
            if !follows(&line, request.at) {
                return Err(ReplayError::ClockStuck { number: request.number });
            }
            if let Some(random) = &line.request_id {
                let fixed = request_id(request.number);
                answer.body = replace(&answer.body, random, &fixed);
                // Calls of gRPC have their refusals in a header.
                for (_, value) in &mut answer.headers {
                    *value = replace(value, random, &fixed);
                }
            }
            let details = line.details.clone().unwrap_or_default();
            let fact = |name: &str| line.fact(name).map(str::to_owned);
            let outcome = Outcome::new(&answer, &details, fact);
            Ok((answer, outcome))
        });
        outcomes.collect()
    }
}

/// Whether Envoy's clock followed: its time is at most a request's timeout after the one that was set.
fn follows(line: &LogLine, at: u64) -> bool {
    let started = line.started.as_ref().and_then(|it| it.parse::<f64>().ok());
    let wanted = Duration::from_nanos(at).as_secs_f64();
    started.is_none_or(|it| (-0.01..30.0).contains(&(it - wanted)))
}

/// Replaces Envoy's random request id in an answer by the one of the emulation.
fn replace(body: &[u8], random: &str, fixed: &str) -> Vec<u8> {
    match std::str::from_utf8(body) {
        Ok(text) if random.len() == fixed.len() => text.replace(random, fixed).into_bytes(),
        _ => body.to_vec(),
    }
}

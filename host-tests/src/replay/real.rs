//! The half that runs in the real Envoy.
use super::house::House;
use super::outcome::Outcome;
use super::overlap::Gate;
use super::ReplayError;
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

/// The same; `serves` is called once Envoy serves, before the first request.
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

/// Sends all requests, in order; what came back, and what the access log says of it. One that nobody
/// answers is told as such, and the others go on.
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

/// A running Envoy with a fresh casino behind it; both live in recorded time.
pub struct Session {
    envoy: EnvoyProcess,
    house: House,
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
        let house = House::open()?;
        let casino = house.clone();
        let gate = Gate::default();
        let at_gate = gate.clone();
        let answer = move |request: http::Request<Bytes>| {
            let answer = casino.answer(&request);
            at_gate.pass(&request);
            answer
        };
        let upstream = Server::start(answer).await?;
        let wasm_dir = std::path::absolute(wasm_dir)?;
        let mut options = Options::new(envoy, wasm_dir, upstream.address);
        options.clock = Some((clock::library()?, start));
        let envoy = EnvoyProcess::start(&crate::tap::without(&gateway.document), options).await?;
        Ok(Self { envoy, house, gate, port: gateway.port, _upstream: upstream })
    }

    /// Sets the clocks to the request's time, sends it and waits for the answer.
    pub async fn send(&self, request: &Request) -> Result<Answer, ReplayError> {
        let answer = self.try_send(request).await?;
        answer.map_err(|source| ReplayError::Send { number: request.number, source })
    }

    /// The same, where no answer is something to go on with.
    async fn try_send(
        &self,
        request: &Request,
    ) -> Result<Result<Answer, ClientError>, ReplayError> {
        self.house.set_time(request.at);
        self.envoy.set_time(request.at)?;
        Ok(client::send(self.envoy.address, Some(self.port), &request.marked()).await)
    }

    /// Sends the second while the upstream keeps its answer to the first.
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

    /// What the access log says of the requests that were sent, each with its answer.
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
        // What was not answered may have no line, and nobody writes one any more where Envoy has ended.
        let answered = answers.iter().filter(|it| it.is_ok()).count();
        let lines = if self.envoy.has_ended() { 0 } else { answered };
        let log = assign(self.envoy.access_log(lines).await?, &numbers);
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

/// Whether Envoy's clock stood where it was set: less than a request's patience later.
fn follows(line: &LogLine, at: u64) -> bool {
    let started = line.started.as_ref().and_then(|it| it.parse::<f64>().ok());
    let wanted = Duration::from_nanos(at).as_secs_f64();
    started.is_none_or(|it| (-0.01..30.0).contains(&(it - wanted)))
}

/// Envoy's request ids are random; in an answer the one of the emulation stands for it.
fn replace(body: &[u8], random: &str, fixed: &str) -> Vec<u8> {
    match std::str::from_utf8(body) {
        Ok(text) if random.len() == fixed.len() => text.replace(random, fixed).into_bytes(),
        _ => body.to_vec(),
    }
}

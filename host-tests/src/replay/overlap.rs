//! Two requests at once, as of a double click: the second comes, and is answered, while the upstream
//! still keeps its answer to the first.
//!
//! 1. The upstream has done what the first asks for before the second comes; only its answer is late.
//! 2. In wasmtime the answer is late by virtual time. In front of the real Envoy's casino stands a gate,
//!    which opens once the second is answered: nothing waits for a clock.
//! 3. A filter that keeps the second until the first is answered needs another scenario: here wasmtime's
//!    half says that it is not emulated, and Envoy's that nobody is answered.
use super::behind::Behind;
use super::emulated::{outcome, refused, start};
use super::{House, Outcome, ReplayError, Session};
use crate::front::{receive, Refusal};
use crate::gateway::Gateway;
use crate::traffic::{Request, REPLAY_HEADER};
use abi_host::{Answer, Chain, Clock, StreamId, Upstream, UpstreamRequest};
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::watch;

/// How long the first answer is kept once the second request came.
const KEPT: Duration = Duration::from_secs(1);

/// Runs both in wasmtime, before a fresh casino.
pub fn run_emulated_pair(
    gateway: &Gateway,
    pair: &[Request; 2],
    wasm_dir: &Path,
) -> Result<[Outcome; 2], ReplayError> {
    let [first, second] = pair.each_ref().map(Request::marked);
    let house = House::open()?;
    let mut chain = start(gateway, &house, wasm_dir, Clock::at(first.at))?;
    let gap = Duration::from_nanos(second.at.saturating_sub(first.at));
    let behind = Behind { gateway, house: &house };
    let mut upstream = Late { behind, late: None, by: gap.saturating_add(KEPT), kept: false };
    house.set_time(first.at);
    let one = open(gateway, &mut chain, &first);
    upstream.late = one.as_ref().ok().copied();
    chain.run_for(gap, &mut upstream);
    house.set_time(second.at);
    let two = open(gateway, &mut chain, &second);
    let mut two = match two {
        Ok(stream) => outcome(&second, chain.finish(stream, &mut upstream)),
        Err(refusal) => refused(&second, &refusal),
    };
    let one = match one {
        Err(refusal) => refused(&first, &refusal),
        Ok(stream) => {
            let report = chain.take_report(stream);
            if upstream.kept && report.is_some() {
                two = Outcome::not_emulated("a request that waits for another");
            }
            let report = report.unwrap_or_else(|| chain.finish(stream, &mut upstream));
            outcome(&first, report)
        }
    };
    Ok([one, two])
}

fn open(gateway: &Gateway, chain: &mut Chain, request: &Request) -> Result<StreamId, Refusal> {
    Ok(chain.open(0, receive(gateway, request)?.for_filters(gateway)))
}

/// An upstream whose answer to one request is late.
struct Late<'a> {
    behind: Behind<'a>,
    late: Option<StreamId>,
    by: Duration,
    /// It was asked.
    kept: bool,
}

impl Upstream for Late<'_> {
    fn answer(&mut self, request: &UpstreamRequest) -> Answer {
        let answer = self.behind.answer(request);
        if self.late == Some(request.stream) {
            self.kept = true;
            return answer.after(self.by);
        }
        answer
    }
}

/// Runs both in the real Envoy, before a fresh casino.
pub async fn run_real_pair(
    gateway: &Gateway,
    pair: &[Request; 2],
    wasm_dir: &Path,
    envoy: PathBuf,
) -> Result<Vec<Outcome>, ReplayError> {
    let start = pair.first().map_or(0, |it| it.at);
    let session = Session::open(gateway, wasm_dir, envoy, start).await?;
    let answers = session.send_pair(pair).await?;
    let run = session.close(pair, answers.into()).await?;
    Ok(run.into_iter().map(|(_, outcome)| outcome).collect())
}

/// Keeps the upstream's answer to one request.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate(watch::Sender<State>);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// The request whose answer is kept, until it is released.
    held: Option<usize>,
    /// The upstream has it.
    arrived: bool,
}

impl Gate {
    /// Closes it for the request of this number.
    pub(super) fn hold(&self, number: usize) {
        self.0.send_replace(State { held: Some(number), arrived: false });
    }

    /// Opens it.
    pub(super) fn release(&self) {
        self.0.send_replace(State::default());
    }

    /// Waits until the upstream has the request and has done what it asks for.
    pub(super) async fn arrived(&self) {
        // An error would mean that the gate is gone, and `self` is it.
        let _ = self.0.subscribe().wait_for(|state| state.arrived).await;
    }

    /// Waits, in the upstream, where this request's answer is kept.
    pub(super) fn pass(&self, request: &http::Request<Bytes>) {
        let number = request.headers().get(REPLAY_HEADER).and_then(|it| it.to_str().ok());
        let number = number.and_then(|it| it.parse().ok());
        if number.is_none() || self.0.borrow().held != number {
            return;
        }
        self.0.send_modify(|state| state.arrived = true);
        let mut changes = self.0.subscribe();
        tokio::task::block_in_place(|| {
            let open = changes.wait_for(|state| state.held.is_none());
            let _ = tokio::runtime::Handle::current().block_on(open);
        });
    }
}

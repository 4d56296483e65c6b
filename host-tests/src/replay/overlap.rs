//! Two overlapping requests, as of a double click: the second is sent and answered while the upstream delays
//! its answer to the first.
//!
//! 1. The upstream processes the first request before the second is sent; only its answer is late.
//! 2. In wasmtime the answer is late by virtual time. In the real Envoy a gate in the upstream opens once the
//!    second request is answered, so that the test does not depend on a clock.
//! 3. A filter that holds the second request until the first is answered is not supported: the outcome is
//!    `not-emulated` in wasmtime and `unanswered` in Envoy.
use super::demo_casino::DemoCasino;
use super::emulated::{outcome, refused, start};
use super::error::ReplayError;
use super::outcome::Outcome;
use super::real::Session;
use super::upstream::CasinoUpstream;
use crate::front::{receive, Refusal};
use crate::gateway::Gateway;
use crate::traffic::Request;
use abi_host::{Answer, Chain, Clock, StreamId, Upstream, UpstreamRequest};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The delay of the first answer after the second request.
const KEPT: Duration = Duration::from_secs(1);

/// Runs both in wasmtime, before a fresh casino.
pub fn run_emulated_pair(
    gateway: &Gateway,
    pair: &[Request; 2],
    wasm_dir: &Path,
) -> Result<[Outcome; 2], ReplayError> {
    let [first, second] = pair.each_ref().map(Request::marked);
    let casino = DemoCasino::open()?;
    let mut chain = start(gateway, &casino, wasm_dir, Clock::at(first.at))?;
    let gap = Duration::from_nanos(second.at.saturating_sub(first.at));
    let behind = CasinoUpstream { gateway, casino: &casino };
    let mut upstream = Late { behind, late: None, by: gap.saturating_add(KEPT), kept: false };
    casino.set_time(first.at);
    let one = open(gateway, &mut chain, &first);
    upstream.late = one.as_ref().ok().copied();
    chain.run_for(gap, &mut upstream);
    casino.set_time(second.at);
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
    behind: CasinoUpstream<'a>,
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

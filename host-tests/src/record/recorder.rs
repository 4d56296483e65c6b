//! Sends the requests of a scenario through a real Envoy.
use super::evening::{Crowd, Evening};
use super::first_light::first_light;
use super::script::START;
use crate::gateway::Gateway;
use crate::har::Recorded;
use crate::replay::{ReplayError, Session};
use crate::traffic::Answer;
use std::path::{Path, PathBuf};

/// Headers of an answer that change from run to run.
const UNSTABLE_HEADERS: &[&str] = &["date", "x-envoy-upstream-service-time", "x-request-id"];

/// The clients of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// About seventy requests, each written by hand.
    FirstLight,
    /// About two thousand of a whole evening, by the dice of this seed.
    Evening(u64),
    /// A few hundred around a goal, by the dice of this seed.
    Goal(u64),
}

/// Sends the requests of a scenario, each after the answer to the one before, and records the answers.
pub async fn record(
    scenario: Scenario,
    gateway: &Gateway,
    wasm_dir: &Path,
    envoy: PathBuf,
) -> Result<Vec<Recorded>, ReplayError> {
    let session = Session::open(gateway, wasm_dir, envoy, START).await?;
    let (mut requests, mut answers) = (Vec::new(), Vec::new());
    let scripts = match scenario {
        Scenario::FirstLight => None,
        Scenario::Evening(seed) => Some(Evening::new(seed)),
        Scenario::Goal(seed) => Some(Evening::goal(seed, Crowd::SAMPLE)),
    };
    match scripts {
        None => {
            requests = first_light();
            for request in &requests {
                answers.push(session.send(request).await?);
            }
        }
        Some(mut scripts) => {
            while let Some(request) = scripts.next_request() {
                let answer = session.send(&request).await?;
                scripts.answered(&answer);
                requests.push(request);
                answers.push(answer);
            }
        }
    }
    let run = session.close(&requests, answers).await?;
    let pairs = requests.into_iter().zip(run);
    Ok(pairs.map(|(request, (answer, _))| Recorded { request, answer: tidy(answer) }).collect())
}

/// An answer without what changes from run to run, so that a recording can be made again.
pub fn tidy(mut answer: Answer) -> Answer {
    answer.headers.retain(|(name, _)| !UNSTABLE_HEADERS.iter().any(|it| it.as_bytes() == name));
    answer
}

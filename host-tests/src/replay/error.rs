//! Why a replay cannot go on.
use crate::artifact::ArtifactError;
use crate::client::ClientError;
use crate::envoy::EnvoyError;

/// Why a replay cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A module is missing.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// A module does not start in wasmtime.
    #[error(transparent)]
    Host(#[from] abi_host::HostError),
    /// Envoy does not start.
    #[error(transparent)]
    Envoy(#[from] EnvoyError),
    /// The casino does not open.
    #[error("the casino: {0}")]
    Casino(#[from] casino::SetupError),
    /// Files or sockets.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The library that sets Envoy's clock is missing.
    #[error(transparent)]
    Clock(#[from] crate::envoy::clock::NoClock),
    /// The library has no effect, as in a statically linked Envoy.
    #[error("request {number}: Envoy's clock does not follow the recorded time")]
    ClockStuck {
        /// Its number.
        number: usize,
    },
    /// A call of a module that crashes Envoy or makes it send a message twice.
    #[error("request {number}: {plugin} {what}")]
    Misuse {
        /// Number of the request.
        number: usize,
        /// The plugin.
        plugin: String,
        /// What it did.
        what: &'static str,
    },
    /// A request could not be sent.
    #[error("request {number}: {source}")]
    Send {
        /// Its number.
        number: usize,
        /// Why.
        source: ClientError,
    },
}

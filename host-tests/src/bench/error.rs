//! Why nothing was measured.
use crate::artifact::ArtifactError;
use crate::envoy::EnvoyError;
use crate::gateway::GatewayError;
use crate::replay::ReplayError;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Envoy does not run.
    #[error(transparent)]
    Envoy(#[from] EnvoyError),
    /// A request went wrong.
    #[error("{variant}: {source}")]
    Load {
        /// The variant.
        variant: &'static str,
        /// What went wrong.
        source: LoadError,
    },
    /// The example cannot be read.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The half in wasmtime.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A module does not start in wasmtime.
    #[error(transparent)]
    Host(#[from] abi_host::HostError),
    /// A module was not built.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The CPU time cannot be read.
    #[error("the CPU time of {what}: {source}")]
    Cpu {
        /// Whose.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// The upstream does not start.
    #[error("the upstream: {0}")]
    Upstream(std::io::Error),
    /// The folders of a build.
    #[error("the current folder: {0}")]
    Folder(#[from] std::io::Error),
    /// The casino gives no tokens.
    #[error("the tokens' issuer: {0}")]
    Issuer(&'static str),
    /// There is no variant, or no round.
    #[error("nothing to measure")]
    Nothing,
}

/// What went wrong with a request.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The connection failed.
    #[error("connection to the gateway: {0}")]
    Io(#[from] std::io::Error),
    /// The gateway ended a connection that was to be kept.
    #[error("the gateway closed the connection")]
    Closed,
    /// The answer is no HTTP/1.1 with a length.
    #[error("the answer has no readable head")]
    Unreadable,
    /// The variant answers with an unexpected status.
    #[error("answered {got}, not {wanted}")]
    Status {
        /// What came.
        got: u16,
        /// What should have.
        wanted: u16,
    },
}

//! Why a surge shows nothing.
use crate::artifact::ArtifactError;
use crate::bench::BenchError;
use crate::client::ClientError;
use crate::envoy::EnvoyError;
use std::time::Duration;

/// Why a surge shows nothing.
#[derive(Debug, thiserror::Error)]
pub enum SurgeError {
    /// Envoy does not run.
    #[error("{variant}: {source}")]
    Envoy {
        /// The variant.
        variant: &'static str,
        /// Why.
        source: EnvoyError,
    },
    /// An example cannot be read.
    #[error(transparent)]
    Example(#[from] BenchError),
    /// A module was not built.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The casino does not open.
    #[error("the casino: {0}")]
    Casino(#[from] std::io::Error),
    /// The gateway did not answer before the surge.
    #[error("{variant}, before the surge: {source}")]
    WarmUp {
        /// The variant.
        variant: &'static str,
        /// Why.
        source: ClientError,
    },
    /// The gateway answered something else before the surge.
    #[error("{variant}, before the surge: {class} was answered {status}, not 200")]
    Status {
        /// The variant.
        variant: &'static str,
        /// What was asked for.
        class: &'static str,
        /// The status.
        status: u16,
    },
    /// A client ended by itself.
    #[error("a client of the surge ended by itself")]
    Client,
    /// The clients themselves were late.
    #[error(
        "{variant}: one of a hundred requests left {} ms late or later (at most {} ms): measure \
         again on a quieter machine", late.as_millis(), most.as_millis()
    )]
    Late {
        /// The variant.
        variant: &'static str,
        /// The 99th percentile of the lateness.
        late: Duration,
        /// What it may be.
        most: Duration,
    },
    /// There is no such variant.
    #[error("no variant `{name}`; there are {all}")]
    NoVariant {
        /// What was asked for.
        name: String,
        /// The names.
        all: String,
    },
}

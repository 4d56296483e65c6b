//! Why a gateway gave no answer.
use std::time::Duration;

/// How long a gateway may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection failed.
    #[error("connection to the gateway: {0}")]
    Io(#[from] std::io::Error),
    /// The gateway's answer is no HTTP/1.1.
    #[error("the gateway's answer cannot be read: {0}")]
    Answer(String),
    /// No answer.
    #[error("the gateway did not answer within {} s", PATIENCE.as_secs())]
    Silence,
}

impl ClientError {
    /// A stable code of the error.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Io(_) => "connection_failed",
            Self::Answer(_) => "answer_unreadable",
            Self::Silence => "silence",
        }
    }
}

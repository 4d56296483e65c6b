//! An HTTP call to another service, and what came of it.

use std::time::Duration;

use policy_wire::{Fault, Headers};

/// An HTTP request to another service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    /// Envoy: a cluster. WasmX: `host:port`.
    pub target: String,
    /// Pseudo headers first: `:method`, `:path`, `:authority`.
    pub headers: Vec<(String, String)>,
    /// Body; empty for none.
    pub body: Vec<u8>,
    /// After this the call counts as failed.
    pub timeout: Duration,
    /// Most bytes of the response body that are read; a longer one is cut there.
    pub max_reply: usize,
}

/// An [`HttpCall`] that is made once for all that want its reply at the same time: the streams of one
/// worker, and the plugin itself. It belongs to the configuration, so it outlives a client that leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedCall {
    /// What it is about. While a call of this key is pending, no second one starts.
    pub key: String,
    /// What to send if none is pending. Its timeout bounds every wait.
    pub call: HttpCall,
}

/// How an [`HttpCall`] ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallReply {
    /// The service responded. A gateway that could not connect may respond 503 or 504 by itself.
    Response {
        /// HTTP status.
        status: u16,
        /// Headers.
        headers: Headers,
        /// Body, up to [`HttpCall::max_reply`] bytes.
        body: Vec<u8>,
        /// Whether the body was longer than that.
        cut: bool,
    },
    /// No response.
    NoResponse,
    /// The gateway did not take the call, or did not hand over the response.
    Failed(Fault),
    /// Too many streams wait for this shared call already. It is pending, and the plugin gets its reply, so
    /// this says nothing about the service.
    TooManyWaiting,
}

impl HttpCall {
    /// The same call for another path.
    #[must_use]
    pub fn with_path(&self, path: String) -> Self {
        let mut call = self.clone();
        if let Some((_, there)) = call.headers.iter_mut().find(|(name, _)| name == ":path") {
            *there = path;
        }
        call
    }

    /// What tells this call from others, for [`shared_name`](crate::shared_name): its target, and the values
    /// of its headers in order.
    pub fn parts(&self) -> Vec<&str> {
        let mut parts = vec![&*self.target];
        for (_, value) in &self.headers {
            parts.push(value);
        }
        parts
    }
}

impl CallReply {
    /// The document that was requested: the whole body of a 200.
    ///
    /// # Errors
    /// There is none; says why in a few words.
    pub fn document(&self) -> Result<&[u8], String> {
        match self {
            Self::Response { status: 200, cut: false, body, .. } => Ok(body),
            Self::Response { status: 200, .. } => Err("an answer that is too long".to_owned()),
            Self::Response { status, .. } => Err(format!("status {status}")),
            Self::NoResponse => Err("no answer".to_owned()),
            Self::Failed(fault) => Err(fault.to_string()),
            Self::TooManyWaiting => Err("too many wait for it".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_complete_200_is_a_document() {
        let response = |status, cut| {
            let (headers, body) = (Headers::default(), b"{}".to_vec());
            CallReply::Response { status, headers, body, cut }
        };
        let fault = Fault { call: "proxy_http_call", status: Some(2) };
        let problem = fault.to_string();
        for (reply, want) in [
            (response(200, false), Ok(&b"{}"[..])),
            (response(200, true), Err("an answer that is too long")),
            (response(204, false), Err("status 204")),
            (response(503, true), Err("status 503")),
            (CallReply::NoResponse, Err("no answer")),
            (CallReply::Failed(fault), Err(&*problem)),
            (CallReply::TooManyWaiting, Err("too many wait for it")),
        ] {
            assert_eq!(reply.document(), want.map_err(str::to_owned), "{reply:?}");
        }
    }
}

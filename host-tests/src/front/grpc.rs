//! Clients of gRPC: Envoy tells them its own answers in headers of theirs, under the status 200.
use crate::traffic::Answer;
use abi_host::{grpc, Headers};

/// Whether this content type is that of a call of gRPC.
pub(super) fn asked_by(content_type: Option<&[u8]>) -> bool {
    content_type.is_some_and(grpc::is_content_type)
}

/// An answer of the connection manager, with the text that it has.
pub(super) fn answer(status: u16, text: &[u8]) -> Answer {
    let mut headers = grpc::reply(status, Headers::new(), text, false);
    headers.remove(":status");
    Answer { status: 200, headers: headers.into_pairs(), body: Vec::new() }
}

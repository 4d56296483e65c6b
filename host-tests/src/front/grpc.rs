//! Local replies to gRPC clients: status 200 with gRPC headers.
use crate::traffic::Answer;
use abi_host::{grpc, Headers};

/// Whether this is the content type of a gRPC request.
pub(super) fn asked_by(content_type: Option<&[u8]>) -> bool {
    content_type.is_some_and(grpc::is_content_type)
}

/// A local reply of the connection manager.
pub(super) fn answer(status: u16, text: &[u8]) -> Answer {
    let mut headers = grpc::reply(status, Headers::new(), text, false);
    headers.remove(":status");
    Answer { status: 200, headers: headers.into_pairs(), body: Vec::new() }
}

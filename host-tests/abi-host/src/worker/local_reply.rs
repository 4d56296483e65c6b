//! Responses that the gateway makes itself.

use crate::message::grpc;
use crate::message::headers::Headers;
use crate::message::local_reply::LocalReply;
use crate::plugin::Profile;
use crate::report::stream_id::StreamId;
use crate::report::stream_report::Ending;
use crate::slot::Direction;
use crate::stream::Flow;
use crate::worker::Worker;

impl Worker {
    /// Sends a response of the gateway itself: through the response filters if no response began, directly
    /// to the client if one did; resets the stream if the client already has headers.
    pub(crate) fn local_reply(&mut self, id: StreamId, reply: LocalReply, by: Option<String>) {
        let Some(stream) = self.host.streams.get_mut(&id) else { return };
        if stream.ending {
            return;
        }
        stream.request_cut = true;
        stream.details = Some(reply.details);
        let by_filter = by.is_some();
        if by_filter {
            stream.replied_by = by;
        }
        if stream.client.headers_sent {
            return self.finish(id, Ending::Reset);
        }
        let head = stream.request.headers.get(":method") == Some(b"HEAD");
        let mut headers = Headers::from([(":status", reply.status.to_string())]);
        for (name, value) in reply.headers.iter() {
            headers.add(name, value);
        }
        let mut reply_body = reply.body;
        let mut status = reply.status;
        if stream.grpc && self.host.shared.profile == Profile::Envoy {
            headers = grpc::reply(status, headers, &reply_body, head);
            (reply_body, status) = (Vec::new(), 200);
        }
        if self.host.shared.profile == Profile::Wasmx && by_filter {
            wasmx_reply(&mut headers, &mut reply_body);
        }
        if reply_body.is_empty() {
            headers.remove("content-length");
            if !stream.grpc {
                headers.remove("content-type");
            }
        } else {
            headers.set("content-length", reply_body.len().to_string());
            if headers.get("content-type").is_none() {
                headers.add("content-type", "text/plain");
            }
        }
        let end = reply_body.is_empty() || head;
        stream.code = Some(status);
        if stream.response.started {
            stream.response.headers = headers;
            stream.response.trailers = None;
            stream.client.headers_sent = true;
            stream.client.complete = true;
            stream.client.body = if end { Vec::new() } else { reply_body };
            return self.finish(id, Ending::Completed);
        }
        stream.response = Flow { headers, started: true, ended: true, ..Flow::default() };
        self.pass_headers(id, Direction::Response, 0, end);
        if !end && self.goes_on(id, Direction::Response) {
            self.note_response(id, reply_body.len(), true);
            self.pass_data(id, Direction::Response, 0, reply_body, true);
        }
    }
}

/// WasmX appends a newline to the body of a local reply and keeps only the first of several cookies.
fn wasmx_reply(headers: &mut Headers, body: &mut Vec<u8>) {
    if !body.is_empty() {
        body.push(b'\n');
    }
    if let Some(cookie) = headers.get("set-cookie").map(<[u8]>::to_vec) {
        headers.set("set-cookie", cookie);
    }
}

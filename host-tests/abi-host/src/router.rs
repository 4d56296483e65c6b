//! The ends of the chain: the router towards the upstream, and the client.

use std::time::Duration;

use crate::event::Event;
use crate::stream::{Flow, Way};
use crate::worker::Worker;
use crate::{
    flags, Codec, Ending, Headers, LocalReply, Outcome, Profile, Response, StreamId,
    UpstreamRequest,
};

/// A request header that says how often the router may try again. Envoy's takes it away; here it goes on.
const MAX_RETRIES: &str = "x-envoy-max-retries";

const REQUIRED: [&str; 3] = [":method", ":path", ":authority"];

/// What the router says when it has no answer to pass on.
struct Failure {
    status: u16,
    flags: u64,
    details: &'static str,
    body: &'static str,
}

const REFUSED: Failure = Failure {
    status: 503,
    flags: flags::UPSTREAM_CONNECTION_FAILURE,
    details: "upstream_reset_before_response_started{remote_connection_failure|\
              delayed_connect_error:_Connection_refused}",
    body: "upstream connect error or disconnect/reset before headers. reset reason: remote \
           connection failure",
};

const RESET: Failure = Failure {
    status: 503,
    flags: flags::UPSTREAM_CONNECTION_TERMINATION,
    details: "upstream_reset_before_response_started{connection_termination}",
    body: "upstream connect error or disconnect/reset before headers. reset reason: connection \
           termination",
};

const TIMEOUT: Failure = Failure {
    status: 504,
    flags: flags::UPSTREAM_TIMEOUT,
    details: "response_timeout",
    body: "upstream request timeout",
};

impl Worker {
    /// Headers have come through all filters.
    pub(crate) fn headers_through(&mut self, id: StreamId, way: Way, end: bool) {
        let now = self.world.clock.now();
        let Some(stream) = self.world.streams.get_mut(&id) else { return };
        if way == Way::Response {
            stream.last_activity = now;
            stream.client.headers_sent = true;
            // How the body is framed is the codec's business from here.
            stream.response.headers.remove("transfer-encoding");
            stream.code =
                stream.response.headers.text(":status").and_then(|code| code.parse().ok());
            if end {
                stream.client.complete = true;
                self.finish(id, Ending::Completed);
            }
            return;
        }
        let headers = &stream.request.headers;
        // A CONNECT has no path.
        let connect = headers.get(":method") == Some(b"CONNECT");
        let required = REQUIRED.iter().filter(|name| !connect || **name != ":path");
        let missing = required.into_iter().find(|name| headers.get(name).is_none());
        if let Some(missing) = missing {
            let details = format!("filter_removed_required_request_headers{{missing_{missing}}}");
            let reply = LocalReply { status: 503, details, ..LocalReply::default() };
            return self.local_reply(id, reply, None);
        }
        let Some(stream) = self.world.streams.get(&id) else { return };
        let route = self.world.route(&stream.request.headers);
        let Some(stream) = self.world.streams.get_mut(&id) else { return };
        let answer = route.answer.clone();
        stream.route = route;
        if let Some(answer) = answer {
            stream.flags |= answer.flags;
            return self.local_reply(id, answer.reply, None);
        }
        let headers = &stream.request.headers;
        stream.attempts = 1;
        if self.world.shared.profile == Profile::Envoy {
            let mut said = headers.get_all(MAX_RETRIES);
            // Two of them are joined, and no number.
            let said = said.next().filter(|_| said.next().is_none());
            stream.max_retries = said.and_then(|it| std::str::from_utf8(it).ok()?.parse().ok());
        }
        stream.upstream = Some(UpstreamRequest {
            stream: id,
            headers: Headers::new(),
            body: Vec::new(),
            trailers: None,
            complete: end,
            attempt: 1,
            at: now,
        });
        let event = if end { Event::Forward { stream: id } } else { Event::Opened { stream: id } };
        self.world.post(Duration::ZERO, event);
    }

    /// A piece of body has come through all filters.
    pub(crate) fn data_through(&mut self, id: StreamId, way: Way, mut data: Vec<u8>, end: bool) {
        let now = self.world.clock.now();
        let Some(stream) = self.world.streams.get_mut(&id) else { return };
        match (way, &mut stream.upstream) {
            (Way::Response, _) => {
                stream.last_activity = now;
                stream.client.body.append(&mut data);
                if end {
                    stream.client.complete = true;
                    self.finish(id, Ending::Completed);
                }
            }
            (Way::Request, Some(upstream)) => {
                upstream.body.append(&mut data);
                if end {
                    upstream.complete = true;
                    self.world.post(Duration::ZERO, Event::Forward { stream: id });
                }
            }
            (Way::Request, None) => {}
        }
    }

    /// Trailers have come through all filters.
    pub(crate) fn trailers_through(&mut self, id: StreamId, way: Way) {
        let Some(stream) = self.world.streams.get_mut(&id) else { return };
        match (way, &mut stream.upstream) {
            (Way::Response, _) => {
                stream.client.trailers = true;
                stream.client.complete = true;
                self.finish(id, Ending::Completed);
            }
            (Way::Request, Some(upstream)) => {
                upstream.trailers = stream.request.trailers.clone();
                upstream.complete = true;
                self.world.post(Duration::ZERO, Event::Forward { stream: id });
            }
            (Way::Request, None) => {}
        }
    }

    /// The upstream has answered, or failed to.
    pub(crate) fn upstream_outcome(&mut self, id: StreamId, outcome: Outcome) {
        if !self.goes_on(id, Way::Response) {
            return;
        }
        let now = self.world.clock.now();
        let Some(stream) = self.world.streams.get_mut(&id) else { return };
        stream.last_activity = now;
        stream.refused = matches!(outcome, Outcome::Refused);
        if !stream.response.started && self.tries_again(id, &outcome) {
            return;
        }
        let Some(stream) = self.world.streams.get_mut(&id) else { return };
        stream.upstream_answered = true;
        // Whatever of the request is still on its way has nowhere to go.
        stream.request_cut = true;
        if stream.response.started {
            return;
        }
        match outcome {
            Outcome::Response(response) => {
                stream.details = Some("via_upstream".to_owned());
                self.respond(id, response, true);
            }
            Outcome::ResetMidBody(response) => {
                stream.details = Some("via_upstream".to_owned());
                self.respond(id, response, false);
                if let Some(stream) = self.world.streams.get_mut(&id) {
                    stream.flags |= flags::UPSTREAM_PROTOCOL_ERROR;
                }
                self.reset(id, "upstream_reset_after_response_started");
            }
            Outcome::Refused => self.fail(id, &REFUSED),
            Outcome::Reset => self.fail(id, &RESET),
            Outcome::Timeout => self.fail(id, &TIMEOUT),
        }
    }

    fn fail(&mut self, id: StreamId, failure: &Failure) {
        let Some(stream) = self.world.streams.get_mut(&id) else { return };
        stream.flags |= failure.flags;
        let reply = LocalReply {
            status: failure.status,
            body: failure.body.into(),
            details: failure.details.to_owned(),
            ..LocalReply::default()
        };
        self.local_reply(id, reply, None);
    }

    /// Passes a response through the filters, from the last to the first.
    fn respond(&mut self, id: StreamId, response: Response, complete: bool) {
        let Some(stream) = self.world.streams.get_mut(&id) else { return };
        let head = stream.request.headers.get(":method") == Some(b"HEAD");
        let Response { mut headers, chunks, trailers, codec } = response;
        headers.pseudo_first();
        let bare = head || (chunks.is_empty() && trailers.is_none());
        let bare = bare && complete;
        stream.code = headers.text(":status").and_then(|code| code.parse().ok());
        stream.response = Flow { headers, started: true, ended: bare, ..Flow::default() };
        if bare {
            self.note_latency(id);
        }
        self.pass_headers(id, Way::Response, 0, bare);
        if bare {
            return;
        }
        let last = chunks.len().saturating_sub(1);
        let end_with_data = codec == Codec::Http2 && trailers.is_none() && complete;
        let none = chunks.is_empty();
        for (index, chunk) in chunks.into_iter().enumerate() {
            if !self.goes_on(id, Way::Response) {
                return;
            }
            let end = end_with_data && index == last;
            self.note_response(id, chunk.len(), end);
            self.pass_data(id, Way::Response, 0, chunk, end);
        }
        if !complete || !self.goes_on(id, Way::Response) {
            return;
        }
        if let Some(trailers) = trailers {
            if let Some(stream) = self.world.streams.get_mut(&id) {
                stream.response.trailers = Some(trailers);
                stream.response.has_trailers = true;
                stream.response.ended = true;
            }
            self.note_latency(id);
            self.pass_trailers(id, Way::Response, 0);
        } else if !end_with_data || none {
            self.note_response(id, 0, true);
            self.pass_data(id, Way::Response, 0, Vec::new(), true);
        }
    }

    fn note_response(&mut self, id: StreamId, bytes: usize, end: bool) {
        if let Some(stream) = self.world.streams.get_mut(&id) {
            stream.response.bytes += bytes;
            stream.response.ended |= end;
        }
        if end {
            self.note_latency(id);
        }
    }

    /// The upstream's last byte has come.
    fn note_latency(&mut self, id: StreamId) {
        let now = self.world.clock.now();
        let Some(stream) = self.world.streams.get_mut(&id) else { return };
        if stream.details.as_deref() != Some("via_upstream") {
            return;
        }
        let sent = stream.upstream.as_ref().map(|upstream| upstream.at);
        stream.latency = sent.map(|sent| now.saturating_sub(sent));
    }

    /// The gateway answers itself: through the response filters when no response has begun,
    /// straight to the client when one is under way, and not at all once the client has headers.
    pub(crate) fn local_reply(&mut self, id: StreamId, reply: LocalReply, by: Option<String>) {
        let Some(stream) = self.world.streams.get_mut(&id) else { return };
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
        if stream.grpc && self.world.shared.profile == Profile::Envoy {
            headers = crate::grpc::reply(status, headers, &reply_body, head);
            (reply_body, status) = (Vec::new(), 200);
        }
        if self.world.shared.profile == Profile::Wasmx && by_filter {
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
        self.pass_headers(id, Way::Response, 0, end);
        if !end && self.goes_on(id, Way::Response) {
            self.note_response(id, reply_body.len(), true);
            self.pass_data(id, Way::Response, 0, reply_body, true);
        }
    }

    /// Cuts the connection to the client.
    pub(crate) fn reset(&mut self, id: StreamId, details: &str) {
        let Some(stream) = self.world.streams.get_mut(&id) else { return };
        stream.details = Some(details.to_owned());
        self.finish(id, Ending::Reset);
    }
}

/// What WasmX does to a filter's own answer: a newline behind the body, and of several cookies only
/// the first.
fn wasmx_reply(headers: &mut Headers, body: &mut Vec<u8>) {
    if !body.is_empty() {
        body.push(b'\n');
    }
    if let Some(cookie) = headers.get("set-cookie").map(<[u8]>::to_vec) {
        headers.set("set-cookie", cookie);
    }
}

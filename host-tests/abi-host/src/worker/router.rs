//! The ends of the chain: the router and the client.

use std::time::Duration;

use crate::event::Event;
use crate::message::headers::Headers;
use crate::message::local_reply::LocalReply;
use crate::message::request::Codec;
use crate::message::response::Response;
use crate::plugin::Profile;
use crate::report::flags;
use crate::report::stream_id::StreamId;
use crate::report::stream_report::Ending;
use crate::slot::Direction;
use crate::stream::Flow;
use crate::upstream::{Outcome, UpstreamRequest};
use crate::worker::Worker;

/// Limits the retries of a request. Envoy removes the header; this router forwards it.
const MAX_RETRIES: &str = "x-envoy-max-retries";

const REQUIRED: [&str; 3] = [":method", ":path", ":authority"];

/// The local reply when the upstream gives no response.
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
    /// Headers passed all filters.
    pub(crate) fn headers_through(&mut self, id: StreamId, direction: Direction, end: bool) {
        let now = self.host.clock.now();
        let Some(stream) = self.host.streams.get_mut(&id) else { return };
        if direction == Direction::Response {
            stream.last_activity = now;
            stream.client.headers_sent = true;
            // The codec of the client decides how the body is framed.
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
        let Some(stream) = self.host.streams.get(&id) else { return };
        let route = self.host.route(&stream.request.headers);
        let Some(stream) = self.host.streams.get_mut(&id) else { return };
        let answer = route.answer.clone();
        stream.route = route;
        if let Some(answer) = answer {
            stream.flags |= answer.flags;
            return self.local_reply(id, answer.reply, None);
        }
        let headers = &stream.request.headers;
        stream.attempts = 1;
        if self.host.shared.profile == Profile::Envoy {
            let mut said = headers.get_all(MAX_RETRIES);
            // Envoy joins two of them, and the result is not a number.
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
        self.host.post(Duration::ZERO, event);
    }

    /// A piece of body passed all filters.
    pub(crate) fn data_through(
        &mut self,
        id: StreamId,
        direction: Direction,
        mut data: Vec<u8>,
        end: bool,
    ) {
        let now = self.host.clock.now();
        let Some(stream) = self.host.streams.get_mut(&id) else { return };
        match (direction, &mut stream.upstream) {
            (Direction::Response, _) => {
                stream.last_activity = now;
                stream.client.body.append(&mut data);
                if end {
                    stream.client.complete = true;
                    self.finish(id, Ending::Completed);
                }
            }
            (Direction::Request, Some(upstream)) => {
                upstream.body.append(&mut data);
                if end {
                    upstream.complete = true;
                    self.host.post(Duration::ZERO, Event::Forward { stream: id });
                }
            }
            (Direction::Request, None) => {}
        }
    }

    /// Trailers passed all filters.
    pub(crate) fn trailers_through(&mut self, id: StreamId, direction: Direction) {
        let Some(stream) = self.host.streams.get_mut(&id) else { return };
        match (direction, &mut stream.upstream) {
            (Direction::Response, _) => {
                stream.client.trailers = true;
                stream.client.complete = true;
                self.finish(id, Ending::Completed);
            }
            (Direction::Request, Some(upstream)) => {
                upstream.trailers = stream.request.trailers.clone();
                upstream.complete = true;
                self.host.post(Duration::ZERO, Event::Forward { stream: id });
            }
            (Direction::Request, None) => {}
        }
    }

    /// The upstream answered or failed.
    pub(crate) fn upstream_outcome(&mut self, id: StreamId, outcome: Outcome) {
        if !self.goes_on(id, Direction::Response) {
            return;
        }
        let now = self.host.clock.now();
        let Some(stream) = self.host.streams.get_mut(&id) else { return };
        stream.last_activity = now;
        stream.refused = matches!(outcome, Outcome::Refused);
        if !stream.response.started && self.schedule_retry(id, &outcome) {
            return;
        }
        let Some(stream) = self.host.streams.get_mut(&id) else { return };
        stream.upstream_answered = true;
        // The rest of the request is dropped.
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
                if let Some(stream) = self.host.streams.get_mut(&id) {
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
        let Some(stream) = self.host.streams.get_mut(&id) else { return };
        stream.flags |= failure.flags;
        let reply = LocalReply {
            status: failure.status,
            body: failure.body.into(),
            details: failure.details.to_owned(),
            ..LocalReply::default()
        };
        self.local_reply(id, reply, None);
    }

    /// Passes a response through the filters.
    fn respond(&mut self, id: StreamId, response: Response, complete: bool) {
        let Some(stream) = self.host.streams.get_mut(&id) else { return };
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
        self.pass_headers(id, Direction::Response, 0, bare);
        if bare {
            return;
        }
        let last = chunks.len().saturating_sub(1);
        let end_with_data = codec == Codec::Http2 && trailers.is_none() && complete;
        let none = chunks.is_empty();
        for (index, chunk) in chunks.into_iter().enumerate() {
            if !self.goes_on(id, Direction::Response) {
                return;
            }
            let end = end_with_data && index == last;
            self.note_response(id, chunk.len(), end);
            self.pass_data(id, Direction::Response, 0, chunk, end);
        }
        if !complete || !self.goes_on(id, Direction::Response) {
            return;
        }
        if let Some(trailers) = trailers {
            if let Some(stream) = self.host.streams.get_mut(&id) {
                stream.response.trailers = Some(trailers);
                stream.response.has_trailers = true;
                stream.response.ended = true;
            }
            self.note_latency(id);
            self.pass_trailers(id, Direction::Response, 0);
        } else if !end_with_data || none {
            self.note_response(id, 0, true);
            self.pass_data(id, Direction::Response, 0, Vec::new(), true);
        }
    }

    pub(super) fn note_response(&mut self, id: StreamId, bytes: usize, end: bool) {
        if let Some(stream) = self.host.streams.get_mut(&id) {
            stream.response.bytes += bytes;
            stream.response.ended |= end;
        }
        if end {
            self.note_latency(id);
        }
    }

    /// The upstream's last byte arrived.
    fn note_latency(&mut self, id: StreamId) {
        let now = self.host.clock.now();
        let Some(stream) = self.host.streams.get_mut(&id) else { return };
        if stream.details.as_deref() != Some("via_upstream") {
            return;
        }
        let sent = stream.upstream.as_ref().map(|upstream| upstream.at);
        stream.latency = sent.map(|sent| now.saturating_sub(sent));
    }

    /// Resets the connection to the client.
    pub(crate) fn reset(&mut self, id: StreamId, details: &str) {
        let Some(stream) = self.host.streams.get_mut(&id) else { return };
        stream.details = Some(details.to_owned());
        self.finish(id, Ending::Reset);
    }
}

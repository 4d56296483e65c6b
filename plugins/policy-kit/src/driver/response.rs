//! The response's half of the [`Driver`](crate::Driver): holds or copies the response for the filter.
//!
//! Whatever goes wrong here, the real response goes on: the upstream has acted, and a client that gets no
//! response would try again.

use policy_wire::MapKind;

use crate::call::http::CallReply;
use crate::driver::body::{at_most, of_size, EarlyBody, Phase};
use crate::driver::filter::{BodyFault, Filter, ResponseStep};
use crate::driver::gateway::{Action, Gateway};
use crate::driver::rewrite::rewrite;
use crate::refusal::reply::Reply;

/// Calls one filter may chain for one response.
const MAX_CALLS: u8 = 4;

/// One response, and what is held of it.
#[derive(Debug, Default)]
pub(crate) struct ResponseDriver {
    held: Held,
    calls: u8,
    early: Option<EarlyBody>,
    /// The headers were held for a call, and the body is held since.
    resumed: bool,
}

/// What is held of a response.
#[derive(Debug, Default)]
enum Held {
    /// It goes on.
    #[default]
    Nothing,
    Body {
        limit: usize,
        /// The headers give its length, so the gateway marks the last piece as the last.
        counted: bool,
    },
    Copy {
        limit: usize,
        copy: Vec<u8>,
        /// It was held until the upstream was done, and released then.
        released: bool,
    },
    Call {
        token: u32,
        phase: Phase,
        max_reply: usize,
    },
    /// A local reply was sent in its place.
    Replaced,
    /// Another response is written over it; this body is still to be written.
    Rewritten(Vec<u8>),
}

impl ResponseDriver {
    pub(crate) fn on_headers(
        &mut self,
        filter: &mut impl Filter,
        gw: &mut dyn Gateway,
        end_of_stream: bool,
    ) -> Action {
        let next = filter.on_response_headers(gw.host(), end_of_stream);
        self.settle(filter, gw, next, Phase::Headers { end_of_stream })
    }

    /// Whether the client gets another response than the upstream's.
    pub(crate) fn is_replaced(&self) -> bool {
        matches!(self.held, Held::Replaced | Held::Rewritten(_))
    }

    pub(crate) fn on_body(
        &mut self,
        filter: &mut impl Filter,
        gw: &mut dyn Gateway,
        size: usize,
        end_of_stream: bool,
    ) -> Action {
        match &mut self.held {
            Held::Nothing => Action::Continue,
            Held::Replaced => Action::Pause,
            Held::Call { .. } => {
                self.early = Some(EarlyBody { size, whole: end_of_stream });
                Action::Pause
            }
            Held::Rewritten(text) => {
                // The first piece is replaced by all of it, the others by nothing.
                let text = std::mem::take(text);
                if (size > 0 || !text.is_empty()) && gw.set_response_body(size, &text).is_err() {
                    gw.reset();
                    return Action::Pause;
                }
                Action::Continue
            }
            Held::Body { limit, counted } if size <= *limit && !end_of_stream => {
                let limit = *limit;
                if *counted || !upstream_is_done(gw) {
                    return Action::Pause;
                }
                // The upstream is done, and yet this piece is not marked as the last: a filter behind this
                // one ends the body with trailers of its own, or passes it on piece by piece. Envoy calls a
                // filter that holds the body for neither, and for no trailers once any of it was held: then
                // the end of the stream is the end of the body.
                match of_size(limit, size, |size| gw.response_body(size)) {
                    Ok(copy) => {
                        self.held = Held::Copy { limit, copy, released: true };
                        Action::Continue
                    }
                    Err(fault) => self.decide(filter, gw, Err(fault)),
                }
            }
            Held::Body { limit, .. } => {
                let body = of_size(*limit, size, |size| gw.response_body(size));
                self.decide(filter, gw, body)
            }
            Held::Copy { limit, copy, .. } => {
                let left = limit.saturating_sub(copy.len());
                match of_size(left, size, |size| gw.response_body(size)) {
                    Ok(piece) => copy.extend_from_slice(&piece),
                    Err(fault) => return self.decide(filter, gw, Err(fault)),
                }
                if !end_of_stream {
                    return Action::Continue;
                }
                let copy = std::mem::take(copy);
                self.decide(filter, gw, Ok(copy))
            }
        }
    }

    pub(crate) fn on_trailers(&mut self, filter: &mut impl Filter, gw: &mut dyn Gateway) -> Action {
        match &mut self.held {
            Held::Nothing | Held::Rewritten(_) => Action::Continue,
            Held::Replaced => Action::Pause,
            Held::Call { .. } => {
                self.early.get_or_insert_default().whole = true;
                Action::Pause
            }
            Held::Body { limit, .. } => {
                let limit = *limit;
                let body = at_most(limit, |most| gw.response_body(most));
                let action = self.decide(filter, gw, body);
                if action == Action::Continue && self.resumed {
                    // As with requests: Envoy drops the body if this callback returns "continue".
                    release(gw);
                    return Action::Pause;
                }
                action
            }
            Held::Copy { copy, .. } => {
                let copy = std::mem::take(copy);
                self.decide(filter, gw, Ok(copy))
            }
        }
    }

    /// The stream is over: a body that was released when the upstream was done is complete, unless the
    /// gateway's response flags report a fault.
    pub(crate) fn on_log(&mut self, filter: &mut impl Filter, gw: &mut dyn Gateway) {
        let Held::Copy { copy, released: true, .. } = &mut self.held else { return };
        let flags = gw.host().property(&["response", "flags"]);
        if matches!(flags, Ok(Some(flags)) if flags.iter().all(|byte| *byte == 0)) {
            let copy = std::mem::take(copy);
            self.decide(filter, gw, Ok(copy));
        }
    }

    /// The reply to a call. A token that the filter does not wait for is ignored.
    pub(crate) fn on_call(
        &mut self,
        filter: &mut impl Filter,
        gw: &mut dyn Gateway,
        token: u32,
        read: impl FnOnce(usize) -> CallReply,
    ) {
        let Held::Call { token: awaited, phase, max_reply } = self.held else { return };
        if awaited != token {
            return;
        }
        let next = filter.on_response_call(gw.host(), read(max_reply));
        if self.settle(filter, gw, next, phase) == Action::Continue {
            self.resumed = matches!(self.held, Held::Body { .. });
            release(gw);
        }
    }

    fn decide(
        &mut self,
        filter: &mut impl Filter,
        gw: &mut dyn Gateway,
        body: Result<Vec<u8>, BodyFault>,
    ) -> Action {
        let next = filter_body(filter, gw, body);
        self.settle(filter, gw, next, Phase::Body)
    }

    fn settle(
        &mut self,
        filter: &mut impl Filter,
        gw: &mut dyn Gateway,
        next: ResponseStep,
        phase: Phase,
    ) -> Action {
        self.held = Held::Nothing;
        let (mut next, mut phase) = (next, phase);
        loop {
            next = match (next, phase) {
                (
                    ResponseStep::Hold { .. } | ResponseStep::Copy { .. },
                    Phase::Headers { end_of_stream: true },
                ) => match filter.on_response_body(gw.host(), Ok(&[])) {
                    ResponseStep::Hold { .. } | ResponseStep::Copy { .. } => ResponseStep::Continue,
                    other => other,
                },
                (ResponseStep::Hold { limit }, Phase::Headers { .. }) => match self.early {
                    Some(early) if early.size > limit || early.whole => {
                        phase = Phase::Body;
                        let body = of_size(limit, early.size, |size| gw.response_body(size));
                        filter_body(filter, gw, body)
                    }
                    early => {
                        self.held = Held::Body { limit, counted: has_length(gw) };
                        // The headers go on: on Envoy no body comes while they are held. One that has come
                        // all the same would go on with them.
                        let held = early.is_some();
                        return if held { Action::Pause } else { Action::Continue };
                    }
                },
                (ResponseStep::Copy { limit }, Phase::Headers { .. }) => {
                    let EarlyBody { size, whole } = self.early.unwrap_or_default();
                    let copy = if size == 0 {
                        Ok(Vec::new())
                    } else {
                        of_size(limit, size, |size| gw.response_body(size))
                    };
                    match copy {
                        Ok(copy) if !whole => {
                            self.held = Held::Copy { limit, copy, released: false };
                            return Action::Continue;
                        }
                        body => {
                            phase = Phase::Body;
                            filter_body(filter, gw, body)
                        }
                    }
                }
                (ResponseStep::Replace(reply), Phase::Headers { end_of_stream }) => {
                    return self.replace(gw, reply, end_of_stream);
                }
                (ResponseStep::Call(call), _) => {
                    self.calls = self.calls.saturating_add(1);
                    match (self.calls <= MAX_CALLS).then(|| gw.dispatch(&call)) {
                        Some(Ok(token)) => {
                            let max_reply = call.max_reply;
                            self.held = Held::Call { token, phase, max_reply };
                            return Action::Pause;
                        }
                        Some(Err(fault)) => {
                            filter.on_response_call(gw.host(), CallReply::Failed(fault))
                        }
                        None => ResponseStep::Continue,
                    }
                }
                _ => return Action::Continue,
            };
        }
    }

    /// Replaces the response. The replacement is written over it, so that the filters around this one treat it
    /// like any response: a local reply in the response phase passes none of them, and a browser does not show
    /// a response without the headers of the cors filter. A response without a body has no place for another.
    fn replace(&mut self, gw: &mut dyn Gateway, reply: Reply, end_of_stream: bool) -> Action {
        let has_room = self.early.is_none() && (!end_of_stream || reply.body.is_empty());
        if has_room && gw.can_rewrite_responses() && rewrite(gw, &reply).is_ok() {
            self.held = Held::Rewritten(reply.body);
            return Action::Continue;
        }
        self.held = Held::Replaced;
        if gw.reply(&reply).is_err() {
            gw.reset();
        }
        Action::Pause
    }
}

fn has_length(gw: &mut dyn Gateway) -> bool {
    let headers = gw.host().headers(MapKind::Response);
    headers.is_ok_and(|headers| headers.has("content-length"))
}

/// Whether the gateway has the last byte of the upstream's response: Envoy has this attribute from then on.
fn upstream_is_done(gw: &mut dyn Gateway) -> bool {
    matches!(gw.host().property(&["response", "backend_latency"]), Ok(Some(_)))
}

fn release(gw: &mut dyn Gateway) {
    if gw.resume_response().is_err() {
        gw.reset();
    }
}

fn filter_body(
    filter: &mut impl Filter,
    gw: &mut dyn Gateway,
    body: Result<Vec<u8>, BodyFault>,
) -> ResponseStep {
    filter.on_response_body(gw.host(), body.as_deref().map_err(|fault| *fault))
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;

//! The answer's half of the [`Driver`](crate::Driver): what is held of it, and until when.
//!
//! Whatever goes wrong here, the real answer goes on: the upstream has acted, and a client that does not
//! hear of it would try again.

use crate::body::{at_most, within, Early};
use crate::{Action, BodyFault, CallReply, Fault, Filter, Gateway, MapKind, Reply, ResponseStep};

/// Calls one filter may chain for one answer.
const MAX_CALLS: u8 = 4;

/// What becomes of one answer.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    holding: Holding,
    calls: u8,
    early: Option<Early>,
    /// The headers were held for a call, and the body is held since.
    resumed: bool,
}

#[derive(Debug, Default)]
enum Holding {
    /// It goes on.
    #[default]
    Nothing,
    Body {
        limit: usize,
        /// Its headers say how long it is: its last piece says that it is the last.
        counted: bool,
    },
    Copy {
        limit: usize,
        copy: Vec<u8>,
        /// It was held until the upstream was done.
        released: bool,
    },
    Call {
        token: u32,
        phase: Phase,
        max_reply: usize,
    },
    /// Another answer was given in its place.
    Replaced,
    /// Another answer is written over it; this of its body is still to come.
    Rewritten(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Headers { end_of_stream: bool },
    Body,
}

impl Answers {
    pub(crate) fn on_headers(
        &mut self,
        filter: &mut impl Filter,
        gw: &mut dyn Gateway,
        end_of_stream: bool,
    ) -> Action {
        let next = filter.on_response_headers(gw.host(), end_of_stream);
        self.settle(filter, gw, next, Phase::Headers { end_of_stream })
    }

    /// Whether the client has another answer than the upstream's.
    pub(crate) fn are_replaced(&self) -> bool {
        matches!(self.holding, Holding::Replaced | Holding::Rewritten(_))
    }

    pub(crate) fn on_body(
        &mut self,
        filter: &mut impl Filter,
        gw: &mut dyn Gateway,
        size: usize,
        end_of_stream: bool,
    ) -> Action {
        match &mut self.holding {
            Holding::Nothing => Action::Continue,
            Holding::Replaced => Action::Pause,
            Holding::Call { .. } => {
                self.early = Some(Early { size, whole: end_of_stream });
                Action::Pause
            }
            Holding::Rewritten(text) => {
                // The first piece becomes all of it, the others nothing.
                let text = std::mem::take(text);
                if (size > 0 || !text.is_empty()) && gw.set_answer_body(size, &text).is_err() {
                    gw.reset();
                    return Action::Pause;
                }
                Action::Continue
            }
            Holding::Body { limit, counted } if size <= *limit && !end_of_stream => {
                let limit = *limit;
                if *counted || !upstream_is_done(gw) {
                    return Action::Pause;
                }
                // Nothing more will come of the upstream, and yet this is not the end: a filter behind
                // this one ends the body by trailers of its own, or lets it go on by and by. Envoy tells
                // of neither whoever holds the body. Who has held any of it is told of no trailers at
                // all: then the end of the stream is the end of the body.
                match within(limit, size, |size| gw.answer_body(size)) {
                    Ok(copy) => {
                        self.holding = Holding::Copy { limit, copy, released: true };
                        Action::Continue
                    }
                    Err(fault) => self.decide(filter, gw, Err(fault)),
                }
            }
            Holding::Body { limit, .. } => {
                let body = within(*limit, size, |size| gw.answer_body(size));
                self.decide(filter, gw, body)
            }
            Holding::Copy { limit, copy, .. } => {
                let left = limit.saturating_sub(copy.len());
                match within(left, size, |size| gw.answer_body(size)) {
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
        match &mut self.holding {
            Holding::Nothing | Holding::Rewritten(_) => Action::Continue,
            Holding::Replaced => Action::Pause,
            Holding::Call { .. } => {
                self.early.get_or_insert_default().whole = true;
                Action::Pause
            }
            Holding::Body { limit, .. } => {
                let limit = *limit;
                let body = at_most(limit, |most| gw.answer_body(most));
                let action = self.decide(filter, gw, body);
                if action == Action::Continue && self.resumed {
                    // As with requests: told to go on, Envoy would drop the body.
                    let_go(gw);
                    return Action::Pause;
                }
                action
            }
            Holding::Copy { copy, .. } => {
                let copy = std::mem::take(copy);
                self.decide(filter, gw, Ok(copy))
            }
        }
    }

    /// The stream is over: a body that was let go when the upstream was done is whole, unless the gateway
    /// says that something went wrong.
    pub(crate) fn on_log(&mut self, filter: &mut impl Filter, gw: &mut dyn Gateway) {
        let Holding::Copy { copy, released: true, .. } = &mut self.holding else { return };
        let flags = gw.host().property(&["response", "flags"]);
        if matches!(flags, Ok(Some(flags)) if flags.iter().all(|byte| *byte == 0)) {
            let copy = std::mem::take(copy);
            self.decide(filter, gw, Ok(copy));
        }
    }

    /// The answer to a call. A token that nobody waits for is ignored.
    pub(crate) fn on_call(
        &mut self,
        filter: &mut impl Filter,
        gw: &mut dyn Gateway,
        token: u32,
        read: impl FnOnce(usize) -> CallReply,
    ) {
        let Holding::Call { token: awaited, phase, max_reply } = self.holding else { return };
        if awaited != token {
            return;
        }
        let next = filter.on_response_call(gw.host(), read(max_reply));
        if self.settle(filter, gw, next, phase) == Action::Continue {
            self.resumed = matches!(self.holding, Holding::Body { .. });
            let_go(gw);
        }
    }

    fn decide(
        &mut self,
        filter: &mut impl Filter,
        gw: &mut dyn Gateway,
        body: Result<Vec<u8>, BodyFault>,
    ) -> Action {
        let next = judge(filter, gw, body);
        self.settle(filter, gw, next, Phase::Body)
    }

    fn settle(
        &mut self,
        filter: &mut impl Filter,
        gw: &mut dyn Gateway,
        next: ResponseStep,
        phase: Phase,
    ) -> Action {
        self.holding = Holding::Nothing;
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
                        let body = within(limit, early.size, |size| gw.answer_body(size));
                        judge(filter, gw, body)
                    }
                    early => {
                        self.holding = Holding::Body { limit, counted: is_counted(gw) };
                        // The headers go on: on Envoy no body comes while they are held. Where one
                        // has come all the same, it would go on with them.
                        let held = early.is_some();
                        return if held { Action::Pause } else { Action::Continue };
                    }
                },
                (ResponseStep::Copy { limit }, Phase::Headers { .. }) => {
                    let Early { size, whole } = self.early.unwrap_or_default();
                    let copy = if size == 0 {
                        Ok(Vec::new())
                    } else {
                        within(limit, size, |size| gw.answer_body(size))
                    };
                    match copy {
                        Ok(copy) if !whole => {
                            self.holding = Holding::Copy { limit, copy, released: false };
                            return Action::Continue;
                        }
                        body => {
                            phase = Phase::Body;
                            judge(filter, gw, body)
                        }
                    }
                }
                (ResponseStep::Replace(reply), Phase::Headers { end_of_stream }) => {
                    return self.replace(gw, reply, end_of_stream)
                }
                (ResponseStep::Call(call), _) => {
                    self.calls = self.calls.saturating_add(1);
                    match (self.calls <= MAX_CALLS).then(|| gw.dispatch(&call)) {
                        Some(Ok(token)) => {
                            let max_reply = call.max_reply;
                            self.holding = Holding::Call { token, phase, max_reply };
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
}

impl Answers {
    /// Gives another answer in the place of this one. It is written over this one, so that the filters
    /// around this one treat it as they treat every answer: one that is made in the response phase passes
    /// none of them, and a browser is not shown an answer without the headers of the cors filter. An
    /// answer without a body has no place for another one.
    fn replace(&mut self, gw: &mut dyn Gateway, reply: Reply, end_of_stream: bool) -> Action {
        let has_room = self.early.is_none() && (!end_of_stream || reply.body.is_empty());
        if has_room && gw.can_rewrite_answers() && rewrite(gw, &reply).is_ok() {
            self.holding = Holding::Rewritten(reply.body);
            return Action::Continue;
        }
        self.holding = Holding::Replaced;
        if gw.reply(&reply).is_err() {
            gw.reset();
        }
        Action::Pause
    }
}

/// Makes the headers of the answer those of another one. What the upstream says of who may read it stays:
/// where no filter does, the upstream sees to that.
fn rewrite(gw: &mut dyn Gateway, reply: &Reply) -> Result<(), Fault> {
    let host = gw.host();
    let headers = host.headers(MapKind::Response)?;
    for (name, _) in headers.iter() {
        let stays = name == b":status" || name == b"vary" || name.starts_with(b"access-control-");
        if let (false, Ok(name)) = (stays, std::str::from_utf8(name)) {
            host.remove_header(MapKind::Response, name)?;
        }
    }
    host.set_header(MapKind::Response, ":status", reply.status.to_string().as_bytes())?;
    for (name, value) in &reply.headers {
        host.set_header(MapKind::Response, name, value)?;
    }
    Ok(())
}

fn is_counted(gw: &mut dyn Gateway) -> bool {
    let headers = gw.host().headers(MapKind::Response);
    headers.is_ok_and(|headers| headers.has("content-length"))
}

/// Whether the gateway has the last byte of the upstream's answer. Envoy knows how long that took then.
fn upstream_is_done(gw: &mut dyn Gateway) -> bool {
    matches!(gw.host().property(&["response", "backend_latency"]), Ok(Some(_)))
}

fn let_go(gw: &mut dyn Gateway) {
    if gw.resume_answer().is_err() {
        gw.reset();
    }
}

fn judge(
    filter: &mut impl Filter,
    gw: &mut dyn Gateway,
    body: Result<Vec<u8>, BodyFault>,
) -> ResponseStep {
    filter.on_response_body(gw.host(), body.as_deref().map_err(|fault| *fault))
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;

//! The answer's half of the [`Driver`](crate::Driver): what is held of it, and until when.
//!
//! Whatever goes wrong here, the real answer goes on: the upstream has acted, and a client that does not
//! hear of it would try again.

use crate::body::{at_most, within, Early};
use crate::{Action, Answering, BodyFault, CallReply, Filter, Gateway};

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
    },
    Copy {
        limit: usize,
        copy: Vec<u8>,
    },
    Call {
        token: u32,
        phase: Phase,
        max_reply: usize,
    },
    /// Another answer was given in its place.
    Replaced,
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
            Holding::Body { limit } if size <= *limit && !end_of_stream => Action::Pause,
            Holding::Body { limit } => {
                let body = within(*limit, size, |size| gw.answer_body(size));
                self.decide(filter, gw, body)
            }
            Holding::Copy { limit, copy } => {
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
            Holding::Nothing => Action::Continue,
            Holding::Replaced => Action::Pause,
            Holding::Call { .. } => {
                self.early.get_or_insert_default().whole = true;
                Action::Pause
            }
            Holding::Body { limit } => {
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
        let next = filter.on_answer_call(gw.host(), read(max_reply));
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
        next: Answering,
        phase: Phase,
    ) -> Action {
        self.holding = Holding::Nothing;
        let (mut next, mut phase) = (next, phase);
        loop {
            next = match (next, phase) {
                (
                    Answering::Hold { .. } | Answering::Copy { .. },
                    Phase::Headers { end_of_stream: true },
                ) => match filter.on_response_body(gw.host(), Ok(&[])) {
                    Answering::Hold { .. } | Answering::Copy { .. } => Answering::Continue,
                    other => other,
                },
                (Answering::Hold { limit }, Phase::Headers { .. }) => match self.early {
                    Some(early) if early.size > limit || early.whole => {
                        phase = Phase::Body;
                        let body = within(limit, early.size, |size| gw.answer_body(size));
                        judge(filter, gw, body)
                    }
                    early => {
                        self.holding = Holding::Body { limit };
                        // The headers go on: on Envoy no body comes while they are held. Where one
                        // has come all the same, it would go on with them.
                        let held = early.is_some();
                        return if held { Action::Pause } else { Action::Continue };
                    }
                },
                (Answering::Copy { limit }, Phase::Headers { .. }) => {
                    let Early { size, whole } = self.early.unwrap_or_default();
                    let copy = if size == 0 {
                        Ok(Vec::new())
                    } else {
                        within(limit, size, |size| gw.answer_body(size))
                    };
                    match copy {
                        Ok(copy) if !whole => {
                            self.holding = Holding::Copy { limit, copy };
                            return Action::Continue;
                        }
                        body => {
                            phase = Phase::Body;
                            judge(filter, gw, body)
                        }
                    }
                }
                (Answering::Replace(reply), Phase::Headers { .. }) => {
                    self.holding = Holding::Replaced;
                    if gw.reply(&reply).is_err() {
                        gw.reset();
                    }
                    return Action::Pause;
                }
                (Answering::Call(call), _) => {
                    self.calls = self.calls.saturating_add(1);
                    match (self.calls <= MAX_CALLS).then(|| gw.dispatch(&call)) {
                        Some(Ok(token)) => {
                            let max_reply = call.max_reply;
                            self.holding = Holding::Call { token, phase, max_reply };
                            return Action::Pause;
                        }
                        Some(Err(fault)) => {
                            filter.on_answer_call(gw.host(), CallReply::Failed(fault))
                        }
                        None => Answering::Continue,
                    }
                }
                _ => return Action::Continue,
            };
        }
    }
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
) -> Answering {
    filter.on_response_body(gw.host(), body.as_deref().map_err(|fault| *fault))
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;

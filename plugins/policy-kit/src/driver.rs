//! Runs any [`Filter`] over any gateway: steps in, gateway actions out. No policy, no ABI.

use crate::answers::Answers;
use crate::body::{at_most, within, Early};
use crate::{
    BodyFault, CallReply, Denial, Details, Fault, Filter, Host, HttpCall, Reply, SharedCall, Step,
};

/// Calls one filter may chain in one request before the driver refuses: a filter that asks for ever
/// would hold the stream for ever.
const MAX_CALLS: u8 = 16;

/// What only the driver may do with a gateway.
pub trait Gateway: Host {
    /// This gateway as a filter sees it.
    fn host(&mut self) -> &mut dyn Host;
    /// Whether the headers and the body of an answer can be changed while it passes.
    fn can_rewrite_answers(&self) -> bool {
        true
    }
    /// Answers in place of the upstream.
    ///
    /// # Errors
    /// The client got no answer.
    fn reply(&mut self, reply: &Reply) -> Result<(), Fault>;
    /// Sends a call and tells its token.
    ///
    /// # Errors
    /// The call was not sent.
    fn dispatch(&mut self, call: &HttpCall) -> Result<u32, Fault>;
    /// Sends a call of which nothing is to be heard, also where the stream is over.
    ///
    /// # Errors
    /// The call was not sent.
    fn notify(&mut self, call: &HttpCall) -> Result<(), Fault>;
    /// Joins a flight, which is sent if none of its key is under way. [`Driver::on_shared_reply`] is to be
    /// called when it lands.
    ///
    /// # Errors
    /// [`CallReply::Failed`]: it was not sent, and nothing will land. [`CallReply::TooManyWaiting`]: it is
    /// under way, and this stream is not told of its landing.
    fn join(&mut self, flight: &SharedCall) -> Result<(), CallReply>;
    /// Lets a held request go on.
    ///
    /// # Errors
    /// It is still held.
    fn resume(&mut self) -> Result<(), Fault>;
    /// Lets a held answer go on.
    ///
    /// # Errors
    /// It is still held.
    fn resume_answer(&mut self) -> Result<(), Fault>;
    /// Has [`Driver::on_tick`] called at the plugin's next tick.
    ///
    /// # Errors
    /// Nobody will call.
    fn await_tick(&mut self) -> Result<(), Fault>;
    /// Ends the stream without an answer. What a gateway that cannot even do that does with a held
    /// stream is its idle timeout's business.
    fn reset(&mut self);
    /// The first `size` bytes of the request body.
    ///
    /// # Errors
    /// They are not to be had.
    fn body(&mut self, size: usize) -> Result<Vec<u8>, Fault>;
    /// The first `size` bytes of the answer's body, as far as it is held or passing.
    ///
    /// # Errors
    /// They are not to be had.
    fn answer_body(&mut self, size: usize) -> Result<Vec<u8>, Fault>;
    /// Puts `text` in the place of the first `size` bytes of the answer's body, all that are there.
    ///
    /// # Errors
    /// They are as they were.
    fn set_answer_body(&mut self, size: usize, text: &[u8]) -> Result<(), Fault>;
}

/// What a callback tells its gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Go on.
    Continue,
    /// Hold.
    Pause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Nothing,
    Body {
        limit: usize,
    },
    Call {
        token: u32,
        phase: Phase,
        max_reply: usize,
    },
    SharedCall {
        phase: Phase,
    },
    Tick {
        phase: Phase,
    },
    /// Answered or given up: whatever still arrives is held, never forwarded.
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Headers { end_of_stream: bool },
    Body,
}

/// One request's filter and what it waits for.
#[derive(Debug)]
pub struct Driver<F> {
    filter: Option<F>,
    waiting: Waiting,
    answers: Answers,
    calls: u8,
    early: Option<Early>,
    /// The headers were held for something else, and the body is waited for since.
    resumed: bool,
    /// The filter wanted the body and was told that there is none.
    bodiless: bool,
}

impl<F: Filter> Driver<F> {
    /// Drives `filter`; `None` stands for a plugin that has no valid configuration and therefore
    /// refuses everything.
    pub fn new(filter: Option<F>) -> Self {
        let (waiting, answers) = (Waiting::Nothing, Answers::default());
        let (early, resumed, bodiless) = (None, false, false);
        Self { filter, waiting, answers, calls: 0, early, resumed, bodiless }
    }

    /// Request headers have arrived.
    pub fn on_request_headers(&mut self, gw: &mut dyn Gateway, end_of_stream: bool) -> Action {
        let step = match &mut self.filter {
            Some(filter) => filter.on_request_headers(gw.host(), end_of_stream),
            None => Step::Deny(Denial::POLICY_UNAVAILABLE.problem(&Details::NONE)),
        };
        self.settle(gw, step, Phase::Headers { end_of_stream })
    }

    /// `size` bytes of the request body are there so far.
    pub fn on_request_body(
        &mut self,
        gw: &mut dyn Gateway,
        size: usize,
        end_of_stream: bool,
    ) -> Action {
        match self.waiting {
            // A body after all: what was decided was decided about another request.
            Waiting::Nothing if self.bodiless && size > 0 => {
                self.settle(gw, unavailable(), Phase::Body)
            }
            Waiting::Nothing => Action::Continue,
            Waiting::Over => Action::Pause,
            Waiting::Call { .. } | Waiting::SharedCall { .. } | Waiting::Tick { .. } => {
                self.early = Some(Early { size, whole: end_of_stream });
                Action::Pause
            }
            Waiting::Body { limit } if size <= limit && !end_of_stream => Action::Pause,
            Waiting::Body { limit } => {
                let body = within(limit, size, |size| gw.body(size));
                self.decide_body(gw, body)
            }
        }
    }

    /// Request trailers have arrived: the body, if one is waited for, is complete. Its last chunk
    /// did not say so, and a policy skipped here would be a way around it.
    pub fn on_request_trailers(&mut self, gw: &mut dyn Gateway) -> Action {
        match self.waiting {
            Waiting::Nothing => Action::Continue,
            Waiting::Over => Action::Pause,
            Waiting::Call { .. } | Waiting::SharedCall { .. } | Waiting::Tick { .. } => {
                self.early.get_or_insert_default().whole = true;
                Action::Pause
            }
            Waiting::Body { limit } => {
                let body = at_most(limit, |most| gw.body(most));
                let action = self.decide_body(gw, body);
                if action == Action::Continue && self.resumed {
                    self.let_go(gw);
                    return Action::Pause;
                }
                action
            }
        }
    }

    /// The answer to a call. A token that nobody waits for is ignored.
    ///
    /// `read` fetches the answer from the gateway, given the most bytes of body to read.
    pub fn on_call(
        &mut self,
        gw: &mut dyn Gateway,
        token: u32,
        read: impl FnOnce(usize) -> CallReply,
    ) {
        let Some(filter) = &mut self.filter else { return };
        match self.waiting {
            Waiting::Call { token: awaited, phase, max_reply } if awaited == token => {
                let step = filter.on_call(gw.host(), read(max_reply));
                self.go_on(gw, step, phase);
            }
            _ => self.answers.on_call(filter, gw, token, read),
        }
    }

    /// The plugin's tick. Ignored where none is waited for.
    pub fn on_tick(&mut self, gw: &mut dyn Gateway) {
        let Waiting::Tick { phase } = self.waiting else { return };
        let Some(filter) = &mut self.filter else { return };
        let step = filter.on_tick(gw.host());
        self.go_on(gw, step, phase);
    }

    /// The flight this stream joined has landed. Ignored where none was joined.
    pub fn on_shared_reply(&mut self, gw: &mut dyn Gateway, reply: &CallReply) {
        let Waiting::SharedCall { phase } = self.waiting else { return };
        let Some(filter) = &mut self.filter else { return };
        let step = filter.on_shared_reply(gw.host(), reply);
        self.go_on(gw, step, phase);
    }

    fn go_on(&mut self, gw: &mut dyn Gateway, step: Step, phase: Phase) {
        if self.settle(gw, step, phase) == Action::Continue {
            self.resumed = matches!(self.waiting, Waiting::Body { .. });
            self.let_go(gw);
        }
    }

    /// Lets a held request go on. After headers that were held for something else, trailers do that
    /// too, instead of telling Envoy to go on: it then drops the body that was held meanwhile.
    fn let_go(&mut self, gw: &mut dyn Gateway) {
        if gw.resume().is_err() {
            self.waiting = Waiting::Over;
            gw.reset();
        }
    }

    /// The answer's headers have arrived, the upstream's or a refusal's.
    pub fn on_response_headers(&mut self, gw: &mut dyn Gateway, end_of_stream: bool) -> Action {
        match &mut self.filter {
            Some(filter) => {
                let action = self.answers.on_headers(filter, gw, end_of_stream);
                if self.answers.are_replaced() {
                    // Whatever still comes of the request is nobody's.
                    self.waiting = Waiting::Over;
                }
                action
            }
            None => Action::Continue,
        }
    }

    /// `size` bytes of the answer's body are there: of all that is held, or of what is passing.
    pub fn on_response_body(
        &mut self,
        gw: &mut dyn Gateway,
        size: usize,
        end_of_stream: bool,
    ) -> Action {
        match &mut self.filter {
            Some(filter) => self.answers.on_body(filter, gw, size, end_of_stream),
            None => Action::Continue,
        }
    }

    /// The answer's trailers have arrived: its body is complete.
    pub fn on_response_trailers(&mut self, gw: &mut dyn Gateway) -> Action {
        match &mut self.filter {
            Some(filter) => self.answers.on_trailers(filter, gw),
            None => Action::Continue,
        }
    }

    /// The stream is over.
    pub fn on_log(&mut self, gw: &mut dyn Gateway) {
        if let Some(filter) = &mut self.filter {
            self.answers.on_log(filter, gw);
            for call in filter.on_log(gw.host()) {
                if let Err(fault) = gw.notify(&call) {
                    gw.host().log(
                        log::Level::Error,
                        &format!("a call at the end of a request: {fault}"),
                    );
                }
            }
        }
    }

    fn decide_body(&mut self, gw: &mut dyn Gateway, body: Result<Vec<u8>, BodyFault>) -> Action {
        let step = self.judge_body(gw, body);
        self.settle(gw, step, Phase::Body)
    }

    fn judge_body(&mut self, gw: &mut dyn Gateway, body: Result<Vec<u8>, BodyFault>) -> Step {
        let Some(filter) = &mut self.filter else { return unavailable() };
        filter.on_request_body(gw.host(), body.as_deref().map_err(|fault| *fault))
    }

    fn may_ask(&mut self) -> bool {
        self.calls = self.calls.saturating_add(1);
        self.calls <= MAX_CALLS
    }

    fn settle(&mut self, gw: &mut dyn Gateway, step: Step, phase: Phase) -> Action {
        let (mut step, mut phase) = (step, phase);
        loop {
            step = match step {
                Step::Continue => {
                    self.waiting = Waiting::Nothing;
                    return Action::Continue;
                }
                Step::Deny(reply) => {
                    self.waiting = Waiting::Over;
                    if gw.reply(&reply).is_err() {
                        gw.reset();
                    }
                    return Action::Pause;
                }
                Step::Body { limit } | Step::HeldBody { limit } => match phase {
                    Phase::Headers { end_of_stream: false } => match self.early {
                        Some(early) if early.size > limit || early.whole => {
                            phase = Phase::Body;
                            let body = within(limit, early.size, |size| gw.body(size));
                            self.judge_body(gw, body)
                        }
                        early => {
                            // What is there already would go on with the headers.
                            let held = early.is_some() || matches!(step, Step::HeldBody { .. });
                            self.waiting = Waiting::Body { limit };
                            // Going on from the headers and holding the body is the one way that
                            // works on every gateway; see the hosts' notes on waiting for a body.
                            return if held { Action::Pause } else { Action::Continue };
                        }
                    },
                    Phase::Headers { end_of_stream: true } => {
                        self.bodiless = true;
                        match &mut self.filter {
                            Some(filter) => match filter.on_request_body(gw.host(), Ok(&[])) {
                                Step::Body { .. } | Step::HeldBody { .. } => unavailable(),
                                next => next,
                            },
                            None => unavailable(),
                        }
                    }
                    Phase::Body => unavailable(),
                },
                Step::Tick => match gw.await_tick() {
                    Ok(()) => {
                        self.waiting = Waiting::Tick { phase };
                        return Action::Pause;
                    }
                    Err(_) => unavailable(),
                },
                Step::Call(call) => {
                    let sent = self.may_ask().then(|| gw.dispatch(&call));
                    match (sent, &mut self.filter) {
                        (Some(Ok(token)), _) => {
                            let max_reply = call.max_reply;
                            self.waiting = Waiting::Call { token, phase, max_reply };
                            return Action::Pause;
                        }
                        (Some(Err(fault)), Some(filter)) => {
                            filter.on_call(gw.host(), CallReply::Failed(fault))
                        }
                        _ => unavailable(),
                    }
                }
                Step::Join(flight) => {
                    let joined = self.may_ask().then(|| gw.join(&flight));
                    match (joined, &mut self.filter) {
                        (Some(Ok(())), _) => {
                            self.waiting = Waiting::SharedCall { phase };
                            return Action::Pause;
                        }
                        (Some(Err(reply)), Some(filter)) => {
                            filter.on_shared_reply(gw.host(), &reply)
                        }
                        _ => unavailable(),
                    }
                }
            };
        }
    }
}

fn unavailable() -> Step {
    Step::Deny(Denial::POLICY_UNAVAILABLE.problem(&Details::NONE))
}

#[cfg(test)]
#[path = "driver_tests.rs"]
mod tests;

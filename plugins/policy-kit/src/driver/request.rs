//! Runs any [`Filter`] over any gateway: steps in, gateway actions out. No policy, no ABI.

use crate::call::http::CallReply;
use crate::driver::body::{at_most, of_size, EarlyBody, Phase};
use crate::driver::filter::{unavailable, BodyFault, Filter, Step};
use crate::driver::gateway::{Action, Gateway};
use crate::driver::response::ResponseDriver;

/// Calls one filter may chain in one request before the driver refuses: a filter that never stops calling
/// would hold the stream for ever.
const MAX_CALLS: u8 = 16;

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
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
    Release {
        phase: Phase,
    },
    /// Replied or given up: what still arrives is held, never forwarded.
    Over,
}

/// One request's filter and what it waits for.
///
/// ```
/// use policy_kit::fake::FakeHost;
/// use policy_kit::{Action, Denial, Details, Driver, Filter, Host, Step};
///
/// struct Closed;
///
/// impl Filter for Closed {
///     fn on_request_headers(&mut self, _host: &mut dyn Host, _end_of_stream: bool) -> Step {
///         Step::Deny(Denial::POLICY_UNAVAILABLE.problem(&Details::NONE))
///     }
/// }
///
/// let mut host = FakeHost::request(&[(":method", "GET"), (":path", "/")]);
/// let action = Driver::new(Some(Closed)).on_request_headers(&mut host, true);
/// assert_eq!(action, Action::Pause, "the request never goes on");
/// assert_eq!(host.replied.map(|reply| reply.status), Some(503));
/// ```
#[derive(Debug)]
pub struct Driver<F> {
    filter: Option<F>,
    wait: Wait,
    response: ResponseDriver,
    calls: u8,
    early: Option<EarlyBody>,
    /// The headers were held for something else, and the filter waits for the body since.
    resumed: bool,
    /// The filter wanted the body and got an empty one.
    bodiless: bool,
}

impl<F: Filter> Driver<F> {
    /// Drives `filter`; `None` stands for a plugin that has no valid configuration and therefore
    /// refuses everything.
    pub fn new(filter: Option<F>) -> Self {
        let (wait, response) = (Wait::Nothing, ResponseDriver::default());
        let (early, resumed, bodiless) = (None, false, false);
        Self { filter, wait, response, calls: 0, early, resumed, bodiless }
    }

    /// Request headers have arrived.
    pub fn on_request_headers(&mut self, gw: &mut dyn Gateway, end_of_stream: bool) -> Action {
        let step = match &mut self.filter {
            Some(filter) => filter.on_request_headers(gw.host(), end_of_stream),
            None => unavailable(),
        };
        self.settle(gw, step, Phase::Headers { end_of_stream })
    }

    /// `size` bytes of the request body have arrived so far.
    pub fn on_request_body(
        &mut self,
        gw: &mut dyn Gateway,
        size: usize,
        end_of_stream: bool,
    ) -> Action {
        match self.wait {
            // A body after all: the decision was about another request.
            Wait::Nothing if self.bodiless && size > 0 => {
                self.settle(gw, unavailable(), Phase::Body)
            }
            Wait::Nothing => Action::Continue,
            Wait::Over => Action::Pause,
            Wait::Call { .. }
            | Wait::SharedCall { .. }
            | Wait::Tick { .. }
            | Wait::Release { .. } => {
                self.early = Some(EarlyBody { size, whole: end_of_stream });
                Action::Pause
            }
            Wait::Body { limit } if size <= limit && !end_of_stream => Action::Pause,
            Wait::Body { limit } => {
                let body = of_size(limit, size, |size| gw.body(size));
                self.decide_body(gw, body)
            }
        }
    }

    /// Request trailers have arrived, so the body is complete although its last chunk did not say so. A filter
    /// that waits for it gets it here: else trailers would be a way around the policy.
    pub fn on_request_trailers(&mut self, gw: &mut dyn Gateway) -> Action {
        match self.wait {
            Wait::Nothing => Action::Continue,
            Wait::Over => Action::Pause,
            Wait::Call { .. }
            | Wait::SharedCall { .. }
            | Wait::Tick { .. }
            | Wait::Release { .. } => {
                self.early.get_or_insert_default().whole = true;
                Action::Pause
            }
            Wait::Body { limit } => {
                let body = at_most(limit, |most| gw.body(most));
                let action = self.decide_body(gw, body);
                if action == Action::Continue && self.resumed {
                    self.release(gw);
                    return Action::Pause;
                }
                action
            }
        }
    }

    /// The reply to a call. A token that the filter does not wait for is ignored.
    ///
    /// `read` fetches the reply from the gateway, given the most bytes of body to read.
    pub fn on_call(
        &mut self,
        gw: &mut dyn Gateway,
        token: u32,
        read: impl FnOnce(usize) -> CallReply,
    ) {
        let Some(filter) = &mut self.filter else { return };
        match self.wait {
            Wait::Call { token: awaited, phase, max_reply } if awaited == token => {
                let step = filter.on_call(gw.host(), read(max_reply));
                self.go_on(gw, step, phase);
            }
            _ => self.response.on_call(filter, gw, token, read),
        }
    }

    /// The plugin's tick. Ignored unless the filter waits for one.
    pub fn on_tick(&mut self, gw: &mut dyn Gateway) {
        let Wait::Tick { phase } = self.wait else { return };
        let Some(filter) = &mut self.filter else { return };
        let step = filter.on_tick(gw.host());
        self.go_on(gw, step, phase);
    }

    /// The plugin has released this stream's ticket. Ignored unless the filter waits for that.
    pub fn on_release(&mut self, gw: &mut dyn Gateway) {
        let Wait::Release { phase } = self.wait else { return };
        let Some(filter) = &mut self.filter else { return };
        let step = filter.on_release(gw.host());
        self.go_on(gw, step, phase);
    }

    /// The shared call that this stream joined has completed. Ignored where none was joined.
    pub fn on_shared_reply(&mut self, gw: &mut dyn Gateway, reply: &CallReply) {
        let Wait::SharedCall { phase } = self.wait else { return };
        let Some(filter) = &mut self.filter else { return };
        let step = filter.on_shared_reply(gw.host(), reply);
        self.go_on(gw, step, phase);
    }

    fn go_on(&mut self, gw: &mut dyn Gateway, step: Step, phase: Phase) {
        if self.settle(gw, step, phase) == Action::Continue {
            self.resumed = matches!(self.wait, Wait::Body { .. });
            self.release(gw);
        }
    }

    /// Releases a held request. Trailers do that too where the headers were held for something else: Envoy
    /// drops the body that was held meanwhile if the trailers' callback returns "continue".
    fn release(&mut self, gw: &mut dyn Gateway) {
        if gw.resume().is_err() {
            self.wait = Wait::Over;
            gw.reset();
        }
    }

    /// The response's headers have arrived, the upstream's or a refusal's.
    pub fn on_response_headers(&mut self, gw: &mut dyn Gateway, end_of_stream: bool) -> Action {
        match &mut self.filter {
            Some(filter) => {
                let action = self.response.on_headers(filter, gw, end_of_stream);
                if self.response.is_replaced() {
                    // What still arrives of the request has no receiver.
                    self.wait = Wait::Over;
                }
                action
            }
            None => Action::Continue,
        }
    }

    /// `size` bytes of the response body are there: all that is held, or the piece that is passing.
    pub fn on_response_body(
        &mut self,
        gw: &mut dyn Gateway,
        size: usize,
        end_of_stream: bool,
    ) -> Action {
        match &mut self.filter {
            Some(filter) => self.response.on_body(filter, gw, size, end_of_stream),
            None => Action::Continue,
        }
    }

    /// The response's trailers have arrived: its body is complete.
    pub fn on_response_trailers(&mut self, gw: &mut dyn Gateway) -> Action {
        match &mut self.filter {
            Some(filter) => self.response.on_trailers(filter, gw),
            None => Action::Continue,
        }
    }

    /// The stream is over.
    pub fn on_log(&mut self, gw: &mut dyn Gateway) {
        if let Some(filter) = &mut self.filter {
            self.response.on_log(filter, gw);
            for call in filter.on_log(gw.host()) {
                if let Err(fault) = gw.notify(&call) {
                    let line = format!("a call at the end of a request: {fault}");
                    gw.host().log(log::Level::Error, &line);
                }
            }
        }
    }

    fn decide_body(&mut self, gw: &mut dyn Gateway, body: Result<Vec<u8>, BodyFault>) -> Action {
        let step = self.filter_body(gw, body);
        self.settle(gw, step, Phase::Body)
    }

    fn filter_body(&mut self, gw: &mut dyn Gateway, body: Result<Vec<u8>, BodyFault>) -> Step {
        let Some(filter) = &mut self.filter else { return unavailable() };
        filter.on_request_body(gw.host(), body.as_deref().map_err(|fault| *fault))
    }

    fn may_call(&mut self) -> bool {
        self.calls = self.calls.saturating_add(1);
        self.calls <= MAX_CALLS
    }

    fn settle(&mut self, gw: &mut dyn Gateway, step: Step, phase: Phase) -> Action {
        let (mut step, mut phase) = (step, phase);
        loop {
            step = match step {
                Step::Continue => {
                    self.wait = Wait::Nothing;
                    return Action::Continue;
                }
                Step::Deny(reply) => {
                    self.wait = Wait::Over;
                    if gw.reply(&reply).is_err() {
                        gw.reset();
                    }
                    return Action::Pause;
                }
                Step::Body { limit } | Step::HeldBody { limit } => match phase {
                    Phase::Headers { end_of_stream: false } => match self.early {
                        Some(early) if early.size > limit || early.whole => {
                            phase = Phase::Body;
                            let body = of_size(limit, early.size, |size| gw.body(size));
                            self.filter_body(gw, body)
                        }
                        early => {
                            // What has arrived already would go on with the headers.
                            let held = early.is_some() || matches!(step, Step::HeldBody { .. });
                            self.wait = Wait::Body { limit };
                            // Letting the headers go on and holding the body is the one way that
                            // works on every gateway.
                            return if held { Action::Pause } else { Action::Continue };
                        }
                    },
                    Phase::Headers { end_of_stream: true } => {
                        self.bodiless = true;
                        match self.filter_body(gw, Ok(Vec::new())) {
                            Step::Body { .. } | Step::HeldBody { .. } => unavailable(),
                            next => next,
                        }
                    }
                    Phase::Body => unavailable(),
                },
                Step::Tick => match gw.await_tick() {
                    Ok(()) => {
                        self.wait = Wait::Tick { phase };
                        return Action::Pause;
                    }
                    Err(_) => unavailable(),
                },
                Step::Wait(ticket) => match gw.await_release(ticket) {
                    Ok(()) => {
                        self.wait = Wait::Release { phase };
                        return Action::Pause;
                    }
                    Err(_) => unavailable(),
                },
                Step::Call(call) => {
                    let sent = self.may_call().then(|| gw.dispatch(&call));
                    match (sent, &mut self.filter) {
                        (Some(Ok(token)), _) => {
                            let max_reply = call.max_reply;
                            self.wait = Wait::Call { token, phase, max_reply };
                            return Action::Pause;
                        }
                        (Some(Err(fault)), Some(filter)) => {
                            filter.on_call(gw.host(), CallReply::Failed(fault))
                        }
                        _ => unavailable(),
                    }
                }
                Step::Join(call) => {
                    let joined = self.may_call().then(|| gw.join(&call));
                    match (joined, &mut self.filter) {
                        (Some(Ok(())), _) => {
                            self.wait = Wait::SharedCall { phase };
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

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;

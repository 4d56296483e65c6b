//! A filter walks one request through a plugin; its steps say what the gateway does next.

use policy_wire::{Fault, Host};

use crate::call::http::{CallReply, HttpCall, SharedCall};
use crate::driver::ticket::Ticket;
use crate::refusal::denial::Denial;
use crate::refusal::details::Details;
use crate::refusal::reply::Reply;

/// What a filter wants to happen next with its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Let the request go on.
    Continue,
    /// Reply in place of the upstream.
    Deny(Reply),
    /// Send a call; the stream waits, [`Filter::on_call`] gets the reply.
    Call(HttpCall),
    /// Send a call together with every other stream of this worker that wants the same one;
    /// [`Filter::on_shared_reply`] gets the reply.
    Join(SharedCall),
    /// Wait for the whole body; [`Filter::on_request_body`] gets it, or the reason why it is missing. The
    /// headers go on meanwhile, because on most gateways the body only comes after them.
    Body {
        /// Most bytes to hold.
        limit: usize,
    },
    /// The same, with the headers held too: only where the operator says that the gateway has
    /// `allow_on_headers_stop_iteration`. Elsewhere the body would never come.
    HeldBody {
        /// Most bytes to hold.
        limit: usize,
    },
    /// Wait for the plugin's next tick; [`Filter::on_tick`] is called then. Only for plugins with a
    /// [`Plugin::tick_period`](crate::Plugin::tick_period).
    Tick,
    /// Hold the request until the plugin releases this ticket; [`Filter::on_release`] is called then. Only for
    /// gateways on which one stream can release another (Envoy), and modules that export `release`.
    Wait(Ticket),
}

/// What a filter wants to happen next with the response to its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseStep {
    /// Let it go on to the client.
    Continue,
    /// Hold the body until it is complete, so that none of it reaches the client before;
    /// [`Filter::on_response_body`] gets it. From the headers only.
    Hold {
        /// Most bytes to hold. A longer body is a [`BodyFault::TooLarge`] as soon as it exceeds this.
        limit: usize,
    },
    /// Let the body pass and keep a copy; [`Filter::on_response_body`] gets it when it has passed. From
    /// the headers only.
    Copy {
        /// Most bytes to keep.
        limit: usize,
    },
    /// Send a call; what is held of the response stays held, and [`Filter::on_response_call`] gets the reply.
    Call(HttpCall),
    /// Replace the response. From the headers only: later the client has them already. The replacement is
    /// written over the upstream's response, so that other filters treat it like any response; what the
    /// request still waits for is dropped.
    Replace(Reply),
}

/// Why a body that a filter waited for is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// It is longer than the filter's limit.
    TooLarge,
    /// The gateway did not hand it over, or not all of it.
    Unreadable(Fault),
}

impl BodyFault {
    /// The refusal that fits.
    pub const fn denial(self) -> Denial {
        match self {
            Self::TooLarge => Denial::BODY_TOO_LARGE,
            Self::Unreadable(_) => Denial::POLICY_UNAVAILABLE,
        }
    }
}

/// Walks one request through a plugin.
///
/// A filter that never returns a waiting step is never resumed, so the methods that resume it refuse by default.
///
/// ```
/// use policy_kit::{Denial, Details, Filter, Host, MapKind, Step};
///
/// /// Refuses requests without a tenant.
/// struct NeedsTenant;
///
/// impl Filter for NeedsTenant {
///     fn on_request_headers(&mut self, host: &mut dyn Host, _end_of_stream: bool) -> Step {
///         match host.headers(MapKind::Request) {
///             Ok(headers) if headers.has("x-tenant") => Step::Continue,
///             Ok(headers) => Step::Deny(Denial::UNCLASSIFIED.problem(&Details::read(&headers))),
///             // Without the headers nothing is known, so nothing passes.
///             Err(_) => Step::Deny(Denial::POLICY_UNAVAILABLE.problem(&Details::NONE)),
///         }
///     }
/// }
///
/// let mut host = policy_kit::fake::FakeHost::request(&[("x-tenant", "otter")]);
/// assert_eq!(NeedsTenant.on_request_headers(&mut host, true), Step::Continue);
/// ```
pub trait Filter {
    /// The request's headers are there. `end_of_stream` where no body follows, as far as the gateway
    /// can tell.
    fn on_request_headers(&mut self, host: &mut dyn Host, end_of_stream: bool) -> Step;

    /// The whole body, after [`Step::Body`].
    fn on_request_body(&mut self, _host: &mut dyn Host, _body: Result<&[u8], BodyFault>) -> Step {
        unavailable()
    }

    /// The reply to a call, after [`Step::Call`].
    fn on_call(&mut self, _host: &mut dyn Host, _reply: CallReply) -> Step {
        unavailable()
    }

    /// The reply to a shared call, after [`Step::Join`]. The plugin got it before, with two exceptions:
    /// [`CallReply::Failed`] for a call that was not sent, and [`CallReply::TooManyWaiting`] for one that is
    /// pending and that this stream does not wait for.
    fn on_shared_reply(&mut self, _host: &mut dyn Host, _reply: &CallReply) -> Step {
        unavailable()
    }

    /// The next tick, after [`Step::Tick`].
    fn on_tick(&mut self, _host: &mut dyn Host) -> Step {
        unavailable()
    }

    /// The plugin has released the ticket of [`Step::Wait`].
    fn on_release(&mut self, _host: &mut dyn Host) -> Step {
        unavailable()
    }

    /// The response's headers are there: the upstream's, or those of a refusal. `end_of_stream` where no
    /// body follows.
    fn on_response_headers(&mut self, _host: &mut dyn Host, _end_of_stream: bool) -> ResponseStep {
        ResponseStep::Continue
    }

    /// The whole body of the response, after [`ResponseStep::Hold`] or [`ResponseStep::Copy`]. A body that is
    /// too long or unreadable goes on whatever the filter returns, unless it sends a call first.
    fn on_response_body(
        &mut self,
        _host: &mut dyn Host,
        _body: Result<&[u8], BodyFault>,
    ) -> ResponseStep {
        ResponseStep::Continue
    }

    /// The reply to a call, after [`ResponseStep::Call`].
    fn on_response_call(&mut self, _host: &mut dyn Host, _reply: CallReply) -> ResponseStep {
        ResponseStep::Continue
    }

    /// The stream is over, however it ended. The calls that this returns are sent, and their responses are
    /// ignored.
    fn on_log(&mut self, _host: &mut dyn Host) -> Vec<HttpCall> {
        Vec::new()
    }
}

/// Refuses a request for which the gateway, or a filter, did what the driver cannot go on from.
pub(crate) fn unavailable() -> Step {
    Step::Deny(Denial::POLICY_UNAVAILABLE.problem(&Details::NONE))
}

//! What a plugin is: a configuration that makes filters, and a filter that walks one request.

use std::time::Duration;

use crate::{ConfigError, Denial, Details, Fault, Headers, Host, Profile, Reply};

/// A plugin: configured once per VM, then the maker of one [`Filter`] per request.
pub trait Plugin: Sized + 'static {
    /// The plugin's name, as in records, metrics and file names.
    const NAME: &'static str;
    /// What walks one request.
    type Filter: Filter + 'static;

    /// Reads the configuration document.
    ///
    /// # Errors
    /// The document must be fixed; the gateway refuses it and keeps what it had.
    fn configure(document: &[u8], host: &mut dyn Host) -> Result<Self, ConfigError>;

    /// Which gateway the operator says this is.
    fn profile(&self) -> Profile;

    /// A filter for a new request.
    fn filter(&self) -> Self::Filter;

    /// How often [`Plugin::on_tick`] wants to be called; never by default.
    fn tick_period(&self) -> Option<Duration> {
        None
    }

    /// Called every [`Plugin::tick_period`], on every worker. What it wants asked is sent, unless a
    /// flight of that key is under way.
    fn on_tick(&mut self, _host: &mut dyn Host) -> Vec<SharedCall> {
        Vec::new()
    }

    /// The configuration ends: its last request is over, and nothing but what this returns is sent any more.
    /// The gateway waits for the responses, for as long as it has patience.
    fn on_drain(&mut self, _host: &mut dyn Host) -> Vec<SharedCall> {
        Vec::new()
    }

    /// A flight has landed. The plugin hears it once, before the streams that wait for it.
    fn on_shared_reply(&mut self, _host: &mut dyn Host, _key: &str, _reply: &CallReply) {}
}

/// Most streams of one worker that wait for one flight, or for one configuration's tick. Where what a
/// stream does comes back into the VM, as a refusal's headers do, Envoy (1.40) goes on with the next one
/// on top of it. With some 380 on it V8 has no stack left: the VM is given up, and every stream of it
/// ends.
pub const MAX_WAITING_STREAMS: usize = 64;

/// What a filter wants to happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Let the request go on.
    Continue,
    /// Answer in place of the upstream.
    Deny(Reply),
    /// Ask somebody; the stream waits, [`Filter::on_call`] gets the answer.
    Call(HttpCall),
    /// Ask somebody together with every other stream of this worker that asks the same;
    /// [`Filter::on_shared_reply`] gets the answer.
    Join(SharedCall),
    /// Wait for the whole body; [`Filter::on_request_body`] gets it, or is told why not. The headers
    /// go on meanwhile, because on most gateways the body only comes after them.
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
    /// [`Plugin::tick_period`].
    Tick,
}

/// What a filter wants to happen with the answer to its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseStep {
    /// Let it go on to the client.
    Continue,
    /// Hold the body until all of it is there, so that none of it reaches the client before;
    /// [`Filter::on_response_body`] gets it. From the headers only.
    Hold {
        /// Most bytes to hold. Of a longer body the filter is told as soon as it is.
        limit: usize,
    },
    /// Let the body pass and keep a copy; [`Filter::on_response_body`] gets it when it has passed. From
    /// the headers only.
    Copy {
        /// Most bytes to keep.
        limit: usize,
    },
    /// Ask somebody; what is held of the answer stays held, and [`Filter::on_response_call`] hears.
    Call(HttpCall),
    /// Give this answer in its place. From the headers only: later the client has them already. It is
    /// written over the upstream's, so that other filters treat it as they treat every answer; what the
    /// request still waits for is dropped.
    Replace(Reply),
}

/// Why a body that was waited for is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// It is longer than the filter wanted to hold.
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

/// An HTTP request to another service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    /// Envoy: a cluster. WasmX: `host:port`.
    pub target: String,
    /// Pseudo headers first: `:method`, `:path`, `:authority`.
    pub headers: Vec<(String, String)>,
    /// Body; empty for none.
    pub body: Vec<u8>,
    /// After this the call counts as failed.
    pub timeout: Duration,
    /// Most bytes of the answer's body that are read; a longer one is cut there.
    pub max_reply: usize,
}

/// A [`HttpCall`] that is made once for all who want its answer at the same time: the streams of one
/// worker, and the plugin itself. It is the configuration's call, so a client that leaves does not
/// take it from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedCall {
    /// What it is about. While one of this key is under way, no second one starts.
    pub key: String,
    /// What to send if none is. Its timeout bounds how long anybody waits.
    pub call: HttpCall,
}

/// How a [`HttpCall`] ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallReply {
    /// Somebody answered. A gateway that could not connect may answer 503 or 504 by itself.
    Response {
        /// HTTP status.
        status: u16,
        /// Headers.
        headers: Headers,
        /// Body, up to [`HttpCall::max_reply`] bytes.
        body: Vec<u8>,
        /// Whether the body was longer than that.
        cut: bool,
    },
    /// Nobody answered.
    NoResponse,
    /// The gateway did not take the call, or did not hand over the answer.
    Failed(Fault),
    /// Too many streams wait for this flight already. It is in the air all the same, and the plugin
    /// will hear of it, so this says nothing of whoever was asked.
    TooManyWaiting,
}

/// Walks one request through a plugin.
pub trait Filter {
    /// The request's headers are there. `end_of_stream` where no body follows, as far as the gateway
    /// can tell.
    fn on_request_headers(&mut self, host: &mut dyn Host, end_of_stream: bool) -> Step;

    /// The whole body, after [`Step::Body`].
    fn on_request_body(&mut self, _host: &mut dyn Host, _body: Result<&[u8], BodyFault>) -> Step {
        refuse_unasked()
    }

    /// The end of a call, after [`Step::Call`].
    fn on_call(&mut self, _host: &mut dyn Host, _reply: CallReply) -> Step {
        refuse_unasked()
    }

    /// The end of a flight, after [`Step::Join`]. The plugin has heard it, unless it never took off:
    /// then the reply is [`CallReply::Failed`]. Or it goes on without this stream:
    /// [`CallReply::TooManyWaiting`].
    fn on_shared_reply(&mut self, _host: &mut dyn Host, _reply: &CallReply) -> Step {
        refuse_unasked()
    }

    /// The next tick, after [`Step::Tick`].
    fn on_tick(&mut self, _host: &mut dyn Host) -> Step {
        refuse_unasked()
    }

    /// The answer's headers are there: the upstream's, or those of a refusal. `end_of_stream` where no
    /// body follows.
    fn on_response_headers(&mut self, _host: &mut dyn Host, _end_of_stream: bool) -> ResponseStep {
        ResponseStep::Continue
    }

    /// The whole body of the answer, after [`ResponseStep::Hold`] or [`ResponseStep::Copy`]. One that is
    /// too long, or cannot be had, goes on whatever the filter says, unless it asks somebody first.
    fn on_response_body(
        &mut self,
        _host: &mut dyn Host,
        _body: Result<&[u8], BodyFault>,
    ) -> ResponseStep {
        ResponseStep::Continue
    }

    /// The end of a call, after [`ResponseStep::Call`].
    fn on_response_call(&mut self, _host: &mut dyn Host, _reply: CallReply) -> ResponseStep {
        ResponseStep::Continue
    }

    /// The request is over, however it ended. The calls that are returned are sent, and nothing hears of
    /// their responses.
    fn on_log(&mut self, _host: &mut dyn Host) -> Vec<HttpCall> {
        Vec::new()
    }
}

/// A filter that never waits is never resumed; if it is, something is wrong with the host.
fn refuse_unasked() -> Step {
    Step::Deny(Denial::POLICY_UNAVAILABLE.problem(&Details::NONE))
}

//! What the driver needs of a gateway, beside what a filter may ask of it.

use policy_wire::{Fault, Host};

use crate::call::http::{CallReply, HttpCall, SharedCall};
use crate::driver::ticket::Ticket;
use crate::refusal::reply::Reply;

/// What only the driver may do with a gateway: reply, call, hold and release.
///
/// `policy-shell` implements it over the ABI, `fake::FakeHost` for tests.
pub trait Gateway: Host {
    /// This gateway as a filter sees it.
    fn host(&mut self) -> &mut dyn Host;
    /// Whether the headers and the body of a response can be changed while it passes.
    fn can_rewrite_responses(&self) -> bool {
        true
    }
    /// Replies in place of the upstream.
    ///
    /// # Errors
    /// The client got no reply.
    fn reply(&mut self, reply: &Reply) -> Result<(), Fault>;
    /// Sends a call and returns its token.
    ///
    /// # Errors
    /// The call was not sent.
    fn dispatch(&mut self, call: &HttpCall) -> Result<u32, Fault>;
    /// Sends a call whose reply is ignored, also where the stream is over.
    ///
    /// # Errors
    /// The call was not sent.
    fn notify(&mut self, call: &HttpCall) -> Result<(), Fault>;
    /// Joins a shared call, which is sent if none of its key is pending.
    /// [`Driver::on_shared_reply`](crate::Driver::on_shared_reply) must be called when it completes.
    ///
    /// # Errors
    /// [`CallReply::Failed`]: it was not sent and will not complete. [`CallReply::TooManyWaiting`]: it is
    /// pending, and this stream does not get its reply.
    fn join(&mut self, call: &SharedCall) -> Result<(), CallReply>;
    /// Releases a held request.
    ///
    /// # Errors
    /// It is still held.
    fn resume(&mut self) -> Result<(), Fault>;
    /// Releases a held response.
    ///
    /// # Errors
    /// It is still held.
    fn resume_response(&mut self) -> Result<(), Fault>;
    /// Has [`Driver::on_tick`](crate::Driver::on_tick) called at the plugin's next tick.
    ///
    /// # Errors
    /// It will not be called.
    fn await_tick(&mut self) -> Result<(), Fault>;
    /// Has [`Driver::on_release`](crate::Driver::on_release) called once the plugin releases the ticket.
    ///
    /// # Errors
    /// It will not be called.
    fn await_release(&mut self, ticket: Ticket) -> Result<(), Fault>;
    /// Ends the stream without a response. A held stream that cannot even be reset ends with the gateway's
    /// idle timeout.
    fn reset(&mut self);
    /// The first `size` bytes of the request body.
    ///
    /// # Errors
    /// The gateway did not hand them over.
    fn body(&mut self, size: usize) -> Result<Vec<u8>, Fault>;
    /// The first `size` bytes of the response body, as far as it is held or passing.
    ///
    /// # Errors
    /// The gateway did not hand them over.
    fn response_body(&mut self, size: usize) -> Result<Vec<u8>, Fault>;
    /// Replaces the first `size` bytes of the response body, all that are there, by `text`.
    ///
    /// # Errors
    /// They are unchanged.
    fn set_response_body(&mut self, size: usize, text: &[u8]) -> Result<(), Fault>;
}

/// What a callback returns to its gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Go on.
    Continue,
    /// Hold.
    Pause,
}

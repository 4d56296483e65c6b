//! A plugin: configured once per VM, it makes one filter per request.

use std::time::Duration;

use policy_wire::{Host, Profile};

use crate::call::http::{CallReply, SharedCall};
use crate::config::error::ConfigError;
use crate::driver::filter::Filter;
use crate::driver::ticket::Ticket;

/// A plugin: configured once per VM, then the maker of one [`Filter`] per request.
///
/// The README of this crate has a complete one.
pub trait Plugin: Sized + 'static {
    /// The plugin's name, as in records, metrics and file names.
    const NAME: &'static str;
    /// What walks one request.
    type Filter: Filter + 'static;

    /// Reads the configuration document.
    ///
    /// # Errors
    /// The document is invalid. The gateway refuses it and keeps the configuration it had.
    fn configure(document: &[u8], host: &mut dyn Host) -> Result<Self, ConfigError>;

    /// The gateway, as the operator names it.
    fn profile(&self) -> Profile;

    /// A filter for a new request.
    fn filter(&self) -> Self::Filter;

    /// Time between calls of [`Plugin::on_tick`]; `None`, the default, for never.
    fn tick_period(&self) -> Option<Duration> {
        None
    }

    /// Called every [`Plugin::tick_period`], on every worker. Returns the calls to send; one whose key is
    /// pending already is not sent again.
    fn on_tick(&mut self, _host: &mut dyn Host) -> Vec<SharedCall> {
        Vec::new()
    }

    /// The configuration ends: its last request is over. Returns the last calls to send; the gateway waits for
    /// their replies as long as its own patience lasts.
    fn on_drain(&mut self, _host: &mut dyn Host) -> Vec<SharedCall> {
        Vec::new()
    }

    /// Takes the tickets whose requests go on now, at most `most`, in the order in which they do. Called after the
    /// configuration's ticks, and after the ends of its streams and calls.
    fn released(&mut self, _host: &mut dyn Host, _most: usize) -> Vec<Ticket> {
        Vec::new()
    }

    /// A shared call has completed. The plugin gets the reply once, before the streams that wait for it.
    fn on_shared_reply(&mut self, _host: &mut dyn Host, _key: &str, _reply: &CallReply) {}
}

/// Most streams of one worker that wait for one shared call, or for one configuration's tick.
///
/// Where resuming a stream calls back into the VM, as a refusal's response headers do, Envoy (1.40) resumes the
/// next stream on top of it. At a depth of some 380 V8 runs out of stack: Envoy drops the VM, and every stream
/// of it ends.
pub const MAX_WAITING_STREAMS: usize = 64;

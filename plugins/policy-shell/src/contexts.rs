//! One context per configuration, one per stream. They only pass on.

use std::cell::RefCell;
use std::rc::Rc;

use policy_kit::{Action, CallReply, Driver, Fault, Host, Plugin, Profile, SharedCall, Ticket};

use crate::abi::{call_reply, Abi, Metrics};
use crate::codes::Buffer;
use crate::pending::At;
use crate::vm::{RootContext, StreamContext};
use crate::{calls, quirks, sys, vm};

/// Longest configuration that is read, in bytes. Envoy's own limits are lower.
const MAX_CONFIGURATION: usize = 16 << 20;

/// Registers the plugin; called by [`export!`](crate::export) before anything else.
pub fn start<P: Plugin>() {
    vm::with(|vm| vm.new_root = Some(|context| Box::new(Root::<P>::new(context))));
}

/// The context of a configuration.
pub(crate) struct Root<P> {
    context: u32,
    plugin: Option<P>,
    metrics: Metrics,
}

impl<P: Plugin> Root<P> {
    pub(crate) fn new(context: u32) -> Self {
        Self { context, plugin: None, metrics: Rc::new(RefCell::new(Default::default())) }
    }

    /// Sends the calls that the plugin wants; whether any was sent.
    fn ask(&mut self, wants: fn(&mut P, &mut dyn Host) -> Vec<SharedCall>) -> bool {
        let mut abi = self.abi(self.context);
        let Some(plugin) = &mut self.plugin else { return false };
        let mut sent = false;
        for call in wants(plugin, &mut abi) {
            match calls::start(&call, self.context) {
                Ok(()) => sent = true,
                Err(fault) => {
                    plugin.on_shared_reply(&mut abi, &call.key, &CallReply::Failed(fault))
                }
            }
        }
        sent
    }

    fn abi(&self, context: u32) -> Abi {
        let profile = self.plugin.as_ref().map_or(Profile::default(), P::profile);
        self.abi_of(context, profile)
    }

    fn abi_of(&self, context: u32, profile: Profile) -> Abi {
        let at = At { root: self.context, context };
        Abi::new(at, profile, P::NAME, Rc::clone(&self.metrics))
    }
}

impl<P: Plugin> RootContext for Root<P> {
    fn configure(&mut self, size: usize) -> bool {
        let refuse = |why: String| {
            sys::log(log::Level::Error, &format!("{}: {why}", P::NAME));
            false
        };
        let document = match sys::buffer(Buffer::PluginConfiguration, size.min(MAX_CONFIGURATION)) {
            Ok(document) => document,
            Err(fault) => return refuse(format!("no configuration: {fault}")),
        };
        let mut abi = self.abi_of(self.context, quirks::profile_in(&document));
        let plugin = match P::configure(&document, &mut abi) {
            Ok(plugin) => plugin,
            Err(error) => return refuse(format!("configuration refused: {error}")),
        };
        match plugin.tick_period().map(sys::tick_every) {
            Some(Ok(())) => vm::ticks(self.context),
            Some(Err(fault)) => return refuse(format!("no timer: {fault}")),
            None => {}
        }
        self.plugin = Some(plugin);
        true
    }

    fn tick(&mut self) {
        self.ask(P::on_tick);
    }

    fn drain(&mut self) -> bool {
        self.ask(P::on_drain)
    }

    fn shared_reply(&mut self, key: &str, headers: usize, body: usize, max: usize) -> CallReply {
        let mut abi = self.abi(self.context);
        let reply = call_reply(headers, body, max);
        if let Some(plugin) = &mut self.plugin {
            plugin.on_shared_reply(&mut abi, key, &reply);
        }
        reply
    }

    fn released(&mut self, most: usize) -> Vec<Ticket> {
        let mut abi = self.abi(self.context);
        self.plugin.as_mut().map_or_else(Vec::new, |plugin| plugin.released(&mut abi, most))
    }

    fn stream(&self, context: u32) -> Box<dyn StreamContext> {
        let driver = Driver::new(self.plugin.as_ref().map(P::filter));
        Box::new(Stream::<P> { root: self.context, driver, abi: self.abi(context) })
    }
}

struct Stream<P: Plugin> {
    root: u32,
    driver: Driver<P::Filter>,
    abi: Abi,
}

impl<P: Plugin> StreamContext for Stream<P> {
    fn request_headers(&mut self, end_of_stream: bool) -> Action {
        let end_of_stream = self.abi.anew().ends_with_headers(end_of_stream);
        self.driver.on_request_headers(&mut self.abi, end_of_stream)
    }

    fn request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.driver.on_request_body(self.abi.anew(), size, end_of_stream)
    }

    fn request_trailers(&mut self) -> Action {
        self.driver.on_request_trailers(self.abi.anew())
    }

    fn response_headers(&mut self, end_of_stream: bool) -> Action {
        let end_of_stream = self.abi.anew().response_ends_with_headers(end_of_stream);
        self.driver.on_response_headers(&mut self.abi, end_of_stream)
    }

    fn response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.driver.on_response_body(self.abi.anew(), size, end_of_stream)
    }

    fn response_trailers(&mut self) -> Action {
        self.driver.on_response_trailers(self.abi.anew())
    }

    fn tick(&mut self) {
        self.driver.on_tick(self.abi.anew());
    }

    fn release(&mut self) {
        self.driver.on_release(self.abi.anew());
    }

    fn root(&self) -> u32 {
        self.root
    }

    fn call_response(&mut self, token: u32, headers: usize, body: usize, ready: Result<(), Fault>) {
        self.driver.on_call(self.abi.anew(), token, |max| match ready {
            Ok(()) => call_reply(headers, body, max),
            Err(fault) => CallReply::Failed(fault),
        });
    }

    fn shared_reply(&mut self, reply: &CallReply) {
        self.driver.on_shared_reply(self.abi.anew(), reply);
    }

    fn log(&mut self) {
        self.driver.on_log(self.abi.anew());
    }
}

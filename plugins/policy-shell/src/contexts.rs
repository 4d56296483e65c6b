//! The SDK's contexts: one per VM and configuration, one per stream. They only pass on.

use std::cell::RefCell;
use std::rc::Rc;

use policy_kit::{Action, Driver, Host, Plugin, Profile};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types;

use crate::abi::{call_reply, Abi, Counters};
use crate::sys::{self, Buffer};

/// Longest configuration that is read, in bytes. Envoy's own limits are lower.
const MAX_CONFIGURATION: usize = 16 << 20;

/// Registers the plugin with the SDK; called by [`export!`](crate::export).
pub fn start<P: Plugin>() {
    proxy_wasm::set_root_context(|_| Box::new(Root::<P>::new()));
}

struct Root<P> {
    plugin: Option<P>,
    counters: Counters,
}

impl<P: Plugin> Root<P> {
    fn new() -> Self {
        Self { plugin: None, counters: Rc::new(RefCell::new(Default::default())) }
    }

    fn abi(&self) -> Abi {
        let profile = self.plugin.as_ref().map_or(Profile::default(), P::profile);
        Abi::new(profile, P::NAME, Rc::clone(&self.counters))
    }
}

impl<P: Plugin> Context for Root<P> {}

impl<P: Plugin> RootContext for Root<P> {
    fn on_configure(&mut self, size: usize) -> bool {
        let mut abi = self.abi();
        let document = match sys::buffer(Buffer::PluginConfiguration, size.min(MAX_CONFIGURATION)) {
            Ok(document) => document,
            Err(fault) => {
                let line = format!("{}: no configuration: {fault}", P::NAME);
                abi.log(log::Level::Error, &line);
                return false;
            }
        };
        let plugin = match P::configure(&document, &mut abi) {
            Ok(plugin) => plugin,
            Err(error) => {
                let line = format!("{}: configuration refused: {error}", P::NAME);
                abi.log(log::Level::Error, &line);
                return false;
            }
        };
        if let Some(Err(fault)) = plugin.tick_period().map(sys::tick_every) {
            abi.log(log::Level::Error, &format!("{}: no timer: {fault}", P::NAME));
            return false;
        }
        self.plugin = Some(plugin);
        true
    }

    fn on_tick(&mut self) {
        let mut abi = self.abi();
        if let Some(plugin) = &mut self.plugin {
            plugin.on_tick(&mut abi);
        }
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        let driver = Driver::new(self.plugin.as_ref().map(P::filter));
        Some(Box::new(Stream::<P> { driver, abi: self.abi() }))
    }

    fn get_type(&self) -> Option<types::ContextType> {
        Some(types::ContextType::HttpContext)
    }
}

struct Stream<P: Plugin> {
    driver: Driver<P::Filter>,
    abi: Abi,
}

fn action(action: Action) -> types::Action {
    match action {
        Action::Continue => types::Action::Continue,
        Action::Pause => types::Action::Pause,
    }
}

impl<P: Plugin> Context for Stream<P> {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, _: usize) {
        self.abi.forget();
        self.driver.on_call(&mut self.abi, token, |max| call_reply(headers, body, max));
    }
}

impl<P: Plugin> HttpContext for Stream<P> {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> types::Action {
        self.abi.forget();
        action(self.driver.on_request_headers(&mut self.abi, end_of_stream))
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> types::Action {
        self.abi.forget();
        action(self.driver.on_request_body(&mut self.abi, size, end_of_stream))
    }

    fn on_http_request_trailers(&mut self, _: usize) -> types::Action {
        self.abi.forget();
        action(self.driver.on_request_trailers(&mut self.abi))
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> types::Action {
        self.abi.forget();
        self.driver.on_response_headers(&mut self.abi);
        types::Action::Continue
    }

    fn on_log(&mut self) {
        self.abi.forget();
        self.driver.on_log(&mut self.abi);
    }
}

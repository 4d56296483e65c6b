//! [`Host`] and [`Gateway`] over the proxy-wasm ABI.

use std::cell::RefCell;
use std::rc::Rc;

use policy_kit::{
    CallReply, Fault, Gateway, Headers, Host, HttpCall, MapKind, Profile, Reply, SharedCall, Ticket,
};

use crate::codes::{Buffer, Map, COUNTER, GAUGE, HISTOGRAM};
use crate::metrics::Names;
use crate::pending::At;
use crate::{calls, foreign, quirks, sys, vm, wire};

/// Counters, gauges and histograms defined so far, shared by all streams of a VM: defining one is dear.
pub(crate) type Metrics = Rc<RefCell<[Names; 3]>>;

/// The gateway as one stream, or the plugin itself, sees it.
pub(crate) struct Abi {
    at: At,
    profile: Profile,
    plugin: &'static str,
    metrics: Metrics,
    request: Kept,
    response: Kept,
}

/// What is known of one header map in this callback.
#[derive(Default)]
struct Kept {
    /// As it was read.
    read: Option<Rc<Headers>>,
    /// Names written or removed since, as [`Headers::bit`] tells them apart. For all others, what was
    /// read still tells whether they are there, which saves the call that would remove them.
    changed: u64,
}

impl Kept {
    /// What was read, if it is still the whole truth.
    fn whole(&self) -> Option<&Rc<Headers>> {
        self.read.as_ref().filter(|_| self.changed == 0)
    }

    fn lacks(&self, name: &str) -> bool {
        let maybe_changed = self.changed & Headers::bit(name.as_bytes()) != 0;
        !maybe_changed && self.read.as_ref().is_some_and(|read| !read.has(name))
    }

    fn change(&mut self, name: &str) {
        self.changed |= Headers::bit(name.as_bytes());
    }
}

impl Abi {
    pub(crate) fn new(at: At, profile: Profile, plugin: &'static str, metrics: Metrics) -> Self {
        let (request, response) = Default::default();
        Self { at, profile, plugin, metrics, request, response }
    }

    /// The same for a new callback: what was read in the last one may have been changed by other
    /// filters.
    pub(crate) fn anew(&mut self) -> &mut Self {
        self.request = Kept::default();
        self.response = Kept::default();
        self
    }

    /// Whether the request ends with its headers, as far as the gateway reports it.
    pub(crate) fn ends_with_headers(&mut self, reported: bool) -> bool {
        let headers = match self.profile {
            Profile::Envoy => None,
            Profile::Wasmx => self.headers(MapKind::Request).ok(),
        };
        quirks::ends_with_headers(self.profile, reported, headers.as_deref())
    }

    /// The same of the answer.
    pub(crate) fn response_ends_with_headers(&mut self, reported: bool) -> bool {
        let headers = match self.profile {
            Profile::Envoy => None,
            Profile::Wasmx => self.headers(MapKind::Response).ok(),
        };
        quirks::response_ends_with_headers(self.profile, reported, headers.as_deref())
    }

    /// The id of a metric, which is defined if it was not yet. Gauges lie apart: each request looks for its
    /// counters.
    #[inline]
    fn metric(&self, kind: u32, name: &str) -> Option<u32> {
        let known = self.metrics.borrow().get(kind as usize)?.find(name);
        known.or_else(|| self.define(kind, name))
    }

    #[cold]
    #[inline(never)]
    fn define(&self, kind: u32, name: &str) -> Option<u32> {
        let id = sys::define_metric(kind, name)?;
        self.metrics.borrow_mut().get_mut(kind as usize)?.add(name, id);
        Some(id)
    }

    fn kept(&mut self, kind: MapKind) -> &mut Kept {
        match kind {
            MapKind::Request => &mut self.request,
            MapKind::Response => &mut self.response,
        }
    }
}

fn map(kind: MapKind) -> Map {
    match kind {
        MapKind::Request => Map::Request,
        MapKind::Response => Map::Response,
    }
}

fn read(which: Map) -> Result<Headers, Fault> {
    let unusable = Fault { call: "proxy_get_header_map_pairs", status: None };
    sys::headers(which).and_then(|bytes| Headers::parse(bytes).ok_or(unusable))
}

impl Host for Abi {
    fn headers(&mut self, kind: MapKind) -> Result<Rc<Headers>, Fault> {
        if let Some(headers) = self.kept(kind).whole() {
            return Ok(Rc::clone(headers));
        }
        let mut headers = read(map(kind))?;
        if kind == MapKind::Request {
            headers = quirks::request_headers(self.profile, headers);
        }
        let headers = Rc::new(headers);
        *self.kept(kind) = Kept { read: Some(Rc::clone(&headers)), changed: 0 };
        Ok(headers)
    }

    fn set_header(&mut self, kind: MapKind, name: &str, value: &[u8]) -> Result<(), Fault> {
        // Not the ABI's replace: with several headers of one name a host may replace only the first,
        // and what a client sent twice would survive once.
        self.remove_header(kind, name)?;
        self.kept(kind).change(name);
        sys::add_header(map(kind), name, value)
    }

    fn remove_header(&mut self, kind: MapKind, name: &str) -> Result<(), Fault> {
        if self.kept(kind).lacks(name) {
            return Ok(());
        }
        self.kept(kind).change(name);
        sys::remove_header(map(kind), name)
    }

    fn property(&mut self, path: &[&str]) -> Result<Option<Vec<u8>>, Fault> {
        sys::property(&wire::path(path))
    }

    fn publish(&mut self, fact: &str, value: &str) -> Result<(), Fault> {
        if !quirks::has_filter_state(self.profile) {
            return Ok(());
        }
        sys::set_property(fact.as_bytes(), value.as_bytes())
    }

    fn fact(&mut self, fact: &str) -> Result<Option<Vec<u8>>, Fault> {
        if !quirks::has_filter_state(self.profile) {
            return Ok(None);
        }
        sys::property(fact.as_bytes())
    }

    fn shared(&mut self, key: &str) -> Result<Option<(Vec<u8>, u32)>, Fault> {
        sys::shared(key)
    }

    fn set_shared(
        &mut self,
        key: &str,
        value: &[u8],
        expected: Option<u32>,
    ) -> Result<bool, Fault> {
        sys::set_shared(key, value, quirks::cas(self.profile, expected))
    }

    fn now(&mut self) -> Result<u64, Fault> {
        sys::now()
    }

    fn foreign(&mut self, function: &str, argument: &[u8]) -> Result<Vec<u8>, Fault> {
        foreign::call(self.profile, function, argument)
    }

    fn env(&mut self, name: &str) -> Option<String> {
        let environment = sys::environment()?;
        String::from_utf8(wire::variable(&environment, name)?.to_vec()).ok()
    }

    fn random(&mut self) -> Option<[u8; 16]> {
        sys::random()
    }

    fn count(&mut self, metric: &str) {
        if let Some(id) = self.metric(COUNTER, metric) {
            sys::increment(id, 1);
        }
    }

    fn define_counter(&mut self, metric: &str) {
        self.metric(COUNTER, metric);
    }

    fn gauge(&mut self, metric: &str, value: u64) {
        if let Some(id) = self.metric(GAUGE, metric) {
            sys::record(id, value);
        }
    }

    fn adjust(&mut self, metric: &str, difference: i64) {
        // WasmX traps here.
        if self.profile == Profile::Wasmx {
            return;
        }
        if let Some(id) = self.metric(GAUGE, metric) {
            sys::increment(id, difference);
        }
    }

    fn record(&mut self, metric: &str, value: u64) {
        if let Some(id) = self.metric(HISTOGRAM, metric) {
            sys::record(id, value);
        }
    }

    fn log(&mut self, level: log::Level, message: &str) {
        sys::log(level, message);
    }
}

impl Gateway for Abi {
    fn host(&mut self) -> &mut dyn Host {
        self
    }

    fn reply(&mut self, reply: &Reply) -> Result<(), Fault> {
        let details = format!("{}:{}", self.plugin, reply.code);
        let headers = reply.headers.iter().map(|(n, v)| (n.as_bytes(), v.as_ref()));
        let headers = wire::headers(headers);
        sys::reply(reply.status, &details, &headers, &reply.body)
    }

    fn dispatch(&mut self, call: &HttpCall) -> Result<u32, Fault> {
        calls::dispatch(call, self.at.context)
    }

    fn notify(&mut self, call: &HttpCall) -> Result<(), Fault> {
        calls::notify(call, self.at)
    }

    fn join(&mut self, call: &SharedCall) -> Result<(), CallReply> {
        calls::join(call, self.at)
    }

    fn resume(&mut self) -> Result<(), Fault> {
        sys::continue_request()
    }

    fn resume_response(&mut self) -> Result<(), Fault> {
        sys::continue_response()
    }

    fn await_tick(&mut self) -> Result<(), Fault> {
        vm::await_tick(self.at.root, self.at.context)
    }

    fn await_release(&mut self, ticket: Ticket) -> Result<(), Fault> {
        vm::await_release(self.at, ticket)
    }

    fn reset(&mut self) {
        sys::close_request();
    }

    fn body(&mut self, size: usize) -> Result<Vec<u8>, Fault> {
        sys::buffer(Buffer::RequestBody, size)
    }

    fn response_body(&mut self, size: usize) -> Result<Vec<u8>, Fault> {
        sys::buffer(Buffer::ResponseBody, size)
    }

    fn can_rewrite_responses(&self) -> bool {
        // Not tried on a real WasmX.
        self.profile == Profile::Envoy
    }

    fn set_response_body(&mut self, size: usize, text: &[u8]) -> Result<(), Fault> {
        sys::set_buffer(Buffer::ResponseBody, size, text)
    }
}

/// Fetches the answer that is being delivered.
pub(crate) fn call_reply(num_headers: usize, body_size: usize, max: usize) -> CallReply {
    if num_headers == 0 {
        return CallReply::NoResponse;
    }
    let headers = match read(Map::CallResponse) {
        Ok(headers) => headers,
        Err(fault) => return CallReply::Failed(fault),
    };
    let status = headers.single(":status").and_then(|s| std::str::from_utf8(s).ok()?.parse().ok());
    let Some(status) = status else { return CallReply::NoResponse };
    let size = body_size.min(max);
    let body = if size == 0 { Ok(Vec::new()) } else { sys::buffer(Buffer::CallResponseBody, size) };
    match body {
        Ok(body) if body.len() == size => {
            CallReply::Response { status, headers, body, cut: body_size > max }
        }
        Ok(_) => CallReply::Failed(Fault { call: "proxy_get_buffer_bytes", status: None }),
        Err(fault) => CallReply::Failed(fault),
    }
}

//! A gateway in plain Rust, for native tests of policies.

use std::collections::BTreeMap;
use std::rc::Rc;

use policy_wire::{Fault, Headers, Host, MapKind};

use crate::call::http::{CallReply, HttpCall, SharedCall};
use crate::config::error::ConfigError;
use crate::driver::gateway::{Action, Gateway};
use crate::driver::plugin::Plugin;
use crate::driver::request::Driver;
use crate::driver::ticket::Ticket;
use crate::refusal::reply::Reply;

/// One header as owned bytes.
pub type Pair = (Vec<u8>, Vec<u8>);

/// A gateway whose state a test sets and reads. The feature `fake` has it.
///
/// ```
/// use policy_kit::fake::FakeHost;
/// use policy_kit::{Host, MapKind, One};
///
/// let mut host = FakeHost::request(&[(":path", "/"), ("x-tenant", "otter")]);
/// let headers = host.headers(MapKind::Request)?;
/// assert_eq!(headers.one("x-tenant"), One::Value(b"otter"));
///
/// let mut broken = FakeHost::default().failing("proxy_get_header_map_pairs", 2);
/// assert!(broken.headers(MapKind::Request).is_err());
/// # Ok::<(), policy_kit::Fault>(())
/// ```
#[derive(Debug, Default)]
pub struct FakeHost {
    /// Current request headers, in order.
    pub request: Vec<Pair>,
    /// Current response headers.
    pub response: Vec<Pair>,
    /// Request body.
    pub body: Vec<u8>,
    /// Attributes, by path joined with dots.
    pub properties: BTreeMap<String, Vec<u8>>,
    /// Facts published so far.
    pub facts: BTreeMap<String, String>,
    /// Shared values and versions.
    pub shared: BTreeMap<String, (Vec<u8>, u32)>,
    /// Counters, by name.
    pub counters: BTreeMap<String, u64>,
    /// Gauges, by name.
    pub gauges: BTreeMap<String, u64>,
    /// Histograms: the values recorded so far.
    pub histograms: BTreeMap<String, Vec<u64>>,
    /// What [`Host::random`] returns.
    pub random: Option<[u8; 16]>,
    /// Log lines.
    pub logs: Vec<String>,
    /// What [`Host::now`] returns, in nanoseconds since the epoch.
    pub now: u64,
    /// Host calls that return a status instead of doing anything, by ABI name.
    pub faults: BTreeMap<&'static str, u32>,
    /// The local reply, if one was sent.
    pub replied: Option<Reply>,
    /// Calls sent so far.
    pub calls: Vec<HttpCall>,
    /// Keys of the shared calls joined so far.
    pub flights: Vec<String>,
    /// Results of foreign functions, by name; any other function is not found.
    pub foreign: BTreeMap<String, Vec<u8>>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// Whether a held request was released.
    pub resumed: bool,
    /// Response body.
    pub answer_body: Vec<u8>,
    /// Whether a held response was released.
    pub answer_resumed: bool,
    /// Whether the stream waits for the next tick.
    pub awaits_tick: bool,
    /// The ticket whose release the stream waits for.
    pub awaits: Option<Ticket>,
    /// Whether the stream was reset.
    pub was_reset: bool,
}

impl FakeHost {
    /// A request with these headers; `:method`, `:path` and `:authority` are headers like others.
    pub fn request<N: AsRef<[u8]>, V: AsRef<[u8]>>(headers: &[(N, V)]) -> Self {
        let own = |(n, v): &(N, V)| (n.as_ref().to_vec(), v.as_ref().to_vec());
        Self { request: headers.iter().map(own).collect(), ..Self::default() }
    }

    /// Makes a host call return a status.
    #[must_use]
    pub fn failing(mut self, call: &'static str, status: u32) -> Self {
        self.faults.insert(call, status);
        self
    }

    /// The values of a header as the upstream sees them, as text.
    pub fn upstream(&self, name: &str) -> Vec<String> {
        let named = self.request.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, v)| String::from_utf8_lossy(v).into_owned()).collect()
    }

    fn check(&self, call: &'static str) -> Result<(), Fault> {
        match self.faults.get(call) {
            Some(status) => Err(Fault { call, status: Some(*status) }),
            None => Ok(()),
        }
    }

    fn map(&mut self, kind: MapKind) -> &mut Vec<Pair> {
        match kind {
            MapKind::Request => &mut self.request,
            MapKind::Response => &mut self.response,
        }
    }
}

/// Configures a plugin and sends it one request without a body.
///
/// # Errors
/// The configuration is invalid.
pub fn run<P: Plugin>(config: &str, mut host: FakeHost) -> Result<(Action, FakeHost), ConfigError> {
    let plugin = P::configure(config.as_bytes(), &mut host)?;
    let mut driver = Driver::new(Some(plugin.filter()));
    let action = driver.on_request_headers(&mut host, true);
    driver.on_log(&mut host);
    Ok((action, host))
}

impl Host for FakeHost {
    fn headers(&mut self, kind: MapKind) -> Result<Rc<Headers>, Fault> {
        self.check("proxy_get_header_map_pairs")?;
        let pairs = self.map(kind).iter().map(|(n, v)| (n.as_slice(), v.as_slice()));
        Ok(Rc::new(Headers::from_pairs(pairs)))
    }

    fn set_header(&mut self, kind: MapKind, name: &str, value: &[u8]) -> Result<(), Fault> {
        self.check("proxy_replace_header_map_value")?;
        let map = self.map(kind);
        map.retain(|(n, _)| !n.eq_ignore_ascii_case(name.as_bytes()));
        map.push((name.as_bytes().to_vec(), value.to_vec()));
        Ok(())
    }

    fn remove_header(&mut self, kind: MapKind, name: &str) -> Result<(), Fault> {
        self.check("proxy_remove_header_map_value")?;
        self.map(kind).retain(|(n, _)| !n.eq_ignore_ascii_case(name.as_bytes()));
        Ok(())
    }

    fn property(&mut self, path: &[&str]) -> Result<Option<Vec<u8>>, Fault> {
        self.check("proxy_get_property")?;
        Ok(self.properties.get(&path.join(".")).cloned())
    }

    fn publish(&mut self, fact: &str, value: &str) -> Result<(), Fault> {
        self.check("proxy_set_property")?;
        self.facts.insert(fact.to_owned(), value.to_owned());
        Ok(())
    }

    fn fact(&mut self, fact: &str) -> Result<Option<Vec<u8>>, Fault> {
        self.check("proxy_get_property")?;
        Ok(self.facts.get(fact).map(|v| v.clone().into_bytes()))
    }

    fn shared(&mut self, key: &str) -> Result<Option<(Vec<u8>, u32)>, Fault> {
        self.check("proxy_get_shared_data")?;
        Ok(self.shared.get(key).cloned())
    }

    fn set_shared(
        &mut self,
        key: &str,
        value: &[u8],
        expected: Option<u32>,
    ) -> Result<bool, Fault> {
        self.check("proxy_set_shared_data")?;
        let version = self.shared.get(key).map(|(_, version)| *version);
        if version != expected {
            return Ok(false);
        }
        let next = version.unwrap_or(0).wrapping_add(1).max(1);
        self.shared.insert(key.to_owned(), (value.to_vec(), next));
        Ok(true)
    }

    fn now(&mut self) -> Result<u64, Fault> {
        self.check("proxy_get_current_time_nanoseconds")?;
        Ok(self.now)
    }

    fn foreign(&mut self, function: &str, _argument: &[u8]) -> Result<Vec<u8>, Fault> {
        const CALL: &str = "proxy_call_foreign_function";
        self.check(CALL)?;
        self.foreign.get(function).cloned().ok_or(Fault { call: CALL, status: Some(1) })
    }

    fn env(&mut self, name: &str) -> Option<String> {
        self.env.get(name).cloned()
    }

    fn random(&mut self) -> Option<[u8; 16]> {
        self.random
    }

    fn define_counter(&mut self, _: &str) {
        _ = self.check("proxy_define_metric");
    }

    fn gauge(&mut self, metric: &str, value: u64) {
        if self.check("proxy_record_metric").is_ok() {
            self.gauges.insert(metric.to_owned(), value);
        }
    }

    fn adjust(&mut self, metric: &str, difference: i64) {
        if self.check("proxy_increment_metric").is_ok() {
            let gauge = self.gauges.entry(metric.to_owned()).or_default();
            *gauge = gauge.wrapping_add_signed(difference);
        }
    }

    fn record(&mut self, metric: &str, value: u64) {
        if self.check("proxy_record_metric").is_ok() {
            self.histograms.entry(metric.to_owned()).or_default().push(value);
        }
    }

    fn count(&mut self, metric: &str) {
        if self.check("proxy_increment_metric").is_ok() {
            *self.counters.entry(metric.to_owned()).or_default() += 1;
        }
    }

    fn log(&mut self, _level: log::Level, message: &str) {
        self.logs.push(message.to_owned());
    }
}

impl Gateway for FakeHost {
    fn host(&mut self) -> &mut dyn Host {
        self
    }

    fn reply(&mut self, reply: &Reply) -> Result<(), Fault> {
        self.check("proxy_send_local_response")?;
        self.replied = Some(reply.clone());
        Ok(())
    }

    fn dispatch(&mut self, call: &HttpCall) -> Result<u32, Fault> {
        self.check("proxy_http_call")?;
        self.calls.push(call.clone());
        Ok(u32::try_from(self.calls.len()).unwrap_or(u32::MAX))
    }

    fn notify(&mut self, call: &HttpCall) -> Result<(), Fault> {
        self.dispatch(call).map(|_| ())
    }

    fn join(&mut self, call: &SharedCall) -> Result<(), CallReply> {
        self.check("proxy_http_call").map_err(CallReply::Failed)?;
        self.flights.push(call.key.clone());
        self.calls.push(call.call.clone());
        Ok(())
    }

    fn resume(&mut self) -> Result<(), Fault> {
        self.check("proxy_continue_stream")?;
        self.resumed = true;
        Ok(())
    }

    fn resume_response(&mut self) -> Result<(), Fault> {
        self.check("proxy_continue_stream")?;
        self.answer_resumed = true;
        Ok(())
    }

    fn await_tick(&mut self) -> Result<(), Fault> {
        self.check("proxy_set_tick_period_milliseconds")?;
        self.awaits_tick = true;
        Ok(())
    }

    fn await_release(&mut self, ticket: Ticket) -> Result<(), Fault> {
        self.check("await_release")?;
        self.awaits = Some(ticket);
        Ok(())
    }

    fn reset(&mut self) {
        self.was_reset = true;
    }

    fn body(&mut self, size: usize) -> Result<Vec<u8>, Fault> {
        self.check("proxy_get_buffer_bytes")?;
        Ok(self.body.iter().take(size).copied().collect())
    }

    fn response_body(&mut self, size: usize) -> Result<Vec<u8>, Fault> {
        self.check("proxy_get_buffer_bytes")?;
        Ok(self.answer_body.iter().take(size).copied().collect())
    }

    fn set_response_body(&mut self, size: usize, text: &[u8]) -> Result<(), Fault> {
        self.check("proxy_set_buffer_bytes")?;
        let size = size.min(self.answer_body.len());
        self.answer_body.splice(..size, text.iter().copied());
        Ok(())
    }
}

//! A gateway whose other workers change shared data between this worker's reads and writes.

use std::rc::Rc;

use policy_kit::fake::FakeHost;
use policy_kit::{Fault, Headers, Host, MapKind};

/// What another worker does.
pub(crate) type Act = Box<dyn FnMut(&mut FakeHost)>;

/// A gateway in which another worker acts after each of the first reads of shared data.
pub(crate) struct RivalHost {
    /// The gateway itself.
    pub(crate) host: FakeHost,
    wins: usize,
    act: Act,
}

impl RivalHost {
    /// The other worker acts after so many reads.
    pub(crate) fn new(host: FakeHost, wins: usize, act: Act) -> Self {
        Self { host, wins, act }
    }
}

impl Host for RivalHost {
    fn shared(&mut self, key: &str) -> Result<Option<(Vec<u8>, u32)>, Fault> {
        let mine = self.host.shared(key);
        if self.wins > 0 {
            self.wins -= 1;
            (self.act)(&mut self.host);
        }
        mine
    }
    fn set_shared(&mut self, key: &str, value: &[u8], at: Option<u32>) -> Result<bool, Fault> {
        self.host.set_shared(key, value, at)
    }
    fn headers(&mut self, kind: MapKind) -> Result<Rc<Headers>, Fault> {
        self.host.headers(kind)
    }
    fn set_header(&mut self, kind: MapKind, name: &str, value: &[u8]) -> Result<(), Fault> {
        self.host.set_header(kind, name, value)
    }
    fn remove_header(&mut self, kind: MapKind, name: &str) -> Result<(), Fault> {
        self.host.remove_header(kind, name)
    }
    fn property(&mut self, path: &[&str]) -> Result<Option<Vec<u8>>, Fault> {
        self.host.property(path)
    }
    fn publish(&mut self, fact: &str, value: &str) -> Result<(), Fault> {
        self.host.publish(fact, value)
    }
    fn fact(&mut self, fact: &str) -> Result<Option<Vec<u8>>, Fault> {
        self.host.fact(fact)
    }
    fn now(&mut self) -> Result<u64, Fault> {
        self.host.now()
    }
    fn foreign(&mut self, function: &str, argument: &[u8]) -> Result<Vec<u8>, Fault> {
        self.host.foreign(function, argument)
    }
    fn env(&mut self, name: &str) -> Option<String> {
        self.host.env(name)
    }
    fn random(&mut self) -> Option<[u8; 16]> {
        self.host.random()
    }
    fn count(&mut self, metric: &str) {
        self.host.count(metric);
    }
    fn define_counter(&mut self, metric: &str) {
        self.host.define_counter(metric);
    }
    fn gauge(&mut self, metric: &str, value: u64) {
        self.host.gauge(metric, value);
    }
    fn adjust(&mut self, metric: &str, difference: i64) {
        self.host.adjust(metric, difference);
    }

    fn record(&mut self, metric: &str, value: u64) {
        self.host.record(metric, value);
    }
    fn log(&mut self, level: log::Level, message: &str) {
        self.host.log(level, message);
    }
}

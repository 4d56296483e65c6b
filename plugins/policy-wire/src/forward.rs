//! Passing a host's functions on to another host.

/// Within `impl Host for …`: every function but `shared`, `set_shared`, `now` and `random` is that of the host in a
/// field. Gateways of tests change those four.
///
/// ```
/// use policy_wire::{forward_host, Fault, Host};
///
/// /// A gateway in which it is always the same time.
/// struct Stopped<'a> {
///     host: &'a mut dyn Host,
/// }
///
/// impl Host for Stopped<'_> {
///     fn now(&mut self) -> Result<u64, Fault> {
///         Ok(1)
///     }
///     fn shared(&mut self, key: &str) -> Result<Option<(Vec<u8>, u32)>, Fault> {
///         self.host.shared(key)
///     }
///     fn set_shared(&mut self, key: &str, value: &[u8], at: Option<u32>) -> Result<bool, Fault> {
///         self.host.set_shared(key, value, at)
///     }
///     fn random(&mut self) -> Option<[u8; 16]> {
///         self.host.random()
///     }
///     forward_host!(host);
/// }
/// ```
#[macro_export]
macro_rules! forward_host {
    ($inner:tt) => {
        fn headers(
            &mut self,
            kind: $crate::MapKind,
        ) -> Result<::std::rc::Rc<$crate::Headers>, $crate::Fault> {
            self.$inner.headers(kind)
        }
        fn set_header(
            &mut self,
            kind: $crate::MapKind,
            name: &str,
            value: &[u8],
        ) -> Result<(), $crate::Fault> {
            self.$inner.set_header(kind, name, value)
        }
        fn remove_header(
            &mut self,
            kind: $crate::MapKind,
            name: &str,
        ) -> Result<(), $crate::Fault> {
            self.$inner.remove_header(kind, name)
        }
        fn property(&mut self, path: &[&str]) -> Result<Option<Vec<u8>>, $crate::Fault> {
            self.$inner.property(path)
        }
        fn publish(&mut self, fact: &str, value: &str) -> Result<(), $crate::Fault> {
            self.$inner.publish(fact, value)
        }
        fn fact(&mut self, fact: &str) -> Result<Option<Vec<u8>>, $crate::Fault> {
            self.$inner.fact(fact)
        }
        fn foreign(&mut self, function: &str, argument: &[u8]) -> Result<Vec<u8>, $crate::Fault> {
            self.$inner.foreign(function, argument)
        }
        fn env(&mut self, name: &str) -> Option<String> {
            self.$inner.env(name)
        }
        fn count(&mut self, metric: &str) {
            self.$inner.count(metric);
        }
        fn define_counter(&mut self, metric: &str) {
            self.$inner.define_counter(metric);
        }
        fn gauge(&mut self, metric: &str, value: u64) {
            self.$inner.gauge(metric, value);
        }
        fn adjust(&mut self, metric: &str, difference: i64) {
            self.$inner.adjust(metric, difference);
        }
        fn record(&mut self, metric: &str, value: u64) {
            self.$inner.record(metric, value);
        }
        fn log(&mut self, level: $crate::LogLevel, message: &str) {
            self.$inner.log(level, message);
        }
    };
}

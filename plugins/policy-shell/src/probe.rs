//! A plugin for the tests of the adapter.

use std::time::Duration;

use policy_kit::{
    BodyFault, CallReply, ConfigError, Denial, Details, Filter, Host, HttpCall, MapKind, Plugin,
    Profile, ResponseStep, SharedCall, Step,
};

/// Does what the header `x-step` names, after it used all of its host.
pub(crate) struct Probe(Profile, bool);

/// Its filter.
pub(crate) struct ProbeFilter;

fn call(target: &str) -> HttpCall {
    let headers = vec![(":method".to_owned(), "GET".to_owned())];
    let timeout = Duration::from_millis(250);
    HttpCall { target: target.to_owned(), headers, body: b"?".to_vec(), timeout, max_reply: 4 }
}

fn shared_call() -> SharedCall {
    SharedCall { key: "k".to_owned(), call: call("shared") }
}

/// Uses every function of the host; what it got is a log line.
fn use_host(host: &mut dyn Host) {
    let now = host.now();
    let property = host.property(&["source", "address"]);
    let fact = host.fact("pitboss.player").and_then(|fact| {
        host.publish("pitboss.class", "wager")?;
        Ok(fact)
    });
    let set = host.set_shared("key", b"value", None);
    let shared = host.shared("key");
    let foreign = host.foreign("f", b"x");
    let (env, random) = (host.env("NAME"), host.random());
    host.define_counter("c");
    host.count("c");
    host.gauge("g", 5);
    host.record("h", 6);
    let line =
        format!("{now:?} {property:?} {fact:?} {set:?} {shared:?} {foreign:?} {env:?} {random:?}");
    host.log(log::Level::Info, &line);
}

impl Plugin for Probe {
    const NAME: &'static str = "probe";
    type Filter = ProbeFilter;

    fn configure(document: &[u8], host: &mut dyn Host) -> Result<Self, ConfigError> {
        use_host(host);
        match document {
            b"no" => Err(policy_kit::invalid("field", "is wrong")),
            b"wasmx" => Ok(Self(Profile::Wasmx, false)),
            b"drains" => Ok(Self(Profile::Envoy, true)),
            _ => Ok(Self(Profile::Envoy, false)),
        }
    }

    fn profile(&self) -> Profile {
        self.0
    }

    fn filter(&self) -> ProbeFilter {
        ProbeFilter
    }

    fn tick_period(&self) -> Option<Duration> {
        Some(Duration::from_millis(50))
    }

    fn on_tick(&mut self, host: &mut dyn Host) -> Vec<SharedCall> {
        host.log(log::Level::Info, "plugin ticks");
        vec![SharedCall { key: "poll".to_owned(), call: call("poll") }]
    }

    fn on_drain(&mut self, _: &mut dyn Host) -> Vec<SharedCall> {
        match self.1 {
            true => vec![SharedCall { key: "last".to_owned(), call: call("last") }],
            false => Vec::new(),
        }
    }

    fn on_shared_reply(&mut self, host: &mut dyn Host, key: &str, reply: &CallReply) {
        host.log(log::Level::Info, &format!("plugin hears {key} {reply:?}"));
    }
}

impl Filter for ProbeFilter {
    fn on_request_headers(&mut self, host: &mut dyn Host, _: bool) -> Step {
        use_host(host);
        let Ok(headers) = host.headers(MapKind::Request) else {
            return Step::Deny(Denial::POLICY_UNAVAILABLE.problem(&Details::NONE));
        };
        if host.set_header(MapKind::Request, "x-set", b"new").is_err()
            || host.remove_header(MapKind::Request, "x-gone").is_err()
        {
            return Step::Deny(Denial::POLICY_UNAVAILABLE.problem(&Details::NONE));
        }
        match headers.single("x-step") {
            Some(b"call") => Step::Call(call("own")),
            Some(b"join") => Step::Join(shared_call()),
            Some(b"body") => Step::HeldBody { limit: 8 },
            Some(b"tick") => Step::Tick,
            Some(b"deny") => Step::Deny(Denial::UNCLASSIFIED.problem(&Details::NONE)),
            _ => Step::Continue,
        }
    }

    fn on_request_body(&mut self, host: &mut dyn Host, body: Result<&[u8], BodyFault>) -> Step {
        host.log(log::Level::Info, &format!("request body {body:?}"));
        Step::Continue
    }

    fn on_call(&mut self, host: &mut dyn Host, reply: CallReply) -> Step {
        host.log(log::Level::Info, &format!("own {reply:?}"));
        Step::Continue
    }

    fn on_shared_reply(&mut self, host: &mut dyn Host, reply: &CallReply) -> Step {
        host.log(log::Level::Info, &format!("shared {reply:?}"));
        Step::Continue
    }

    fn on_tick(&mut self, _: &mut dyn Host) -> Step {
        Step::Continue
    }

    fn on_response_headers(&mut self, host: &mut dyn Host, _: bool) -> ResponseStep {
        host.headers(MapKind::Response).ok();
        ResponseStep::Hold { limit: 8 }
    }

    fn on_response_body(
        &mut self,
        host: &mut dyn Host,
        body: Result<&[u8], BodyFault>,
    ) -> ResponseStep {
        host.log(log::Level::Info, &format!("response body {body:?}"));
        ResponseStep::Continue
    }

    fn on_log(&mut self, host: &mut dyn Host) -> Vec<HttpCall> {
        use_host(host);
        vec![call("record")]
    }
}

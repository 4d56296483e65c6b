//! Limits, endpoints and callers for tests.

use std::net::IpAddr;

use policy_kit::fake::FakeHost;
use policy_kit::{read_settings, Endpoint, Endpoints, Headers, SECOND};

use crate::rate::caller::Caller;
use crate::rate::charged::Charged;
use crate::rate::config::limit::LimitConfig;
use crate::rate::lease::fleet::Fleet;
use crate::rate::limits::Limits;
use crate::rate::rule::CompileContext;
use crate::rate::state::{LimitState, Phase, Turn};

/// When tests begin.
pub(crate) const NOW: u64 = 1_800_000_000 * SECOND;

const ENDPOINTS: &str = r#"[
    {"path": "/bets", "methods": ["POST"], "class": "wager"},
    {"template": "/bets/{id}/cashout", "methods": ["POST"], "class": "cashout"},
    {"prefix": "/odds", "methods": ["GET"], "class": "odds"},
    {"path": "/limits", "class": "safer-gambling"},
    {"path": "/win", "class": "settlement"},
    {"path": "/wallet", "methods": ["POST"],
     "select": {"pointer": "/type", "classes": {"bet": "wager", "win": "settlement"}}}
]"#;

policy_kit::settings! {
    struct Document {
        limits: Vec<LimitConfig>,
    }
}

pub(crate) fn endpoints() -> Endpoints {
    Endpoints::compile(read_settings(ENDPOINTS.as_bytes()).unwrap()).unwrap()
}

/// The limits of a document for four workers.
pub(crate) fn limits(json: &str) -> Limits {
    limits_of(json, Some(4))
}

pub(crate) fn limits_of(json: &str, workers: Option<u32>) -> Limits {
    limits_with(json, workers, None)
}

/// The limits of a fleet of two gateways with two workers each.
pub(crate) fn limits_of_fleet(json: &str) -> Limits {
    let fleet = r#"{"cluster": "redis", "gateways": 2, "lease_ms": 500, "retry_s": 2}"#;
    let fleet = Fleet::compile(&read_settings(fleet.as_bytes()).unwrap(), &mut host()).unwrap();
    limits_with(json, Some(2), Some(&fleet))
}

fn limits_with(json: &str, workers: Option<u32>, fleet: Option<&Fleet>) -> Limits {
    let endpoints: Vec<Endpoint> = read_settings(ENDPOINTS.as_bytes()).unwrap();
    let document: Document = read_settings(format!(r#"{{"limits": {json}}}"#).as_bytes()).unwrap();
    let context = CompileContext { endpoints: &endpoints, workers, fleet, identities: true };
    Limits::compile(document.limits, &context).unwrap()
}

/// A host at [`NOW`].
pub(crate) fn host() -> FakeHost {
    FakeHost { now: NOW, random: Some([7; 16]), ..FakeHost::default() }
}

/// A request without identity, headers or body.
pub(crate) fn request<'a>(
    method: &'a str,
    target: &'a str,
    headers: &'a Headers,
) -> Caller<'a, 'a> {
    Caller {
        method: method.as_bytes(),
        target: target.as_bytes(),
        headers,
        player: None,
        session: None,
        partner: None,
        claimed: false,
        brand: Some("otter"),
        client: Some(client(1)),
        body: None,
    }
}

pub(crate) fn client(n: u32) -> IpAddr {
    IpAddr::from(n.to_be_bytes())
}

/// One worker with its limits.
pub(crate) struct Worker {
    pub(crate) limits: Limits,
    pub(crate) endpoints: Endpoints,
    pub(crate) state: LimitState,
}

impl Worker {
    pub(crate) fn new(limits: Limits) -> Self {
        let state = LimitState::new(&limits, &mut host()).unwrap();
        Self { limits, endpoints: endpoints(), state }
    }

    pub(crate) fn charge(
        &mut self,
        host: &mut FakeHost,
        caller: &Caller<'_, '_>,
        phase: Phase,
    ) -> Charged {
        let found = self.endpoints.found(self.endpoints.classify(caller.method, caller.target));
        let found = match caller.body {
            Some(content) => found.with_body(content),
            None => found,
        };
        let now = host.now;
        let turn = Turn { phase, factor: 1, waited: 0, now };
        self.state.charge(host, &self.limits, (&found, caller), turn)
    }

    /// Names of a set's rules.
    pub(crate) fn names(&self, rules: crate::rate::rule_set::RuleSet) -> String {
        let names: Vec<&str> = rules.iter().map(|rule| self.limits.name(rule)).collect();
        names.join(" ")
    }
}

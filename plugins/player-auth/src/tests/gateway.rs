//! The test kit: a configuration, tokens of its issuer, and a fake gateway that sends whole requests.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine;
use policy_kit::fake::FakeHost;
use policy_kit::{Action, CallReply, ConfigError, Driver, Headers, Plugin};

use crate::config::Config;
use crate::filter::auth::AuthFilter;
use crate::names::SECOND;
use crate::plugin::PlayerAuth;
use crate::policy::compile::Policy;

/// A short configuration with one HS256 issuer.
pub(crate) const CONFIG: &str = r#"{
    "address": {"trusted": ["10.0.0.0/8"]},
    "brands": {"otter.example": "otter", "kings.example": "kings"},
    "issuers": [{
        "issuer": "https://id.example", "audiences": ["api"], "algorithms": ["HS256"],
        "keys": {"secret": "0123456789abcdef0123456789abcdef"},
        "claims": {"headers": {"x-tags": "/tags"}}
    }],
    "on_error": {"content": "anonymous"},
    "envelopes": {"one": {"*": {"status": 200, "json": {"error": "{code}"}}}},
    "endpoints": [
        {"path": "/lobby", "class": "content"},
        {"path": "/bets", "methods": ["POST"], "class": "wager"},
        {"path": "/balance", "class": "account"},
        {"path": "/withdraw", "class": "withdrawal"},
        {"path": "/login", "class": "session"},
        {"path": "/limits", "class": "safer-gambling"},
        {"path": "/win", "class": "settlement", "envelope": "one"},
        {"path": "/wallet", "class": "account", "caller": "partner"},
        {"path": "/one", "envelope": "one", "select": {"pointer": "/type", "classes":
            {"debit": "wager", "credit": "settlement"}}}
    ]
}"#;

/// Compiles a configuration.
pub(crate) fn policy(json: &str) -> Result<Policy, ConfigError> {
    let config = policy_kit::parse::<Config>(json.as_bytes())?;
    Policy::compile(config, &mut FakeHost::default())
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const CLAIMS: &str = r#"{"iss": "https://id.example", "aud": "api", "sub": "p-1", "brand": "otter",
    "sid": "s-1", "kyc_level": 2, "exp": 1800000900, "iat": 1800000000, "tags": ["a", "b"]}"#;

pub(crate) fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of the configured issuer.
pub(crate) fn token(claims: &str) -> String {
    typed(r#"{"alg": "HS256"}"#, claims)
}

pub(crate) fn typed(header: &str, claims: &str) -> String {
    let input = format!("{}.{}", encoded(header.as_bytes()), encoded(claims.as_bytes()));
    let mac = hmac_sha256::HMAC::mac(&input, SECRET);
    format!("{input}.{}", encoded(&mac))
}

/// The same token, signed with another secret.
pub(crate) fn forged() -> String {
    let good = token(CLAIMS);
    let (input, _) = good.rsplit_once('.').unwrap();
    format!("{input}.{}", encoded(&hmac_sha256::HMAC::mac(input, "guess")))
}

pub(crate) fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

/// One VM: the plugin, and its gateway between requests.
pub(crate) struct TestGateway {
    pub(crate) plugin: PlayerAuth,
    pub(crate) host: FakeHost,
    /// The address of the client that sends the next request.
    pub(crate) address: String,
}

impl TestGateway {
    pub(crate) fn new(config: &str) -> Self {
        let mut host = FakeHost { now: NOW * SECOND, ..FakeHost::default() };
        let plugin = PlayerAuth::configure(config.as_bytes(), &mut host).unwrap();
        Self { plugin, host, address: "198.51.100.7".to_owned() }
    }

    /// Starts a request.
    pub(crate) fn start(
        &mut self,
        path: &str,
        headers: &[(&str, String)],
    ) -> (Driver<AuthFilter>, Action) {
        self.fill(path, headers);
        let mut driver = Driver::new(Some(self.plugin.filter()));
        let action = driver.on_request_headers(&mut self.host, true);
        (driver, action)
    }

    /// Starts a request whose body is still to come.
    pub(crate) fn open(&mut self, path: &str, headers: &[(&str, String)]) -> Driver<AuthFilter> {
        self.fill(path, headers);
        let mut driver = Driver::new(Some(self.plugin.filter()));
        driver.on_request_headers(&mut self.host, false);
        driver
    }

    pub(crate) fn fill(&mut self, path: &str, headers: &[(&str, String)]) {
        let base = [(":method", "POST"), (":path", path), (":authority", "otter.example")];
        let base = base.iter().map(|(n, v)| (n.to_string(), v.to_string()));
        let more = headers.iter().map(|(n, v)| (n.to_string(), v.clone()));
        self.host.request =
            base.chain(more).map(|(n, v)| (n.into_bytes(), v.into_bytes())).collect();
        let address = format!("{}:4000", self.address).into_bytes();
        self.host.properties.insert("source.address".into(), address);
        (self.host.replied, self.host.resumed) = (None, false);
        self.host.facts.clear();
    }

    /// The outcome of a request that does not wait.
    pub(crate) fn ask(&mut self, path: &str, headers: &[(&str, String)]) -> String {
        let (_, action) = self.start(path, headers);
        self.outcome(action)
    }

    pub(crate) fn outcome(&self, action: Action) -> String {
        match (&self.host.replied, action) {
            (Some(reply), _) => reply.code.to_owned(),
            (None, Action::Continue) => "pass".to_owned(),
            (None, Action::Pause) if self.host.resumed => "pass".to_owned(),
            (None, Action::Pause) => "waits".to_owned(),
        }
    }

    /// Completes the last shared call, for the plugin and for one request.
    pub(crate) fn complete(
        &mut self,
        driver: &mut Driver<AuthFilter>,
        reply: &CallReply,
    ) -> String {
        let key = self.host.flights.last().unwrap().clone();
        self.plugin.on_shared_reply(&mut self.host, &key, reply);
        driver.on_shared_reply(&mut self.host, reply);
        self.outcome(Action::Pause)
    }
}

pub(crate) fn answer(status: u16, body: String) -> CallReply {
    let headers = Headers::from_pairs(std::iter::empty::<(&[u8], &[u8])>());
    CallReply::Response { status, headers, body: body.into_bytes(), cut: false }
}

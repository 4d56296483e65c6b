//! The test kit for partners: a configuration with one partner of each kind, and a fake gateway.

use std::cell::OnceCell;

use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::Engine;
use hmac_sha256::{Hash, HMAC};
use policy_kit::fake::FakeHost;
use policy_kit::{Action, Driver, Plugin};
use policy_token::testing::Forge;
use policy_token::Alg;
use serde_json::{json, Value};

use crate::filter::auth::AuthFilter;
use crate::names::SECOND;
use crate::plugin::PlayerAuth;
use crate::tests::gateway::CONFIG;

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const BODY: &str = r#"{"type": "credit", "amount": 100}"#;
pub(crate) const HOME: &str = "192.0.2.80";

pub(crate) fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn sha256(text: &str) -> String {
    digits(&Hash::hash(text.as_bytes()))
}

pub(crate) fn mac(secret: &str, text: &str) -> [u8; 32] {
    HMAC::mac(text, secret)
}

/// A key, a text and its RSA signature.
pub(crate) fn rsa() -> (Value, String, String) {
    thread_local!(static KEY: OnceCell<(Value, String, String)> = const { OnceCell::new() });
    KEY.with(|key| {
        key.get_or_init(|| {
            let forge = Forge::at(NOW);
            let key = serde_json::from_str(&forge.documents()[1]).unwrap();
            let token = forge.sign(Alg::Rs256, &forge.claims());
            let (text, signature) = token.rsplit_once('.').unwrap();
            let signature = STANDARD.encode(URL_SAFE_NO_PAD.decode(signature).unwrap());
            (key, text.to_owned(), signature)
        })
        .clone()
    })
}

/// One partner of each kind.
pub(crate) fn config() -> Value {
    let mut config: Value = serde_json::from_str(CONFIG).unwrap();
    config["partners"] = json!({
        "hub": {"rsa": {"header": "x-hub", "keys": [rsa().0]}, "paths": ["/win"]},
        "bee": {
            "hmac": {"header": "x-sign", "secrets": ["bee-secret", "bee-secret-2"]},
            "paths": ["/win"], "cidrs": ["192.0.2.0/24"], "tier": "gold", "envelope": "two",
        },
        "psp": {"hmac": {"header": "x-psp", "secrets": ["psp-secret"]}, "paths": ["/psp"]},
        "stripe": {
            "hmac": {
                "header": "x-stripe", "encoding": "base64", "prefix": "v1=",
                "secrets": ["stripe-secret"],
                "timestamp": {"header": "x-time", "tolerance_s": 300},
            },
            "paths": ["/win"],
        },
        "shop": {
            "api_key": {"header": "x-api-key", "keys": [
                {"sha256": sha256("ended"), "expires": "2027-01-15T08:00:00Z"},
                {"sha256": sha256("live"), "expires": "2027-01-15T08:00:01Z"},
            ]},
            "paths": ["/win", "/wallet"], "classes": ["settlement", "account"],
        },
        "kiosk": {
            "api_key": {"query": "key", "keys": [{"sha256": sha256("kiosk key")}]},
            "cidrs": ["192.0.2.0/24"], "paths": ["/"], "tier": "bronze",
        },
        "mesh": {"certificate": {"sha256": ["ab".repeat(32)], "sans": ["spiffe://mesh"]}, "paths": ["/"]},
        "house": {"network_only": true, "cidrs": ["10.1.0.0/16"], "paths": ["/win"]},
        "tests": {
            "api_key": {"header": "x-test-key", "keys": [{"sha256": sha256("live")}]},
            "environment": "sandbox", "paths": ["/win"],
        },
        "one": {
            "key_id": {"header": "x-one", "value": "one-1"}, "cidrs": ["192.0.2.0/24"],
            "paths": ["/select"], "classes": ["settlement", "account"],
        },
        "tame": {
            "key_id": {"header": "x-tame", "value": "tame-1"}, "cidrs": ["192.0.2.0/24"],
            "hmac": {"header": "x-sign", "secrets": ["tame-secret"]}, "paths": ["/win"],
        },
    });
    config["envelopes"]["two"] = json!({"*": {"status": 400, "json": {"two": "{code}"}}});
    config["endpoints"] = json!([
        {"path": "/bets", "class": "wager"},
        {"path": "/win", "class": "settlement"},
        {"path": "/psp", "class": "settlement", "envelope": "one"},
        {"path": "/only", "class": "settlement", "partners": ["kiosk"]},
        {"path": "/wallet", "class": "account", "caller": "partner"},
        {"path": "/select", "caller": "partner", "select": {"pointer": "/type", "classes":
            {"credit": "settlement", "balance": "account", "bet": "wager"}}},
    ]);
    config
}

/// One VM: the plugin, and its gateway between requests.
pub(crate) struct PartnerGateway {
    pub(crate) plugin: PlayerAuth,
    pub(crate) host: FakeHost,
}

/// A request in progress.
pub(crate) type Driving = Driver<AuthFilter>;

impl PartnerGateway {
    pub(crate) fn new(config: &Value) -> Self {
        let mut host = FakeHost { now: NOW * SECOND, ..FakeHost::default() };
        let plugin = PlayerAuth::configure(config.to_string().as_bytes(), &mut host).unwrap();
        Self { plugin, host }
    }

    /// Sends the headers of a request from `client`.
    pub(crate) fn begin(
        &mut self,
        client: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (Driving, Action) {
        let base = [(":method", "POST"), (":path", path), (":authority", "otter.example")];
        let json = [("content-type", "application/json"), ("x-forwarded-for", client)];
        let all = base.iter().chain(&json).chain(headers);
        self.host.request =
            all.map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())).collect();
        self.host.properties.insert("source.address".into(), b"10.0.0.1:4000".to_vec());
        self.host.replied = None;
        self.host.facts.clear();
        let mut driver = Driver::new(Some(self.plugin.filter()));
        let action = driver.on_request_headers(&mut self.host, false);
        (driver, action)
    }

    /// Sends its body.
    pub(crate) fn finish(&mut self, driver: &mut Driving, body: &str) -> Action {
        self.host.body = body.as_bytes().to_vec();
        driver.on_request_body(&mut self.host, body.len(), true)
    }

    /// Sends a whole request; returns its outcome.
    pub(crate) fn ask(
        &mut self,
        client: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> String {
        let (mut driver, mut action) = self.begin(client, path, headers);
        if action == Action::Continue && self.host.replied.is_none() {
            action = self.finish(&mut driver, body);
        }
        match (&self.host.replied, action) {
            (Some(reply), _) => reply.code.to_owned(),
            (None, Action::Continue) => "pass".to_owned(),
            (None, Action::Pause) => "waits".to_owned(),
        }
    }

    /// A published fact; empty if it is absent.
    pub(crate) fn fact(&self, name: &str) -> &str {
        self.host.facts.get(name).map_or("", String::as_str)
    }
}

/// The signature of the partner `stripe` with this time.
pub(crate) fn timed(time: &str) -> String {
    format!("v1={}", STANDARD.encode(mac("stripe-secret", &format!("{time}.{BODY}"))))
}

/// Client, path, headers, body; outcome, partner and proof.
pub(crate) type Case<'a> =
    (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, &'static str, &'static str, &'static str);

/// Sends the request of each case in a VM of its own, and checks its outcome and facts.
pub(crate) fn check(cases: &[Case<'_>]) {
    for (client, path, headers, body, want, partner, proof) in cases {
        let mut gateway = PartnerGateway::new(&config());
        let case = format!("{client} {path} {headers:?} {body}");
        assert_eq!(gateway.ask(client, path, headers, body), *want, "{case}");
        let facts = (gateway.fact("pitboss.partner"), gateway.fact("pitboss.partner-proof"));
        assert_eq!(facts, (*partner, *proof), "{case}");
    }
}

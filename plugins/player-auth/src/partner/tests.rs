//! Whole calls of partners over a fake gateway: who passes, how surely, and who does not.

use std::cell::OnceCell;

use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::Engine;
use hmac_sha256::{Hash, HMAC};
use policy_kit::fake::FakeHost;
use policy_kit::{Action, Driver, Plugin};
use policy_token::testing::Forge;
use policy_token::Alg;
use serde_json::{json, Value};

use crate::filter::AuthFilter;
use crate::plugin::PlayerAuth;
use crate::policy::tests::CONFIG;

pub(super) const NOW: u64 = 1_800_000_000;
pub(super) const SECOND: u64 = 1_000_000_000;
pub(super) const BODY: &str = r#"{"type": "credit", "amount": 100}"#;
pub(super) const HOME: &str = "192.0.2.80";

pub(super) fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn sha256(text: &str) -> String {
    digits(&Hash::hash(text.as_bytes()))
}

pub(super) fn mac(secret: &str, text: &str) -> [u8; 32] {
    HMAC::mac(text, secret)
}

/// A key, a text and its RSA signature.
pub(super) fn rsa() -> (Value, String, String) {
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
pub(super) fn config() -> Value {
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
pub(super) struct World {
    pub(super) plugin: PlayerAuth,
    pub(super) host: FakeHost,
}

/// A request under way.
pub(super) type Driving = Driver<AuthFilter>;

impl World {
    pub(super) fn new(config: &Value) -> Self {
        let mut host = FakeHost { now: NOW * SECOND, ..FakeHost::default() };
        let plugin = PlayerAuth::configure(config.to_string().as_bytes(), &mut host).unwrap();
        Self { plugin, host }
    }

    /// The headers of a call from `client` arrive.
    pub(super) fn begin(
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

    /// Its body arrives.
    pub(super) fn finish(&mut self, driver: &mut Driving, body: &str) -> Action {
        self.host.body = body.as_bytes().to_vec();
        driver.on_request_body(&mut self.host, body.len(), true)
    }

    pub(super) fn ask(
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

    pub(super) fn fact(&self, name: &str) -> &str {
        self.host.facts.get(name).map_or("", String::as_str)
    }
}

pub(super) fn timed(time: &str) -> String {
    format!("v1={}", STANDARD.encode(mac("stripe-secret", &format!("{time}.{BODY}"))))
}

type Case<'a> =
    (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, &'static str, &'static str, &'static str);

#[test]
fn who_passes_and_how_surely() {
    let (bee, second) = (digits(&mac("bee-secret", BODY)), digits(&mac("bee-secret-2", BODY)));
    let (psp, tame) = (digits(&mac("psp-secret", BODY)), digits(&mac("tame-secret", BODY)));
    let upper = bee.to_uppercase();
    let (_, text, hub) = rsa();
    let other = STANDARD.encode(mac("psp-secret", BODY));
    let (now, late) = ("1800000000", "1799999699");
    let (timed_now, timed_late) = (timed(now), timed(late));
    let (ms, edge) = ("1800000300999", "1799999700");
    let (timed_ms, timed_edge) = (timed(ms), timed(edge));
    let flipped = format!("{BODY} ");
    let (far, inside) = ("198.51.100.7", "10.1.2.3");
    let mut world = World::new(&config());
    // Client, path, headers, body; outcome, partner and proof.
    let cases: &[Case<'_>] = &[
        // A signature over the body.
        (far, "/win", &[("x-hub", &hub)], &text, "pass", "hub", "signature"),
        (far, "/win", &[("x-hub", &hub)], BODY, "partner_signature", "hub", "claimed"),
        (far, "/win", &[("x-hub", &other)], BODY, "partner_signature", "hub", "claimed"),
        (HOME, "/win", &[("x-sign", &bee)], BODY, "pass", "bee", "signature"),
        (HOME, "/win", &[("x-sign", &second)], BODY, "pass", "bee", "signature"),
        (HOME, "/win", &[("x-sign", &upper)], BODY, "pass", "bee", "signature"),
        (HOME, "/win", &[("x-sign", &bee)], &flipped, "partner_signature", "bee", "claimed"),
        (HOME, "/win", &[("x-sign", &psp)], BODY, "partner_signature", "bee", "claimed"),
        (HOME, "/win", &[("x-sign", &bee[..62])], BODY, "partner_signature", "bee", "claimed"),
        (HOME, "/win", &[("x-sign", &bee)], "", "partner_signature", "bee", "claimed"),
        (HOME, "/win", &[("x-sign", "zz")], BODY, "partner_signature", "", ""),
        (HOME, "/win", &[("x-sign", "")], BODY, "partner_signature", "", ""),
        (far, "/win", &[("x-sign", &bee)], BODY, "partner_network", "", ""),
        ("no address", "/win", &[("x-sign", &bee)], BODY, "partner_network", "", ""),
        (HOME, "/win", &[("x-sign", &bee), ("x-sign", &bee)], BODY, "credential_conflict", "", ""),
        (HOME, "/win", &[("x-sign", &bee), ("x-hub", &hub)], BODY, "credential_conflict", "", ""),
        (HOME, "/psp", &[("x-sign", &bee)], BODY, "partner_not_allowed", "", ""),
        (far, "/psp", &[("x-psp", &psp)], BODY, "pass", "psp", "signature"),
        (far, "/psp", &[("x-psp", &bee)], BODY, "partner_signature", "psp", "claimed"),
        // With a time in it.
        (
            far,
            "/win",
            &[("x-stripe", &timed_now), ("x-time", now)],
            BODY,
            "pass",
            "stripe",
            "signature",
        ),
        (
            far,
            "/win",
            &[("x-stripe", &timed_ms), ("x-time", ms)],
            BODY,
            "pass",
            "stripe",
            "signature",
        ),
        (
            far,
            "/win",
            &[("x-stripe", &timed_edge), ("x-time", edge)],
            BODY,
            "pass",
            "stripe",
            "signature",
        ),
        (
            far,
            "/win",
            &[("x-stripe", &timed_late), ("x-time", late)],
            BODY,
            "partner_timestamp",
            "",
            "",
        ),
        (far, "/win", &[("x-stripe", &timed_now)], BODY, "partner_timestamp", "", ""),
        (
            far,
            "/win",
            &[("x-stripe", &timed_now), ("x-time", "x")],
            BODY,
            "partner_timestamp",
            "",
            "",
        ),
        (
            far,
            "/win",
            &[("x-stripe", &timed_now), ("x-time", edge)],
            BODY,
            "partner_signature",
            "stripe",
            "claimed",
        ),
        (
            far,
            "/win",
            &[("x-stripe", &timed_now[3..]), ("x-time", now)],
            BODY,
            "partner_signature",
            "",
            "",
        ),
        // A key id, from home: exempt by the headers, and the body must be signed all the same.
        (HOME, "/win", &[("x-tame", "tame-1"), ("x-sign", &tame)], BODY, "pass", "tame", "network"),
        (
            HOME,
            "/win",
            &[("x-tame", "tame-1"), ("x-sign", &bee)],
            BODY,
            "partner_signature",
            "tame",
            "network",
        ),
        (
            HOME,
            "/win",
            &[("x-tame", "tame-1"), ("x-sign", &tame), ("x-hub", &hub)],
            BODY,
            "credential_conflict",
            "",
            "",
        ),
        (far, "/win", &[("x-tame", "tame-1"), ("x-sign", &tame)], BODY, "partner_network", "", ""),
        // A key.
        (far, "/win", &[("x-api-key", "live")], BODY, "pass", "shop", "key"),
        (far, "/win", &[("x-api-key", "ended")], BODY, "partner_unknown", "", ""),
        (far, "/win", &[("x-api-key", "other")], BODY, "partner_unknown", "", ""),
        (far, "/win", &[("x-api-key", "")], BODY, "partner_unknown", "", ""),
        (
            far,
            "/win",
            &[("x-api-key", "live"), ("x-api-key", "live")],
            BODY,
            "credential_conflict",
            "",
            "",
        ),
        (far, "/wallet", &[("x-api-key", "live")], BODY, "pass", "shop", "key"),
        (far, "/psp", &[("x-api-key", "live")], BODY, "partner_not_allowed", "", ""),
        (far, "/win", &[("x-test-key", "live")], BODY, "partner_environment", "", ""),
        (
            far,
            "/win",
            &[("x-api-key", "live"), ("x-hub", &hub)],
            &text,
            "credential_conflict",
            "",
            "",
        ),
        // A key, from home.
        (HOME, "/win?key=kiosk%20key", &[], BODY, "pass", "kiosk", "network"),
        (far, "/win?key=kiosk+key", &[], BODY, "partner_network", "", ""),
        (HOME, "/only?key=kiosk+key", &[], BODY, "pass", "kiosk", "network"),
        (HOME, "/only", &[("x-api-key", "live")], BODY, "partner_not_allowed", "", ""),
        (HOME, "/win?key=kiosk+key", &[("x-api-key", "live")], BODY, "credential_conflict", "", ""),
        (HOME, "/wallet?key=kiosk+key", &[], BODY, "partner_not_allowed", "", ""),
        // A network alone.
        (inside, "/win", &[], BODY, "pass", "house", "network"),
        (inside, "/psp", &[], BODY, "partner_not_allowed", "", ""),
        // Nor does it make good what was shown and refused.
        (
            inside,
            "/win",
            &[("x-stripe", &timed_late), ("x-time", late)],
            BODY,
            "partner_timestamp",
            "",
            "",
        ),
        (
            inside,
            "/win",
            &[("x-stripe", "v1=?"), ("x-time", now)],
            BODY,
            "partner_signature",
            "",
            "",
        ),
        (inside, "/win", &[("x-sign", "zz")], BODY, "partner_network", "", ""),
        (inside, "/win", &[("x-api-key", "other")], BODY, "partner_unknown", "", ""),
        (inside, "/win?key=other", &[], BODY, "partner_unknown", "", ""),
        // What is no partner's of this path is nobody's credential.
        (inside, "/win", &[("x-psp", "zz"), ("x-one", "one-1")], BODY, "pass", "house", "network"),
        (far, "/win", &[], BODY, "partner_unknown", "", ""),
        (inside, "/win", &[("x-api-key", "live")], BODY, "pass", "shop", "key"),
        // Where the body tells the class.
        (HOME, "/select", &[("x-one", "one-1")], BODY, "pass", "one", "network"),
        (
            HOME,
            "/select",
            &[("x-one", "one-1")],
            r#"{"type": "balance"}"#,
            "pass",
            "one",
            "network",
        ),
        (
            HOME,
            "/select",
            &[("x-one", "one-1")],
            r#"{"type": "bet"}"#,
            "partner_not_allowed",
            "one",
            "network",
        ),
        (HOME, "/select", &[("x-one", "one-1")], "{}", "endpoint_unclassified", "one", "network"),
        (HOME, "/select", &[("x-one", "one-2")], BODY, "partner_unknown", "", ""),
        (far, "/select", &[("x-one", "one-1")], BODY, "partner_network", "", ""),
        // What is nobody's call is asked of nobody.
        (far, "/bets", &[("x-api-key", "live")], BODY, "token_missing", "", ""),
    ];
    for (client, path, headers, body, want, partner, proof) in cases {
        let case = format!("{client} {path} {headers:?} {body}");
        assert_eq!(world.ask(client, path, headers, body), *want, "{case}");
        let told = (world.fact("pitboss.partner"), world.fact("pitboss.partner-proof"));
        assert_eq!(told, (*partner, *proof), "{case}");
        world.host.now += 10 * SECOND;
        world.plugin = World::new(&config()).plugin;
        world.host.now -= 10 * SECOND;
    }
}

//! Configurations of partners that are refused, each by the name of the field and without its value.

use policy_kit::fake::FakeHost;
use policy_kit::Plugin;
use serde_json::{json, Value};

use crate::plugin::PlayerAuth;
use crate::tests::partner_gateway::config;

/// The outcome of the good configuration with the partner `x` added.
fn with(partner: Value) -> String {
    let mut config = config();
    config["partners"]["x"] = partner;
    outcome(&config)
}

fn outcome(config: &Value) -> String {
    let mut host = FakeHost::default();
    match PlayerAuth::configure(config.to_string().as_bytes(), &mut host) {
        Ok(_) => "good".to_owned(),
        Err(error) => {
            assert!(!error.to_string().contains("S3CRET"), "{error}");
            error.field
        }
    }
}

/// A partner with one credential and these members.
fn partner(more: Value) -> Value {
    let mut partner = json!({"paths": ["/"], "hmac": {"header": "x-x", "secrets": ["S3CRET12"]}});
    for (name, value) in more.as_object().unwrap() {
        partner[name] = value.clone();
    }
    partner
}

#[test]
fn rejects_invalid_partners() {
    let sha = "ab".repeat(32);
    let hmac = |changes: Value| {
        let mut hmac = json!({"header": "x-x", "secrets": ["S3CRET12"]});
        for (name, value) in changes.as_object().unwrap() {
            hmac[name] = value.clone();
        }
        partner(json!({"hmac": hmac}))
    };
    let key = |key: Value| partner(json!({"api_key": {"header": "x-k", "keys": [key]}}));
    let keys = |api_key: Value| partner(json!({"api_key": api_key}));
    let rsa = |keys: Value| partner(json!({"rsa": {"header": "x-r", "keys": keys}}));
    let sha_key = json!({"sha256": sha});
    let rsa_key = crate::tests::partner_gateway::rsa().0;
    let webhook = |kind: &str, changes: Value| {
        let mut config = json!({"secrets": ["whsec_S3CRETS3CRET"]});
        for (name, value) in changes.as_object().unwrap() {
            config[name] = value.clone();
        }
        json!({"paths": ["/"], kind: config})
    };
    for (partner, field) in [
        (partner(json!({})), "good"),
        (partner(json!({"keys": "S3CRET"})), "partners.x.keys"),
        (json!({"hmac": {"header": "x-x", "secrets": ["S3CRET12"]}}), "partners.x.paths"),
        (partner(json!({"paths": []})), "partners.x.paths"),
        (partner(json!({"paths": ["S3CRET"]})), "partners.x.paths[0]"),
        (partner(json!({"paths": ["/", "/a//b"]})), "partners.x.paths[1]"),
        (json!({"paths": ["/"]}), "partners.x"),
        (json!({"paths": ["/"], "cidrs": ["192.0.2.0/24"]}), "partners.x"),
        (json!({"paths": ["/"], "key_id": {"header": "x-i", "value": "S3CRET"}}), "partners.x"),
        (json!({"paths": ["/"], "network_only": true}), "partners.x.network_only"),
        (
            partner(json!({"network_only": true, "cidrs": ["192.0.2.0/24"]})),
            "partners.x.network_only",
        ),
        (partner(json!({"cidrs": []})), "partners.x.cidrs"),
        (partner(json!({"cidrs": ["192.0.2.1/24"]})), "partners.x.cidrs[0]"),
        (partner(json!({"cidrs": ["192.0.2.0/24", "0.0.0.0/0"]})), "partners.x.cidrs[1]"),
        (partner(json!({"tier": "S3CRET tier"})), "partners.x.tier"),
        (partner(json!({"envelope": "S3CRET"})), "partners.x.envelope"),
        (partner(json!({"brands": ["kings"]})), "good"),
        (partner(json!({"brands": []})), "partners.x.brands"),
        (partner(json!({"brands": ["kings", "S3CRET"]})), "partners.x.brands"),
        (partner(json!({"brands": "S3CRET"})), "partners.x.brands"),
        (partner(json!({"classes": ["S3CRET"]})), "partners.x.classes[0]"),
        (partner(json!({"environment": "S3CRET"})), "partners.x.environment"),
        (key(json!({"sha256": sha, "expires": "2030-01-01T00:00:00Z"})), "good"),
        (key(json!({"sha256": "S3CRET"})), "partners.x.api_key.keys[0].sha256"),
        (key(json!({"sha256": &sha[1..]})), "partners.x.api_key.keys[0].sha256"),
        (
            key(
                json!({"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}),
            ),
            "partners.x.api_key.keys[0].sha256",
        ),
        (key(json!({"sha256": sha, "expires": "S3CRET"})), "partners.x.api_key.keys[0].expires"),
        (keys(json!({"header": "x-k", "keys": []})), "partners.x.api_key.keys"),
        (
            keys(json!({"header": "x-k", "keys": [sha_key, sha_key, sha_key]})),
            "partners.x.api_key.keys",
        ),
        (keys(json!({"header": "x-k", "value": "S3CRET"})), "partners.x.api_key.keys"),
        (keys(json!({"keys": [sha_key]})), "partners.x.api_key"),
        (keys(json!({"header": "x-k", "query": "k", "keys": [sha_key]})), "partners.x.api_key"),
        (keys(json!({"header": "X-S3CRET", "keys": [sha_key]})), "partners.x.api_key.header"),
        (keys(json!({"header": "cookie", "keys": [sha_key]})), "partners.x.api_key.header"),
        (
            partner(json!({"key_id": {"header": "x-i", "keys": [sha_key]}})),
            "partners.x.key_id.value",
        ),
        (partner(json!({"key_id": {"header": "x-i", "value": ""}})), "partners.x.key_id.value"),
        (hmac(json!({"secrets": []})), "partners.x.hmac.secrets"),
        (hmac(json!({"secrets": ["S3CRET12", "S3CRET23", "S3CRET34"]})), "partners.x.hmac.secrets"),
        (hmac(json!({"secrets": ["S3CRET"]})), "partners.x.hmac.secrets[0]"),
        (hmac(json!({"secrets": [{"env": "S3CRET"}]})), "partners.x.hmac.secrets[0].env"),
        (hmac(json!({"keys": []})), "partners.x.hmac.secrets"),
        (hmac(json!({"header": "X S3CRET"})), "partners.x.hmac.header"),
        // Headers of other kinds of signatures, or that cannot carry one.
        (hmac(json!({"header": "stripe-signature"})), "partners.x.hmac.header"),
        (hmac(json!({"header": "webhook-signature", "prefix": "v1,"})), "partners.x.hmac.header"),
        (hmac(json!({"header": "svix-signature"})), "partners.x.hmac.header"),
        (hmac(json!({"header": "content-length"})), "partners.x.hmac.header"),
        (hmac(json!({"header": "host"})), "partners.x.hmac.header"),
        (hmac(json!({"prefix": " v1="})), "partners.x.hmac.prefix"),
        (hmac(json!({"prefix": "S3CRET\u{e9}"})), "partners.x.hmac.prefix"),
        (hmac(json!({"timestamp": {"header": "x-x", "tolerance_s": 9}})), "partners.x.hmac.header"),
        (hmac(json!({"timestamp": {"header": "x_x", "tolerance_s": 9}})), "partners.x.hmac.header"),
        (
            hmac(json!({"timestamp": {"header": "cookie", "tolerance_s": 9}})),
            "partners.x.hmac.timestamp.header",
        ),
        // Two credentials in one header or parameter.
        (partner(json!({"rsa": {"header": "x-x", "keys": [rsa_key]}})), "partners.x"),
        (keys(json!({"header": "x-x", "keys": [sha_key]})), "partners.x"),
        (
            partner(json!({
                "api_key": {"query": "k", "keys": [sha_key]}, "key_id": {"query": "K", "value": "i"},
            })),
            "partners.x",
        ),
        (
            partner(json!({
                "api_key": {"header": "x-k", "keys": [sha_key]},
                "rsa": {
                    "header": "x-r", "keys": [rsa_key],
                    "timestamp": {"header": "x-k", "tolerance_s": 9},
                },
            })),
            "partners.x",
        ),
        (
            partner(json!({"key_id": {"header": "x-i", "value": " S3CRET"}})),
            "partners.x.key_id.value",
        ),
        (webhook("stripe", json!({})), "good"),
        (webhook("stripe", json!({"secrets": []})), "partners.x.stripe.secrets"),
        (webhook("stripe", json!({"secrets": ["S3CRET"]})), "partners.x.stripe.secrets[0]"),
        (webhook("stripe", json!({"tolerance_s": 0})), "partners.x.stripe.tolerance_s"),
        (webhook("stripe", json!({"prefix": "v1="})), "partners.x.stripe.prefix"),
        (webhook("standard_webhooks", json!({})), "good"),
        (webhook("standard_webhooks", json!({"secrets": ["S3CRETS3CRET"]})), "good"),
        (
            webhook("standard_webhooks", json!({"secrets": ["whsec_S3CRET_S3CRET"]})),
            "partners.x.standard_webhooks.secrets[0]",
        ),
        (
            webhook("standard_webhooks", json!({"secrets": ["whpk_S3CRETS3CRET"]})),
            "partners.x.standard_webhooks.secrets[0]",
        ),
        (
            webhook("standard_webhooks", json!({"prefix": "S3CRET"})),
            "partners.x.standard_webhooks.prefix",
        ),
        (
            webhook("standard_webhooks", json!({"tolerance_s": 3601})),
            "partners.x.standard_webhooks.tolerance_s",
        ),
        (hmac(json!({"encoding": "S3CRET"})), "partners.x.hmac.encoding"),
        (
            hmac(json!({"timestamp": {"header": "x-t", "tolerance_s": 0}})),
            "partners.x.hmac.timestamp.tolerance_s",
        ),
        (
            hmac(json!({"timestamp": {"header": "X-S3CRET", "tolerance_s": 9}})),
            "partners.x.hmac.timestamp.header",
        ),
        (rsa(json!([])), "partners.x.rsa.keys"),
        (rsa(json!(["S3CRET"])), "partners.x.rsa.keys[0]"),
        (rsa(json!([{"kty": "RSA", "n": "S3CRET", "e": "AQAB"}])), "partners.x.rsa.keys[0]"),
        (partner(json!({"certificate": {}})), "partners.x.certificate"),
        (partner(json!({"certificate": {"sans": [""]}})), "partners.x.certificate.sans"),
        (
            partner(json!({"certificate": {"sha256": ["S3CRET"]}})),
            "partners.x.certificate.sha256[0]",
        ),
    ] {
        let shown = partner.to_string();
        assert_eq!(with(partner), field, "{shown}");
    }
}

#[test]
fn rejects_inconsistent_names() {
    let many: serde_json::Map<_, _> =
        (0..65).map(|i| (format!("p-{i}"), partner(json!({})))).collect();
    let first = |partners: Value| {
        let mut config = config();
        config["partners"] = partners;
        config["endpoints"].as_array_mut().unwrap().retain(|it| it.get("partners").is_none());
        outcome(&config)
    };
    assert_eq!(first(json!({"x": partner(json!({}))})), "good");
    assert_eq!(first(json!({})), "partners");
    assert_eq!(first(Value::Object(many)), "partners");
    for name in ["", "Hub", "a b", "none"] {
        let entry = "partners (entry 1 in alphabetical order)";
        assert_eq!(first(json!({name: partner(json!({}))})), entry, "{name}");
    }
    for (pointer, value, field) in [
        ("/endpoints/3/partners", json!(["kiosk", "nobody"]), "endpoints[3].partners"),
        ("/endpoints/5/caller", json!("player"), "endpoints[5].caller"),
        ("/partners", Value::Null, "endpoints[3].partners"),
        ("/host", json!("wasmx"), "partners.mesh.certificate"),
        ("/environment", json!("S3CRET"), "environment"),
        ("/unverified", json!({"per_minute": 0}), "unverified.per_minute"),
        ("/unverified", json!({"burst": 0}), "unverified.burst"),
        ("/unverified", json!({"max_body_bytes": 2_000_000}), "unverified.max_body_bytes"),
        ("/unverified", json!({"max_held": 0}), "unverified.max_held"),
        ("/unverified", json!({"max": "S3CRET"}), "unverified.max"),
    ] {
        let mut config = config();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        config.pointer_mut(parent).unwrap()[name] = value;
        assert_eq!(outcome(&config), field, "{pointer}");
    }
}

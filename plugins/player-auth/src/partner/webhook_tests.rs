//! Webhooks as their senders' own libraries sign them (see `testdata/webhooks.py`).

use policy_kit::fake::FakeHost;
use policy_kit::Secret;
use serde_json::Value;

use super::*;
use crate::partner::config::WebhookConfig;

const VECTORS: &str = include_str!("../../testdata/webhooks.json");
const NOW: u64 = 1_800_000_000;

fn compiled(kind: &str, secrets: &Value, prefix: &str) -> Signature {
    let secrets: Vec<Secret> = serde_json::from_value(secrets.clone()).unwrap();
    let raw = WebhookConfig { secrets, tolerance_s: 300, prefix: prefix.to_owned() };
    let mut host = FakeHost::default();
    match kind {
        "stripe" => Signature::stripe(raw, "at", &mut host),
        _ => Signature::standard_webhooks(raw, "at", &mut host),
    }
    .unwrap()
}

/// The outcome of a request with these headers and this body.
fn outcome(signature: &Signature, headers: &[(&str, &str)], body: &str) -> &'static str {
    let pairs = headers.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
    let headers = Headers::from_pairs(pairs);
    if signature.presence(&headers) != Presence::Match {
        return "absent";
    }
    match signature.read(&headers, NOW) {
        Err(denial) => denial.code,
        Ok(presented) => {
            let mut host = FakeHost::default();
            match signature.verify(&presented, body.as_bytes(), Verifier::default(), &mut host) {
                true => "good",
                false => PARTNER_SIGNATURE.code,
            }
        }
    }
}

fn vectors() -> Vec<Value> {
    let mut file: Value = serde_json::from_str(VECTORS).unwrap();
    assert_eq!(file["now"], NOW);
    serde_json::from_value(file["cases"].take()).unwrap()
}

fn headers_of(case: &Value) -> Vec<(&str, &str)> {
    let headers = case["headers"].as_object().unwrap();
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect()
}

#[test]
fn agrees_with_the_senders_libraries() {
    let vectors = vectors();
    assert!(vectors.len() >= 20);
    for case in &vectors {
        let signature = compiled(case["kind"].as_str().unwrap(), &case["secrets"], "webhook-");
        let got = outcome(&signature, &headers_of(case), case["body"].as_str().unwrap());
        assert_eq!(got == "good", case["good"].as_bool().unwrap(), "{got} {case:#}");
    }
}

#[test]
fn header_names_follow_the_prefix() {
    let vectors = vectors();
    let case = vectors.iter().find(|case| case["kind"] == "standard_webhooks").unwrap();
    let signature = compiled("standard_webhooks", &case["secrets"], "svix-");
    let renamed: Vec<_> = headers_of(case)
        .into_iter()
        .map(|(name, value)| (name.replace("webhook-", "svix-"), value))
        .collect();
    let renamed: Vec<_> = renamed.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(outcome(&signature, &renamed, case["body"].as_str().unwrap()), "good");
    assert_eq!(outcome(&signature, &headers_of(case), ""), "absent");
}

/// Stricter than the libraries.
#[test]
fn rejects_what_readers_may_read_differently() {
    const BODY: &str = r#"{"amount":2500}"#;
    let secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    let secrets = serde_json::json!([secret]);
    let stripe = compiled("stripe", &secrets, "webhook-");
    let hex = |time: &str| {
        let mac = HMAC::mac(format!("{time}.{BODY}"), secret);
        mac.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let now = NOW.to_string();
    let (ahead, v1) = ((NOW + 301).to_string(), hex(&now));
    let many = format!(",v1={v1}").repeat(17);
    for (header, want) in [
        (format!("t={now},v1={v1}"), "good"),
        (format!("t={now},v1={}", v1.to_uppercase()), "good"),
        (format!("t={now},t={now},v1={v1}"), "partner_timestamp"),
        (format!("t={ahead},v1={}", hex(&ahead)), "partner_timestamp"),
        (format!("t=+{now},v1={}", hex(&format!("+{now}"))), "partner_timestamp"),
        (format!("t={now}000,v1={}", hex(&format!("{now}000"))), "partner_timestamp"),
        (format!("t= {now},v1={v1}"), "partner_timestamp"),
        (format!("t={now}, v1={v1}"), "partner_signature"),
        (format!("t={now},v1=x{v1}"), "partner_signature"),
        (format!("t={now},v1="), "partner_signature"),
        (format!("t={now}{many}"), "partner_signature"),
        (v1.clone(), "partner_timestamp"),
        (String::new(), "partner_timestamp"),
    ] {
        let got = outcome(&stripe, &[("stripe-signature", &header)], BODY);
        assert_eq!(got, want, "{header}");
    }
    assert_eq!(
        outcome(&stripe, &[("stripe-signature", &format!("t={now},v1={v1}"))], ""),
        "partner_signature"
    );

    let webhooks = compiled("standard_webhooks", &secrets, "webhook-");
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let sign = |id: &str, time: &str| {
        let mac = HMAC::mac(format!("{id}.{time}.{BODY}"), &key);
        format!("v1,{}", STANDARD.encode(mac))
    };
    let good = sign("m", &now);
    for (id, time, signature, want) in [
        ("m", &*now, good.clone(), "good"),
        ("m", &now, format!("{good}  "), "good"),
        ("", &now, sign("", &now), "partner_signature"),
        // One signed text for the id `m.1800000000` and for the id `m`.
        ("m.1", &now, sign("m.1", &now), "partner_signature"),
        ("m", "1800000000.5", sign("m", "1800000000.5"), "partner_timestamp"),
        ("m", "", sign("m", ""), "partner_timestamp"),
        ("m", &now, good.replace("v1,", "v1="), "partner_signature"),
        ("m", &now, format!("{good} ").repeat(17), "partner_signature"),
    ] {
        let headers =
            [("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", &signature)];
        assert_eq!(outcome(&webhooks, &headers, BODY), want, "{id} {time} {signature}");
    }
    let twice = [
        ("webhook-id", "m"),
        ("webhook-id", "m"),
        ("webhook-timestamp", &now),
        ("webhook-signature", &good),
    ];
    assert_eq!(outcome(&webhooks, &twice, BODY), "partner_signature");
}

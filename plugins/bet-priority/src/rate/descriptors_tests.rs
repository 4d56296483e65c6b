//! Headers for Envoy's rate limit service.

use super::*;
use crate::rate::fixture::{endpoints, request};
use policy_kit::{read_settings, Headers};

policy_kit::settings! {
    struct Document {
        descriptors: Vec<DescriptorConfig>,
    }
}

fn compile(json: &str) -> Result<Descriptors, ConfigError> {
    let document: Document = read_settings(format!(r#"{{"descriptors": {json}}}"#).as_bytes())?;
    Descriptors::compile(document.descriptors, true)
}

#[test]
fn values_are_plain_and_cannot_be_confused() {
    let all = compile(
        r#"[{"header": "x-limit-player", "key": ["brand", "player"]},
            {"header": "x-limit-device", "key": [{"header": "x-device"}, {"variable": "id"}]},
            {"header": "x-limit-client", "key": ["client"]}]"#,
    )
    .unwrap();
    let endpoints = endpoints();
    let device = Headers::from_pairs([(&b"x-device"[..], &b"a|b %\xff"[..])]);
    let bare = request("POST", "/bets/7/cashout", &device);
    let found = endpoints.found(endpoints.classify(bare.method, bare.target));
    let v6 = "2001:db8:1:2:3::4".parse().ok();
    for (caller, want) in [
        (Caller { player: Some(b"p-1"), ..bare }, ["otter|p-1", "a%7Cb%20%25%FF|7", "0.0.0.1"]),
        (bare, ["otter|0.0.0.1", "a%7Cb%20%25%FF|7", "0.0.0.1"]),
        (
            Caller { client: v6, ..bare },
            ["otter|2001:db8:1:2::", "a%7Cb%20%25%FF|7", "2001:db8:1:2::"],
        ),
        (Caller { client: None, ..bare }, ["otter|unknown", "a%7Cb%20%25%FF|7", "unknown"]),
    ] {
        let values = all.values(&found, &caller);
        assert_eq!(values.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), want);
        assert_eq!(values[1].0, "x-limit-device");
    }
}

#[test]
fn rejects_invalid_descriptors() {
    for (json, field) in [
        ("[]", ""),
        (r#"[{"header": "X", "key": ["client"]}]"#, "descriptors[0].header"),
        (r#"[{"header": "x", "key": []}]"#, "descriptors[0].key"),
        (r#"[{"header": "x", "key": [{"pointer": "/a"}]}]"#, "descriptors[0].key[0]"),
        (r#"[{"header": "x", "key": ["client", {"header": ""}]}]"#, "descriptors[0].key[1].header"),
        (
            r#"[{"header": "x", "key": ["client"]}, {"header": "x", "key": ["brand"]}]"#,
            "descriptors[1].header",
        ),
    ] {
        let found = compile(json).map(|_| ()).map_err(|error| error.field);
        let want = if field.is_empty() { Ok(()) } else { Err(field.to_owned()) };
        assert_eq!(found, want, "{json}");
    }
}

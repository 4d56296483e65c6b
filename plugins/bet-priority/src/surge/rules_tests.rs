//! Which profiles are refused.

use super::*;
use policy_kit::fake::FakeHost;
use serde_json::{json, Value};

pub(crate) fn compile(raw: &Value) -> Result<SurgeRules, ConfigError> {
    let raw = policy_kit::read_settings(raw.to_string().as_bytes())?;
    SurgeRules::compile(&raw, &mut FakeHost::default())
}

#[test]
fn rejects_invalid_configurations() {
    for (raw, want) in [
        (json!({}), "surge"),
        (json!({"schedule": []}), "surge"),
        (json!({"auto": {"after_ms": 1}}), "surge.auto.after_ms"),
        (json!({"schedule": [{"from": "a", "until": "b"}]}), "surge.schedule[0].from"),
        (json!({"switch": {"cluster": ""}}), "surge.switch.cluster"),
        (json!({"switch": {"cluster": "a", "extra": 1}}), "switch.extra"),
    ] {
        let error = compile(&raw).unwrap_err();
        assert_eq!(error.field, want, "{raw}: {error}");
    }
}

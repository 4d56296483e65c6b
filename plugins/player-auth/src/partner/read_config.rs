//! Reads [`super::config`] from the document, with [`super::reader`].

use policy_kit::{ConfigError, EndpointClass, Secret, SortedMap, Variable};
use serde_json::Value;

use super::config::{
    CertificateConfig, Encoding, Environment, KeyConfig, PartnerConfig, PresentedConfig,
    SignatureConfig, TimestampConfig, UnverifiedConfig, WebhookConfig,
};
use super::reader::{Faults, Object};

/// Largest `max_body_bytes`.
const MAX_BODY: u64 = 1 << 20;
const PARTNER: [&str; 16] = [
    "api_key",
    "key_id",
    "hmac",
    "rsa",
    "stripe",
    "standard_webhooks",
    "certificate",
    "network_only",
    "cidrs",
    "paths",
    "brands",
    "classes",
    "environment",
    "tier",
    "envelope",
    "forward_credential",
];
const PRESENTED: [&str; 4] = ["header", "query", "keys", "value"];
const SIGNATURE: [&str; 6] = ["header", "encoding", "prefix", "secrets", "keys", "timestamp"];
const STRIPE: [&str; 2] = ["secrets", "tolerance_s"];
const WEBHOOKS: [&str; 3] = ["secrets", "tolerance_s", "prefix"];
/// Default tolerance for webhooks, in seconds, as in both standards' own libraries.
const TOLERANCE: u64 = 300;

/// Reads the configuration's `partners`.
///
/// # Errors
/// Names the field.
pub fn partners(value: &Value) -> Result<SortedMap<String, PartnerConfig>, ConfigError> {
    let faults = Faults::default();
    let all = Object::of(value, "partners".to_owned(), &[], &faults);
    let read = all.members().map(|(name, value, at)| {
        (name.clone(), partner(&Object::of(value, at, &PARTNER, &faults)))
    });
    let read = read.collect();
    faults.finish(read)
}

/// Reads the configuration's `environment`.
///
/// # Errors
/// Names it.
pub fn environment(value: &Value) -> Result<Environment, ConfigError> {
    let faults = Faults::default();
    let read = environment_of(value, "environment", &faults);
    faults.finish(read)
}

/// Reads the configuration's `unverified`.
///
/// # Errors
/// Names the field.
pub fn unverified(value: &Value) -> Result<UnverifiedConfig, ConfigError> {
    let faults = Faults::default();
    let names = ["per_minute", "burst", "max_body_bytes", "max_held"];
    let it = Object::of(value, "unverified".to_owned(), &names, &faults);
    let of = |name, default: u64, most: u64| {
        let number = it.number(name).unwrap_or(default);
        if !(1..=most).contains(&number) {
            faults.note(&it.path(name), &format!("expected 1 to {most}"));
        }
        u32::try_from(number).unwrap_or(1)
    };
    let UnverifiedConfig { per_minute, burst, max_body_bytes, max_held } = Default::default();
    let size = |name, default: usize, most| of(name, default as u64, most) as usize;
    let read = UnverifiedConfig {
        per_minute: of("per_minute", per_minute.into(), 60_000),
        burst: of("burst", burst.into(), 10_000),
        max_body_bytes: size("max_body_bytes", max_body_bytes, MAX_BODY),
        max_held: size("max_held", max_held, 4096),
    };
    faults.finish(read)
}

fn partner(it: &Object<'_>) -> PartnerConfig {
    let certificate = it.object("certificate", &["sha256", "sans"]);
    PartnerConfig {
        api_key: it.object("api_key", &PRESENTED).map(|it| presented(&it)),
        key_id: it.object("key_id", &PRESENTED).map(|it| presented(&it)),
        hmac: it.object("hmac", &SIGNATURE).map(|it| signature(&it)),
        rsa: it.object("rsa", &SIGNATURE).map(|it| signature(&it)),
        stripe: it.object("stripe", &STRIPE).map(|it| webhook(&it)),
        standard_webhooks: it.object("standard_webhooks", &WEBHOOKS).map(|it| webhook(&it)),
        certificate: certificate.map(|it| CertificateConfig {
            sha256: it.texts("sha256").unwrap_or_default(),
            sans: it.texts("sans").unwrap_or_default(),
        }),
        network_only: it.flag("network_only"),
        cidrs: it.texts("cidrs"),
        paths: it.texts("paths").unwrap_or_default(),
        brands: it.texts("brands"),
        classes: it.items("classes").map(|items| classes(&items, it.faults)),
        environment: match it.get("environment") {
            Some(value) => environment_of(value, &it.path("environment"), it.faults),
            None => Environment::default(),
        },
        tier: it.text("tier"),
        envelope: it.text("envelope"),
        forward_credential: it.flag("forward_credential"),
    }
}

#[inline(never)]
fn presented(it: &Object<'_>) -> PresentedConfig {
    let keys = it.items("keys").map(|items| {
        let key = |(value, at)| {
            let it = Object::of(value, at, &["sha256", "expires"], it.faults);
            let sha256 = it.text("sha256").unwrap_or_default();
            KeyConfig { sha256, expires: it.text("expires") }
        };
        items.into_iter().map(key).collect()
    });
    let (header, query, value) = (it.text("header"), it.text("query"), it.text("value"));
    PresentedConfig { header, query, keys, value }
}

#[inline(never)]
fn signature(it: &Object<'_>) -> SignatureConfig {
    let encoding = it.get("encoding").and_then(|value| match value.as_str() {
        Some("hex") => Some(Encoding::Hex),
        Some("base64") => Some(Encoding::Base64),
        _ => {
            it.faults.wrong_type(&it.path("encoding"), "`hex` or `base64`");
            None
        }
    });
    let secret = |(value, at)| secret(value, at, it.faults);
    let timestamp = it.object("timestamp", &["header", "tolerance_s"]);
    SignatureConfig {
        header: it.text("header").unwrap_or_default(),
        encoding,
        prefix: it.text("prefix").unwrap_or_default(),
        secrets: it.items("secrets").map(|items| items.into_iter().map(secret).collect()),
        keys: it.items("keys").map(|keys| keys.into_iter().map(|(key, _)| key.clone()).collect()),
        timestamp: timestamp.map(|it| TimestampConfig {
            header: it.text("header").unwrap_or_default(),
            tolerance_s: it.number("tolerance_s").unwrap_or_default(),
        }),
    }
}

#[inline(never)]
fn webhook(it: &Object<'_>) -> WebhookConfig {
    let secret = |(value, at)| secret(value, at, it.faults);
    let secrets = it.items("secrets").map(|items| items.into_iter().map(secret).collect());
    WebhookConfig {
        secrets: secrets.unwrap_or_default(),
        tolerance_s: it.number("tolerance_s").unwrap_or(TOLERANCE),
        prefix: it.text("prefix").unwrap_or_else(|| "webhook-".to_owned()),
    }
}

fn secret(value: &Value, at: String, faults: &Faults) -> Secret {
    match value {
        Value::String(text) => Secret::Literal(text.clone()),
        _ => {
            let env = Object::of(value, at, &["env"], faults).text("env").unwrap_or_default();
            Secret::Variable(Variable { env })
        }
    }
}

fn classes(items: &[(&Value, String)], faults: &Faults) -> Vec<EndpointClass> {
    let mut out = Vec::new();
    for (value, at) in items {
        let mut known = EndpointClass::ALL.into_iter();
        let written = |class: &EndpointClass| Some(class.as_str()) == value.as_str();
        match known.find(written).filter(|class| *class != EndpointClass::Unclassified) {
            Some(class) => out.push(class),
            None => faults.wrong_type(at, "the name of a class"),
        }
    }
    out
}

fn environment_of(value: &Value, at: &str, faults: &Faults) -> Environment {
    match value.as_str() {
        Some("production") => Environment::Production,
        Some("sandbox") => Environment::Sandbox,
        _ => {
            faults.wrong_type(at, "`production` or `sandbox`");
            Environment::default()
        }
    }
}

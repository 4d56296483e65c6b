//! The variants, side by side.
use super::bet_priority::bet_priority;
use super::breakers::Breakers;
use super::error::SurgeError;
use super::variant::{Missing, Variant};
use serde_json::{json, Value};

pub(super) const NOTHING: &str = "nothing";
pub(super) const CONFIGURED: &str = "route-priority";
pub(super) const OURS: &str = "bet-priority";
pub(super) const CONFIGURED_VARIED: &str = "route-priority-varied";
pub(super) const OURS_VARIED: &str = "bet-priority-varied";
pub(super) const OURS_WORKERS: &str = "bet-priority-two-workers";

/// All variants in the order of the table, and those that cannot run here.
///
/// # Errors
/// The example of bet-priority is there but cannot be read.
pub fn variants() -> Result<(Vec<Variant>, Vec<Missing>), SurgeError> {
    let configured = Variant::new(CONFIGURED, "route priority and circuit breakers");
    let configured = Variant { breakers: Breakers::ByPriority, ..configured };
    let mut all = vec![
        Variant::new(NOTHING, "nothing"),
        Variant {
            filters: vec![adaptive_concurrency()],
            ..Variant::new("adaptive-concurrency", "adaptive_concurrency")
        },
        Variant {
            filters: vec![local_ratelimit()],
            ..Variant::new("local-ratelimit", "local_ratelimit, 160/s")
        },
        configured.clone(),
    ];
    let varied = configured.varied(CONFIGURED_VARIED, "route priority, permits 8, 5, 12");
    let mut missing = Vec::new();
    let ours = Variant::new(OURS, "bet-priority, adaptive");
    match bet_priority(ours)? {
        Ok(ours) => {
            let ours_varied = ours.clone().varied(OURS_VARIED, "bet-priority, permits 8, 5, 12");
            all.extend([ours, varied, ours_varied]);
            let two = Variant::new(OURS_WORKERS, "bet-priority, two workers");
            all.extend(bet_priority(Variant { workers: Some(2), ..two })?);
        }
        Err(why) => {
            all.push(varied);
            let keys = [OURS, OURS_VARIED, OURS_WORKERS];
            missing.extend(keys.map(|key| Missing { key, why: why.clone() }));
        }
    }
    Ok((all, missing))
}

/// Those of the variants that are named; all, if none is.
///
/// # Errors
/// A name is not among those of [`variants`].
pub fn named(
    (mut all, mut missing): (Vec<Variant>, Vec<Missing>),
    names: &[String],
) -> Result<(Vec<Variant>, Vec<Missing>), SurgeError> {
    let keys = || all.iter().map(|it| it.key).chain(missing.iter().map(|it| it.key));
    if let Some(name) = names.iter().find(|name| keys().all(|key| key != **name)) {
        let all = keys().collect::<Vec<_>>().join(", ");
        return Err(SurgeError::NoVariant { name: name.clone(), all });
    }
    let wanted = |key: &str| names.is_empty() || names.iter().any(|name| name == key);
    all.retain(|it| wanted(it.key));
    missing.retain(|it| wanted(it.key));
    Ok((all, missing))
}

/// Envoy's documented defaults.
fn adaptive_concurrency() -> Value {
    json!({"name": "envoy.filters.http.adaptive_concurrency", "typed_config": {
        "@type": concat!("type.googleapis.com/envoy.extensions.filters.http.adaptive_concurrency.",
            "v3.AdaptiveConcurrency"),
        "gradient_controller_config": {
            "sample_aggregate_percentile": {"value": 90},
            "concurrency_limit_params": {"concurrency_update_interval": "0.1s"},
            "min_rtt_calc_params": {"jitter": {"value": 10}, "interval": "60s", "request_count": 50},
        },
        "enabled": {"default_value": true, "runtime_key": "adaptive_concurrency.enabled"},
    }})
}

/// As many requests as the casino can carry out, a twentieth of a second's at once.
fn local_ratelimit() -> Value {
    let all = json!({"default_value": {"numerator": 100, "denominator": "HUNDRED"}});
    json!({"name": "envoy.filters.http.local_ratelimit", "typed_config": {
        "@type": concat!("type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.",
            "v3.LocalRateLimit"),
        "stat_prefix": "surge",
        "token_bucket": {"max_tokens": 8, "tokens_per_fill": 8, "fill_interval": "0.05s"},
        "filter_enabled": all,
        "filter_enforced": all,
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_chosen_by_name() {
        let chosen = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|it| (*it).to_owned()).collect();
            let (all, missing) = named(variants().unwrap(), &names)?;
            Ok::<_, SurgeError>(all.len() + missing.len())
        };
        assert_eq!(chosen(&[]).unwrap(), 8);
        assert_eq!(chosen(&[NOTHING, OURS_VARIED]).unwrap(), 2);
        let error = chosen(&["everything"]).unwrap_err().to_string();
        assert!(error.contains("`everything`; there are nothing, "), "{error}");
    }
}

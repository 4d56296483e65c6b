//! The rule for requests of one kind.

use policy_kit::{invalid, is_pointer, ConfigError, Host, Profile};

use crate::config::checks::{pointers, within, words};
use crate::config::rule::{
    Commit, FingerprintConfig, OnStoreError, OutcomeConfig, ReconcileConfig, RuleConfig, Treat,
};
use crate::names::{MILLI, SECOND};
use crate::policy::identity::{Part, PerPart, Selection};
use crate::policy::key::KeyLocation;
use crate::policy::outcome::{CodeRule, OutcomeRule, Reconcile};

/// The gateway's timeout by default.
const TIMEOUT_MS: u64 = 15_000;
/// The margin after it by default.
const MARGIN_MS: u64 = 5_000;
/// How long a key is kept by default: players' clients retry for minutes, partners for a day.
const RETENTION_S: PerPart<u64> = PerPart { players: 3_600, partners: 86_400 };
/// The same for a request that the upstream refused.
const REFUSED_S: PerPart<u64> = PerPart { players: 600, partners: 86_400 };
/// Bounds of a retention.
const RETENTION_BOUNDS_S: (u64, u64) = (60, 31 * 86_400);
/// Most new keys a second.
pub(crate) const MOST_RATE: u64 = 100_000;

/// How long keys are kept, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Keys of any request.
    pub kept: u64,
    /// Keys of requests that the upstream refused.
    pub refused: u64,
}

/// A compiled rule. Times are nanoseconds.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its position in the configuration, `rules[2]`, or `catalogue`; for evidence.
    pub name: String,
    /// Whether a key is required. `Policy::rule` returns no rule with `pass`.
    pub treat: Treat,
    /// Where requests have their key.
    pub key: KeyLocation,
    /// Which part of the body makes two requests the same.
    pub selection: Selection,
    /// How exchanges map to outcomes.
    pub outcome: OutcomeRule,
    /// How long until the outcome is unknown: the gateway's timeout and the margin.
    pub lease: u64,
    /// How long keys are kept.
    pub retention: PerPart<Retention>,
    /// New keys a second under this rule alone.
    pub rate: Option<u64>,
    /// How long a retry waits for the first attempt; it does not if `None`.
    pub wait: Option<u64>,
    /// When answers are released.
    pub commit: Commit,
    /// What happens while the store is unavailable.
    pub on_store_error: OnStoreError,
    /// The service that knows unknown outcomes.
    pub reconcile: Option<Reconcile>,
}

impl Rule {
    /// Whether its requests may have keys.
    pub fn uses_keys(&self) -> bool {
        self.treat != Treat::Pass
    }

    /// Compiles the rule at `at`. `commit` is the document's; the host is asked for the environment only.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(
        raw: RuleConfig,
        at: String,
        profile: Profile,
        commit: Commit,
        host: &mut dyn Host,
    ) -> Result<Self, ConfigError> {
        let field = |name: &str| format!("{at}.{name}");
        if let Some(name) = needless(&raw).filter(|_| raw.treat == Treat::Pass) {
            return Err(invalid(field(name), "has no effect: such requests pass without a key"));
        }
        let timeout = within(raw.timeout_ms, TIMEOUT_MS, (100, 600_000), || field("timeout_ms"))?;
        let margin = within(raw.margin_ms, MARGIN_MS, (0, 60_000), || field("margin_ms"))?;
        let lease = (timeout + margin) * MILLI;
        let retention = retention(&raw, lease, &at)?;
        let rate =
            raw.rate.map(|rate| within(Some(rate.into()), 0, (0, MOST_RATE), || field("rate")));
        let wait = within(raw.wait_ms, 0, (0, 5_000), || field("wait_ms"))?;
        if wait > 0 && profile == Profile::Wasmx {
            return Err(invalid(field("wait_ms"), "is for `envoy`: requests cannot wait on WasmX"));
        }
        let commit = raw.commit.unwrap_or(commit);
        check_commit(commit, profile, || field("commit"))?;
        let key = raw.key.map(|key| KeyLocation::compile(key, &field("key"))).transpose()?;
        let reconcile = |raw: ReconcileConfig| Reconcile::compile(raw, &field("reconcile"), host);
        Ok(Self {
            treat: raw.treat,
            key: key.unwrap_or_else(KeyLocation::header),
            selection: selection(raw.fingerprint, &field("fingerprint"))?,
            outcome: outcome(raw.outcome, raw.not_executed, &at)?,
            lease,
            retention,
            rate: rate.transpose()?,
            wait: (wait > 0).then_some(wait * MILLI),
            commit,
            on_store_error: raw.on_store_error.unwrap_or_default(),
            reconcile: raw.reconcile.map(reconcile).transpose()?,
            name: at,
        })
    }

    /// The rule for requests that need a key by the catalogue and match no configured rule.
    pub fn catalogue(commit: Commit) -> Self {
        Self {
            name: "catalogue".to_owned(),
            treat: Treat::Required,
            key: KeyLocation::header(),
            selection: Selection::Raw,
            outcome: OutcomeRule::default(),
            lease: (TIMEOUT_MS + MARGIN_MS) * MILLI,
            retention: PerPart::new(|part| Retention {
                kept: RETENTION_S.of(part) * SECOND,
                refused: REFUSED_S.of(part) * SECOND,
            }),
            rate: None,
            wait: None,
            commit,
            on_store_error: OnStoreError::Refuse,
            reconcile: None,
        }
    }
}

fn retention(raw: &RuleConfig, lease: u64, at: &str) -> Result<PerPart<Retention>, ConfigError> {
    let field = |name: &str| format!("{at}.{name}");
    let given = |number: Option<u64>, name: &str| {
        let within = |number| within(Some(number), 0, RETENTION_BOUNDS_S, || field(name));
        number.map(within).transpose()
    };
    let kept = given(raw.retention_s, "retention_s")?;
    let refused = given(raw.refused_retention_s, "refused_retention_s")?;
    let of = |part: Part| {
        let kept = kept.unwrap_or(*RETENTION_S.of(part));
        let default = (*REFUSED_S.of(part)).min(kept);
        let default = if part == Part::Partners { kept } else { default };
        (kept, refused.unwrap_or(default))
    };
    for part in Part::ALL {
        let (kept, refused) = of(part);
        if kept.saturating_mul(SECOND) <= lease {
            let problem = "must be longer than `timeout_ms` and `margin_ms` together";
            return Err(invalid(field("retention_s"), problem));
        }
        if refused > kept {
            return Err(invalid(
                field("refused_retention_s"),
                "must not be longer than `retention_s`",
            ));
        }
    }
    Ok(PerPart::new(|part| {
        let (kept, refused) = of(part);
        Retention { kept: kept * SECOND, refused: refused * SECOND }
    }))
}

/// Checks that the gateway can release answers so.
///
/// # Errors
/// Names the field.
pub(crate) fn check_commit(
    commit: Commit,
    profile: Profile,
    field: impl FnOnce() -> String,
) -> Result<(), ConfigError> {
    match (commit, profile) {
        (Commit::BeforeReply, Profile::Wasmx) => {
            let problem = "must say `after_reply`: this gateway cannot hold an answer back";
            Err(invalid(field(), problem))
        }
        _ => Ok(()),
    }
}

/// A member that has no effect with `pass`.
fn needless(raw: &RuleConfig) -> Option<&'static str> {
    let members = [
        ("key", raw.key.is_some()),
        ("fingerprint", raw.fingerprint.is_some()),
        ("outcome", raw.outcome.is_some()),
        ("not_executed", raw.not_executed.is_some()),
        ("timeout_ms", raw.timeout_ms.is_some()),
        ("margin_ms", raw.margin_ms.is_some()),
        ("retention_s", raw.retention_s.is_some()),
        ("refused_retention_s", raw.refused_retention_s.is_some()),
        ("rate", raw.rate.is_some()),
        ("wait_ms", raw.wait_ms.is_some()),
        ("commit", raw.commit.is_some()),
        ("on_store_error", raw.on_store_error.is_some()),
        ("reconcile", raw.reconcile.is_some()),
    ];
    members.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
}

fn selection(raw: Option<FingerprintConfig>, at: &str) -> Result<Selection, ConfigError> {
    match raw {
        None | Some(FingerprintConfig::Raw) => Ok(Selection::Raw),
        Some(FingerprintConfig::Pointers(list)) => {
            pointers(&list, at)?;
            Ok(Selection::Pointers(list))
        }
    }
}

fn outcome(
    code: Option<OutcomeConfig>,
    not_executed: Option<Vec<u16>>,
    at: &str,
) -> Result<OutcomeRule, ConfigError> {
    let not_executed = not_executed.unwrap_or_default();
    if !not_executed.iter().all(|status| (300..=599).contains(status)) {
        return Err(invalid(format!("{at}.not_executed"), "expected statuses from 300 to 599"));
    }
    let code = code.map(|raw| code_rule(raw, &format!("{at}.outcome"))).transpose()?;
    Ok(OutcomeRule { not_executed, code })
}

fn code_rule(raw: OutcomeConfig, at: &str) -> Result<CodeRule, ConfigError> {
    if !is_pointer(&raw.pointer) {
        return Err(invalid(format!("{at}.pointer"), "expected a JSON pointer: `/status`"));
    }
    if raw.completed.is_empty() {
        return Err(invalid(format!("{at}.completed"), "must name at least one code"));
    }
    let lists =
        [("completed", &raw.completed), ("retryable", &raw.retryable), ("unknown", &raw.unknown)];
    words(&lists, at)?;
    Ok(CodeRule { pointer: raw.pointer, completed: raw.completed, retryable: raw.retryable })
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;

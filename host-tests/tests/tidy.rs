//! Rules of the repository, one test each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use host_tests::envoy::workspace_root;

/// Headings of every plugin's README, in this order.
const HEADINGS: [&str; 8] = [
    "What it does",
    "Configuration",
    "Refusals",
    "What it tells others",
    "Metrics",
    "When something fails",
    "Worked example",
    "Limits",
];

fn files(folder: &Path, ending: &str, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            files(&path, ending, out);
        } else if name.ends_with(ending) {
            out.push(path);
        }
    }
}

fn all(ending: &str) -> Vec<PathBuf> {
    let mut out = Vec::new();
    files(&workspace_root(), ending, &mut out);
    assert!(!out.is_empty(), "no {ending} found: this test looks in the wrong place");
    out
}

/// The crates in `plugins/` that become a module.
fn plugins() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(workspace_root().join("plugins")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let module = |path: &PathBuf| {
        let manifest = read_to_string(path.join("Cargo.toml")).unwrap();
        manifest.contains("crate-type") && !path.ends_with("suite")
    };
    let plugins: Vec<_> = folders.filter(module).collect();
    assert!(plugins.len() >= 2, "{plugins:?}");
    plugins
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let long = |path: &PathBuf| read_to_string(path).unwrap().lines().count() > 400;
    assert_eq!(all(".rs").into_iter().filter(long).collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

#[test]
fn every_plugin_readme_has_the_same_headings() {
    for plugin in plugins() {
        let text = read_to_string(plugin.join("README.md")).unwrap();
        let headings: Vec<_> = text.lines().filter_map(|l| l.strip_prefix("## ")).collect();
        assert_eq!(headings, HEADINGS, "{}", plugin.display());
    }
}

#[test]
fn the_readme_lists_every_refusal() {
    for (plugin, denials) in [
        ("geo-jurisdiction", &geo_jurisdiction::denials::ALL[..]),
        ("player-auth", &player_auth::denials::ALL),
        ("bet-priority", &bet_priority::denials::ALL),
        ("idempotency", &idempotency::denials::ALL),
    ] {
        let text =
            read_to_string(workspace_root().join(format!("plugins/{plugin}/README.md"))).unwrap();
        for denial in denials {
            let row = format!("| {} | `{}` |", denial.status, denial.code);
            assert!(text.contains(&row), "{plugin}: no row `{row}`");
        }
    }
}

/// Senders of settlements do not retry after a 4xx, but the casino may owe the money: every refusal of a
/// settlement is retryable unless it is listed here.
#[test]
fn settlement_refusals_are_retryable() {
    use policy_kit::Denial;
    use policy_kit::EndpointClass::Settlement;
    /// For requests of players only: settlements depend on no token, place or state of a player.
    const NEVER: [&str; 35] = [
        "token_missing",
        "token_malformed",
        "token_expired",
        "token_not_yet_valid",
        "token_lifetime",
        "token_signature",
        "issuer_unknown",
        "audience_mismatch",
        "client_mismatch",
        "token_claims",
        "token_inactive",
        "token_revoked",
        "scope_insufficient",
        "step_up_required",
        "brand_mismatch",
        "keys_unavailable",
        "introspection_unavailable",
        "player_excluded",
        "kyc_required",
        "session_limit_reached",
        "deposit_limit_reached",
        "account_suspended",
        "product_closed",
        "player_state_unavailable",
        "revocations_unavailable",
        "too_many_failures",
        "jurisdiction_unknown",
        "jurisdiction_unlicensed",
        "product_unlicensed",
        "anonymous_network",
        "place_conflict",
        "geo_required",
        "geo_stale",
        "geo_rejected",
        "geo_unavailable",
    ];
    /// Final: unauthenticated or invalid requests, and requests that are already answered.
    const FINAL: [&str; 6] = [
        "partner_unknown",
        "partner_signature",
        "upgrade_refused",
        "idempotency_key_reused",
        "idempotency_answer_unavailable",
        "idempotency_stream",
    ];
    type Told = fn(Denial) -> Denial;
    let all: [(&[Denial], Told); 4] = [
        (&geo_jurisdiction::denials::ALL, |it| geo_jurisdiction::denials::as_sent(it, true)),
        (&player_auth::denials::ALL, |it| player_auth::denials::as_sent(it, true)),
        (&bet_priority::denials::ALL, |it| bet_priority::denials::as_sent(it, true)),
        (&idempotency::denials::ALL, |it| {
            idempotency::denials::for_recipient(it, Settlement, true)
        }),
    ];
    for (denials, told) in all {
        for denial in denials {
            let heard = told(*denial);
            let allowed = NEVER.contains(&denial.code) || FINAL.contains(&denial.code);
            assert!(allowed || heard.status == 503, "{} is {}", denial.code, heard.status);
        }
    }
}

/// The SDK panics on statuses that a policy must handle. Only test modules use it.
#[test]
fn no_plugin_depends_on_the_sdk() {
    for path in all("Cargo.toml") {
        let text = read_to_string(&path).unwrap();
        let needs = text.split("dev-dependencies]").next().unwrap();
        let foreign = ["noop", "plain-filter"].map(|it| format!("host-tests/fixtures/{it}"));
        let allowed = path.parent() == Some(&workspace_root())
            || foreign.iter().any(|it| path.parent().unwrap().ends_with(it));
        assert!(allowed || !needs.contains("\nproxy-wasm"), "{}", path.display());
    }
}

#[test]
fn unsafe_code_is_limited_to_foreign_interfaces() {
    let spoken = ["plugins/policy-shell", "host-tests/clock", "host-tests/fixtures/attributes"]
        .map(|it| workspace_root().join(it));
    for folder in &spoken {
        let lints = read_to_string(folder.join("Cargo.toml")).unwrap();
        assert!(lints.contains("undocumented_unsafe_blocks = \"deny\""), "{}", folder.display());
    }
    for path in all(".rs") {
        if spoken.iter().any(|it| path.starts_with(it)) || path.ends_with("tests/tidy.rs") {
            continue;
        }
        let text = read_to_string(&path).unwrap();
        assert!(!text.contains("unsafe {"), "{}", path.display());
    }
}

#[test]
fn links_of_the_readmes_exist() {
    for path in all("README.md") {
        let folder = path.parent().unwrap();
        let text = read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap();
            if !target.is_empty() && !target.contains("://") {
                assert!(folder.join(target).exists(), "{}: {link}", path.display());
            }
        }
    }
}

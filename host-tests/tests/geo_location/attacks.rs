//! Attacks: bets with a forged location, none of which may reach the upstream.

use policy_token::testing::Forge;
use policy_token::Alg;
use serde_json::{json, Value};

use crate::fixture::{
    chain, claims, location, outcome, provider, request, run, with, NOW, PROFILES,
};

/// The token's headers, and the refusal.
pub(crate) fn attacks() -> Vec<(String, Vec<Vec<u8>>, &'static str)> {
    let good = location(&json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    // Another token's header or claims under the good one's signature.
    let other = |changes: Value| location(&changes);
    let claims_of = |changes: Value| other(changes).split('.').nth(1).unwrap().to_owned();
    let patched = |claims: &str| format!("{}.{claims}.{}", parts[0], parts[2]);
    let stranger = Forge::at(NOW);
    let sign = |alg| stranger.sign(alg, &claims(&stranger, &json!({})));
    let mut all: Vec<(String, Vec<Vec<u8>>, &'static str)> = Vec::new();
    let mut add = |name: &str, tokens: Vec<String>, code| {
        all.push((name.to_owned(), tokens.into_iter().map(String::into_bytes).collect(), code));
    };
    let rejected = "geo_rejected";
    add("none", vec![], "geo_required");
    add("an empty one", vec![String::new()], "geo_required");
    add("another region", vec![patched(&claims_of(json!({"region": "US-ME"})))], rejected);
    add("another player's", vec![patched(&claims_of(json!({"sub": "p-2"})))], rejected);
    add("a longer life", vec![patched(&claims_of(json!({"exp": NOW + 90_000})))], rejected);
    for alg in [Alg::Es256, Alg::Rs256, Alg::EdDsa] {
        add(&format!("a stranger's key, {}", alg.name()), vec![sign(alg)], rejected);
    }
    let unknown = Forge::with_suffix(NOW, "-x");
    let token = unknown.sign(Alg::Es256, &claims(&unknown, &json!({})));
    add("a key that nobody knows", vec![token], rejected);
    add("another issuer", vec![other(json!({"iss": "https://casino.test"}))], rejected);
    add("another audience", vec![other(json!({"aud": "elsewhere"}))], rejected);
    add("twice", vec![good.clone(), good.clone()], rejected);
    add("and a worse one", vec![good.clone(), "x".to_owned()], rejected);
    add("two in one", vec![format!("{good},{good}")], rejected);
    add("over 8 KiB", vec![format!("{good}{}", "A".repeat(8 << 10))], rejected);
    add("as a bearer", vec![format!("Bearer {good}")], rejected);
    add("expired", vec![other(json!({"exp": NOW - 600}))], "geo_stale");
    // Made for logins, and signed by the provider where they are signed at all.
    for attack in provider().attacks().into_iter().filter(|attack| !attack.token.is_empty()) {
        let code = if attack.name == "expired" { "geo_stale" } else { rejected };
        // Blanks around a value are no part of it.
        if attack.token.trim_ascii() == attack.token {
            all.push((attack.name, vec![attack.token], code));
        }
    }
    all
}

#[test]
fn attacks_are_refused_as_wasm() {
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({}));
        for path in ["/api/bets", "/api/games/crown/launch"] {
            for (name, tokens, code) in attacks() {
                let bet = tokens.iter().fold(request(path), with);
                let report = run(&mut chain, bet);
                let case = format!("{name} for {path} under {profile:?}");
                // Made with the issuer of logins, which is not this one: then its date is not read.
                let got = outcome(&report);
                assert!(got == code || got == "geo_rejected", "{case}: {got}");
                assert_eq!((&report.upstream, report.traps.len()), (&None, 0), "{case}");
            }
        }
        let good = with(request("/api/bets"), location(&json!({})));
        assert_eq!(outcome(&run(&mut chain, good)), "allow", "{profile:?}");
    }
}

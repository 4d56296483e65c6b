//! The corpus of attacks on tokens (`policy_token::testing`) as tokens of requests: each is refused with its
//! code, in every credential source, and with signatures checked by the gateway or the module.

use abi_host::{Profile, Request};
use player_auth::denials;

use crate::fixture::{
    self, assert_refused, bet, forge, outcome, run, through_the_edge, with_token,
};

type Carry = fn(Request, &[u8]) -> Request;

/// Where a token is.
const PLACES: [(&str, Carry); 3] = [
    ("Authorization", |request, token| with_token(request, token)),
    ("a header", |request, token| request.header("x-token", token)),
    ("a cookie", |request, token| {
        request.header("cookie", [b"theme=dark; session=", token].concat())
    }),
];

/// What a call is, and whether it needs a token.
const CALLS: [(&str, &str); 2] = [("POST", "/api/bets"), ("GET", "/api/lobby")];

#[test]
fn every_attack_is_refused_with_its_code() {
    let attacks = forge().attacks();
    assert!(attacks.len() >= 60, "{} attacks", attacks.len());
    for profile in fixture::PROFILES {
        let mut chain = fixture::chain(profile, &fixture::inline(forge()));
        let mut tried = 0;
        for attack in &attacks {
            for (place, carry) in PLACES {
                // Blanks around a value are no part of it, and an empty cookie is none.
                let trimmed = attack.token.trim_ascii() != attack.token;
                if (trimmed && place != "a header")
                    || (attack.token.is_empty() && place == "a cookie")
                {
                    continue;
                }
                for (method, path) in CALLS {
                    let report =
                        run(&mut chain, carry(through_the_edge(method, path), &attack.token));
                    let case = format!("{} in {place} of {path} under {profile:?}", attack.name);
                    assert_refused(&report, denials::of(attack.refusal).code, &case);
                    if profile == Profile::Envoy {
                        let evidence = &report.filter_state["wasm.pitboss.player-auth.evidence"];
                        let evidence = String::from_utf8_lossy(evidence);
                        assert_eq!(evidence, attack.refusal.evidence(), "{case}");
                    }
                    tried += 1;
                }
            }
        }
        assert!(tried > 6 * 60, "{tried} requests under {profile:?}");
        for alg in policy_token::testing::ALGORITHMS {
            let token = forge().sign(alg, &forge().claims());
            for (place, carry) in PLACES {
                let report =
                    run(&mut chain, carry(through_the_edge("POST", "/api/bets"), token.as_bytes()));
                assert_eq!(outcome(&report), "allow", "{alg:?} in {place} under {profile:?}");
            }
        }
    }
}

/// The token of one of the attacks.
fn attack(name: &str) -> Vec<u8> {
    forge().attacks().into_iter().find(|attack| attack.name == name).unwrap().token
}

/// Envoy checks signatures itself; elsewhere, and with a gateway that fails the self-test, the module does.
#[test]
fn the_gateway_checks_the_signatures_it_supports() {
    let forged = attack("another player");
    let rs256 = forge().sign(policy_token::Alg::Rs256, &forge().claims());
    let foreign = "proxy_call_foreign_function";
    for (profile, gullible, asked) in [
        (Profile::Envoy, false, true),
        (Profile::Envoy, true, false),
        (Profile::Wasmx, false, false),
    ] {
        let configuration = fixture::configuration(profile, &fixture::inline(forge()));
        let mut builder = fixture::builder(profile, &configuration);
        if gullible {
            builder = builder.foreign_function("verify_signature", |_| Ok(vec![8, 1]));
        }
        let mut chain = builder.start().unwrap();
        let at_start = chain.trace(fixture::PLUGIN).count(foreign);
        for (name, token, want) in [
            ("ES256", forge().good().into_bytes(), "allow"),
            ("RS256", rs256.clone().into_bytes(), "allow"),
            ("forged", forged.clone(), "token_signature"),
        ] {
            let before = chain.trace(fixture::PLUGIN).count(foreign);
            let report = run(&mut chain, bet(&token));
            let case = format!("{name} under {profile:?}, gullible {gullible}");
            assert_eq!(outcome(&report), want, "{case}");
            let calls = chain.trace(fixture::PLUGIN).count(foreign) - before;
            assert_eq!(calls, u64::from(asked), "{case}");
        }
        assert_eq!(at_start > 0, profile == Profile::Envoy, "{profile:?}");
    }
}

/// Forged tokens use up their source's budget, after which no stranger's token is looked at; who is known
/// does not feel it, and hears when the own one expires.
#[test]
fn forged_tokens_use_up_the_budget_of_their_source() {
    let forged = attack("another player");
    let others = attack("another issuer");
    for profile in fixture::PROFILES {
        let mut changes = fixture::inline(forge());
        changes["failures"] = serde_json::json!({"per_minute": 30, "burst": 10});
        let mut chain = fixture::chain(profile, &changes);
        let expires = |at: u64| {
            let claims = forge().claims_with(&serde_json::json!({"exp": at}));
            forge().sign(policy_token::Alg::Es256, &claims)
        };
        let (known, brief) = (forge().good(), expires(fixture::NOW + 10));
        for good in [&known, &brief] {
            assert_eq!(outcome(&run(&mut chain, bet(good))), "allow");
        }
        // The minute that clocks may differ is over, too.
        chain.clock().advance(std::time::Duration::from_secs(71));
        for turn in 0..50 {
            let report = run(&mut chain, bet(&forged));
            let want = if turn < 10 { "token_signature" } else { "too_many_failures" };
            assert_eq!(outcome(&report), want, "{turn} under {profile:?}");
            assert_eq!(report.header("retry-after").is_some(), turn >= 10, "{turn}");
        }
        let report = run(&mut chain, with_token(through_the_edge("GET", "/api/lobby"), &forged));
        assert_eq!(outcome(&report), "too_many_failures", "not as anonymous either");
        for (who, request, want) in [
            ("known", bet(&known), "allow"),
            ("unknown", bet(forge().good()), "too_many_failures"),
            ("known, expired", bet(&brief), "token_expired"),
            ("unknown, expired", bet(expires(fixture::NOW - 60)), "too_many_failures"),
            ("unknown, another issuer's", bet(&others), "too_many_failures"),
            ("no token at all", bet("a.b"), "token_malformed"),
            ("anonymous", through_the_edge("GET", "/api/lobby"), "allow"),
        ] {
            assert_eq!(outcome(&run(&mut chain, request)), want, "{who} under {profile:?}");
        }
        let mut elsewhere = bet(forge().good());
        elsewhere.headers.set("x-forwarded-for", "198.51.100.24");
        assert_eq!(outcome(&run(&mut chain, elsewhere)), "allow", "another source");
        chain.clock().advance(std::time::Duration::from_secs(3));
        let unknown = bet(forge().good());
        assert_eq!(outcome(&run(&mut chain, unknown)), "allow", "two seconds for one more");
    }
}

#[test]
fn without_a_cache_every_token_is_checked() {
    let forged = attack("another player");
    for profile in fixture::PROFILES {
        let mut changes = fixture::inline(forge());
        changes["failures"] = serde_json::json!({"per_minute": 30, "burst": 1});
        changes["cache_tokens"] = serde_json::json!(0);
        let mut chain = fixture::chain(profile, &changes);
        let good = forge().good().into_bytes();
        for (token, want) in [
            (&good, "allow"),
            (&forged, "token_signature"),
            (&good, "too_many_failures"),
            (&forged, "too_many_failures"),
        ] {
            assert_eq!(outcome(&run(&mut chain, bet(token))), want, "{profile:?}");
        }
    }
}

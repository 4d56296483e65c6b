//! Bets with and without a location, as time passes and players move.

use std::time::Duration;

use abi_host::{Profile, Report};
use serde_json::{json, Value};

use crate::fixture::{
    self, chain, hello, location, outcome, request, request_of, run, with, CLIENT, NOW, PROFILES,
};

fn header_values(report: &Report, name: &str) -> Vec<String> {
    let upstream = report.upstream.as_ref().unwrap();
    let values = upstream.headers.get_all(name);
    values.map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}

#[test]
fn a_located_bet_passes_with_its_headers() {
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({}));
        let forged = with(request("/api/bets"), location(&json!({})))
            .header("x-location-age", "1")
            .header("x-location-id", "loc-666")
            .header("x_location_id", "loc-666")
            .header("x-player-id", "p-666");
        for _ in 0..2 {
            let report = run(&mut chain, forged.clone());
            assert_eq!(outcome(&report), "allow", "{profile:?}");
            for (name, want) in [
                ("x-player-id", vec!["p-1"]),
                ("x-jurisdiction", vec!["US-NJ"]),
                ("x-location-age", vec!["0"]),
                ("x-location-id", vec!["loc-7"]),
                ("x_location_id", vec![]),
                ("x-geolocation", vec![]),
            ] {
                assert_eq!(header_values(&report, name), want, "{name} under {profile:?}");
            }
        }
        chain.run_for(Duration::from_secs(12), &mut hello);
        assert_eq!(
            header_values(&run(&mut chain, forged), "x-location-age"),
            ["12"],
            "{profile:?}"
        );
        // Where none is needed none is asked, and the token is still nobody else's.
        let report = run(&mut chain, with(request("/api/withdrawals"), "x.y.z"));
        let step_up = outcome(&report) == "allow" || outcome(&report) == "step_up_required";
        assert!(step_up, "{profile:?}: {}", outcome(&report));
        let report = run(&mut chain, with(request("/api/safer-gambling/limits"), "x.y.z"));
        assert_eq!(outcome(&report), "allow", "{profile:?}");
        assert_eq!(header_values(&report, "x-geolocation"), Vec::<String>::new());
    }
}

/// The claims of the token; the code, and the further members of the problem document.
#[test]
fn claims_decide_the_refusal() {
    let recheck = "/api/safer-gambling/location-check";
    let stale = json!({"max_age": 1_800, "recheck": recheck});
    let mended = json!({"recheck": recheck});
    let nothing = json!({});
    let cases: Vec<(Value, u16, &str, &Value)> = vec![
        (json!({"ip": format!("::ffff:{CLIENT}")}), 200, "allow", &nothing),
        (json!({"region": "US-ME"}), 200, "allow", &nothing),
        (json!({"region": "US-NY"}), 451, "jurisdiction_unlicensed", &nothing),
        (json!({"region": "US"}), 403, "jurisdiction_unknown", &nothing),
        (json!({"region": "US-XX"}), 403, "jurisdiction_unknown", &nothing),
        (json!({"region": "MT"}), 403, "place_conflict", &nothing),
        (json!({"region": "KP"}), 451, "jurisdiction_unlicensed", &nothing),
        (json!({"region": "nowhere"}), 403, "geo_rejected", &mended),
        (json!({"region": null}), 403, "geo_rejected", &mended),
        (json!({"passed": false}), 403, "geo_rejected", &mended),
        // What the check found all the same is the law's business.
        (json!({"passed": false, "region": "US-NY"}), 451, "jurisdiction_unlicensed", &nothing),
        (json!({"passed": false, "region": "KP"}), 451, "jurisdiction_unlicensed", &nothing),
        (json!({"confident": false, "region": "DE"}), 451, "jurisdiction_unlicensed", &nothing),
        (json!({"passed": false, "region": "DE", "sub": "p-2"}), 403, "geo_rejected", &mended),
        (json!({"passed": false, "region": "DE", "exp": NOW}), 403, "geo_stale", &stale),
        (json!({"passed": false, "region": "nowhere"}), 403, "geo_rejected", &mended),
        (json!({"passed": "true"}), 403, "geo_rejected", &mended),
        (json!({"passed": null}), 403, "geo_rejected", &mended),
        (json!({"confident": false}), 403, "geo_rejected", &mended),
        (json!({"confident": null}), 403, "geo_rejected", &mended),
        (json!({"sub": "p-2"}), 403, "geo_rejected", &mended),
        (json!({"sub": null}), 403, "geo_rejected", &mended),
        (json!({"sid": "s-2"}), 403, "geo_rejected", &mended),
        (json!({"sid": null}), 403, "geo_rejected", &mended),
        (json!({"ip": "198.51.100.131"}), 403, "geo_stale", &stale),
        (json!({"ip": "2001:db8:1::1"}), 403, "geo_stale", &stale),
        (json!({"ip": null}), 403, "geo_rejected", &mended),
        (json!({"iat": NOW - 1_799}), 200, "allow", &nothing),
        (json!({"iat": NOW - 1_800}), 403, "geo_stale", &stale),
        (json!({"iat": NOW + 60}), 200, "allow", &nothing),
        (json!({"iat": NOW + 61}), 403, "geo_rejected", &mended),
        (json!({"iat": null}), 403, "geo_rejected", &mended),
        (json!({"exp": NOW}), 403, "geo_stale", &stale),
        (json!({"exp": NOW - 61}), 403, "geo_stale", &stale),
        (json!({"next_check_at": NOW}), 403, "geo_stale", &stale),
        (json!({"iat": NOW - 123, "next_check_in": 123}), 403, "geo_stale", &stale),
        (json!({"iat": NOW - 122, "next_check_in": 123}), 200, "allow", &nothing),
    ];
    let failed = json!({"passed": false, "reasons": ["OUT_OF_BOUNDARY", "SECRET"]});
    let reasons = json!({"recheck": recheck, "reasons": ["OUT_OF_BOUNDARY"]});
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({}));
        let more = [(failed.clone(), 403, "geo_rejected", &reasons)];
        for (changes, status, code, members) in cases.iter().cloned().chain(more) {
            let report = run(&mut chain, with(request("/api/bets"), location(&changes)));
            let case = format!("{changes} under {profile:?}");
            assert_eq!((outcome(&report).as_str(), report.status()), (code, status), "{case}");
            let problem: Value = serde_json::from_str(&report.text()).unwrap_or_default();
            for name in ["max_age", "recheck", "reasons"] {
                assert_eq!(problem.get(name), members.get(name), "{name}: {case}");
            }
            assert_eq!(report.upstream.is_some(), status == 200, "{case}");
        }
    }
}

/// Seconds since the check, by place and by border, of a token that was verified at its first use.
#[test]
fn tokens_in_memory_grow_old() {
    for profile in PROFILES {
        for (region, border, lives) in
            [("US-NJ", None, 1_800), ("US-ME", None, 1_200), ("US-ME", Some(1_000), 300)]
        {
            let mut chain = chain(profile, &json!({}));
            let token = location(&json!({"region": region, "border_m": border}));
            let bet = with(request("/api/bets"), &token);
            let case = format!("{region} {border:?} under {profile:?}");
            assert_eq!(outcome(&run(&mut chain, bet.clone())), "allow", "{case}");
            chain.run_for(Duration::from_secs(lives - 1), &mut hello);
            assert_eq!(outcome(&run(&mut chain, bet.clone())), "allow", "{case}");
            chain.run_for(Duration::from_secs(1), &mut hello);
            let report = run(&mut chain, bet);
            assert_eq!(outcome(&report), "geo_stale", "{case}");
            let problem: Value = serde_json::from_str(&report.text()).unwrap();
            assert_eq!(problem["max_age"], lives, "{case}");
        }
    }
}

/// A token of one player, session and address counts for no other, although the worker remembers it as genuine.
#[test]
fn a_replay_on_another_account_is_refused() {
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({}));
        let token = location(&json!({}));
        for (player, session, client, want) in [
            ("p-1", "s-1", CLIENT, "allow"),
            ("p-2", "s-1", CLIENT, "geo_rejected"),
            ("p-2", "s-2", CLIENT, "geo_rejected"),
            ("p-1", "s-2", CLIENT, "geo_rejected"),
            ("p-1", "s-1", "198.51.100.131", "geo_stale"),
            ("p-1", "s-1", "198.51.100.131, 10.0.0.9", "geo_stale"),
            ("p-1", "s-1", CLIENT, "allow"),
        ] {
            let request = request_of(player, session, client, "/api/bets");
            let report = run(&mut chain, with(request, &token));
            assert_eq!(outcome(&report), want, "{player} {session} {client} under {profile:?}");
        }
    }
}

/// Identity headers of clients do not count, with or without a login.
#[test]
fn client_identity_headers_are_ignored() {
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({}));
        let theirs = location(&json!({"sub": "p-2"}));
        let lying = with(request("/api/bets"), &theirs)
            .header("x-player-id", "p-2")
            .header("x_player_id", "p-2");
        assert_eq!(outcome(&run(&mut chain, lying.clone())), "geo_rejected", "{profile:?}");
        let mut nobody = lying;
        nobody.headers.remove("authorization");
        assert_eq!(outcome(&run(&mut chain, nobody)), "token_missing", "{profile:?}");
    }
}

#[test]
fn shadow_mode_and_other_classes_pass() {
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({"classes": {"cashout": "fresh", "launch": "none"}}));
        for (path, want) in [
            ("/api/bets", "geo_required"),
            ("/api/games/crown/launch", "allow"),
            ("/api/deposits", "allow"),
            ("/api/bets/b-1/cashout", "geo_required"),
            ("/api/rounds/r-1/hit", "allow"),
        ] {
            assert_eq!(outcome(&run(&mut chain, request(path))), want, "{path} {profile:?}");
        }
        let all = fixture::located(profile, fixture::provider(), &json!({}));
        let shadow = fixture::geo(profile, &all).replacen("\"enforce\"", "\"shadow\"", 1);
        chain.update(fixture::GEO, shadow.as_bytes()).unwrap();
        let report = run(&mut chain, with(request("/api/bets"), "a.b.c"));
        assert_eq!(outcome(&report), "allow", "{profile:?}");
        assert_eq!(header_values(&report, "x-geolocation"), Vec::<String>::new());
        let shadowed =
            "pitboss.geo-jurisdiction.requests.class=wager.decision=shadow.code=geo_rejected";
        assert_eq!(chain.metric(shadowed), Some(1), "{profile:?}");
    }
}

/// A document that names no filter that strips player headers is invalid.
#[test]
fn wasmx_requires_a_stripping_filter() {
    let mut all = fixture::located(Profile::Wasmx, fixture::provider(), &json!({}));
    all.as_object_mut().unwrap().remove("identity");
    let error = fixture::builder(Profile::Wasmx, &all).start().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("location.identity"), "{error}");
}

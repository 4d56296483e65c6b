//! Introspection of tokens that are not JWTs: responses, caching, and outages.

use std::time::Duration;

use abi_host::{Call, CallAnswer, Chain, Profile, Request};
use serde_json::{json, Value};

use crate::fixture::{
    self, assert_refused, bet, hello, outcome, run, through_the_edge, with_token,
};
use crate::fixture::{NOW, SECOND};
use crate::services::{failures, json_after, Service};

const UNAVAILABLE: &str = "introspection_unavailable";
const INACTIVE: &str = "token_inactive";

fn changes() -> Value {
    json!({
        "issuers": [],
        "introspection": {
            "cluster": "casino", "authority": "casino.internal", "path": "/oauth/introspect",
            "authorization": "Basic Z2F0ZXdheQ==", "audiences": ["casino-api"],
            "active_s": 60, "inactive_s": 5,
        },
        "on_error": {"content": "anonymous"},
        "player_state": null,
        "failures": {"per_minute": 60_000, "burst": 10_000},
    })
}

fn start(profile: Profile, service: &Service) -> Chain {
    let configuration = fixture::configuration(profile, &changes());
    fixture::builder(profile, &configuration).callouts(service.callouts()).start().unwrap()
}

/// The service's response about a valid token, with some members replaced.
fn active(changes: &Value) -> CallAnswer {
    let mut answer = json!({
        "active": true, "sub": "p-1", "brand": "lucky-otter", "aud": "casino-api", "sid": "s-1",
    });
    for (name, value) in changes.as_object().unwrap() {
        answer[name] = value.clone();
    }
    json_after(answer.to_string(), 20)
}

fn lobby(token: &str) -> Request {
    with_token(through_the_edge("GET", "/api/lobby"), token)
}

#[test]
fn responses_decide_about_tokens() {
    for profile in fixture::PROFILES {
        for (name, answer, want) in [
            ("active", active(&json!({})), "allow"),
            ("not active", json_after(r#"{"active": false}"#, 20), INACTIVE),
            ("active in words", active(&json!({"active": "true"})), UNAVAILABLE),
            ("active by number", active(&json!({"active": 1})), UNAVAILABLE),
            ("not a word of it", active(&json!({"active": null})), UNAVAILABLE),
            ("expired all the same", active(&json!({"exp": NOW})), "token_expired"),
            ("for another service", active(&json!({"aud": "other"})), "audience_mismatch"),
            ("without an audience", active(&json!({"aud": null})), "audience_mismatch"),
            ("no player", active(&json!({"sub": ""})), "token_claims"),
            ("a float", active(&json!({"exp": NOW as f64 + 30.5, "iat": NOW as f64})), "allow"),
            ("expires null", active(&json!({"exp": null, "sid": null})), "allow"),
            ("expires in words", active(&json!({"exp": "tomorrow"})), "token_claims"),
            ("begins in words", active(&json!({"nbf": "yesterday"})), "token_claims"),
            ("logged in in words", active(&json!({"auth_time": "yesterday"})), "allow"),
            ("two lines", active(&json!({"sid": "s\r\nx-brand: y"})), "token_claims"),
            ("another brand", active(&json!({"brand": "river-kings"})), "brand_mismatch"),
            (
                "a duplicate member",
                json_after(r#"{"active": false, "active": true}"#, 20),
                UNAVAILABLE,
            ),
        ] {
            let service = Service::new(answer);
            let mut chain = start(profile, &service);
            let report = run(&mut chain, bet("opaque.token-1"));
            let case = format!("{name} under {profile:?}");
            match want {
                "allow" => assert_eq!(outcome(&report), want, "{case}"),
                _ => assert_refused(&report, want, &case),
            }
            let call = service.last();
            assert_eq!(call.body, b"token=opaque.token-1&token_type_hint=access_token");
            let header = |name| call.headers.text(name).unwrap();
            assert_eq!(header(":authority"), "casino.internal", "{case}");
            assert_eq!(header("authorization"), "Basic Z2F0ZXdheQ==", "{case}");
        }
    }
}

/// Tokens that do not match RFC 6750 cause no call.
#[test]
fn invalid_tokens_are_not_introspected() {
    for profile in fixture::PROFILES {
        let service = Service::new(active(&json!({})));
        let mut chain = start(profile, &service);
        for token in ["", "a b", "a&token=b", "a%26b", "t\u{f6}ken", "\"a\"", &"a".repeat(1025)] {
            let report = run(&mut chain, bet(token));
            assert_refused(&report, "token_malformed", &format!("{token:.20} under {profile:?}"));
        }
        // Three parts are a JWT, which is not introspected.
        assert_refused(&run(&mut chain, bet("a.b.c")), "token_malformed", "three parts");
        assert_eq!(service.count(), 0, "{profile:?}");
    }
}

/// The number of calls about one token, second by second.
#[test]
fn responses_are_cached_for_their_time() {
    for profile in fixture::PROFILES {
        for (name, answer, want, asked) in [
            ("active", active(&json!({})), "allow", &[(0, 1), (59, 1), (60, 2)][..]),
            ("until it expires", active(&json!({"exp": NOW + 10})), "allow", &[(0, 1), (9, 1)]),
            ("longer than that", active(&json!({"exp": NOW + 900})), "allow", &[(59, 1), (61, 2)]),
            (
                "not active",
                json_after(r#"{"active": false}"#, 0),
                INACTIVE,
                &[(0, 1), (4, 1), (6, 2)],
            ),
        ] {
            let service = Service::new(answer);
            let mut chain = start(profile, &service);
            for (at, calls) in [(0, 1)].iter().chain(asked) {
                chain.clock().set((NOW + at) * SECOND + SECOND / 10);
                let case = format!("{name} after {at} s under {profile:?}");
                assert_eq!(outcome(&run(&mut chain, bet("opaque-1"))), want, "{case}");
                assert_eq!(service.count(), *calls, "{case}");
            }
            if name == "until it expires" {
                service.answers(json_after(r#"{"active": false}"#, 0));
                chain.clock().set((NOW + 11) * SECOND);
                assert_eq!(outcome(&run(&mut chain, bet("opaque-1"))), INACTIVE, "{profile:?}");
            }
        }
    }
}

#[test]
fn an_unavailable_service_is_503_or_anonymous() {
    for profile in fixture::PROFILES {
        for (name, answer) in failures() {
            let service = Service::new(answer);
            let mut chain = start(profile, &service);
            let case = format!("{name} under {profile:?}");
            let report = run(&mut chain, bet("opaque-1"));
            assert_refused(&report, UNAVAILABLE, &case);
            assert!(report.header("retry-after").is_some(), "{case}");
            assert!(report.ended - report.started <= SECOND / 2, "{case}");
            // `on_error` makes the lobby anonymous.
            let report = run(&mut chain, lobby("opaque-1").header("x-player-id", "p-1"));
            assert_eq!(outcome(&report), "allow", "{case}");
            let upstream = report.upstream.unwrap();
            let headers = ["x-player-id", "authorization"].map(|name| upstream.headers.get(name));
            assert_eq!(headers, [None, None], "{case}");
            // A failure is no answer: it is not remembered.
            service.answers(active(&json!({})));
            assert_eq!(outcome(&run(&mut chain, bet("opaque-1"))), "allow", "{case}");
            assert_eq!(chain.traps(), [], "{case}");
        }
    }
}

/// The operator learns the reason of a 503, and the log is not flooded.
#[test]
fn an_outage_is_logged_once_a_minute() {
    for profile in fixture::PROFILES {
        for (answer, why) in [
            (json_after("{}", 0), "no `active` that is true or false"),
            (json_after("[]", 0), "no JSON object"),
            (CallAnswer::now(abi_host::Response::new(500)), "status 500"),
        ] {
            let service = Service::new(answer);
            let mut chain = start(profile, &service);
            for turn in 0..130 {
                let report = run(&mut chain, bet(format!("opaque-{turn}")));
                assert_refused(&report, UNAVAILABLE, why);
                chain.clock().advance(Duration::from_millis(500));
            }
            let lines = chain.take_logs().into_iter().map(|line| line.message);
            let lines: Vec<_> = lines.filter(|line| line.contains("introspection")).collect();
            let want = format!("player-auth: introspection does not answer: {why}");
            assert!(matches!(lines.len(), 2 | 3), "{lines:?}");
            assert!(lines.iter().all(|line| *line == want), "{lines:?}");
        }
    }
}

/// Streams that ask about one token wait for one answer, and each is judged by its own call.
#[test]
fn requests_share_one_introspection_call() {
    for profile in fixture::PROFILES {
        for (answer, wants) in [
            (active(&json!({})), ["allow", "allow", "brand_mismatch"]),
            (json_after(r#"{"active": false}"#, 20), [INACTIVE; 3]),
            (CallAnswer::Silence, [UNAVAILABLE, "allow", UNAVAILABLE]),
        ] {
            let service = Service::new(answer);
            let mut chain = start(profile, &service);
            let elsewhere = fixture::at_host(bet("opaque-1"), fixture::RIVER);
            let streams = [bet("opaque-1"), lobby("opaque-1"), elsewhere]
                .map(|request| chain.open(0, request));
            let other = chain.open(0, bet("opaque-2"));
            chain.run_for(Duration::from_secs(1), &mut hello);
            let got = streams.map(|stream| outcome(&chain.take_report(stream).unwrap()));
            assert_eq!(got, wants, "{profile:?}");
            assert!(chain.take_report(other).is_some());
            assert_eq!(service.count(), 2, "two tokens under {profile:?}");
        }
    }
}

/// One address that guesses tokens takes neither the calls of others nor other calls of the worker.
#[test]
fn an_address_has_a_share_of_the_calls() {
    for profile in fixture::PROFILES {
        let mut changes = changes();
        changes["failures"] = json!({"per_minute": 30, "burst": 10});
        let configuration = fixture::configuration(profile, &changes);
        let service = |call: &Call| {
            let good = String::from_utf8_lossy(&call.body).contains("good");
            let says = json!({"active": good, "sub": "p-1", "brand": "lucky-otter",
                "aud": "casino-api"});
            json_after(says.to_string(), 400)
        };
        let mut chain =
            fixture::builder(profile, &configuration).callouts(service).start().unwrap();
        let guess = |n: usize| bet(format!("guess-{n}"));
        let streams: Vec<_> = (0..300).map(|n| chain.open(0, guess(n))).collect();
        let mut elsewhere = bet("good-1");
        elsewhere.headers.set("x-forwarded-for", "203.0.113.9");
        let honest = chain.open(0, elsewhere);
        chain.run_for(Duration::from_secs(1), &mut hello);
        let mut codes = std::collections::BTreeMap::<String, u32>::new();
        for stream in streams {
            *codes.entry(outcome(&chain.take_report(stream).unwrap())).or_default() += 1;
        }
        let codes: Vec<_> = codes.iter().map(|(code, times)| (code.as_str(), *times)).collect();
        assert_eq!(codes, [("introspection_busy", 290), (INACTIVE, 10)], "{profile:?}");
        assert_eq!(outcome(&chain.take_report(honest).unwrap()), "allow", "{profile:?}");
        assert_eq!(outcome(&run(&mut chain, guess(0))), INACTIVE, "known, {profile:?}");
        let report = run(&mut chain, guess(301));
        assert_refused(&report, "too_many_failures", "they have failed");
    }
}

//! Fetched keys: before the first fetch, during rotations, and while the issuer is unavailable.

use std::sync::OnceLock;
use std::time::Duration;

use abi_host::{Call, Chain, Profile, Report, Request};
use policy_token::testing::Forge;
use policy_token::Alg;
use serde_json::json;

use crate::fixture::{self, assert_refused, bet, forge, hello, outcome, run, NOW, SECOND};
use crate::services::{failures, json_after, Service};

const UNAVAILABLE: &str = "keys_unavailable";
/// The longest a stream may wait for keys, in nanoseconds.
const PATIENCE: u64 = SECOND / 2;

/// The issuer after it has rotated its keys.
fn next() -> &'static Forge {
    static NEXT: OnceLock<Forge> = OnceLock::new();
    NEXT.get_or_init(|| Forge::with_suffix(NOW, "-2"))
}

/// A bet with a token that was never seen before, good for a day.
fn fresh(forge: &Forge) -> Request {
    bet(forge.sign(Alg::Es256, &forge.claims_with(&json!({"exp": NOW + 80_000}))))
}

fn start(profile: Profile, service: &Service, workers: usize) -> Chain {
    let configuration = fixture::configuration(profile, &fixture::fetched());
    let builder = fixture::builder(profile, &configuration).callouts(service.callouts());
    builder.workers(workers).start().unwrap()
}

fn seconds(chain: &mut Chain, count: u64) {
    chain.run_for(Duration::from_secs(count), &mut hello);
}

fn waited(report: &Report) -> u64 {
    report.ended - report.started
}

#[test]
fn before_the_first_fetch_tokens_are_503() {
    for profile in fixture::PROFILES {
        for (name, answer) in failures() {
            let service = Service::new(answer);
            let mut chain = start(profile, &service, 1);
            let case = format!("{name} under {profile:?}");
            for turn in 0..3 {
                let report = run(&mut chain, fresh(forge()));
                assert_refused(&report, UNAVAILABLE, &format!("{case}, {turn}"));
                assert!(report.header("retry-after").is_some(), "{case}");
                assert!(waited(&report) <= PATIENCE, "{case}: {} ns", waited(&report));
            }
            assert_eq!(service.count(), 1, "{case}: one fetch by streams");
            seconds(&mut chain, 60);
            assert_refused(&run(&mut chain, fresh(forge())), UNAVAILABLE, &case);
            assert!(service.count() < 20, "{case}: {} fetches in a minute", service.count());
            // The timer has them as soon as they are there.
            service.answers(json_after(forge().jwks(), 10));
            seconds(&mut chain, 60);
            let report = run(&mut chain, fresh(forge()));
            assert_eq!((outcome(&report), waited(&report)), ("allow".to_owned(), 0), "{case}");
            assert_eq!(chain.traps(), [], "{case}");
        }
    }
}

#[test]
fn requests_wait_for_the_first_fetch() {
    for profile in fixture::PROFILES {
        for (millis, want) in [(0, "allow"), (10, "allow"), (490, "allow"), (600, UNAVAILABLE)] {
            let service = Service::new(json_after(forge().jwks(), millis));
            let mut chain = start(profile, &service, 1);
            let streams = [0; 3].map(|_| chain.open(0, fresh(forge())));
            seconds(&mut chain, 2);
            let calls = service.count();
            for stream in streams {
                let report = chain.take_report(stream).unwrap();
                let case = format!("{millis} ms under {profile:?}");
                assert_eq!(outcome(&report), want, "{case}");
                assert!(waited(&report) <= PATIENCE, "{case}");
            }
            assert!(want != "allow" || calls == 1, "{calls} fetches for three streams");
        }
    }
}

/// Requests beyond those that may wait get a `Retry-After`, and do not affect those that wait.
#[test]
fn requests_beyond_the_waits_are_told_to_retry() {
    for profile in fixture::PROFILES {
        let service = Service::new(json_after(forge().jwks(), 10));
        let mut chain = start(profile, &service, 1);
        seconds(&mut chain, 40);
        assert_eq!(outcome(&run(&mut chain, fresh(forge()))), "allow");
        service.answers(json_after(next().jwks(), 400));
        let fetches = service.count();
        let streams = [0; 100].map(|_| chain.open(0, fresh(next())));
        let mut other = fresh(next());
        other.headers.set("x-forwarded-for", "203.0.113.9");
        let other = chain.open(0, other);
        let reports = streams.map(|stream| chain.finish(stream, &mut hello));
        for (place, report) in reports.iter().enumerate() {
            let case = format!("{place} under {profile:?}");
            // A quarter of those that may wait: they are all of one address.
            if place < 16 {
                assert_eq!(outcome(report), "allow", "{case}");
                assert!(waited(report) > 0, "{case}");
            } else {
                assert_refused(report, UNAVAILABLE, &case);
                assert_eq!((waited(report), report.status()), (0, 503), "{case}");
                assert_eq!(report.header("retry-after").unwrap(), b"1", "{case}");
            }
        }
        assert_eq!(outcome(&chain.finish(other, &mut hello)), "allow", "another address");
        let report = run(&mut chain, fresh(next()));
        assert_eq!((outcome(&report), waited(&report)), ("allow".to_owned(), 0), "{profile:?}");
        assert_eq!(service.count(), fetches + 1, "{profile:?}");
        let failed = chain.metric("pitboss.player-auth.keys.issuer=0.result=failed");
        assert_eq!((failed, chain.traps()), (None, vec![]), "{profile:?}");
    }
}

/// Keys are fetched before the first request, with the configured call.
#[test]
fn the_timer_fetches_keys() {
    for profile in fixture::PROFILES {
        let service = Service::new(json_after(forge().jwks(), 10));
        let mut chain = start(profile, &service, 1);
        seconds(&mut chain, 3);
        let report = run(&mut chain, fresh(forge()));
        assert_eq!((outcome(&report), waited(&report)), ("allow".to_owned(), 0), "{profile:?}");
        let Call { upstream, headers, timeout, .. } = service.last();
        let service_name = if profile == Profile::Wasmx { "casino:8000" } else { "casino" };
        assert_eq!(upstream, service_name.as_bytes());
        let asked = [":method", ":path", ":authority"].map(|name| headers.text(name).unwrap());
        assert_eq!(asked, ["GET", "/.well-known/jwks.json", service_name]);
        assert_eq!(timeout, Some(Duration::from_millis(500)));
        seconds(&mut chain, 290);
        assert_eq!(service.count(), 1, "five minutes are not over");
        seconds(&mut chain, 20);
        assert_eq!(service.count(), 2, "{profile:?}");
    }
}

#[test]
fn a_token_of_a_new_key_waits_and_passes() {
    for profile in fixture::PROFILES {
        let service = Service::new(json_after(forge().jwks(), 10));
        let mut chain = start(profile, &service, 1);
        seconds(&mut chain, 40);
        let [old, new] = [forge(), next()].map(Forge::documents);
        let both = [old, new].concat().join(",");
        service.answers(json_after(format!(r#"{{"keys": [{both}]}}"#), 100));
        let report = run(&mut chain, fresh(next()));
        assert_eq!(outcome(&report), "allow", "{profile:?}");
        assert_eq!(waited(&report), SECOND / 10, "{profile:?}");
        for forge in [forge(), next()] {
            let report = run(&mut chain, fresh(forge));
            assert_eq!((outcome(&report), waited(&report)), ("allow".to_owned(), 0));
        }
        assert_eq!(service.count(), 2, "{profile:?}");
        // The old key is gone: its tokens are refused unless they are cached.
        service.answers(json_after(next().jwks(), 10));
        seconds(&mut chain, 301);
        assert_eq!(outcome(&run(&mut chain, fresh(next()))), "allow");
        assert_refused(&run(&mut chain, fresh(forge())), "token_signature", "the old key");
    }
}

/// Unknown key ids start at most one fetch in 5 seconds: 401 if it did not bring the key, 503 before that.
#[test]
fn unknown_key_ids_start_one_fetch_in_five_seconds() {
    for profile in fixture::PROFILES {
        let service = Service::new(json_after(forge().jwks(), 10));
        let mut chain = start(profile, &service, 1);
        seconds(&mut chain, 40);
        let kid = |n: u64| Forge::with_suffix(NOW, &format!("-x{n}"));
        let (first, second) = (kid(1), kid(2));
        for (at, forge, want, fetches) in [
            (0, &first, "token_signature", 2),
            (0, &first, "token_signature", 2),
            (1, &second, UNAVAILABLE, 2),
            (3, &second, UNAVAILABLE, 2),
            (2, &second, "token_signature", 3),
            (0, &second, "token_signature", 3),
            (1, &first, UNAVAILABLE, 3),
        ] {
            seconds(&mut chain, at);
            let report = run(&mut chain, fresh(forge));
            let case = format!("after {at} s under {profile:?}");
            assert_refused(&report, want, &case);
            assert_eq!(service.count(), fetches, "{case}");
        }
        assert_eq!(outcome(&run(&mut chain, fresh(forge()))), "allow", "{profile:?}");
    }
}

/// An attacker at many addresses sends an invented key id every half second, and the issuer rotates in between:
/// tokens of the new key are delayed by at most 5 seconds and a fetch, cached tokens and those of the old key
/// not at all.
#[test]
fn invented_key_ids_delay_a_new_key_by_five_seconds() {
    const HALF: Duration = Duration::from_millis(500);
    for (profile, steps) in fixture::PROFILES.into_iter().flat_map(|it| [1, 4, 9].map(|n| (it, n)))
    {
        let case = format!("a rotation {steps} half seconds in, under {profile:?}");
        let service = Service::new(json_after(forge().jwks(), 100));
        let mut chain = start(profile, &service, 1);
        seconds(&mut chain, 40);
        assert_eq!(outcome(&run(&mut chain, fresh(forge()))), "allow", "{case}");
        let fetches = service.count();
        let (mut number, mut refused) = (0, 0);
        for step in 0..120 {
            if step == steps {
                let both = [forge(), next()].map(Forge::documents).concat().join(",");
                service.answers(json_after(format!(r#"{{"keys": [{both}]}}"#), 100));
            }
            number += 1;
            let claims = forge().claims_with(&json!({"exp": NOW + 80_000}));
            let kid = json!({"kid": format!("s-{number}")});
            let mut forged = bet(forge().sign_as_is(&kid, &claims));
            forged
                .headers
                .set("x-forwarded-for", format!("198.51.{}.{}", number / 200, number % 200));
            assert_ne!(outcome(&run(&mut chain, forged)), "allow", "{case}");
            if step >= steps {
                let known = outcome(&run(&mut chain, fresh(next())));
                refused += u64::from(known != "allow");
            }
            assert_eq!(outcome(&run(&mut chain, fresh(forge()))), "allow", "{case}");
            chain.run_for(HALF, &mut hello);
        }
        assert!(refused <= 10, "{case}: {} s", refused as f64 / 2.0);
        assert!(service.count() - fetches <= 14, "{case}: {} fetches", service.count() - fetches);
        assert_eq!(chain.traps(), [], "{case}");
    }
}

/// Keys that are not used are named in the log, once per fetch.
#[test]
fn skipped_keys_are_logged() {
    for profile in fixture::PROFILES {
        let [es, ..] = forge().documents();
        let more = [
            r#"{"kty": "RSA", "kid": "enc/1=\n", "use": "enc", "n": "AQ", "e": "AQAB"}"#,
            r#"{"kty": "RSA", "kid": "small", "alg": "RS256", "n": "AQ", "e": "AQAB"}"#,
            r#"{"kty": "XYZ"}"#,
        ];
        let set = format!(r#"{{"keys": [{es}, {}]}}"#, more.join(","));
        let service = Service::new(json_after(set, 10));
        let mut chain = start(profile, &service, 2);
        seconds(&mut chain, 310);
        assert_eq!(outcome(&run(&mut chain, fresh(forge()))), "allow", "{profile:?}");
        let lines = chain.take_logs().into_iter().map(|line| line.message);
        let lines: Vec<_> = lines.filter(|line| line.contains("passed over")).collect();
        let want = "player-auth: issuers[0].keys: keys passed over: \"enc/1=\" is not for \
                    signatures, \"small\" has a modulus that is even, or not of 2048 to 4096 bits, \
                    keys[3] is of a type that no configured algorithm is for";
        assert_eq!(lines, [want; 2], "{profile:?}: two fetches");
    }
}

#[test]
fn keys_stay_in_use_for_max_stale_s() {
    for profile in fixture::PROFILES {
        for (name, answer) in failures() {
            let mut changes = fixture::fetched();
            let keys = &mut changes["issuers"][0]["keys"];
            *keys = json!({"cluster": "casino", "refresh_s": 60, "max_stale_s": 600});
            let service = Service::new(json_after(forge().jwks(), 0));
            let configuration = fixture::configuration(profile, &changes);
            let builder = fixture::builder(profile, &configuration).callouts(service.callouts());
            let mut chain = builder.start().unwrap();
            seconds(&mut chain, 2);
            service.answers(answer);
            let case = format!("{name} under {profile:?}");
            for wait in [65, 300, 230] {
                seconds(&mut chain, wait);
                let report = run(&mut chain, fresh(forge()));
                assert_eq!((outcome(&report), waited(&report)), ("allow".to_owned(), 0), "{case}");
            }
            let fetches = service.count();
            assert!((8..60).contains(&fetches), "{case}: {fetches} fetches in ten minutes");
            // An unknown key id in the meantime may exist.
            assert_refused(&run(&mut chain, fresh(next())), UNAVAILABLE, &case);
            seconds(&mut chain, 10);
            assert_refused(&run(&mut chain, fresh(forge())), UNAVAILABLE, &case);
            assert_eq!(chain.traps(), [], "{case}");
        }
    }
}

/// One fetch serves all workers, and the configuration that comes after.
#[test]
fn workers_share_fetched_keys() {
    for profile in fixture::PROFILES {
        let service = Service::new(json_after(forge().jwks(), 30));
        let mut chain = start(profile, &service, 2);
        seconds(&mut chain, 4);
        let ask = |chain: &mut Chain, case: &str| {
            for worker in 0..2 {
                let stream = chain.open(worker, fresh(forge()));
                chain.run_for(Duration::ZERO, &mut hello);
                let report = chain.take_report(stream).unwrap();
                assert_eq!(outcome(&report), "allow", "{case} on {worker} under {profile:?}");
            }
            assert_eq!(service.count(), 1, "{case} under {profile:?}");
        };
        ask(&mut chain, "at first");
        let mut changes = fixture::fetched();
        changes["version"] = "next".into();
        let configuration = fixture::configuration(profile, &changes);
        chain.update(fixture::PLUGIN, configuration.as_bytes()).unwrap();
        ask(&mut chain, "after an update");
        seconds(&mut chain, 30);
        ask(&mut chain, "later");
        // Keys of another issuer are not adopted.
        changes["issuers"][0]["issuer"] = "https://other.test".into();
        let configuration = fixture::configuration(profile, &changes);
        chain.update(fixture::PLUGIN, configuration.as_bytes()).unwrap();
        assert_refused(&run(&mut chain, fresh(forge())), "issuer_unknown", "another issuer");
        seconds(&mut chain, 5);
        assert_eq!(service.count(), 2, "{profile:?}");
    }
}

/// What others have left in the shared map is no reason to fail.
#[test]
fn invalid_shared_data_is_ignored() {
    for profile in fixture::PROFILES {
        let service = Service::new(json_after(forge().jwks(), 10));
        let mut chain = start(profile, &service, 1);
        seconds(&mut chain, 3);
        let names: Vec<String> =
            chain.shared_keys("").into_iter().map(|key| String::from_utf8(key).unwrap()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        for garbage in [&b""[..], b"\x01", &[1; 9], &[0xff; 70_000], b"\x01\0\0\0\0\0\0\0\x01{}"] {
            let service = Service::new(json_after(forge().jwks(), 10));
            let mut chain = start(profile, &service, 1);
            for name in &names {
                chain.set_shared_data("", name, garbage, 0);
            }
            let report = run(&mut chain, fresh(forge()));
            assert_eq!(outcome(&report), "allow", "{garbage:?} under {profile:?}");
            seconds(&mut chain, 400);
            assert_eq!(outcome(&run(&mut chain, fresh(forge()))), "allow", "{profile:?}");
            assert_eq!(chain.traps(), []);
        }
    }
}

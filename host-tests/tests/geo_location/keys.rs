//! The provider's keys: requests wait for one fetch; bets and deposits while the keys are unavailable.

use std::time::Duration;

use abi_host::{Chain, Profile, Report};
use policy_token::testing::Forge;
use policy_token::Alg;
use serde_json::json;

use crate::fixture::{
    self, claims, hello, outcome, provider, request, run, with, NOW, PROFILES, SECOND,
};
use crate::services::{failures, json_after, Service};

/// The longest a stream may wait for keys, in nanoseconds.
const PATIENCE: u64 = SECOND / 2;
const UNAVAILABLE: &str = "geo_unavailable";

fn start(profile: Profile, service: &Service) -> Chain {
    let location = fixture::located(profile, provider(), &fixture::fetched(profile));
    fixture::builder(profile, &location).callouts(service.callouts()).start().unwrap()
}

/// A token that is in no worker's memory.
fn fresh(forge: &Forge, number: u32) -> String {
    let changes = json!({"jti": format!("loc-{number}"), "iat": NOW + 60});
    forge.sign(Alg::Es256, &claims(forge, &changes))
}

fn waited(report: &Report) -> u64 {
    report.ended - report.started
}

#[test]
fn without_keys_bets_are_refused_and_deposits_pass() {
    for profile in PROFILES {
        for (name, answer) in failures() {
            let service = Service::new(answer);
            let mut chain = start(profile, &service);
            let case = format!("{name} under {profile:?}");
            for (path, token, want) in [
                ("/api/bets", true, UNAVAILABLE),
                ("/api/bets", false, UNAVAILABLE),
                ("/api/games/crown/launch", true, UNAVAILABLE),
                ("/api/deposits", true, "allow"),
                ("/api/deposits", false, "allow"),
            ] {
                let mut asked = request(path);
                if token {
                    asked = with(asked, fresh(provider(), 1));
                }
                let report = run(&mut chain, asked);
                let case = format!("{path} {token}: {case}");
                assert_eq!(outcome(&report), want, "{case}");
                assert!(waited(&report) <= PATIENCE, "{case}: {} ns", waited(&report));
                let told = report.header("retry-after").is_some();
                assert_eq!(told, want == UNAVAILABLE, "{case}");
                assert_eq!(report.status() == 503, want == UNAVAILABLE, "{case}");
            }
            assert!(service.count() <= 2, "{case}: {} fetches", service.count());
            // The timer has them as soon as they are there.
            service.answers(json_after(provider().jwks(), 10));
            chain.run_for(Duration::from_secs(40), &mut hello);
            let report = run(&mut chain, with(request("/api/bets"), fresh(provider(), 2)));
            assert_eq!((outcome(&report), waited(&report)), ("allow".to_owned(), 0), "{case}");
            assert_eq!(outcome(&run(&mut chain, request("/api/bets"))), "geo_required", "{case}");
            assert_eq!(
                outcome(&run(&mut chain, request("/api/deposits"))),
                "geo_required",
                "{case}"
            );
            assert_eq!(chain.traps(), [], "{case}");
        }
    }
}

#[test]
fn the_first_bets_wait_for_one_fetch() {
    for profile in PROFILES {
        let service = Service::new(json_after(provider().jwks(), 100));
        let mut chain = start(profile, &service);
        let bets = [1, 2, 3].map(|n| with(request("/api/bets"), fresh(provider(), n)));
        let mut streams: Vec<_> = bets.into_iter().map(|bet| chain.open(0, bet)).collect();
        streams.push(chain.open(0, request("/api/bets")));
        chain.run_for(Duration::from_millis(200), &mut hello);
        let got: Vec<_> =
            streams.into_iter().map(|it| outcome(&chain.take_report(it).unwrap())).collect();
        assert_eq!(got, ["allow", "allow", "allow", "geo_required"], "{profile:?}");
        assert_eq!(service.count(), 1, "{profile:?}");
        assert_eq!(service.last().headers.text(":path").unwrap(), "/.well-known/jwks.json");
    }
}

/// A crowd is no outage: it opens nothing, not even what the address alone would open, and the requests that wait
/// get their keys.
#[test]
fn a_crowd_gets_retry_after_and_opens_nothing() {
    for profile in PROFILES {
        let service = Service::new(json_after(provider().jwks(), 100));
        let mut chain = start(profile, &service);
        let mut open = |path: &str| chain.open(0, with(request(path), fresh(provider(), 1)));
        // A quarter of those that may wait, since they are all of one address.
        let streams = [0; 16].map(|_| open("/api/bets"));
        let beyond = ["/api/bets", "/api/deposits"].map(open);
        for stream in beyond {
            let report = chain.finish(stream, &mut hello);
            assert_eq!((outcome(&report).as_str(), waited(&report)), (UNAVAILABLE, 0));
            assert_eq!(report.header("retry-after").unwrap(), b"1", "{profile:?}");
        }
        for stream in streams {
            assert_eq!(outcome(&chain.finish(stream, &mut hello)), "allow", "{profile:?}");
        }
        let later = run(&mut chain, with(request("/api/bets"), fresh(provider(), 2)));
        assert_eq!((outcome(&later), waited(&later)), ("allow".to_owned(), 0), "{profile:?}");
        let failed = chain.metric("pitboss.geo-jurisdiction.keys.issuer=location.result=failed");
        assert_eq!((service.count(), failed, chain.traps()), (1, None, vec![]), "{profile:?}");
    }
}

/// A token with an unknown key id must not open what an outage opens.
#[test]
fn an_unknown_key_opens_nothing() {
    for profile in PROFILES {
        let service = Service::new(json_after(provider().jwks(), 10));
        let mut chain = start(profile, &service);
        chain.run_for(Duration::from_secs(3), &mut hello);
        let strangers = ["-x", "-y"].map(|suffix| Forge::with_suffix(NOW, suffix));
        for (stranger, want) in [(0, "geo_rejected"), (0, "geo_rejected"), (1, UNAVAILABLE)] {
            for path in ["/api/deposits", "/api/bets"] {
                let token = fresh(&strangers[stranger], 1);
                let report = run(&mut chain, with(request(path), token));
                assert_eq!(outcome(&report), want, "{path} {stranger} under {profile:?}");
            }
        }
        assert_eq!(service.count(), 2, "{profile:?}: the timer's fetch and one more");
        // The provider fails, so of such a key nothing can be known: that is an outage.
        chain.run_for(Duration::from_secs(40), &mut hello);
        service.answers(json_after("", 10));
        let token = fresh(&strangers[1], 2);
        let report = run(&mut chain, with(request("/api/bets"), &token));
        assert_eq!(outcome(&report), UNAVAILABLE, "{profile:?}");
        let report = run(&mut chain, with(request("/api/deposits"), &token));
        assert_eq!(outcome(&report), "allow", "{profile:?}");
        // Keys at hand serve on, and then what is known.
        let known = with(request("/api/bets"), fresh(provider(), 3));
        assert_eq!(outcome(&run(&mut chain, known.clone())), "allow", "{profile:?}");
        chain.run_for(Duration::from_secs(700), &mut hello);
        assert_eq!(outcome(&run(&mut chain, known)), "allow", "{profile:?}");
        let new = with(request("/api/bets"), fresh(provider(), 4));
        assert_eq!(outcome(&run(&mut chain, new)), UNAVAILABLE, "{profile:?}");
    }
}

/// One fetch serves the workers of a node, and no plugin takes another plugin's keys.
#[test]
fn workers_share_keys_under_a_name_of_their_own() {
    for profile in PROFILES {
        let service = Service::new(json_after(provider().jwks(), 30));
        let location = fixture::located(profile, provider(), &fixture::fetched(profile));
        let builder = fixture::builder(profile, &location).callouts(service.callouts()).workers(2);
        let mut chain = builder.start().unwrap();
        chain.run_for(Duration::from_secs(4), &mut hello);
        for worker in 0..2 {
            let bet = with(request("/api/bets"), fresh(provider(), 1));
            let stream = chain.open(worker, bet);
            chain.run_for(Duration::ZERO, &mut hello);
            let report = chain.take_report(stream).unwrap();
            assert_eq!(outcome(&report), "allow", "{worker} under {profile:?}");
        }
        assert_eq!(service.count(), 1, "{profile:?}");
        let names = chain.shared_keys("");
        assert_eq!(names.len(), 2, "{profile:?}");
        assert!(names.iter().all(|name| name.starts_with(b"pitboss.geo-jurisdiction.")));
    }
}

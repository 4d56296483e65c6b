//! policy-shell as a module: requests that wait for a tick, or with their headers held.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod probe;

use std::time::Duration;

use abi_host::{Ending, Faults, Headers, Profile};
use probe::{builder, chain, chain_of, hello, plugin, scripted, PROFILES};

const SECOND: u64 = 1_000_000_000;

#[test]
fn requests_wait_for_ticks() {
    for profile in PROFILES {
        for (script, status, ticks) in [
            ("tick", 200, 1),
            ("tick,tick,tick", 200, 3),
            ("tick,call,tick", 200, 2),
            ("join:k,tick", 200, 1),
            ("tick,body:3", 200, 1),
            ("body:3,tick", 200, 1),
            ("body:3,tick,deny", 403, 1),
            ("tick,deny", 403, 1),
        ] {
            let mut chain = chain(profile, "pam:80", &Faults::new());
            let request = scripted(script).header("content-length", "3").chunk("a").chunk("bc");
            let report = chain.run(request, &mut hello);
            let case = format!("{profile:?} {script}");
            assert_eq!((report.status(), chain.traps()), (status, vec![]), "{case}");
            let passed = report.upstream.filter(|it| it.complete).map(|it| it.body);
            assert_eq!(passed, (status == 200).then(|| b"abc".to_vec()), "{case}");
            assert_eq!(report.ended - report.started, ticks * SECOND, "{case}");
        }
    }
}

/// Several wait for the same tick, one of them too long.
#[test]
fn disconnected_clients_free_their_slot() {
    for profile in PROFILES {
        let mut chain = chain(profile, "", &Faults::new());
        let [leaver, stayer, refused] =
            ["tick", "tick", "tick,deny"].map(|script| chain.open(0, scripted(script)));
        chain.run_for(Duration::from_millis(500), &mut hello);
        chain.leave(leaver);
        let status = [leaver, stayer, refused].map(|id| chain.finish(id, &mut hello).status());
        assert_eq!((status, chain.traps()), ([0, 200, 403], vec![]), "{profile:?}");
    }
}

#[test]
fn too_many_waiting_requests_are_refused() {
    for profile in PROFILES {
        let mut chain = chain(profile, "", &Faults::new());
        for round in 0..2 {
            let streams: Vec<_> = (0..1_025).map(|_| chain.open(0, scripted("tick"))).collect();
            let ended = streams.iter().map(|stream| {
                let report = chain.finish(*stream, &mut hello);
                (report.status(), (report.ended - report.started).div_ceil(SECOND))
            });
            let ended: Vec<_> = ended.collect();
            // Each tick resumes 64, in order of arrival.
            let passed: Vec<_> = (0..1_024).map(|n| (200, n / 64 + 1)).collect();
            assert_eq!(ended[..1_024], passed, "{profile:?} {round}");
            assert_eq!((ended[1_024].0, chain.traps()), (503, vec![]), "{profile:?} {round}");
        }
    }
}

#[test]
fn waiting_without_ticks_is_refused() {
    for profile in PROFILES {
        for script in ["tick", "body:3,tick"] {
            let mut chain = builder(profile, "", "").start().unwrap();
            let request = scripted(script).header("content-length", "3").chunk("abc");
            let report = chain.run(request, &mut hello);
            let case = format!("{profile:?} {script}: {:?}", report.ending);
            assert_eq!((report.status(), report.ended - report.started), (503, 0), "{case}");
            assert!(report.upstream.is_none_or(|upstream| !upstream.complete), "{case}");
        }
    }
}

/// With Envoy's `allow_on_headers_stop_iteration` the upstream gets nothing before the body is complete and
/// allowed; without it the upstream already has the headers.
#[test]
fn the_upstream_gets_nothing_until_the_body_is_complete() {
    let checked = || Headers::from([("x-checksum", "1")]);
    for (script, body, trailers, status, untouched) in [
        ("heldbody:3", "abc", None, 200, false),
        ("heldbody:3", "abc", Some(checked()), 200, false),
        ("heldbody:3", "", None, 200, false),
        ("heldbody:3,call", "abc", None, 200, false),
        ("heldbody:3,tick", "abc", Some(checked()), 200, false),
        ("call,heldbody:3", "abc", None, 200, false),
        // The body arrives during the call, and must not pass unseen.
        ("call,heldbody:2", "abc", None, 413, true),
        ("call,body:2", "abc", None, 413, true),
        ("tick,body:3,deny", "abc", Some(checked()), 403, true),
        ("join:k,body:2", "abc", Some(checked()), 413, true),
        ("call,body:3", "abc", Some(checked()), 200, false),
        ("heldbody:2", "abc", None, 413, true),
        ("heldbody:2", "abc", Some(checked()), 413, true),
        ("heldbody:3,deny", "abc", None, 403, true),
        ("heldbody:3,deny", "", None, 403, true),
        ("heldbody:3,call,deny", "abc", Some(checked()), 403, true),
        ("heldbody:3,heldbody:3", "abc", None, 503, true),
        ("body:2", "abc", None, 413, false),
        ("body:3,deny", "abc", None, 403, false),
    ] {
        let plugin = plugin("envoy", "slow:80", r#""tick_ms": 1000"#).allow_stop_iteration();
        let mut chain = chain_of(Profile::Envoy, plugin).start().unwrap();
        let mut request = scripted(script).with_chunk_gap(Duration::from_millis(10));
        request.chunks = body.bytes().map(|byte| vec![byte]).collect();
        request.trailers = trailers;
        let announced = request.trailers.clone();
        let report = chain.run(request, &mut hello);
        let case = format!("{script} {body:?} {announced:?}: {:?}", report.ending);
        assert_eq!((report.status(), chain.traps()), (status, vec![]), "{case}");
        assert_eq!(report.upstream.is_none(), untouched, "{case}");
        let passed = report.upstream.filter(|it| it.complete).map(|it| (it.body, it.trailers));
        assert_eq!(passed, (status == 200).then(|| (body.into(), announced)), "{case}");
    }
}

/// The configuration claims the option, but the gateway does not have it: the body never arrives.
#[test]
fn held_headers_without_the_option_stall() {
    let mut chain = builder(PROFILES[0], "", "").start().unwrap();
    let report = chain.run(scripted("heldbody:3").chunk("abc"), &mut hello);
    assert_eq!(report.ending, Ending::Stalled { filter: probe::PLUGIN.to_owned() });
    assert_eq!(report.upstream, None);
}

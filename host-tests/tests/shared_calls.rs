//! policy-shell as a module: shared calls of several streams and of the plugin.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod probe;

use std::time::Duration;

use abi_host::{Chain, Ending, Fault, Faults, Occurrence, Profile, Report, Request};
use probe::{builder, chain, hello, module, scripted, seen, PLUGIN, PROFILES, STATUSES};

/// Two requests at once on one worker; the first comes first.
fn both(chain: &mut Chain, first: Request, second: Request) -> [Report; 2] {
    let streams = [first, second].map(|request| chain.open(0, request));
    let reports: [Option<Report>; 2] = streams.map(|stream| loop {
        if let Some(report) = chain.take_report(stream) {
            return Some(report);
        }
        if !chain.step(&mut hello) {
            return None;
        }
    });
    reports.map(|report| report.expect("a stream that never ends"))
}

fn calls(chain: &Chain) -> u64 {
    chain.trace(PLUGIN).count("proxy_http_call")
}

#[test]
fn streams_with_one_key_share_a_call() {
    for profile in PROFILES {
        let late = if profile.0 == Profile::Wasmx { "no-answer" } else { "answer=504/8+" };
        for (target, how) in [("slow:80", "answer=200/7"), ("late:80", late)] {
            for (scripts, sent) in [
                (["join:a", "join:a"], 1),
                (["join:a", "join:b"], 2),
                // The first to complete joins the other call; the last starts a new one.
                (["join:a,join:b", "join:b,join:a"], 3),
                (["body:3,join:a", "body:3,join:a"], 1),
                (["join:a,body:3,join:a,call", "join:a"], 3),
            ] {
                let mut chain = chain(profile, target, &Faults::new());
                let request = |script| scripted(script).header("content-length", "3").chunk("abc");
                let reports = both(&mut chain, request(scripts[0]), request(scripts[1]));
                let case = format!("{profile:?} {target} {scripts:?}");
                assert_eq!(chain.traps(), [], "{case}");
                for report in &reports {
                    assert_eq!(report.status(), 200, "{case}: {:?}", report.ending);
                    let told = profile.0 == Profile::Wasmx || seen(report).contains(how);
                    assert!(told, "{case}: {}", seen(report));
                }
                let heard = ["a", "b"].map(|key| chain.metric(&format!("probe.landed.{key}")));
                let heard: u64 = heard.into_iter().flatten().sum();
                let own = u64::from(scripts[0].contains("call"));
                assert_eq!((calls(&chain), heard), (sent, sent - own), "{case}");
            }
        }
    }
}

/// The plugin gets the reply once, before the streams.
#[test]
fn the_plugin_gets_the_reply_before_the_streams() {
    let mut chain = chain(PROFILES[0], "slow:80", &Faults::new());
    for report in both(&mut chain, scripted("join:a"), scripted("now,join:a")) {
        assert!(seen(&report).ends_with("landing1:answer=200/7"), "{}", seen(&report));
    }
    let [again, _] = both(&mut chain, scripted("join:a"), scripted(""));
    assert_eq!(seen(&again), "landing2:answer=200/7", "a flight that landed is over");
}

#[test]
fn each_stream_is_refused_separately() {
    for profile in PROFILES {
        for (scripts, statuses) in [
            (["join:a,set:x-a=1", "join:a,deny"], [200, 403]),
            (["join:a,deny", "join:a,set:x-a=1"], [403, 200]),
        ] {
            let mut chain = chain(profile, "slow:80", &Faults::new());
            let reports = both(&mut chain, scripted(scripts[0]), scripted(scripts[1]));
            assert_eq!([&reports[0], &reports[1]].map(Report::status), statuses, "{profile:?}");
            for upstream in reports.into_iter().filter_map(|report| report.upstream) {
                assert_eq!(upstream.headers.text("x-a"), Some("1"), "{profile:?}");
            }
        }
    }
}

#[test]
fn a_disconnect_keeps_the_shared_call() {
    for profile in PROFILES {
        for leaver in 0..2 {
            let mut chain = chain(profile, "slow:80", &Faults::new());
            let mut requests = [scripted("join:a"), scripted("join:a")];
            requests[leaver].client_leaves = Some(Duration::from_millis(100));
            let [first, second] = requests;
            let reports = both(&mut chain, first, second);
            assert_eq!(reports[leaver].ending, Ending::ClientGone, "{profile:?}");
            assert_eq!(reports[1 - leaver].status(), 200, "{profile:?}");
            assert_eq!((calls(&chain), chain.traps()), (1, vec![]), "{profile:?}");
        }
    }
}

/// Envoy resumes them recursively, so their number is limited.
#[test]
fn too_many_waiting_streams_are_refused_at_once() {
    for profile in PROFILES {
        let mut chain = chain(profile, "slow:80", &Faults::new());
        let streams = [0; 66].map(|_| chain.open(0, scripted("join:a")));
        let other = chain.open(0, scripted("join:b"));
        let mut took = |stream| {
            let report = chain.finish(stream, &mut hello);
            assert_eq!(report.status(), 200, "{profile:?}");
            (report.ended - report.started, seen(&report))
        };
        for (place, stream) in streams.into_iter().enumerate() {
            let (time, told) = took(stream);
            assert_eq!(time == 0, place >= 64, "{profile:?} {place}: {time} ns");
            let want = if place < 64 { "landing1:answer=200/7" } else { "landing0:crowded" };
            assert!(profile.0 == Profile::Wasmx || told == want, "{place}: {told}");
        }
        assert!(took(other).0 > 0, "{profile:?}: another flight has room");
        let again = chain.run(scripted("join:a"), &mut hello);
        assert!(again.ended > again.started, "{profile:?}: and so has the next of its key");
        let heard = chain.metric("probe.landed.a");
        assert_eq!((calls(&chain), heard, chain.traps()), (3, Some(2), vec![]), "{profile:?}");
    }
}

/// A disconnected client frees its slot.
#[test]
fn a_disconnect_frees_a_waiting_slot() {
    for profile in PROFILES {
        let mut chain = chain(profile, "slow:80", &Faults::new());
        let streams = [0; 64].map(|_| chain.open(0, scripted("join:a")));
        chain.run_for(Duration::from_millis(100), &mut hello);
        chain.leave(streams[7]);
        let late = [0; 2].map(|_| chain.open(0, scripted("join:a")));
        let waited = late.map(|stream| {
            let report = chain.finish(stream, &mut hello);
            report.ended > report.started
        });
        assert_eq!((waited, chain.traps()), ([true, false], vec![]), "{profile:?}");
    }
}

/// Without an effective context the host would act on another stream: the unreachable stream stays held.
#[test]
fn unreachable_streams_stay_held() {
    for profile in PROFILES {
        for status in STATUSES.into_iter().filter(|status| *status != 0) {
            let faults = Faults::new();
            let mut chain = chain(profile, "slow:80", &faults);
            let lost = Fault::new("proxy_set_effective_context", status);
            faults.inject(lost.occurrence(Occurrence::Only(2)));
            let first = chain.open(0, scripted("join:a,set:x-a=first"));
            let scripts = ["join:a,set:x-a=lost,deny", "join:a,set:x-b=last"];
            let reports = both(&mut chain, scripted(scripts[0]), scripted(scripts[1]));
            let case = format!("{profile:?} {status}");
            assert_eq!(chain.traps(), [], "{case}");
            let ending = &reports[0].ending;
            assert!(matches!(ending, Ending::Stalled { .. }), "{case}: {ending:?}");
            assert!(reports[0].upstream.is_none(), "{case}");
            let passed = [chain.take_report(first).unwrap(), reports[1].clone()];
            let seen = passed.map(|report| {
                let headers = report.upstream.unwrap().headers;
                ["x-a", "x-b"].map(|name| headers.text(name).map(|it| it.to_string()))
            });
            let of = |text: &str| Some(text.to_owned());
            assert_eq!(seen, [[of("first"), None], [None, of("last")]], "{case}");
        }
    }
}

#[test]
fn ticks_send_one_shared_call_at_a_time() {
    for profile in PROFILES {
        let more = r#""tick_ms": 100, "tick_key": "keys""#;
        let mut chain = builder(profile, "slow:80", more).start().unwrap();
        let count = |chain: &Chain| (calls(chain), chain.metric("probe.landed.keys"));
        chain.run_for(Duration::from_millis(420), &mut hello);
        assert_eq!(count(&chain), (1, None), "{profile:?}");
        let report = chain.run(scripted("join:keys"), &mut hello);
        assert_eq!(report.status(), 200, "{profile:?}");
        assert_eq!(count(&chain), (1, Some(1)), "{profile:?}: the stream joined the timer's");
        chain.run_for(Duration::from_millis(300), &mut hello);
        assert_eq!(count(&chain).0, 2, "{profile:?}");
    }
}

/// Calls of the plugin are sent even when the streams have many pending calls.
#[test]
fn calls_of_ticks_have_reserved_capacity() {
    for profile in PROFILES {
        let more = r#""tick_ms": 100, "tick_key": "keys""#;
        let mut chain = builder(profile, "slow:80", more).start().unwrap();
        let joins: Vec<_> = (0..660).map(|n| format!("join:{n}")).collect();
        for join in &joins {
            chain.open(0, scripted(join));
        }
        chain.run_for(Duration::from_millis(150), &mut hello);
        let told = (calls(&chain), chain.metric("probe.not_taken"), chain.traps());
        assert_eq!(told, (641, None, vec![]), "{profile:?}: the streams' 640, and one");
    }
}

#[test]
fn failed_shared_calls_are_reported_at_once() {
    for profile in PROFILES {
        for target in ["full:80", "nobody"] {
            let more = r#""tick_ms": 100, "tick_key": "keys""#;
            let mut chain = builder(profile, target, more).start().unwrap();
            chain.run_for(Duration::from_millis(350), &mut hello);
            assert_eq!(chain.metric("probe.not_taken"), Some(3), "{profile:?} {target}");
            let report = chain.run(scripted("join:other,join:keys"), &mut hello);
            assert_eq!(report.status(), 200, "{profile:?} {target}");
            if profile.0 == Profile::Envoy {
                let told = "landing3:failed:proxy_http_call landing3:failed:proxy_http_call";
                assert_eq!(seen(&report), told, "{target}: streams are told for themselves");
            }
        }
    }
}

/// A new configuration does not get replies to calls of the old one.
#[test]
fn shared_calls_of_an_old_configuration_are_dropped() {
    let more = r#""tick_ms": 100, "tick_key": "old""#;
    let mut chain = builder(PROFILES[0], "slow:80", more).start().unwrap();
    chain.run_for(Duration::from_millis(150), &mut hello);
    chain.update(PLUGIN, br#"{"target": "slow:80", "tick_ms": 100, "tick_key": "new"}"#).unwrap();
    chain.run_for(Duration::from_millis(800), &mut hello);
    assert_eq!(chain.metric("probe.landed.old"), None);
    assert_eq!(chain.metric("probe.landed.new"), Some(1));
    assert_eq!(chain.traps(), []);
}

/// For any status of any host call: no trap, and no refused request passes.
#[test]
fn every_status_of_every_host_call_is_handled() {
    for profile in PROFILES {
        for call in module().host_calls() {
            for status in STATUSES {
                let faults = Faults::new();
                let more = r#""tick_ms": 100, "tick_key": "tick", "foreign": "reverse""#;
                let builder = builder(profile, "slow:80", more).faults(faults.clone());
                let mut chain = builder.start().unwrap();
                faults.inject(Fault::new(call, status));
                let scripts = [
                    "join:a,foreign:reverse=0102,env:SECRET,body:9,join:b,deny",
                    "join:a,join:tick,body:9,deny",
                ];
                let request = |script| scripted(script).chunk("abc");
                let reports = both(&mut chain, request(scripts[0]), request(scripts[1]));
                chain.run_for(Duration::from_secs(2), &mut hello);
                let case = format!("{profile:?} {call} {status}");
                assert_eq!(chain.traps(), [], "{case}: {:?}", chain.logs());
                for report in reports {
                    // Without headers there is no script and no refusal.
                    let unscripted = call == "proxy_get_header_map_pairs" && status == 0;
                    let ending = &report.ending;
                    let arrived = report.upstream.as_ref().is_some_and(|u| u.complete);
                    assert_eq!(arrived, unscripted, "{case}: {ending:?}");
                    let answered = matches!(report.status(), 403 | 503) || unscripted;
                    let held = matches!(ending, Ending::Stalled { .. } | Ending::Reset);
                    assert!(answered || held, "{case}: {ending:?} {}", report.status());
                }
            }
        }
    }
}

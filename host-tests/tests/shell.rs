//! policy-shell as a module: calls, bodies, shared data, ticks, and every status of every host call.
//! The module runs the steps of each request's `x-script` header and sets a fact with the results.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod probe;

use std::time::Duration;

use abi_host::{Ending, Fault, Faults, Headers};
use probe::{builder, chain, hello, module, scripted, seen, PLUGIN, PROFILES, STATUSES};

#[test]
fn call_outcomes_reach_the_filter() {
    for (target, seen_wanted) in [
        ("pam:80", "answer=200/7"),
        ("long:80", "answer=200/8+"),
        ("late:80", "answer=504/8+"),
        ("down:80", "answer=503/8+"),
        ("torn:80", "no-answer"),
        ("full:80", "failed:proxy_http_call"),
        ("nobody", "failed:proxy_http_call"),
    ] {
        let mut chain = chain(PROFILES[0], target, &Faults::new());
        let report = chain.run(scripted("call"), &mut hello);
        assert_eq!(seen(&report), seen_wanted, "{target}");
        assert_eq!((report.status(), report.traps.len()), (200, 0), "{target}");
    }
}

#[test]
fn steps_work_in_every_order() {
    for profile in PROFILES {
        for (script, body, status) in [
            ("", "", 200),
            ("call", "", 200),
            ("call,call,call", "abc", 200),
            ("body:3", "abc", 200),
            ("body:3", "abcd", 413),
            ("body:3,call", "abc", 200),
            ("call,body:3", "abc", 200),
            ("call,body:3,call,deny", "abc", 403),
            ("body:3,body:3", "abc", 503),
            ("deny", "abc", 403),
            ("call,deny", "", 403),
        ] {
            let mut chain = chain(profile, "pam:80", &Faults::new());
            let mut request = scripted(script).header("content-length", body.len().to_string());
            request.chunks = body.bytes().map(|b| vec![b]).collect();
            let report = chain.run(request, &mut hello);
            let case = format!("{profile:?} {script} {body:?}");
            assert_eq!(report.status(), status, "{case}: {:?}", report.ending);
            assert_eq!(report.traps, [], "{case}");
            let passed = report.upstream.filter(|u| u.complete).map(|u| u.body);
            assert_eq!(passed, (status == 200).then(|| body.into()), "{case}");
        }
    }
}

/// In WasmX header callbacks do not show whether a body follows; the policy did not decide about an
/// unannounced body.
#[test]
fn unannounced_bodies_are_refused() {
    for (profile, status) in [(PROFILES[0], 200), (PROFILES[1], 503)] {
        let mut chain = chain(profile, "", &Faults::new());
        let report = chain.run(scripted("body:9").chunk("abc"), &mut hello);
        assert_eq!(report.status(), status, "{profile:?}: {:?}", report.ending);
        assert_eq!(report.upstream.is_some_and(|u| u.complete), status == 200, "{profile:?}");
    }
}

#[test]
fn bodies_with_trailers_are_complete() {
    for (script, status) in [("body:3", 200), ("body:2", 413), ("body:3,call", 200)] {
        let mut chain = chain(PROFILES[0], "pam:80", &Faults::new());
        let request = scripted(script).chunk("ab").chunk("c");
        let request = request.trailers(Headers::from([("x-checksum", "1")]));
        let report = chain.run(request, &mut hello);
        assert_eq!(report.status(), status, "{script}: {:?}", report.ending);
        let known = if status == 200 { "body=3" } else { "TooLarge" };
        assert!(seen(&report).starts_with(known), "{script}: {}", seen(&report));
    }
}

#[test]
fn shared_data_counts_on_both_hosts() {
    for profile in PROFILES {
        let mut chain = chain(profile, "", &Faults::new());
        for expected in 1..=3u8 {
            chain.run(scripted("count:k,insert:k"), &mut hello);
            let value = chain.shared_data("", "k").map(|(value, _)| value);
            assert_eq!(value, Some(vec![expected]), "{profile:?}: an insert must not replace");
        }
        chain.run(scripted("insert:new"), &mut hello);
        assert_eq!(chain.shared_data("", "new").map(|(value, _)| value), Some(vec![9]));
    }
}

#[test]
fn headers_are_replaced() {
    for profile in PROFILES {
        let mut chain = chain(profile, "", &Faults::new());
        let request = scripted("set:x-a=new,remove:x-b,set:x-c=1,remove:x-none")
            .header("x-a", "1")
            .header("x-a", b"\xff")
            .header("x-b", "1")
            .header("x-b", "2");
        let upstream = chain.run(request, &mut hello).upstream.unwrap();
        let all = |name| upstream.headers.get_all(name).map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!((all("x-a"), all("x-b")), (vec![b"new".to_vec()], vec![]), "{profile:?}");
        assert_eq!(all("x-c"), [b"1"], "{profile:?}");
    }
}

#[test]
fn clock_properties_and_ticks_are_available() {
    let mut chain = chain(PROFILES[0], "", &Faults::new());
    let report = chain.run(scripted("now,property:request.path,property:no.such"), &mut hello);
    assert_eq!(seen(&report), "now=1700000000123 property=/x property=none");
    chain.run_for(Duration::from_millis(3500), &mut hello);
    assert_eq!(chain.metric("probe.ticks"), Some(3));
    assert_eq!(chain.metric("probe.logged"), Some(1));
}

#[test]
fn foreign_functions_return_data() {
    let script = "foreign:reverse=01ff,foreign:reverse=,foreign:nobody=00";
    let mut chain = chain(PROFILES[0], "", &Faults::new());
    assert_eq!(seen(&chain.run(scripted(script), &mut hello)), "foreign=ff01 foreign= foreign!1");
}

/// In WasmX the call traps, so it is never made, not even during configuration.
#[test]
fn wasmx_never_gets_a_foreign_function_call() {
    for (profile, answered) in PROFILES.into_iter().zip([Some(1), None]) {
        let mut chain = builder(profile, "", r#""foreign": "reverse""#).start().unwrap();
        let report = chain.run(scripted("foreign:reverse=00"), &mut hello);
        assert_eq!((report.status(), chain.traps()), (200, vec![]), "{profile:?}");
        assert_eq!(chain.metric("probe.answered"), answered, "{profile:?}");
        let made = chain.trace(PLUGIN).count("proxy_call_foreign_function");
        assert_eq!(made, answered.map_or(0, |_| 2), "{profile:?}");
    }
}

#[test]
fn environment_variables_come_from_the_operator() {
    let mut chain = chain(PROFILES[0], "", &Faults::new());
    let report = chain.run(scripted("env:SECRET,env:SECRE,env:PATH"), &mut hello);
    assert_eq!(seen(&report), "env=hush env=none env=none");
}

/// For any status of any host call: no trap, and no refused request passes.
#[test]
fn every_status_of_every_host_call_is_handled() {
    for profile in PROFILES {
        let script = "count:k,now,property:request.path,set:x-a=1,remove:x-b,foreign:reverse=0102,\
                      env:SECRET,call,body:9,call,deny";
        for call in module().host_calls() {
            for status in STATUSES {
                let faults = Faults::new();
                let mut chain = chain(profile, "pam:80", &faults);
                faults.inject(Fault::new(call, status));
                let request = scripted(script).header("x-b", "1").chunk("abc");
                let report = chain.run(request, &mut hello);
                chain.run_for(Duration::from_secs(2), &mut hello);
                let case = format!("{profile:?} {call} {status}: {:?}", report.ending);
                assert_eq!(chain.traps(), [], "{case}: {:?}", chain.logs());
                // Without headers there is no script and no refusal.
                let unscripted = call == "proxy_get_header_map_pairs" && status == 0;
                let arrived = report.upstream.as_ref().is_some_and(|u| u.complete);
                assert_eq!(arrived, unscripted, "{case}");
                let answered = matches!(report.status(), 403 | 503) || unscripted;
                let held = matches!(report.ending, Ending::Stalled { .. } | Ending::Reset);
                assert!(answered || held, "{case}: {}", report.status());
            }
        }
    }
}

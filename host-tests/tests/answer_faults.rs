//! policy-shell as a module: every status of every host call during a response. The upstream has acted, so
//! its response must not be lost, and a part of it must not look complete.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod probe;

use std::time::Duration;

use abi_host::{Answer, Chain, Ending, Fault, Faults, Headers, Profile, Response, UpstreamRequest};
use policy_kit::{Denial, Details};
use probe::{chain_of, module, plugin, scripted, PROFILES, STATUSES};

/// Scripts for the request and for the answer, and whether the client may get another answer.
const SCENES: [(&str, &str, bool); 8] = [
    ("", "hold:9", false),
    ("", "hold:9,call", false),
    ("", "hold:2,call", false),
    ("", "call,hold:9,call", false),
    ("", "copy:9,call", false),
    ("tick,call", "hold:9,call", false),
    ("heldbody:9,call", "call,copy:9", false),
    ("", "call,replace", true),
];

fn start(profile: (Profile, &str), faults: &Faults) -> Chain {
    let plugin = plugin(profile.1, "pam:80", r#""tick_ms": 1000"#);
    let plugin = if profile.0 == Profile::Envoy { plugin.allow_stop_iteration() } else { plugin };
    chain_of(profile.0, plugin).faults(faults.clone()).start().unwrap()
}

/// The answer's kinds of ending: an empty end, and trailers.
fn responses() -> [Response; 2] {
    let pieces = Response::new(200).chunk("a").chunk("bc");
    [pieces.clone(), pieces.trailers(Headers::from([("x-checksum", "1")]))]
}

/// The result: the real response, the replacement, or a closed stream.
fn judge(scene: (&str, &str, bool), fault: (&str, u32), chain: &mut Chain, response: &Response) {
    let (script, answer, replaced) = scene;
    let (call, status) = fault;
    let request = scripted(script).header("x-answer", answer).chunk("abc");
    let mut upstream = |_: &UpstreamRequest| Answer::respond(response.clone());
    let report = chain.run(request, &mut upstream);
    let case = format!("{scene:?} {call} {status}: {:?}", report.ending);
    assert_eq!(chain.traps(), [], "{case}: {:?}", chain.logs());
    // The host says that it has done it, and has not, or cannot be told to go on.
    let held = matches!(report.ending, Ending::Stalled { .. });
    let deaf = ["proxy_continue_stream", "proxy_set_effective_context", "proxy_close_stream"];
    let silent = status == 0 && ["proxy_http_call", "proxy_send_local_response"].contains(&call);
    assert!(!held || silent || deaf.contains(&call), "{case}");
    let Some(client) = report.response.filter(|client| client.complete) else { return };
    let refusal = Denial::UNCLASSIFIED.problem(&Details::NONE);
    match client.status() {
        200 => {
            assert_eq!(
                (&*client.body, &client.trailers),
                (&b"abc"[..], &response.trailers),
                "{case}"
            );
            let unscripted = call == "proxy_get_header_map_pairs" && status == 0;
            assert!(!replaced || unscripted, "{case}");
        }
        403 => assert!(replaced && client.body == *refusal.body, "{case}"),
        // The time limit of streams: before the request is whole, and after.
        408 | 504 => assert!(held, "{case}"),
        // Refused before the upstream had it.
        503 => assert!(report.upstream.is_none_or(|upstream| !upstream.complete), "{case}"),
        other => panic!("{case}: {other}"),
    }
}

#[test]
fn no_response_is_silently_lost_or_truncated() {
    for scene in SCENES {
        for call in module().host_calls() {
            let faults = Faults::new();
            for status in STATUSES {
                for response in responses() {
                    faults.clear();
                    let mut chain = start(PROFILES[0], &faults);
                    faults.inject(Fault::new(call, status));
                    judge(scene, (call, status), &mut chain, &response);
                }
            }
        }
    }
}

/// Of all this only a copy is portable.
#[test]
fn copies_never_lose_a_response_on_wasmx() {
    for call in module().host_calls() {
        let faults = Faults::new();
        for status in STATUSES {
            faults.clear();
            let mut chain = start(PROFILES[1], &faults);
            faults.inject(Fault::new(call, status));
            judge(("", "copy:9", false), (call, status), &mut chain, &responses()[0]);
            chain.run_for(Duration::from_secs(2), &mut probe::hello);
            assert_eq!(chain.traps(), [], "{call} {status}");
        }
    }
}

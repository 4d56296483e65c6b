//! Every host call of the module answering every status, in every place where it is made: no trap,
//! and never a pass that the configuration does not say.

use abi_host::{Chain, Ending, Fault, Faults, Occurrence, Profile, Report};
use serde_json::json;

use crate::world::{self, hello, outcome, through_the_edge};

/// Every status of the ABI, those that no host should answer, and one beyond.
const STATUSES: [u32; 14] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99];

/// Calls whose failure changes nothing that is decided.
const HARMLESS: [&str; 4] =
    ["proxy_log", "proxy_define_metric", "proxy_increment_metric", "fd_write"];

/// A bet that is licensed, with a forged header so that something must be removed, on a matrix with
/// dates so that the clock is asked.
fn bet(chain: &mut Chain) -> Report {
    let headers: [(&str, &[u8]); 2] = [("x-geo-country", b"MT"), ("x-jurisdiction", b"SE")];
    chain.run(through_the_edge("POST", b"/api/bets", &headers), &mut hello)
}

fn changes(profile: Profile, on_error: &str) -> serde_json::Value {
    let host = if profile == Profile::Envoy { "envoy" } else { "wasmx" };
    json!({
        "host": host,
        "on_error": on_error,
        "licences": [{"brand": "lucky-otter", "markets": ["MT"], "from": "1970-01-01T00:00:00Z"}],
    })
}

fn start(profile: Profile, on_error: &str, faults: &Faults) -> Chain {
    let configuration = world::configuration(&changes(profile, on_error));
    world::builder(profile, &configuration).faults(faults.clone()).start().unwrap()
}

#[test]
fn traffic() {
    for profile in [Profile::Envoy, Profile::Wasmx] {
        for on_error in ["refuse", "forward"] {
            let faults = Faults::new();
            let mut chain = start(profile, on_error, &faults);
            let before = chain.trace(world::PLUGIN);
            assert_eq!(outcome(&bet(&mut chain)), "allow");
            let after = chain.trace(world::PLUGIN);
            let mut tried = 0;
            for call in world::module().host_calls() {
                // Each occurrence within one request by itself, and all of them together.
                let made = after.count(call) - before.count(call);
                let occurrences = (1..=made).map(Occurrence::Only);
                for occurrence in occurrences.chain([Occurrence::Every]) {
                    for status in STATUSES {
                        faults.clear();
                        faults.inject(Fault::new(call, status).occurrence(occurrence));
                        let report = bet(&mut chain);
                        let case = format!("{profile:?} {on_error} {call} {status} {occurrence:?}");
                        assert_eq!(report.traps, [], "{case}");
                        // WasmX's end of stream is read off the headers first; the policy reads
                        // them again.
                        let early = profile == Profile::Wasmx
                            && call == "proxy_get_header_map_pairs"
                            && occurrence == Occurrence::Only(1);
                        let made = made > 0 && (status == 0 || !early);
                        judge(&report, call, status, made, on_error, &case);
                        tried += 1;
                    }
                }
            }
            assert!(tried > 380, "only {tried} cases under {profile:?}");
            faults.clear();
            assert_eq!(outcome(&bet(&mut chain)), "allow", "the VM has come to harm");
        }
    }
}

fn judge(report: &Report, call: &str, status: u32, made: bool, on_error: &str, case: &str) {
    let got = outcome(report);
    if !made || HARMLESS.contains(&call) || call.starts_with("environ") {
        assert_eq!(got, "allow", "{case}");
        return;
    }
    match (call, status) {
        // A host that says Ok and does nothing cannot be caught at a write. At a read it gives
        // nothing, and nothing is never licensed.
        (_, 0) if !call.contains("get") => assert_eq!(got, "allow", "{case}"),
        ("proxy_get_current_time_nanoseconds", 0) => assert_eq!(got, "allow", "{case}"),
        ("proxy_get_header_map_pairs", 0) => assert_eq!(got, "endpoint_unclassified", "{case}"),
        // No peer address: whoever it is, it is not the edge.
        ("proxy_get_property", 0 | 1) => assert_eq!(got, "jurisdiction_unknown", "{case}"),
        _ if on_error == "forward" => assert_eq!(got, "allow", "{case}"),
        _ => {
            assert_eq!(got, "policy_unavailable", "{case}");
            assert_eq!(report.status(), 503, "{case}");
        }
    }
}

/// A refusal that the gateway will not send still is no pass, whatever else fails with it.
#[test]
fn refusals_that_cannot_be_sent() {
    for profile in [Profile::Envoy, Profile::Wasmx] {
        for status in STATUSES {
            for close in [None, Some(0), Some(2), Some(10), Some(99)] {
                let faults = Faults::new();
                let mut chain = start(profile, "refuse", &faults);
                faults.inject(Fault::new("proxy_send_local_response", status));
                if let Some(close) = close {
                    faults.inject(Fault::new("proxy_close_stream", close));
                }
                let request = through_the_edge("POST", b"/api/bets", &[("x-geo-country", b"DE")]);
                let report = chain.run(request, &mut hello);
                let case = format!("{profile:?} {status} {close:?}: {:?}", report.ending);
                assert_eq!(report.upstream, None, "{case}");
                assert_eq!(report.traps, [], "{case}");
                assert_ne!(report.ending, Ending::Completed, "{case}");
            }
        }
    }
}

/// While it is configured: it starts, or refuses to, and does not trap.
#[test]
fn configuring() {
    for profile in [Profile::Envoy, Profile::Wasmx] {
        for call in world::module().host_calls() {
            for status in STATUSES {
                let faults = Faults::new();
                faults.inject(Fault::new(call, status));
                let configuration = world::configuration(&changes(profile, "refuse"));
                let started =
                    world::builder(profile, &configuration).faults(faults.clone()).start();
                let case = format!("{profile:?} {call} {status}");
                match started {
                    Ok(mut chain) => {
                        faults.clear();
                        assert_eq!(outcome(&bet(&mut chain)), "allow", "{case}");
                    }
                    Err(error) => {
                        let text = error.to_string();
                        assert!(text.contains("on_configure returned false"), "{case}: {text}");
                        assert_eq!(call, "proxy_get_buffer_bytes", "{case}");
                    }
                }
            }
        }
    }
}

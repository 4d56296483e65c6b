//! Every host call of the module returns every status, wherever it is made: no trap, nothing that is refused passes,
//! and nothing waits for ever.

use std::time::Duration;

use abi_host::{Chain, Fault, Faults, Occurrence, Profile, Report};
use serde_json::{json, Value};

use crate::common::faults::{self, run_scene, Failed, Subject};
use crate::fixture::{ask, builder, hello, module, outcome, settle, Casino, PLUGIN, PROFILES};

struct Scene {
    name: &'static str,
    changes: Value,
    path: &'static str,
    want: &'static str,
}

fn subject() -> Subject {
    Subject { plugin: PLUGIN, module: module() }
}

fn scenes() -> Vec<Scene> {
    let limits = json!([{"name": "bets", "key": ["client"], "requests": 1_000_000, "per": "second", "scope": "worker"}]);
    let none = json!([{"name": "bets", "key": [], "requests": 1, "per": "day", "scope": "worker"}]);
    let suspended = json!({"id": {"query": "market"}, "suspended": ["m-1"]});
    vec![
        Scene {
            name: "a bet",
            changes: json!({"limits": limits, "workers": 1}),
            path: "/bets",
            want: "allow",
        },
        Scene {
            name: "forward",
            changes: json!({"on_error": "forward"}),
            path: "/odds",
            want: "allow",
        },
        Scene { name: "safer gambling", changes: json!({}), path: "/limits", want: "allow" },
        Scene { name: "settlement", changes: json!({}), path: "/wallet", want: "allow" },
        Scene {
            name: "over its limit",
            changes: json!({"limits": none, "workers": 1}),
            path: "/bets",
            want: "quota_exceeded",
        },
        Scene {
            name: "suspended",
            changes: json!({"market": suspended}),
            path: "/bets?market=m-1",
            want: "market_suspended",
        },
        Scene {
            name: "no class",
            changes: json!({}),
            path: "/nowhere",
            want: "endpoint_unclassified",
        },
    ]
}

impl faults::Scene for Scene {
    fn name(&self) -> &str {
        self.name
    }

    fn want(&self) -> &str {
        self.want
    }

    fn start(&self, profile: Profile, faults: &Faults) -> Chain {
        let mut chain = builder(profile, &self.changes).faults(faults.clone()).start().unwrap();
        if self.want == "quota_exceeded" {
            chain.run(ask("/bets"), &mut hello);
        }
        chain
    }

    fn ask(&self, chain: &mut Chain) -> Report {
        // With a forged header so that something must be removed.
        let report = chain.run(ask(self.path).header("x-request-priority", "critical"), &mut hello);
        chain.run_for(Duration::from_millis(20), &mut hello);
        report
    }

    fn judge(&self, report: &Report, failed: &Failed<'_>, case: &str) {
        if failed.harmless() || failed.lost_write() {
            return;
        }
        let got = outcome(report);
        match (failed.call, failed.status) {
            // Headers without a method and a path are no request of any class.
            ("proxy_get_header_map_pairs", _) => {}
            _ if matches!(self.name, "settlement" | "safer gambling" | "forward") => {
                assert_eq!(got, "allow", "{case}");
            }
            _ => {}
        }
    }
}

#[test]
fn failed_host_calls_decide_as_configured() {
    let mut tried = 0;
    for profile in PROFILES {
        for scene in scenes() {
            tried += run_scene(&subject(), &scene, profile);
        }
    }
    println!("{tried} cases");
    assert!(tried > 4_000, "only {tried} cases");
}

#[test]
fn refusals_that_cannot_be_sent_end_the_stream() {
    faults::refusals_that_cannot_be_sent(&subject(), &scenes());
}

/// A limit of all workers: where shared data fails, this worker's share counts; where others are always first, the
/// request is refused, and a settlement passes.
#[test]
fn shared_data_that_fails_decides_as_configured() {
    for workers in [None, Some(1)] {
        for (call, status, want) in [
            ("proxy_get_shared_data", 2, "fault"),
            ("proxy_get_shared_data", 10, "fault"),
            ("proxy_set_shared_data", 2, "fault"),
            ("proxy_set_shared_data", 8, "quota_exceeded"),
        ] {
            let rule = json!({"name": "a", "match": {"classes": ["wager", "settlement"]}, "key": ["client"],
                "requests": 9, "per": "second"});
            let document = json!({"limits": [rule], "workers": workers});
            let faults = Faults::new();
            let mut chain =
                builder(Profile::Envoy, &document).faults(faults.clone()).start().unwrap();
            assert_eq!(outcome(&chain.run(ask("/bets"), &mut hello)), "allow");
            faults.inject(Fault::new(call, status).plugin(PLUGIN));
            let want = match (want, workers) {
                ("fault", None) => "policy_unavailable",
                ("fault", Some(_)) => "allow",
                (want, _) => want,
            };
            let case = format!("{call} {status} {workers:?}");
            assert_eq!(outcome(&chain.run(ask("/bets"), &mut hello)), want, "{case}");
            let settled = chain.run(settle("/wallet", "signature", "{}"), &mut hello);
            assert_eq!(outcome(&settled), "allow", "{case}");
        }
    }
}

/// A settlement is refused only as something to send again.
#[test]
fn what_may_be_owed_gets_no_final_refusal() {
    for call in module().host_calls() {
        for status in [1, 2, 7, 10, 99] {
            let faults = Faults::new();
            let mut chain =
                builder(Profile::Envoy, &json!({})).faults(faults.clone()).start().unwrap();
            faults.inject(Fault::new(call, status).plugin(PLUGIN));
            let report =
                chain.run(settle("/hub", "signature", r#"{"type": "credit"}"#), &mut hello);
            let final_refusal = (400..500).contains(&report.status());
            assert!(
                !final_refusal || call == "proxy_get_header_map_pairs",
                "{call} {status}: {}",
                report.status()
            );
        }
    }
}

/// Requests wait while every call fails, once and always: each ends, and the permits are all there when it is over.
#[test]
fn no_failure_keeps_requests_waiting() {
    for call in module().host_calls() {
        for status in [1, 2, 7, 10, 99] {
            for occurrence in [Occurrence::Only(1), Occurrence::Only(2), Occurrence::Every] {
                let faults = Faults::new();
                let chain = builder(Profile::Envoy, &json!({})).faults(faults.clone());
                let mut chain = chain.idle_timeout(Duration::from_secs(8)).start().unwrap();
                let mut casino = Casino::default();
                let all: Vec<_> = (0..3).map(|_| chain.open(0, ask("/bets"))).collect();
                chain.run_for(Duration::from_millis(25), &mut casino);
                faults.inject(Fault::new(call, status).plugin(PLUGIN).occurrence(occurrence));
                let case = format!("{call} {status} {occurrence:?}");
                chain.run_for(Duration::from_secs(3), &mut casino);
                faults.clear();
                for stream in all {
                    let report = chain.finish(stream, &mut casino);
                    assert_eq!(report.traps, [], "{case}");
                    let resumes =
                        matches!(call, "proxy_continue_stream" | "proxy_set_effective_context");
                    let waited = (report.ended - report.started) / 1_000_000;
                    assert!(waited < 5_000 || resumes, "{case}: {waited} ms, {:?}", report.ending);
                }
                chain.run_for(Duration::from_secs(2), &mut casino);
                let next = chain.run(ask("/bets"), &mut casino);
                assert_eq!(outcome(&next), "allow", "{case}: a permit is lost");
            }
        }
    }
}

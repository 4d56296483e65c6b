//! Every host call of the module returns every status, wherever it is made: no trap, and never a pass that the
//! configuration does not permit.

use abi_host::{Chain, Faults, HostError, Profile, Report};
use serde_json::json;

use crate::common::faults::{self, run_scene, Failed, Subject};
use crate::fixture::{self, hello, outcome, through_the_edge};

/// A bet from a country, with dated licences so that the clock is read, and its decision where nothing fails.
struct Scene {
    on_error: &'static str,
    country: &'static str,
    want: &'static str,
}

const LICENSED: [Scene; 2] = [
    Scene { on_error: "refuse", country: "MT", want: "allow" },
    Scene { on_error: "forward", country: "MT", want: "allow" },
];

const REFUSED: Scene = Scene { on_error: "refuse", country: "DE", want: "jurisdiction_unlicensed" };

fn subject() -> Subject {
    Subject { plugin: fixture::PLUGIN, module: fixture::module() }
}

fn start(profile: Profile, on_error: &str, faults: &Faults) -> Result<Chain, HostError> {
    let host = if profile == Profile::Envoy { "envoy" } else { "wasmx" };
    let configuration = fixture::configuration(&json!({
        "host": host,
        "on_error": on_error,
        "licences": [{"brand": "lucky-otter", "markets": ["MT"], "from": "1970-01-01T00:00:00Z"}],
    }));
    fixture::builder(profile, &configuration).faults(faults.clone()).start()
}

/// With a forged header so that something must be removed.
fn bet(chain: &mut Chain, country: &str) -> Report {
    let headers: [(&str, &[u8]); 2] =
        [("x-geo-country", country.as_bytes()), ("x-jurisdiction", b"SE")];
    chain.run(through_the_edge("POST", b"/api/bets", &headers), &mut hello)
}

impl faults::Scene for Scene {
    fn name(&self) -> &str {
        self.on_error
    }

    fn want(&self) -> &str {
        self.want
    }

    fn start(&self, profile: Profile, faults: &Faults) -> Chain {
        start(profile, self.on_error, faults).unwrap()
    }

    fn ask(&self, chain: &mut Chain) -> Report {
        bet(chain, self.country)
    }

    fn judge(&self, report: &Report, failed: &Failed<'_>, case: &str) {
        if failed.harmless() {
            return;
        }
        let got = outcome(report);
        match (failed.call, failed.status) {
            // At a read the host gives nothing then, and nothing is never licensed.
            (_, 0) if failed.lost_write() => assert_eq!(got, "allow", "{case}"),
            ("proxy_get_current_time_nanoseconds", 0) => assert_eq!(got, "allow", "{case}"),
            ("proxy_get_header_map_pairs", 0) => assert_eq!(got, "endpoint_unclassified", "{case}"),
            // No peer address: whoever it is, it is not the edge.
            ("proxy_get_property", 0 | 1) => assert_eq!(got, "jurisdiction_unknown", "{case}"),
            _ if self.on_error == "forward" => assert_eq!(got, "allow", "{case}"),
            _ => {
                assert_eq!(got, "policy_unavailable", "{case}");
                assert_eq!(report.status(), 503, "{case}");
            }
        }
    }
}

#[test]
fn failed_host_calls_decide_as_configured() {
    for profile in [Profile::Envoy, Profile::Wasmx] {
        for scene in &LICENSED {
            let tried = run_scene(&subject(), scene, profile);
            assert!(tried > 380, "only {tried} cases under {profile:?}");
        }
    }
}

#[test]
fn refusals_that_cannot_be_sent_end_the_stream() {
    faults::refusals_that_cannot_be_sent(&subject(), [&REFUSED]);
}

#[test]
fn failed_host_calls_do_not_trap_configuring() {
    let start = |profile, faults: &Faults| start(profile, "refuse", faults);
    faults::configuring(&subject(), start, |chain, case| {
        assert_eq!(outcome(&bet(chain, "MT")), "allow", "{case}");
    });
}

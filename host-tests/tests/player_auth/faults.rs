//! Every host call of the module fails with every status, at every call site: no trap, no request passes that
//! must not, and none waits for ever.

use std::cell::Cell;
use std::time::Duration;

use abi_host::{Chain, Faults, Profile, Report};

use crate::common::faults::{self, run_scene, Failed, Subject};
use crate::fault_scenes::{cold, forged, inline, Scene, SCENES};
use crate::fixture::{self, hello, outcome, run};
use crate::services::{json_after, Service};

fn subject() -> Subject {
    Subject { plugin: fixture::PLUGIN, module: fixture::module() }
}

impl faults::Scene for Scene {
    fn name(&self) -> &str {
        self.name
    }

    fn want(&self) -> &str {
        self.want
    }

    fn alone(&self) -> bool {
        self.alone
    }

    /// Headers of a call that waits for its body have left; the body has not.
    fn leaves_early(&self) -> bool {
        self.name == "forged partner"
    }

    fn start(&self, profile: Profile, faults: &Faults) -> Chain {
        let service = Service::new(json_after((self.answer)(), 20));
        let configuration = fixture::configuration(profile, &(self.changes)());
        let builder = fixture::builder(profile, &configuration).faults(faults.clone());
        let mut chain = builder.callouts(service.callouts()).start().unwrap();
        if self.name == "revoked" {
            // Until the feed is read.
            chain.run_for(Duration::from_secs(3), &mut hello);
        }
        chain
    }

    /// The request, with a forged header so that something must be removed.
    fn ask(&self, chain: &mut Chain) -> Report {
        thread_local!(static TURN: Cell<u64> = const { Cell::new(0) });
        let turn = TURN.with(|turn| turn.replace(turn.get() + 1));
        let forged = (self.request)(turn).header("x-player-id", "p-666");
        run(chain, forged.header("x-partner-id", "forged"))
    }

    /// What was signed is gone with the body when the headers are read again.
    fn survives(&self, failed: &Failed<'_>) -> bool {
        failed.first_look() && self.name != "psp"
    }

    fn judge(&self, report: &Report, failed: &Failed<'_>, case: &str) {
        if let (Some(upstream), false) = (&report.upstream, failed.lost_write()) {
            let told: Vec<_> = upstream.headers.get_all("x-player-id").collect();
            let partner = ["house", "psp", "forged partner"].contains(&self.name);
            let nobody = partner || self.name == "anonymous";
            assert_eq!(told, if nobody { vec![] } else { vec![&b"p-1"[..]] }, "{case}");
            let told: Vec<_> = upstream.headers.get_all("x-partner-id").collect();
            let name = if self.name == "forged partner" { "psp" } else { self.name };
            assert_eq!(told, if partner { vec![name.as_bytes()] } else { vec![] }, "{case}");
            assert!(!upstream.headers.iter().any(|(name, _)| name == b"authorization"), "{case}");
        }
        let fails = [
            "proxy_remove_header_map_value",
            "proxy_get_header_map_pairs",
            "proxy_add_header_map_value",
            "proxy_replace_header_map_value",
            "proxy_set_property",
        ];
        if failed.made && failed.status != 0 && fails.contains(&failed.call) {
            assert_ne!(outcome(report), "allow", "{case}");
        }
    }
}

#[test]
fn host_call_faults_under_envoy() {
    for scene in &SCENES {
        let tried = run_scene(&subject(), scene, Profile::Envoy);
        assert!(tried > 300, "only {tried} cases of {}", scene.name);
    }
}

#[test]
fn host_call_faults_under_wasmx() {
    for scene in &SCENES {
        let tried = run_scene(&subject(), scene, Profile::Wasmx);
        assert!(tried > 300, "only {tried} cases of {}", scene.name);
    }
}

#[test]
fn local_replies_that_fail() {
    faults::refusals_that_cannot_be_sent(&subject(), &SCENES);
}

#[test]
fn host_call_faults_while_configuring() {
    let start = |profile, faults: &Faults| {
        let configuration = fixture::configuration(profile, &inline());
        fixture::builder(profile, &configuration).faults(faults.clone()).start()
    };
    faults::configuring(&subject(), start, |chain, case| {
        assert_eq!(outcome(&run(chain, cold(0))), "allow", "{case}");
        assert_eq!(outcome(&run(chain, forged(0))), "token_signature", "{case}");
    });
}

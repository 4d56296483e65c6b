//! Every host call of the module answering every status, in every place where it is made: no trap,
//! nobody passes who should not, and nobody waits for ever.

use std::cell::Cell;
use std::time::Duration;

use abi_host::{Chain, Ending, Fault, Faults, Occurrence, Profile, Report};

use crate::fault_scenes::{cold, forged, inline, Scene, SCENES};
use crate::services::{json_after, Service};
use crate::world::{self, hello, outcome, run, SECOND};

/// Every status of the ABI, those that no host should answer, and one beyond.
const STATUSES: [u32; 14] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99];

/// Calls whose failure changes nothing that is decided: a gateway that does not check signatures or
/// share keys leaves that to the module.
const HARMLESS: [&str; 7] = [
    "proxy_log",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_call_foreign_function",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "fd_write",
];

/// Calls without which a waiting stream cannot be let go.
const RESUMING: [&str; 4] = [
    "proxy_continue_stream",
    "proxy_set_effective_context",
    "proxy_send_local_response",
    "proxy_close_stream",
];

impl Scene {
    fn start(&self, profile: Profile, faults: &Faults) -> Chain {
        let service = Service::new(json_after((self.answer)(), 20));
        let configuration = world::configuration(profile, &(self.changes)());
        let builder = world::builder(profile, &configuration).faults(faults.clone());
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

    fn judge(&self, report: &Report, call: &str, status: u32, made: bool, case: &str) {
        assert_eq!(report.traps, [], "{case}");
        let got = outcome(report);
        if !made
            || (HARMLESS.contains(&call) && (call, status) != ("proxy_call_foreign_function", 0))
        {
            assert_eq!(got, self.want, "{case}");
        }
        let waited = report.ended - report.started;
        // A gateway that says that it has asked and never tells more holds the stream by itself.
        let held = (call, status) == ("proxy_http_call", 0);
        let patient = held || RESUMING.contains(&call) || waited <= SECOND / 2;
        assert!(patient, "{case}: {waited} ns, {:?}", report.ending);
        if self.want != "allow" {
            // Headers of a call that waits for its body have left; the body has not.
            assert!(report.upstream.as_ref().is_none_or(|it| !it.complete), "{case}");
            assert!(report.upstream.is_none() || self.name == "forged partner", "{case}");
            assert_ne!(got, "allow", "{case}");
        }
        // A host that says Ok and does nothing cannot be caught at a write.
        if let (Some(upstream), true) = (&report.upstream, status != 0 || call.contains("_get_")) {
            let told: Vec<_> = upstream.headers.get_all("x-player-id").collect();
            let partner = ["house", "psp", "forged partner"].contains(&self.name);
            let nobody = partner || self.name == "anonymous";
            assert_eq!(told, if nobody { vec![] } else { vec![&b"p-1"[..]] }, "{case}");
            let told: Vec<_> = upstream.headers.get_all("x-partner-id").collect();
            let name = if self.name == "forged partner" { "psp" } else { self.name };
            assert_eq!(told, if partner { vec![name.as_bytes()] } else { vec![] }, "{case}");
            assert!(!upstream.headers.iter().any(|(name, _)| name == b"authorization"), "{case}");
        }
        let failed = [
            "proxy_remove_header_map_value",
            "proxy_get_header_map_pairs",
            "proxy_add_header_map_value",
            "proxy_replace_header_map_value",
            "proxy_set_property",
        ];
        if made && status != 0 && failed.contains(&call) {
            assert_ne!(got, "allow", "{case}");
        }
    }
}

fn run_scene(scene: &Scene, profile: Profile) -> u32 {
    let faults = Faults::new();
    let mut chain = scene.start(profile, &faults);
    if !scene.alone {
        // Counters are defined, what can be remembered is.
        assert_eq!(outcome(&scene.ask(&mut chain)), scene.want, "{}", scene.name);
    }
    let before = chain.trace(world::PLUGIN);
    assert_eq!(outcome(&scene.ask(&mut chain)), scene.want, "{}", scene.name);
    let after = chain.trace(world::PLUGIN);
    let mut tried = 0;
    for call in world::module().host_calls() {
        let made = after.count(call) - before.count(call);
        for occurrence in (1..=made).map(Occurrence::Only).chain([Occurrence::Every]) {
            for status in STATUSES {
                faults.clear();
                if scene.alone {
                    chain = scene.start(profile, &faults);
                }
                faults.inject(Fault::new(call, status).occurrence(occurrence));
                let report = scene.ask(&mut chain);
                let case = format!("{profile:?} {} {call} {status} {occurrence:?}", scene.name);
                // WasmX's end of stream is read off the headers first; the policy reads them again. What
                // was signed is then gone with the body.
                let early = profile == Profile::Wasmx
                    && scene.name != "psp"
                    && call == "proxy_get_header_map_pairs"
                    && occurrence == Occurrence::Only(1);
                scene.judge(&report, call, status, made > 0 && (status == 0 || !early), &case);
                tried += 1;
            }
        }
    }
    faults.clear();
    if !scene.alone {
        assert_eq!(outcome(&scene.ask(&mut chain)), scene.want, "the VM has come to harm");
    }
    tried
}

#[test]
fn traffic_under_envoy() {
    for scene in &SCENES {
        let tried = run_scene(scene, Profile::Envoy);
        assert!(tried > 300, "only {tried} cases of {}", scene.name);
    }
}

#[test]
fn traffic_under_wasmx() {
    for scene in &SCENES {
        let tried = run_scene(scene, Profile::Wasmx);
        assert!(tried > 300, "only {tried} cases of {}", scene.name);
    }
}

/// A refusal that the gateway will not send still is no pass, whatever else fails with it.
#[test]
fn refusals_that_cannot_be_sent() {
    let refused = SCENES.iter().filter(|scene| scene.want != "allow");
    for (scene, profile) in
        refused.flat_map(|scene| world::PROFILES.map(|profile| (scene, profile)))
    {
        for status in STATUSES {
            for close in [None, Some(0), Some(2), Some(10), Some(99)] {
                let faults = Faults::new();
                let mut chain = scene.start(profile, &faults);
                faults.inject(Fault::new("proxy_send_local_response", status));
                if let Some(close) = close {
                    faults.inject(Fault::new("proxy_close_stream", close));
                }
                let report = scene.ask(&mut chain);
                let case =
                    format!("{} {profile:?} {status} {close:?}: {:?}", scene.name, report.ending);
                assert!(report.upstream.is_none_or(|upstream| !upstream.complete), "{case}");
                assert_eq!(report.traps, [], "{case}");
                assert_ne!(report.ending, Ending::Completed, "{case}");
            }
        }
    }
}

/// While it is configured: it starts, or refuses to, and does not trap; once it has started, it
/// decides as ever.
#[test]
fn configuring() {
    for profile in world::PROFILES {
        for call in world::module().host_calls() {
            for status in STATUSES {
                let faults = Faults::new();
                faults.inject(Fault::new(call, status));
                let configuration = world::configuration(profile, &inline());
                let started =
                    world::builder(profile, &configuration).faults(faults.clone()).start();
                let case = format!("{profile:?} {call} {status}");
                match started {
                    Ok(mut chain) => {
                        faults.clear();
                        assert_eq!(outcome(&run(&mut chain, cold(0))), "allow", "{case}");
                        let report = run(&mut chain, forged(0));
                        assert_eq!(outcome(&report), "token_signature", "{case}");
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

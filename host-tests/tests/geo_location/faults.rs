//! Every host call of geo-jurisdiction answering every status, in scenes with a location token: no trap,
//! nobody passes who should not, and nobody waits for ever. player-auth in front of it does not fail.

use std::cell::Cell;

use abi_host::{Chain, Ending, Fault, Faults, Occurrence, Profile, Report};
use policy_token::testing::Forge;
use policy_token::Alg;
use serde_json::json;

use crate::services::{json_after, Service};
use crate::world::{
    self, claims, location, outcome, provider, request, run, with, GEO, NOW, SECOND,
};

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

/// What is asked, and what comes of it where nothing fails.
struct Scene {
    name: &'static str,
    /// Whether keys are fetched.
    fetched: bool,
    /// The token, where there is one.
    token: fn(u64) -> Option<String>,
    path: &'static str,
    want: &'static str,
    /// Whether a chain serves one request only: what it learns changes the next one's way.
    alone: bool,
}

fn cached(_: u64) -> Option<String> {
    thread_local!(static TOKEN: String = location(&json!({})));
    Some(TOKEN.with(Clone::clone))
}

fn cold(n: u64) -> Option<String> {
    Some(location(&json!({"jti": format!("loc-{n}")})))
}

fn forged(_: u64) -> Option<String> {
    let token = cached(0)?;
    let signature = token.rfind('.')?;
    Some(format!("{}.{}", &token[..signature], "A".repeat(86)))
}

fn strangers(_: u64) -> Option<String> {
    thread_local!(static FORGE: Forge = Forge::at(NOW));
    Some(FORGE.with(|forge| forge.sign(Alg::Es256, &claims(forge, &json!({})))))
}

fn others(_: u64) -> Option<String> {
    Some(location(&json!({"sub": "p-2"})))
}

fn old(_: u64) -> Option<String> {
    Some(location(&json!({"iat": NOW - 1_800})))
}

fn none(_: u64) -> Option<String> {
    None
}

const fn scene(name: &'static str, token: fn(u64) -> Option<String>, want: &'static str) -> Scene {
    Scene { name, fetched: false, token, path: "/api/bets", want, alone: false }
}

const SCENES: [Scene; 10] = [
    scene("cached", cached, "allow"),
    scene("cold", cold, "allow"),
    scene("forged", forged, "geo_rejected"),
    scene("a stranger's", strangers, "geo_rejected"),
    scene("another's", others, "geo_rejected"),
    scene("old", old, "geo_stale"),
    scene("none", none, "geo_required"),
    Scene { fetched: true, alone: true, ..scene("fetch", cold, "allow") },
    Scene { fetched: true, alone: true, ..scene("fetch for none", none, "geo_required") },
    Scene { path: "/api/withdrawals", ..scene("not asked", cold, "allow") },
];

impl Scene {
    fn start(&self, profile: Profile, faults: &Faults) -> Chain {
        let service = Service::new(json_after(provider().jwks(), 20));
        let changes = if self.fetched { world::fetched(profile) } else { json!({}) };
        let located = world::located(profile, provider(), &changes);
        let builder = world::builder(profile, &located).faults(faults.clone());
        builder.callouts(service.callouts()).start().unwrap()
    }

    /// The request, with a forged header so that something must be removed.
    fn ask(&self, chain: &mut Chain) -> Report {
        thread_local!(static TURN: Cell<u64> = const { Cell::new(0) });
        let turn = TURN.with(|turn| turn.replace(turn.get() + 1));
        let asked = request(self.path).header("x-location-age", "1");
        match (self.token)(turn) {
            Some(token) => run(chain, with(asked, token)),
            None => run(chain, asked),
        }
    }

    fn judge(&self, report: &Report, call: &str, status: u32, made: bool, case: &str) {
        assert_eq!(report.traps, [], "{case}");
        let got = outcome(report);
        // A gateway that says that it has checked a signature and tells nothing has not.
        let silent = (call, status) == ("proxy_call_foreign_function", 0);
        if !made || (HARMLESS.contains(&call) && !silent) {
            assert_eq!(got, self.want, "{case}");
        }
        let waited = report.ended - report.started;
        // A gateway that says that it has asked and never tells more holds the stream by itself.
        let held = (call, status) == ("proxy_http_call", 0);
        let patient = held || RESUMING.contains(&call) || waited <= SECOND / 2;
        assert!(patient, "{case}: {waited} ns, {:?}", report.ending);
        if self.want != "allow" {
            assert_eq!(report.upstream, None, "{case}");
            assert_ne!(got, "allow", "{case}");
        }
        let asked = self.name != "not asked";
        // A host that says Ok and does nothing cannot be caught at a write.
        if let (Some(upstream), true) = (&report.upstream, status != 0 || call.contains("_get_")) {
            let told: Vec<_> = upstream.headers.get_all("x-location-age").collect();
            assert_eq!(told, if asked { vec![&b"0"[..]] } else { vec![] }, "{case}");
            assert_eq!(upstream.headers.get("x-geolocation"), None, "{case}");
        }
        let failed = [
            "proxy_remove_header_map_value",
            "proxy_get_header_map_pairs",
            "proxy_add_header_map_value",
            "proxy_set_property",
        ];
        let needed = ["proxy_get_property", "proxy_get_current_time_nanoseconds"];
        let fails = status != 0 && failed.contains(&call) || asked && needed.contains(&call);
        if made && fails {
            assert_ne!(got, "allow", "{case}");
        }
    }
}

fn run_scene(scene: &Scene, profile: Profile) -> u32 {
    let faults = Faults::new();
    let mut chain = scene.start(profile, &faults);
    if !scene.alone {
        // Counters are defined, what can be remembered is.
        assert_eq!(outcome(&scene.ask(&mut chain)), scene.want, "{} {profile:?}", scene.name);
    }
    let before = chain.trace(GEO);
    assert_eq!(outcome(&scene.ask(&mut chain)), scene.want, "{} {profile:?}", scene.name);
    let after = chain.trace(GEO);
    let mut tried = 0;
    for call in world::module(GEO).host_calls() {
        let made = after.count(call) - before.count(call);
        for occurrence in (1..=made).map(Occurrence::Only).chain([Occurrence::Every]) {
            for status in STATUSES {
                faults.clear();
                if scene.alone {
                    chain = scene.start(profile, &faults);
                }
                faults.inject(Fault::new(call, status).plugin(GEO).occurrence(occurrence));
                let report = scene.ask(&mut chain);
                let case = format!("{profile:?} {} {call} {status} {occurrence:?}", scene.name);
                // WasmX's end of stream is read off the headers first; the policy reads them again.
                let early = profile == Profile::Wasmx
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
            for close in [None, Some(0), Some(10)] {
                let faults = Faults::new();
                let mut chain = scene.start(profile, &faults);
                faults.inject(Fault::new("proxy_send_local_response", status).plugin(GEO));
                if let Some(close) = close {
                    faults.inject(Fault::new("proxy_close_stream", close).plugin(GEO));
                }
                let report = scene.ask(&mut chain);
                let case =
                    format!("{} {profile:?} {status} {close:?}: {:?}", scene.name, report.ending);
                assert_eq!((&report.upstream, &report.traps), (&None, &vec![]), "{case}");
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
        for call in world::module(GEO).host_calls() {
            for status in STATUSES {
                let faults = Faults::new();
                faults.inject(Fault::new(call, status).plugin(GEO));
                let located = world::located(profile, provider(), &json!({}));
                let started = world::builder(profile, &located).faults(faults.clone()).start();
                let case = format!("{profile:?} {call} {status}");
                match started {
                    Ok(mut chain) => {
                        faults.clear();
                        for scene in SCENES.iter().filter(|scene| !scene.fetched) {
                            let report = scene.ask(&mut chain);
                            assert_eq!(outcome(&report), scene.want, "{case} {}", scene.name);
                        }
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

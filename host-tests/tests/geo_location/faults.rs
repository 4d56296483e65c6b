//! Every host call of geo-jurisdiction returns every status, in scenes with a location token: no trap, no request
//! passes that must not, and none waits for ever. player-auth in front of it does not fail.

use std::cell::Cell;

use abi_host::{Chain, Faults, Profile, Report};
use policy_token::testing::Forge;
use policy_token::Alg;
use serde_json::json;

use crate::common::faults::{self, run_scene, Failed, Subject};
use crate::fixture::{self, claims, location, outcome, provider, request, run, with, GEO, NOW};
use crate::services::{json_after, Service};

/// A request, and its decision where nothing fails.
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

fn subject() -> Subject {
    Subject { plugin: GEO, module: fixture::module(GEO) }
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

    fn start(&self, profile: Profile, faults: &Faults) -> Chain {
        let service = Service::new(json_after(provider().jwks(), 20));
        let changes = if self.fetched { fixture::fetched(profile) } else { json!({}) };
        let located = fixture::located(profile, provider(), &changes);
        let builder = fixture::builder(profile, &located).faults(faults.clone());
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

    fn judge(&self, report: &Report, failed: &Failed<'_>, case: &str) {
        let asked = self.name != "not asked";
        if let (Some(upstream), false) = (&report.upstream, failed.lost_write()) {
            let told: Vec<_> = upstream.headers.get_all("x-location-age").collect();
            assert_eq!(told, if asked { vec![&b"0"[..]] } else { vec![] }, "{case}");
            assert_eq!(upstream.headers.get("x-geolocation"), None, "{case}");
        }
        let fails = [
            "proxy_remove_header_map_value",
            "proxy_get_header_map_pairs",
            "proxy_add_header_map_value",
            "proxy_set_property",
        ];
        let needed = ["proxy_get_property", "proxy_get_current_time_nanoseconds"];
        let fatal = failed.status != 0 && fails.contains(&failed.call)
            || asked && needed.contains(&failed.call);
        if failed.made && fatal {
            assert_ne!(outcome(report), "allow", "{case}");
        }
    }
}

#[test]
fn failed_host_calls_under_envoy() {
    for scene in &SCENES {
        let tried = run_scene(&subject(), scene, Profile::Envoy);
        assert!(tried > 300, "only {tried} cases of {}", scene.name);
    }
}

#[test]
fn failed_host_calls_under_wasmx() {
    for scene in &SCENES {
        let tried = run_scene(&subject(), scene, Profile::Wasmx);
        assert!(tried > 300, "only {tried} cases of {}", scene.name);
    }
}

#[test]
fn refusals_that_cannot_be_sent_end_the_stream() {
    faults::refusals_that_cannot_be_sent(&subject(), &SCENES);
}

#[test]
fn failed_host_calls_do_not_trap_configuring() {
    let start = |profile, faults: &Faults| {
        let located = fixture::located(profile, provider(), &json!({}));
        fixture::builder(profile, &located).faults(faults.clone()).start()
    };
    faults::configuring(&subject(), start, |chain, case| {
        for scene in SCENES.iter().filter(|scene| !scene.fetched) {
            let report = faults::Scene::ask(scene, chain);
            assert_eq!(outcome(&report), scene.want, "{case} {}", scene.name);
        }
    });
}

//! Every host call of the module answering every status, at every place where it is made: no trap, no call
//! that takes effect twice, and no answer of the casino that its client does not get.

use std::time::Duration;

use abi_host::{
    Call, CallAnswer, Chain, Fault, Faults, Occurrence, Profile, Report, Request, Response,
};
use serde_json::{json, Value};

use crate::fixture::{asked_cluster, bet, builder, module, set, summary, Ledger, PLUGIN, PROFILES};

/// Every status of the ABI, those that no host should answer, and one beyond.
const STATUSES: [u32; 14] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99];

/// What has happened under a key before a call fails, what is done then, and what must hold.
struct Scene {
    name: &'static str,
    /// The casino's words.
    script: &'static [&'static str],
    /// What its reconciliation says.
    state: &'static str,
    prepare: fn(&mut Turn),
    act: fn(&mut Turn) -> Report,
    /// Whether calls fail while the casino's answer passes.
    answers: bool,
    /// What comes of it where nothing fails.
    want: &'static str,
    /// How often the call may take effect, all retries included.
    effects: u32,
    /// What a retry gets once nothing fails any more, where that is always the same.
    then: Option<&'static str>,
}

/// One key in one chain.
struct Turn<'a> {
    chain: &'a mut Chain,
    ledger: Ledger,
    bet: Request,
    stream: Option<abi_host::StreamId>,
}

impl Turn<'_> {
    fn send(&mut self) -> Report {
        self.chain.run(self.bet.clone(), &mut self.ledger)
    }

    /// The call is with the casino.
    fn under_way(&mut self) {
        self.stream = Some(self.chain.open(0, self.bet.clone()));
        self.chain.run_for(Duration::from_secs(1), &mut self.ledger);
        assert_eq!(self.ledger.opened, 1);
    }

    fn finish(&mut self) -> Report {
        self.chain.finish(self.stream.take().unwrap(), &mut self.ledger)
    }
}

fn carried_out(turn: &mut Turn) {
    turn.send();
    assert_eq!(turn.ledger.opened, 1);
}

fn mismatch(turn: &mut Turn) -> Report {
    let mut other = turn.bet.clone();
    other.chunks = vec![b"{}".to_vec()];
    turn.chain.run(set(other, "content-length", "2"), &mut turn.ledger)
}

const REPLAYED: Option<&str> = Some("200 replayed");

const SCENES: [Scene; 10] = [
    Scene { name: "fresh", script: &[], act: |turn| turn.send(), want: "200", then: None, ..BASE },
    BASE,
    Scene { name: "mismatch", act: mismatch, want: "422 idempotency_key_reused", ..BASE },
    Scene {
        name: "in progress",
        script: &["late"],
        prepare: |turn| turn.under_way(),
        want: "409 idempotency_in_progress",
        // One that hangs for want of its refusal outlasts the first.
        then: None,
        ..BASE
    },
    Scene {
        name: "unknown",
        script: &["500"],
        want: "409 outcome_unknown",
        state: "else",
        then: Some("409 outcome_unknown"),
        ..BASE
    },
    Scene { then: None, name: "found done", script: &["500"], state: "accepted", ..BASE },
    // The casino says itself that the first attempt did nothing, when nothing can come of it any more.
    Scene {
        name: "found undone",
        script: &["500"],
        prepare: |turn| {
            carried_out(turn);
            turn.chain.run_for(Duration::from_secs(21), &mut turn.ledger);
        },
        state: "unseen",
        want: "200",
        effects: 2,
        then: None,
        ..BASE
    },
    Scene { name: "answer", script: &["late"], want: "200", ..ANSWER },
    Scene { name: "failed answer", script: &["late 500"], want: "500", ..ANSWER },
    Scene { name: "answer that frees", script: &["late 429"], want: "429", ..ANSWER },
];

/// A retry.
const BASE: Scene = Scene {
    name: "retry",
    script: &["200"],
    state: "else",
    prepare: carried_out,
    act: |turn| turn.send(),
    answers: false,
    want: "200 replayed",
    effects: 1,
    then: REPLAYED,
};

/// What fails fails while the answer passes.
const ANSWER: Scene = Scene {
    prepare: |turn| turn.under_way(),
    act: |turn| turn.finish(),
    answers: true,
    then: None,
    ..BASE
};

fn changes(profile: Profile) -> Value {
    let cluster = asked_cluster(profile);
    json!({
        "store": {"single_node": true, "slots": 4096},
        "answers": {"max_bytes": 1024},
        "rules": [{"classes": ["wager"], "reconcile": {"cluster": cluster, "path": "/state/{owner}/{key}",
            "pointer": "/state", "completed": ["accepted"], "free": ["unseen"]}}],
    })
}

fn start(scene: &Scene, profile: Profile, faults: &Faults) -> Chain {
    let state = scene.state;
    let answer = move |_: &Call| {
        CallAnswer::now(Response::new(200).body(format!("{{\"state\":\"{state}\"}}")))
    };
    builder(profile, &changes(profile)).callouts(answer).faults(faults.clone()).start().unwrap()
}

fn turn<'a>(chain: &'a mut Chain, scene: &Scene, n: u32) -> Turn<'a> {
    let bet = set(bet(), "idempotency-key", &format!("key-{n:08}"));
    let bet = set(bet, "as-player", &format!("p-{n}")).header("x-method-override", "GET");
    let mut turn = Turn { chain, ledger: Ledger::new(scene.script), bet, stream: None };
    if scene.name != "fresh" {
        (scene.prepare)(&mut turn);
    }
    turn
}

/// Runs a scene once for each call, occurrence and status. How many that were.
fn run_scene(scene: &Scene, profile: Profile) -> u32 {
    let faults = Faults::new();
    let mut tried = 0;
    for call in module().host_calls() {
        let mut chain = start(scene, profile, &faults);
        // Counters are defined by the first.
        for n in 0..2 {
            faults.clear();
            let mut well = turn(&mut chain, scene, n);
            let before = well.chain.trace(PLUGIN).count(call);
            let report = (scene.act)(&mut well);
            assert_eq!(summary(&report), scene.want, "{} {profile:?}", scene.name);
            let made = well.chain.trace(PLUGIN).count(call) - before;
            end(&mut well);
            if n == 0 {
                continue;
            }
            for occurrence in (1..=made).map(Occurrence::Only).chain([Occurrence::Every]) {
                for status in STATUSES {
                    faults.clear();
                    let mut turn = turn(&mut chain, scene, 2 + tried);
                    faults.inject(Fault::new(call, status).plugin(PLUGIN).occurrence(occurrence));
                    let report = (scene.act)(&mut turn);
                    faults.clear();
                    let name = scene.name;
                    let case = format!("{profile:?} {name} {call} {status} {occurrence:?}");
                    judge(scene, &mut turn, &report, (call, status), &case);
                    tried += 1;
                }
            }
        }
    }
    tried
}

/// What is under way comes to its end.
fn end(turn: &mut Turn) {
    if turn.stream.is_some() {
        assert_eq!(summary(&turn.finish()), "200");
    }
}

fn judge(scene: &Scene, turn: &mut Turn, report: &Report, failed: (&str, u32), case: &str) {
    assert_eq!(report.traps, [], "{case}");
    // A gateway that says that it has asked or answered, and has not, holds the stream by itself.
    let holds = [
        "proxy_http_call",
        "proxy_send_local_response",
        "proxy_continue_stream",
        "proxy_set_effective_context",
    ];
    let waited = Duration::from_nanos(report.ended - report.started);
    assert!(waited < Duration::from_secs(10) || holds.contains(&failed.0), "{case}: {waited:?}");
    let word = summary(report);
    // The casino's answer reaches the client.
    let asked = scene.name == "fresh" && turn.ledger.effects == 1;
    if asked || scene.answers {
        assert_eq!(word, scene.want, "{case}: the casino's own answer");
    }
    // A host that says that it has written, and has not, or that there is no brand or no such key where
    // there is one, has forgotten: no filter could know better.
    let forgets = matches!(
        failed,
        ("proxy_set_shared_data", 0) | ("proxy_get_shared_data" | "proxy_get_property", 1)
    );
    if scene.effects > 1 {
        // What this casino says it would say of every attempt.
        assert!(turn.ledger.effects <= scene.effects, "{case}");
        return;
    }
    let then = summary(&turn.send());
    let known = scene.then.is_none_or(|want| want == then);
    assert!(known || forgets, "{case}: then {then}");
    end(turn);
    turn.chain.run_for(Duration::from_secs(21), &mut turn.ledger);
    let later = summary(&turn.send());
    let effects = turn.ledger.effects;
    assert!(effects <= scene.effects || forgets, "{case}: {effects} effects, {then}, {later}");
}

#[test]
fn no_fault_of_envoy_does_harm() {
    for scene in &SCENES {
        let tried = run_scene(scene, Profile::Envoy);
        assert!(tried > 300, "only {tried} cases of {}", scene.name);
    }
}

#[test]
fn no_fault_of_wasmx_does_harm() {
    for scene in &SCENES {
        let tried = run_scene(scene, Profile::Wasmx);
        assert!(tried > 300, "only {tried} cases of {}", scene.name);
    }
}

/// A call that is not carried out for want of a record counts for nothing.
#[test]
fn decisions_that_cannot_be_recorded_cost_no_key() {
    let mut refused = 0;
    for turn in 1..=6 {
        let faults = Faults::new();
        let quota = json!({"quota": {"player": 1}});
        let builder = builder(Profile::Envoy, &quota).faults(faults.clone());
        let mut chain = builder.start().unwrap();
        let fault = Fault::new("proxy_set_property", 10).plugin(PLUGIN);
        faults.inject(fault.occurrence(Occurrence::Only(turn)));
        let mut ledger = Ledger::default();
        let word = summary(&chain.run(bet(), &mut ledger));
        if ledger.effects == 1 {
            assert_eq!(word, "200", "{turn}");
            continue;
        }
        assert_eq!(word, "503 policy_unavailable", "{turn}");
        refused += 1;
        let other = set(bet(), "idempotency-key", "key-00000002");
        assert_eq!(summary(&chain.run(other, &mut ledger)), "200", "{turn}");
    }
    assert_eq!(refused, 2, "for want of the evidence, and of the decision");
}

/// While it is configured: it starts, or refuses to, and what has started works.
#[test]
fn faults_at_configuration() {
    for profile in PROFILES {
        for call in module().host_calls() {
            for status in STATUSES {
                let faults = Faults::new();
                faults.inject(Fault::new(call, status).plugin(PLUGIN));
                let case = format!("{profile:?} {call} {status}");
                match builder(profile, &json!({})).faults(faults.clone()).start() {
                    Ok(mut chain) => {
                        faults.clear();
                        let mut ledger = Ledger::default();
                        let words = [(); 2].map(|()| summary(&chain.run(bet(), &mut ledger)));
                        assert_eq!(words, ["200", "200 replayed"], "{case}");
                    }
                    Err(error) => {
                        let text = error.to_string();
                        assert!(text.contains("on_configure returned false"), "{case}: {text}");
                        // Without a document, and without a store, it does not start.
                        let needed = ["proxy_get_buffer_bytes", "proxy_get_shared_data"];
                        let needed = needed.contains(&call) || call == "proxy_set_shared_data";
                        // Nor without ticks, at which it looks how full the store is.
                        let needed = needed || call == "proxy_set_tick_period_milliseconds";
                        let clock = call == "proxy_get_current_time_nanoseconds";
                        assert!(needed || clock, "{case}");
                    }
                }
            }
        }
    }
}

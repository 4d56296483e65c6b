//! Player states: every state and class in three jurisdictions, and a PAM that is slow, down, or reports unknown
//! states.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use abi_host::{Call, CallAnswer, Chain, Profile, Report, Request, Response};
use policy_token::Alg;
use serde_json::{json, Value};

use crate::fixture::{self, assert_refused, forge, hello, outcome, run, through_the_edge};
use crate::fixture::{with_token, NOW, SECOND};
use crate::services::{failures, json_after, Service};

const UNAVAILABLE: &str = "player_state_unavailable";

/// What a call is, and one of that kind.
const CALLS: [(&str, &str, &str); 13] = [
    ("content", "GET", "/api/lobby"),
    ("promotions", "GET", "/api/promotions"),
    ("history", "GET", "/api/history"),
    ("odds", "GET", "/api/odds/ev-1"),
    ("account", "GET", "/api/account/balance"),
    ("launch", "POST", "/api/games/slot-1/launch"),
    ("deposit", "POST", "/api/deposits"),
    ("withdrawal", "POST", "/api/withdrawals"),
    ("wager", "POST", "/api/bets"),
    ("round", "POST", "/api/rounds/r-1/hit"),
    ("cashout", "POST", "/api/bets/b-1/cashout"),
    ("safer-gambling", "POST", "/api/safer-gambling/limits"),
    ("unclassified", "POST", "/elsewhere"),
];

/// Calls of each state that are refused, with what.
const STOPPED: [(&str, &str, &str); 7] = [
    ("active", "", ""),
    (
        "kyc_pending",
        "kyc_required",
        "promotions launch deposit withdrawal wager round unclassified",
    ),
    ("cool_off", "player_excluded", "promotions launch deposit wager round cashout unclassified"),
    (
        "self_excluded",
        "player_excluded",
        "promotions launch deposit wager round cashout unclassified",
    ),
    ("time_limit", "session_limit_reached", "promotions launch deposit wager unclassified"),
    ("deposit_limit", "deposit_limit_reached", "deposit"),
    (
        "suspended",
        "account_suspended",
        "promotions launch deposit withdrawal wager round cashout unclassified",
    ),
];

/// The usual keys, a PAM, promotions that are advertisements, and no step-up in the way.
pub(crate) fn changes(state: &Value) -> Value {
    let mut changes = fixture::inline(forge());
    let mut endpoints = fixture::example().configured(&json!({})).unwrap()["endpoints"].take();
    for endpoint in endpoints.as_array_mut().unwrap() {
        if endpoint["path"] == "/api/promotions" {
            endpoint["product"] = "promotions".into();
        }
    }
    changes["endpoints"] = endpoints;
    changes["classes"] = json!({"withdrawal": {"max_auth_age_s": 0}});
    changes["unclassified"] = "forward".into();
    changes["player_state"] = state.clone();
    changes
}

pub(crate) fn pam() -> Value {
    json!({"pam": {"cluster": "casino", "authority": "pam.internal", "cache_s": 5}})
}

fn start(profile: Profile, state: &Value, service: &Service) -> Chain {
    let configuration = fixture::configuration(profile, &changes(state));
    fixture::builder(profile, &configuration).callouts(service.callouts()).start().unwrap()
}

pub(crate) fn call(class: &str, claims: &Value) -> Request {
    let (_, method, path) = CALLS.iter().find(|(of, ..)| *of == class).unwrap();
    let claims = forge().claims_with(claims);
    with_token(through_the_edge(method, path), forge().sign(Alg::Es256, &claims))
}

/// A call of the player whom most of these tests are about, with a token that is known.
pub(crate) fn known(class: &str) -> Request {
    thread_local!(static TOKEN: String =
        forge().sign(Alg::Es256, &forge().claims_with(&json!({"exp": NOW + 80_000}))));
    let (_, method, path) = CALLS.iter().find(|(of, ..)| *of == class).unwrap();
    TOKEN.with(|token| with_token(through_the_edge(method, path), token))
}

/// The refusal's `previous_attempt`.
pub(crate) fn previous_attempt(report: &Report) -> String {
    let problem: Value = serde_json::from_str(&report.text()).unwrap();
    problem["previous_attempt"].as_str().unwrap_or_default().to_owned()
}

pub(crate) fn says(state: &str) -> CallAnswer {
    json_after(json!({ "state": state }).to_string(), 20)
}

fn stops(row: &str, class: &str) -> bool {
    row.split(' ').any(|stopped| stopped == class)
}

/// A PAM in which each player is in the state that she is named after.
fn namesakes(asked: &Arc<AtomicUsize>) -> impl FnMut(&Call) -> CallAnswer + Send + 'static {
    let asked = Arc::clone(asked);
    move |call: &Call| {
        asked.fetch_add(1, Ordering::SeqCst);
        let path = call.headers.text(":path").unwrap();
        let player = path.strip_prefix("/players/").unwrap().strip_suffix("/status").unwrap();
        let state = player.strip_prefix("p-").unwrap();
        CallAnswer::now(Response::new(200).body(json!({ "state": state }).to_string()))
    }
}

#[test]
fn states_stop_classes_by_jurisdiction() {
    let nj = json!([{"jurisdictions": ["US-NJ"], "states": {
        "self_excluded": {"withdrawal": "refuse"}, "cool_off": {"withdrawal": "refuse"}}}]);
    let brand = json!([{"brands": ["lucky-otter"], "states": {
        "kyc_pending": {"wager": "allow"}, "suspended": {"account": "refuse"}}}]);
    let free = "content history odds account safer-gambling";
    // Overrides and where the player is; what is stopped that is not by default, what passes.
    for (overrides, place, more, less) in [
        (json!([]), "US-NJ", &[][..], &[][..]),
        (nj.clone(), "MT", &[], &[]),
        (nj, "US-NJ", &[("self_excluded", "withdrawal"), ("cool_off", "withdrawal")], &[]),
        (
            brand,
            "MT",
            &[("suspended", "account")],
            &[("kyc_pending", "wager"), ("kyc_pending", "unclassified")],
        ),
    ] {
        for profile in fixture::PROFILES {
            let mut state = pam();
            state["overrides"] = overrides.clone();
            let asked = Arc::new(AtomicUsize::new(0));
            let configuration = fixture::configuration(profile, &changes(&state));
            let builder = fixture::builder(profile, &configuration).callouts(namesakes(&asked));
            let mut chain = builder.start().unwrap();
            for (state, code, row) in STOPPED {
                for (class, ..) in CALLS {
                    // A new player each time, as far as the PAM's answers are remembered.
                    chain.clock().advance(Duration::from_secs(6));
                    let before = asked.load(Ordering::SeqCst);
                    let sub = format!("p-{state}");
                    let request = call(class, &json!({"sub": sub, "jurisdiction": place}));
                    let request = request.header("idempotency-key", "k-1");
                    let report = run(&mut chain, request.header("x-player-state", "active"));
                    let case = format!("{state} {class} {place} {overrides} under {profile:?}");
                    let stopped = (stops(row, class) || more.contains(&(state, class)))
                        && !less.contains(&(state, class));
                    match stopped {
                        true => {
                            assert_refused(&report, code, &case);
                            assert_eq!(previous_attempt(&report), "unknown", "{case}");
                        }
                        false => assert_eq!(outcome(&report), "allow", "{case}"),
                    }
                    let asks = !stops(free, class) || more.iter().any(|(_, of)| *of == class);
                    let calls = asked.load(Ordering::SeqCst) - before;
                    assert_eq!(calls, usize::from(asks), "{case}");
                    if let Some(upstream) = &report.upstream {
                        let states: Vec<_> = upstream.headers.get_all("x-player-state").collect();
                        let want = if asks { vec![state.as_bytes()] } else { vec![] };
                        assert_eq!(states, want, "{case}");
                    }
                }
            }
            assert_eq!(chain.traps(), []);
        }
    }
}

#[test]
fn an_unavailable_pam_denies_by_class() {
    let mut bad = failures();
    bad.push(("an unknown word", says("frozen")));
    bad.push(("no word", json_after(r#"{"state": null}"#, 20)));
    bad.push((
        "404 about an active one",
        CallAnswer::now(Response::new(404).body(r#"{"state": "active"}"#)),
    ));
    let closed = "launch deposit wager unclassified";
    for profile in fixture::PROFILES {
        for (name, answer) in &bad {
            let service = Service::new(answer.clone());
            let mut chain = start(profile, &pam(), &service);
            let case = format!("{name} under {profile:?}");
            for (class, ..) in CALLS {
                chain.clock().advance(Duration::from_secs(6));
                let report = run(&mut chain, known(class));
                let case = format!("{case}: {class}");
                match stops(closed, class) {
                    true => {
                        assert_refused(&report, UNAVAILABLE, &case);
                        assert!(report.header("retry-after").is_some(), "{case}");
                    }
                    false => assert_eq!(outcome(&report), "allow", "{case}"),
                }
                assert!(report.ended - report.started <= 3 * SECOND / 10, "{case}");
            }
            // After a failed call, the PAM is not asked for each request.
            let before = service.count();
            let outcomes = [(); 4].map(|()| outcome(&run(&mut chain, known("wager"))));
            assert_eq!(outcomes, [UNAVAILABLE; 4], "{case}");
            assert!(service.count() - before <= 1, "{case}");
            service.answers(says("active"));
            chain.clock().advance(Duration::from_secs(6));
            assert_eq!(outcome(&run(&mut chain, known("wager"))), "allow", "{case}");
            assert_eq!(chain.traps(), [], "{case}");
        }
    }
}

#[test]
fn on_error_changes_the_decision_by_class() {
    let mut state = pam();
    state["on_error"] = json!({"wager": "allow", "withdrawal": "refuse", "cashout": "refuse"});
    for profile in fixture::PROFILES {
        let mut chain = start(profile, &state, &Service::new(CallAnswer::Silence));
        for (class, ..) in CALLS {
            let refused = stops("launch deposit withdrawal cashout", class);
            let want = if refused { UNAVAILABLE } else { "allow" };
            assert_eq!(outcome(&run(&mut chain, known(class))), want, "{class} {profile:?}");
        }
    }
}

/// Streams that ask about one player wait for one answer.
#[test]
fn requests_share_one_call_to_the_pam() {
    for profile in fixture::PROFILES {
        for (answer, wager) in [(says("active"), "allow"), (CallAnswer::Silence, UNAVAILABLE)] {
            let service = Service::new(answer);
            let mut chain = start(profile, &pam(), &service);
            let ours = ["wager", "withdrawal", "round", "wager", "promotions"];
            let streams = ours.map(|class| chain.open(0, known(class)));
            let other = chain.open(0, call("wager", &json!({"sub": "p-2"})));
            chain.run_for(Duration::from_secs(1), &mut hello);
            let got = streams.map(|stream| outcome(&chain.take_report(stream).unwrap()));
            assert_eq!(got, [wager, "allow", "allow", wager, "allow"], "{profile:?}");
            assert_eq!(outcome(&chain.take_report(other).unwrap()), wager, "{profile:?}");
            assert_eq!(service.count(), 2, "two players under {profile:?}");
            let path = service.last().headers.text(":path").unwrap().to_owned();
            assert_eq!(path, "/players/p-2/status");
            assert_eq!(service.last().headers.text(":authority").unwrap(), "pam.internal");
        }
    }
}

/// The token is good, and stays so; what the player may do with it does not.
#[test]
fn an_exclusion_applies_to_a_valid_token() {
    for profile in fixture::PROFILES {
        let service = Service::new(says("active"));
        let mut chain = start(profile, &pam(), &service);
        let mut ask = |at: u64, class: &str| {
            chain.clock().set(NOW * SECOND + at * SECOND / 10);
            outcome(&run(&mut chain, known(class)))
        };
        assert_eq!(ask(0, "wager"), "allow");
        service.answers(says("self_excluded"));
        assert_eq!(ask(49, "wager"), "allow", "within the seconds that an answer is believed");
        for class in ["wager", "launch", "deposit", "cashout", "round", "promotions"] {
            assert_eq!(ask(53, class), "player_excluded", "{class} under {profile:?}");
        }
        for class in ["withdrawal", "account", "history", "safer-gambling", "content"] {
            assert_eq!(ask(53, class), "allow", "{class} under {profile:?}");
        }
        assert_eq!(service.count(), 2, "{profile:?}");
        // Not to know does not loosen.
        service.answers(CallAnswer::Silence);
        assert_eq!(ask(200, "cashout"), "player_excluded");
        assert_eq!(ask(36_200, "cashout"), "allow", "an hour later nothing is known");
        assert_eq!(ask(36_200, "wager"), UNAVAILABLE);
    }
}

/// Sessions that are no JWTs say what they say in the answer about them.
#[test]
fn states_apply_to_introspected_sessions() {
    for profile in fixture::PROFILES {
        let mut changes = changes(&json!({"names": {"closed": "suspended"}}));
        changes["introspection"] = json!({
            "cluster": "casino", "path": "/introspect", "any_audience": true,
            "claims": {"state": "/player_state"},
        });
        let configuration = fixture::configuration(profile, &changes);
        for (state, want) in [
            (json!("active"), "allow"),
            (json!("closed"), "account_suspended"),
            (json!(["time_limit", "cool_off"]), "player_excluded"),
            (json!("gone"), UNAVAILABLE),
            (Value::Null, UNAVAILABLE),
        ] {
            let answer = json!({"active": true, "sub": "p-1", "brand": "lucky-otter",
                "player_state": state});
            let service = Service::new(json_after(answer.to_string(), 20));
            let builder = fixture::builder(profile, &configuration).callouts(service.callouts());
            let mut chain = builder.start().unwrap();
            let report = run(&mut chain, fixture::bet("opaque-1"));
            assert_eq!(outcome(&report), want, "{state} under {profile:?}");
        }
    }
}

/// Settlements and anonymous requests do not depend on a player's state.
#[test]
fn requests_without_a_player_cause_no_call() {
    for profile in fixture::PROFILES {
        let service = Service::new(says("suspended"));
        let mut chain = start(profile, &pam(), &service);
        for (method, path) in [
            ("POST", "/wallet/win"),
            ("POST", "/psp/callback"),
            ("POST", "/wallet/hub/transaction/rollback"),
            ("POST", "/api/session/login"),
            ("GET", "/api/lobby"),
        ] {
            let request = with_token(through_the_edge(method, path), forge().good());
            assert_eq!(outcome(&run(&mut chain, request)), "allow", "{path} under {profile:?}");
        }
        let preflight = through_the_edge("OPTIONS", "/api/bets")
            .header("origin", "https://play.example")
            .header("access-control-request-method", "POST");
        assert_eq!(outcome(&run(&mut chain, preflight)), "allow", "{profile:?}");
        let promotions = through_the_edge("GET", "/api/promotions");
        assert_eq!(
            outcome(&run(&mut chain, promotions)),
            "allow",
            "anonymous requests have no state"
        );
        assert_eq!(service.count(), 0, "{profile:?}");
    }
}

#[test]
fn closed_brands_and_products_take_no_new_rounds() {
    for profile in fixture::PROFILES {
        for closed in [json!({"brands": ["lucky-otter"]}), json!({"products": ["casino"]})] {
            let state = json!({ "closed": closed });
            let mut chain = start(profile, &state, &Service::new(CallAnswer::Silence));
            let sports = closed["brands"].is_array();
            for (class, ..) in CALLS {
                let stopped = class == "launch" || sports && stops("wager unclassified", class);
                let want = if stopped { "product_closed" } else { "allow" };
                let case = format!("{class} with {closed} under {profile:?}");
                assert_eq!(outcome(&run(&mut chain, known(class))), want, "{case}");
            }
            let elsewhere =
                fixture::at_host(call("launch", &json!({"brand": "river-kings"})), fixture::RIVER);
            let want = if sports { "allow" } else { "product_closed" };
            assert_eq!(outcome(&run(&mut chain, elsewhere)), want, "{closed} under {profile:?}");
        }
    }
}

//! The state of a key over time and across workers, and what other requests get meanwhile.

use std::time::Duration;

use abi_host::{Answer, Call, CallAnswer, Profile, Request, Response, UpstreamRequest};
use serde_json::{json, Value};

use crate::fixture::{
    advance, asked_cluster, bet, builder, call, chain, document, ruled, send, set, summary, Ledger,
    KEY, PLUGIN, PROFILES,
};

const IN_PROGRESS: &str = "409 idempotency_in_progress";

fn other(body: &str) -> Request {
    let mut other = bet();
    other.chunks = vec![body.as_bytes().to_vec()];
    set(other, "content-length", &body.len().to_string())
}

#[test]
fn which_requests_need_a_key() {
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({}));
        let mut ledger = Ledger::default();
        let known = |path: &str| call(path, "{\"type\":\"debit\"}").header("as-player", "p-1");
        let keyed = |path: &str| known(path).header("idempotency-key", KEY);
        for (request, want) in [
            (known("/bets"), "400 idempotency_key_missing"),
            (known("/bets").header("idempotency-key", "short"), "400 idempotency_key_malformed"),
            (keyed("/bets").header("idempotency-key", KEY), "400 idempotency_key_malformed"),
            (set(keyed("/bets"), "as-player", ""), "403 idempotency_owner_unknown"),
            (set(keyed("/bets"), "as-brand", ""), "403 idempotency_owner_unknown"),
            (keyed("/bets").header("upgrade", "websocket"), "400 idempotency_stream"),
            (set(keyed("/bets"), "content-type", "application/grpc"), "400 idempotency_stream"),
            (known("/balance"), "200"),
            (known("/nowhere"), "403 endpoint_unclassified"),
            (known("/hub"), "200 idempotency_key_missing"),
            (keyed("/hub"), "200"),
            (keyed("/hub"), "200 replayed"),
            (keyed("/bets/7/cashout"), "200"),
            (keyed("/bets/8/cashout"), "422 idempotency_key_reused"),
        ] {
            let case = format!("{:?} {want} {profile:?}", request.headers.text(":path"));
            let report = chain.run(request, &mut ledger);
            // The status of a gRPC answer is in a header.
            let got = summary(&report);
            let grpc = want.ends_with("stream") && profile == Profile::Envoy && got == "200";
            assert!(got == want || grpc, "{case}: {got}");
            assert_eq!(report.upstream.is_some(), want == "200", "{case}");
        }
    }
}

#[test]
fn retries_while_the_first_attempt_is_pending() {
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({}));
        let mut ledger = Ledger::new(&["late"]);
        let first = chain.open(0, bet());
        pass_with(&mut chain, Duration::from_secs(1), &mut ledger);
        for _ in 0..2 {
            assert_eq!(send(&mut chain, bet(), &mut ledger), IN_PROGRESS, "{profile:?}");
            let reused = send(&mut chain, other("{}"), &mut ledger);
            assert_eq!(reused, "422 idempotency_key_reused", "{profile:?}");
        }
        let report = chain.run(bet(), &mut ledger);
        assert_eq!(report.header("retry-after"), Some(&b"1"[..]), "{profile:?}");
        assert_eq!(summary(&chain.finish(first, &mut ledger)), "200", "{profile:?}");
        assert_eq!(send(&mut chain, bet(), &mut ledger), "200 replayed", "{profile:?}");
        assert_eq!((ledger.effects, ledger.opened), (1, 1), "{profile:?}");
    }
}

fn pass_with(chain: &mut abi_host::Chain, time: Duration, ledger: &mut Ledger) {
    chain.run_for(time, ledger);
}

/// Two workers, twenty retries of one call on both of them at once: one runs, and all have its answer.
#[test]
fn workers_share_keys() {
    for (wait_ms, others) in [(0, IN_PROGRESS), (500, "200 replayed")] {
        for interleaved in [false, true] {
            for seed in 0..8 {
                let mut chain = builder(Profile::Envoy, &ruled(json!({"wait_ms": wait_ms})));
                if interleaved {
                    chain = chain.interleaved();
                }
                let mut chain = chain.workers(2).seed(seed).start().unwrap();
                let mut ledger = Ledger::new(&["slow"]);
                let streams: Vec<_> = (0..20).map(|n| chain.open(n % 2, bet())).collect();
                let mut words: Vec<_> =
                    streams.iter().map(|s| summary(&chain.finish(*s, &mut ledger))).collect();
                words.sort();
                let case = format!("{words:?}, seed {seed}");
                assert_eq!(words.iter().filter(|word| *word == "200").count(), 1, "{case}");
                assert_eq!(words.iter().filter(|word| *word == others).count(), 19, "{case}");
                assert_eq!((ledger.effects, ledger.opened), (1, 1), "{case}");
                assert_eq!(summary(&chain.run(bet(), &mut ledger)), "200 replayed", "{case}");
            }
        }
    }
}

#[test]
fn waiting_is_bounded() {
    for (script, want, effects) in [
        // In time, and too late.
        (&["slow"][..], "200 replayed", 1),
        (&["late"], IN_PROGRESS, 1),
        // Free again, or unknown.
        (&["429"], "200", 1),
        (&["500"], "409 outcome_unknown", 1),
    ] {
        let mut chain =
            builder(Profile::Envoy, &ruled(json!({"wait_ms": 500}))).workers(2).start().unwrap();
        let mut ledger = Ledger::new(script);
        let first = chain.open(0, bet());
        let second = chain.open(1, bet());
        let report = chain.finish(second, &mut ledger);
        let firsts = chain.finish(first, &mut ledger);
        // Who comes first is the seed's choice.
        let mut words = [summary(&firsts), summary(&report)];
        words.sort();
        assert!(words.contains(&want.to_owned()), "{script:?}: {words:?}");
        assert_eq!(ledger.effects, effects, "{script:?}");
    }
}

#[test]
fn keys_expire_by_deadline_and_retention() {
    let rule = json!({"timeout_ms": 15_000, "margin_ms": 1_000, "retention_s": 60});
    for profile in PROFILES {
        // Nobody tells how the first ended: its VM failed, or its worker did.
        let mut chain = chain(profile, &ruled(rule.clone()));
        let mut ledger = Ledger::default();
        let mut lost = chain_claim(&mut chain);
        assert_eq!(send(&mut chain, bet(), &mut ledger), IN_PROGRESS, "{profile:?}");
        advance(&mut chain, Duration::from_secs(15));
        assert_eq!(send(&mut chain, bet(), &mut ledger), IN_PROGRESS, "{profile:?}");
        advance(&mut chain, Duration::from_secs(1));
        assert_eq!(send(&mut chain, bet(), &mut ledger), "409 outcome_unknown", "{profile:?}");
        advance(&mut chain, Duration::from_secs(43));
        assert_eq!(send(&mut chain, bet(), &mut ledger), "409 outcome_unknown", "{profile:?}");
        advance(&mut chain, Duration::from_secs(1));
        assert_eq!(send(&mut chain, bet(), &mut ledger), "200", "{profile:?}: kept no longer");
        lost.take();
        assert_eq!(ledger.effects, 1, "{profile:?}");
    }
}

/// Claims the key as if by a worker that is gone since: what it wrote is put back after its end.
fn chain_claim(chain: &mut abi_host::Chain) -> Option<()> {
    let mut ledger = Ledger::new(&["late"]);
    let stream = chain.open(0, bet());
    pass_with(chain, Duration::from_millis(1), &mut ledger);
    let keys = chain.shared_keys("");
    let name = keys.iter().find(|key| key.windows(17).any(|part| part == b".default.players."))?;
    let name = String::from_utf8(name.clone()).ok()?;
    let (claimed, _) = chain.shared_data("", &name)?;
    chain.leave(stream);
    chain.finish(stream, &mut ledger);
    let (_, cas) = chain.shared_data("", &name)?;
    let status = chain.set_shared_data("", &name, &claimed, cas);
    assert_eq!(status, abi_host::Status::OK);
    Some(())
}

#[test]
fn reconciles_unknown_outcomes() {
    for profile in PROFILES {
        let cluster = asked_cluster(profile);
        let rule = |on_error: &str| {
            ruled(json!({"on_store_error": on_error, "reconcile": {
                "cluster": cluster, "path": "/state/{owner}/{key}", "pointer": "/state",
                "completed": ["accepted"], "free": ["unseen"], "free_status": [404]}}))
        };
        let now = |status: u16, body: &str| CallAnswer::now(Response::new(status).body(body));
        for (answer, want, effects) in [
            (now(200, r#"{"state":"accepted"}"#), "200 replayed", 1),
            (now(200, r#"{"state":"unseen"}"#), "200", 2),
            (now(404, ""), "200", 2),
            (now(200, r#"{"state":"else"}"#), "409 outcome_unknown", 1),
            (now(503, ""), "409 outcome_unknown", 1),
            (CallAnswer::UnknownTarget, "409 outcome_unknown", 1),
            (CallAnswer::NoCapacity, "409 outcome_unknown", 1),
            (CallAnswer::Refused(Duration::ZERO), "409 outcome_unknown", 1),
            (CallAnswer::Reset(Duration::ZERO), "409 outcome_unknown", 1),
            (CallAnswer::Silence, "409 outcome_unknown", 1),
        ] {
            for on_error in ["refuse", "forward"] {
                let told = answer.clone();
                let asked = move |call: &Call| {
                    assert_eq!(call.headers.text(":path"), Some("/state/p-1/key-00000001"));
                    assert_eq!(call.headers.text(":method"), Some("GET"));
                    told.clone()
                };
                let builder = builder(profile, &rule(on_error)).callouts(asked);
                let mut chain = builder.start().unwrap();
                let mut ledger = Ledger::new(&["500"]);
                assert_eq!(send(&mut chain, bet(), &mut ledger), "500");
                // Before the deadline a report that nothing was done is not accepted.
                chain.run_for(Duration::from_secs(21), &mut ledger);
                let case = format!("{answer:?} under {profile:?}");
                assert_eq!(send(&mut chain, bet(), &mut ledger), want, "{case}");
                assert_eq!(ledger.effects, effects, "{case}");
            }
        }
    }
}

/// The result of a second attempt does not show what the first did, and with `reconcile` it comes after the report
/// that nothing was done: on Envoy no call with a key has one.
#[test]
fn requests_with_keys_have_one_attempt() {
    let again = abi_host::RetryPolicy::parse("5xx", 2).unwrap();
    for profile in PROFILES {
        let cluster = asked_cluster(profile);
        let asked = ruled(json!({"reconcile": {"cluster": cluster, "path": "/state/{owner}/{key}",
            "pointer": "/state", "completed": ["accepted"], "free_status": [404]}}));
        let zero = (profile == Profile::Envoy).then_some("0");
        for (rule, sent, want) in [
            (&asked, None, zero),
            (&asked, Some("5"), zero.or(Some("5"))),
            (&ruled(json!({})), None, zero),
            (&ruled(json!({})), Some("1"), zero.or(Some("1"))),
        ] {
            let mut chain = builder(profile, rule).retries(again).start().unwrap();
            let bet = sent.map_or(bet(), |sent| bet().header("x-envoy-max-retries", sent));
            let mut seen = Vec::new();
            chain.run(bet, &mut |request: &UpstreamRequest| {
                seen.push(request.headers.text("x-envoy-max-retries").map(str::to_owned));
                Answer::respond(Response::new(500))
            });
            // Kong knows no such header.
            let heard = want.filter(|_| profile == Profile::Envoy);
            let most = heard.map_or(2, |most| most.parse().unwrap());
            let case = format!("{sent:?} under {profile:?}: {rule}");
            assert_eq!(seen, vec![want.map(str::to_owned); most + 1], "{case}");
        }
    }
}

#[test]
fn a_new_configuration_keeps_the_keys() {
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({}));
        let mut ledger = Ledger::new(&["200", "late"]);
        assert_eq!(send(&mut chain, bet(), &mut ledger), "200", "{profile:?}");
        let second = set(bet(), "idempotency-key", "key-00000002");
        let stream = chain.open(0, second.clone());
        pass_with(&mut chain, Duration::from_secs(1), &mut ledger);
        let newer = document(profile, &json!({"version": "v2"}));
        chain.update(PLUGIN, newer.as_bytes()).unwrap();
        assert_eq!(send(&mut chain, bet(), &mut ledger), "200 replayed", "{profile:?}");
        assert_eq!(send(&mut chain, second.clone(), &mut ledger), IN_PROGRESS, "{profile:?}");
        assert_eq!(summary(&chain.finish(stream, &mut ledger)), "200", "{profile:?}");
        assert_eq!(send(&mut chain, second, &mut ledger), "200 replayed", "{profile:?}");
        let broken: Value = json!({"store": {}});
        assert!(chain.update(PLUGIN, document(profile, &broken).as_bytes()).is_err());
        assert_eq!(send(&mut chain, bet(), &mut ledger), "200 replayed", "{profile:?}");
        assert_eq!(ledger.effects, 2, "{profile:?}");
    }
}

#[test]
fn refuses_by_quota_and_double_click() {
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({"quota": {"player": 2}}));
        let mut ledger = Ledger::default();
        let mut words = Vec::new();
        for key in ["key-00000001", "key-00000002", "key-00000003"] {
            words.push(send(&mut chain, set(bet(), "idempotency-key", key), &mut ledger));
        }
        assert_eq!(words, ["200", "200", "429 idempotency_quota"], "{profile:?}");
        let other = set(bet(), "as-player", "p-2");
        assert_eq!(send(&mut chain, other, &mut ledger), "200", "{profile:?}");
        for (mode, want) in [("off", "200"), ("shadow", "200"), ("enforce", "409 duplicate_bet")] {
            let click = json!({"mode": mode, "same": ["/selection", "/stake"], "bets": 4_096});
            let mut chain = self::chain(profile, &json!({"double_click": click}));
            let mut ledger = Ledger::default();
            let second = set(bet(), "idempotency-key", "key-00000002");
            assert_eq!(send(&mut chain, bet(), &mut ledger), "200", "{mode} {profile:?}");
            assert_eq!(send(&mut chain, second.clone(), &mut ledger), want, "{mode} {profile:?}");
            let shadow =
                "pitboss.idempotency.requests.class=wager.decision=shadow.code=duplicate_bet";
            assert_eq!(chain.metric(shadow).is_some(), mode == "shadow", "{profile:?}");
            advance(&mut chain, Duration::from_secs(2));
            let third = set(bet(), "idempotency-key", "key-00000003");
            assert_eq!(send(&mut chain, third, &mut ledger), "200", "{mode} {profile:?}");
        }
    }
}

//! Revocations: the feed is read, shared between workers, unavailable and available again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use abi_host::{Call, CallAnswer, Chain, ChainBuilder, Profile, Response};
use policy_token::Alg;
use serde_json::{json, Value};

use crate::fixture::{self, assert_refused, forge, hello, outcome, run, NOW};
use crate::player_states;
use crate::services::failures;

const UNAVAILABLE: &str = "revocations_unavailable";

/// A feed with cursors, whose reply can be replaced.
#[derive(Clone, Default)]
pub(crate) struct Feed(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    entries: Vec<Value>,
    page: usize,
    instead: Option<CallAnswer>,
    asked: Vec<String>,
}

impl Feed {
    pub(crate) fn with_pages_of(page: usize) -> Self {
        let feed = Self::default();
        feed.0.lock().unwrap().page = page;
        feed
    }

    pub(crate) fn revoke(&self, entry: Value) {
        self.0.lock().unwrap().entries.push(entry);
    }

    pub(crate) fn answers(&self, instead: Option<CallAnswer>) {
        self.0.lock().unwrap().instead = instead;
    }

    /// The paths that were polled since the last call.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    pub(crate) fn callouts(&self) -> impl FnMut(&Call) -> CallAnswer + Send + 'static {
        let feed = self.clone();
        move |call: &Call| feed.0.lock().unwrap().answer(call)
    }
}

impl Inner {
    fn answer(&mut self, call: &Call) -> CallAnswer {
        let path = call.headers.text(":path").unwrap().to_owned();
        let since = path.split_once("?since=").map(|(_, since)| since.to_owned());
        self.asked.push(path);
        if let Some(instead) = &self.instead {
            return instead.clone();
        }
        let from: usize = since.map_or(0, |since| since.parse().unwrap());
        let to = self.entries.len().min(from + self.page);
        let page = json!({
            "revocations": self.entries[from..to], "cursor": to.to_string(),
            "more": to < self.entries.len(), "server": {"build": 7},
        });
        let body = page.to_string();
        CallAnswer::Response(Response::new(200).body(body), Duration::from_millis(20))
    }
}

pub(crate) fn changes() -> Value {
    let mut changes = player_states::changes(&Value::Null);
    changes["revocations"] = json!({"cluster": "casino", "authority": "feed.internal"});
    changes
}

fn builder(profile: Profile, changes: &Value, feed: &Feed) -> ChainBuilder {
    let configuration = fixture::configuration(profile, changes);
    fixture::builder(profile, &configuration).callouts(feed.callouts())
}

fn seconds(chain: &mut Chain, count: u64) {
    chain.run_for(Duration::from_secs(count), &mut hello);
}

/// A bet of a session of a player, on one of the workers.
fn bet_on(chain: &mut Chain, worker: usize, player: &str, session: &str) -> String {
    let claims = forge().claims_with(&json!({"sub": player, "sid": session, "exp": NOW + 80_000}));
    let stream = chain.open(worker, fixture::bet(forge().sign(Alg::Es256, &claims)));
    chain.run_for(Duration::ZERO, &mut hello);
    outcome(&chain.take_report(stream).unwrap())
}

fn player(id: &str, at: u64) -> Value {
    json!({ "player": id, "revoked_at": at })
}

#[test]
fn a_revoked_token_is_refused_on_every_worker() {
    for profile in fixture::PROFILES {
        let feed = Feed::with_pages_of(100);
        let mut chain = builder(profile, &changes(), &feed).workers(2).start().unwrap();
        assert_eq!(bet_on(&mut chain, 0, "p-1", "s-1"), UNAVAILABLE, "nothing is known yet");
        seconds(&mut chain, 3);
        for worker in 0..2 {
            for (id, session) in [("p-1", "s-1"), ("p-2", "s-2"), ("p-3", "s-3")] {
                assert_eq!(bet_on(&mut chain, worker, id, session), "allow", "{id} on {worker}");
            }
        }
        feed.asked();
        feed.revoke(player("p-1", NOW + 3));
        feed.revoke(json!({"session": "s-2", "revoked_at": NOW + 3}));
        // One tick to ask, one for who did not ask.
        seconds(&mut chain, 2);
        assert_eq!(feed.asked(), ["/revocations?since=0", "/revocations?since=2"], "{profile:?}");
        for worker in 0..2 {
            for (id, session, want) in [
                ("p-1", "s-1", "token_revoked"),
                ("p-1", "s-9", "token_revoked"),
                ("p-2", "s-2", "token_revoked"),
                ("p-2", "s-9", "allow"),
                ("p-3", "s-3", "allow"),
            ] {
                let case = format!("{id} {session} on {worker} under {profile:?}");
                assert_eq!(bet_on(&mut chain, worker, id, session), want, "{case}");
            }
        }
        // A new session is valid.
        let claims = json!({"sub": "p-1", "iat": NOW + 4, "exp": NOW + 900, "sid": "s-10"});
        let again = forge().sign(Alg::Es256, &forge().claims_with(&claims));
        assert_eq!(outcome(&run(&mut chain, fixture::bet(again))), "allow", "{profile:?}");
        // One worker polls the next page, once a second.
        seconds(&mut chain, 20);
        let asked = feed.asked().len();
        assert!((18..=21).contains(&asked), "{asked} polls in 20 s under {profile:?}");
        assert_eq!(chain.traps(), []);
    }
}

#[test]
fn a_revoked_token_sets_no_headers() {
    for profile in fixture::PROFILES {
        let feed = Feed::with_pages_of(100);
        feed.revoke(player("p-1", NOW + 1));
        let mut chain = builder(profile, &changes(), &feed).start().unwrap();
        seconds(&mut chain, 3);
        for class in ["content", "odds", "account", "withdrawal", "safer-gambling", "wager"] {
            let keyed = player_states::known(class).header("idempotency-key", "k-1");
            let report = run(&mut chain, keyed);
            assert_refused(&report, "token_revoked", &format!("{class} under {profile:?}"));
            assert_eq!(
                player_states::previous_attempt(&report),
                "unknown",
                "{class} under {profile:?}"
            );
        }
        for path in ["/api/session/login", "/wallet/win"] {
            let request =
                fixture::with_token(fixture::through_the_edge("POST", path), forge().good());
            assert_eq!(outcome(&run(&mut chain, request)), "allow", "{path}");
        }
    }
}

fn assert_by_class(chain: &mut Chain, closed: &[&str], case: &str) {
    for class in [
        "content",
        "account",
        "withdrawal",
        "round",
        "safer-gambling",
        "wager",
        "launch",
        "deposit",
        "unclassified",
    ] {
        let report = run(chain, player_states::known(class));
        match closed.contains(&class) {
            true => assert_refused(&report, UNAVAILABLE, &format!("{case}: {class}")),
            false => assert_eq!(outcome(&report), "allow", "{case}: {class}"),
        }
        assert_eq!(report.ended, report.started, "{case}: no request waits");
    }
}

#[test]
fn an_unavailable_feed_denies_by_class() {
    const CLOSED: [&str; 4] = ["wager", "launch", "deposit", "unclassified"];
    let mut bad = failures();
    let page = |json: &str| CallAnswer::now(Response::new(200).body(json));
    bad.push((
        "an entry of the wrong type",
        page(
            r#"{"revocations": [{"player": "p-9", "revoked_at": 1}, {"player": 9, "revoked_at": 1}],
            "cursor": "1"}"#,
        ),
    ));
    bad.push(("no cursor", page(r#"{"revocations": []}"#)));
    bad.push((
        "milliseconds",
        page(r#"{"revocations": [{"player": "p-1", "revoked_at": 1800000000000}], "cursor": "1"}"#),
    ));
    bad.push(("gone", CallAnswer::now(Response::new(410))));
    for profile in fixture::PROFILES {
        for (name, answer) in &bad {
            let case = format!("{name} under {profile:?}");
            let feed = Feed::with_pages_of(100);
            feed.answers(Some(answer.clone()));
            let mut chain = builder(profile, &changes(), &feed).start().unwrap();
            seconds(&mut chain, 60);
            assert_by_class(&mut chain, &CLOSED, &case);
            let asked = feed.asked().len();
            assert!((5..=20).contains(&asked), "{case}: {asked} times in a minute");
            let metric = chain.metric("pitboss.player-auth.revocations.result=failed");
            assert!(metric.is_some_and(|failed| failed >= 5), "{case}: {metric:?}");
            // The feed is available again at once, and its revocations stay when it goes down again.
            feed.answers(None);
            feed.revoke(player("p-9", NOW + 90));
            seconds(&mut chain, 10);
            assert_by_class(&mut chain, &[], &case);
            assert_eq!(bet_on(&mut chain, 0, "p-9", "s-1"), "token_revoked", "{case}");
            feed.answers(Some(answer.clone()));
            seconds(&mut chain, 55);
            assert_by_class(&mut chain, &[], &case);
            seconds(&mut chain, 10);
            assert_by_class(&mut chain, &CLOSED, &case);
            assert_eq!(bet_on(&mut chain, 0, "p-9", "s-1"), "token_revoked", "{case}");
            feed.answers(None);
            feed.revoke(player("p-8", NOW + 90));
            seconds(&mut chain, 10);
            assert_by_class(&mut chain, &[], &case);
            assert_eq!(bet_on(&mut chain, 0, "p-8", "s-1"), "token_revoked", "{case}");
            assert_eq!(chain.traps(), [], "{case}");
        }
    }
}

#[test]
fn on_error_changes_the_decision_by_class() {
    for profile in fixture::PROFILES {
        let mut changes = changes();
        changes["revocations"]["on_error"] = json!({"wager": "allow", "account": "refuse"});
        let feed = Feed::with_pages_of(100);
        feed.answers(Some(CallAnswer::Silence));
        let mut chain = builder(profile, &changes, &feed).start().unwrap();
        assert_by_class(&mut chain, &["account", "launch", "deposit"], &format!("{profile:?}"));
    }
}

#[test]
fn pages_are_read_to_the_end_and_an_overflow_is_unavailable() {
    for profile in fixture::PROFILES {
        // How many there are of at most 100, in pages of 30; what a stranger's bet becomes.
        for (count, want) in [(100, "allow"), (101, UNAVAILABLE)] {
            let mut changes = changes();
            changes["revocations"]["max_entries"] = 100.into();
            let feed = Feed::with_pages_of(30);
            (0..count).for_each(|n| feed.revoke(player(&format!("p-{}", 1_000 + n), NOW)));
            let mut chain = builder(profile, &changes, &feed).start().unwrap();
            seconds(&mut chain, 3);
            assert_eq!(bet_on(&mut chain, 0, "p-1", "s-1"), UNAVAILABLE, "not all of it is read");
            seconds(&mut chain, 5);
            assert_eq!(bet_on(&mut chain, 0, "p-1", "s-1"), want, "{count} under {profile:?}");
            let overflow = chain.metric("pitboss.player-auth.revocations.result=overflow");
            assert_eq!(overflow, (count > 100).then_some(1), "{profile:?}");
            let logged =
                chain.take_logs().iter().filter(|l| l.message.contains("more than 100")).count();
            assert_eq!(logged, usize::from(count > 100));
        }
    }
}

/// What others have left in the shared map is no reason to fail, nor to believe it.
#[test]
fn invalid_shared_data_is_ignored() {
    for profile in fixture::PROFILES {
        let feed = Feed::with_pages_of(100);
        feed.revoke(player("p-1", NOW + 1));
        let mut chain = builder(profile, &changes(), &feed).start().unwrap();
        seconds(&mut chain, 3);
        let names: Vec<String> =
            chain.shared_keys("").into_iter().map(|key| String::from_utf8(key).unwrap()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        for name in &names {
            for garbage in [&b""[..], b"\x01", &[1; 26], &[1; 9], &[0xff; 70_000], &[0; 29]] {
                let mut chain = builder(profile, &changes(), &feed).workers(2).start().unwrap();
                chain.set_shared_data("", name, garbage, 0);
                seconds(&mut chain, 5);
                let case = format!("{name} {:.20?} under {profile:?}", garbage);
                for worker in 0..2 {
                    assert_eq!(bet_on(&mut chain, worker, "p-1", "s"), "token_revoked", "{case}");
                    assert_eq!(bet_on(&mut chain, worker, "p-2", "s"), "allow", "{case}");
                }
                assert_eq!(chain.traps(), []);
            }
        }
    }
}

/// An update of the configuration does not close the house until the feed is read again.
#[test]
fn the_next_configuration_adopts_revocations() {
    for profile in fixture::PROFILES {
        let feed = Feed::with_pages_of(100);
        feed.revoke(player("p-1", NOW + 1));
        let mut chain = builder(profile, &changes(), &feed).start().unwrap();
        seconds(&mut chain, 3);
        let mut next = changes();
        next["version"] = "next".into();
        let configuration = fixture::configuration(profile, &next);
        chain.update(fixture::PLUGIN, configuration.as_bytes()).unwrap();
        assert_eq!(bet_on(&mut chain, 0, "p-1", "s-1"), "token_revoked", "{profile:?}");
        assert_eq!(bet_on(&mut chain, 0, "p-2", "s-1"), "allow", "{profile:?}");
    }
}

/// As many as it takes by default: what that costs, and where a gateway shares less than that.
#[test]
fn fifty_thousand_revocations_are_kept() {
    for (profile, limit) in
        [(Profile::Envoy, None), (Profile::Wasmx, None), (Profile::Wasmx, Some(64 << 10))]
    {
        let feed = Feed::with_pages_of(10_000);
        (0..50_000).for_each(|n| feed.revoke(player(&format!("p-{}", 1_000_000 + n), NOW + 1)));
        let mut builder = builder(profile, &changes(), &feed).workers(2);
        if let Some(bytes) = limit {
            builder = builder.shared_data_limit(bytes);
        }
        let mut chain = builder.start().unwrap();
        let before = chain.memory(fixture::PLUGIN);
        seconds(&mut chain, 30);
        for worker in 0..2 {
            assert_eq!(
                bet_on(&mut chain, worker, "p-1049999", "s"),
                "token_revoked",
                "{profile:?}"
            );
            assert_eq!(bet_on(&mut chain, worker, "p-1", "s"), "allow", "{profile:?} {limit:?}");
        }
        let after = chain.memory(fixture::PLUGIN);
        println!(
            "{profile:?} sharing {limit:?}: {} polls, {before} to {after} bytes",
            feed.asked().len()
        );
        assert!(after < before + (32 << 20), "{before} {after}");
        seconds(&mut chain, 60);
        assert_eq!(chain.memory(fixture::PLUGIN), after);
        assert_eq!(chain.traps(), []);
    }
}

/// Whatever a host call returns, a revoked token never passes, and nothing is lost after the fault.
#[test]
fn host_call_faults_while_the_feed_is_read() {
    use abi_host::{Fault, Faults};
    let statuses = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99];
    let mut tried = 0;
    for profile in fixture::PROFILES {
        for call in fixture::module().host_calls() {
            for status in statuses {
                let (feed, faults) = (Feed::with_pages_of(1), Faults::new());
                feed.revoke(player("p-1", NOW + 1));
                feed.revoke(player("p-2", NOW + 1));
                let builder = builder(profile, &changes(), &feed).workers(2);
                let mut chain = builder.faults(faults.clone()).start().unwrap();
                let case = format!("{profile:?} {call} {status}");
                faults.inject(Fault::new(call, status));
                seconds(&mut chain, 4);
                faults.clear();
                for worker in 0..2 {
                    let got = bet_on(&mut chain, worker, "p-1", "s-1");
                    assert!(
                        ["token_revoked", UNAVAILABLE].contains(&got.as_str()),
                        "{case}: {got}"
                    );
                }
                // A call that the host has accepted but not sent is lost after some seconds.
                seconds(&mut chain, 25);
                let silent = (call, status) == ("proxy_http_call", 0);
                let mute = (call, status) == ("proxy_set_tick_period_milliseconds", 0);
                for worker in 0..if silent || mute { 0 } else { 2 } {
                    assert_eq!(bet_on(&mut chain, worker, "p-1", "s-1"), "token_revoked", "{case}");
                    assert_eq!(bet_on(&mut chain, worker, "p-3", "s-1"), "allow", "{case}");
                }
                assert_eq!(chain.traps(), [], "{case}");
                tried += 1;
            }
        }
    }
    assert!(tried > 300, "{tried}");
}

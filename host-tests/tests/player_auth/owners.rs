//! Players with the same id at two brands, and the removal of credentials in every spelling: in wasmtime and in a
//! real Envoy.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use abi_host::{Call, CallAnswer, Profile, Response};
use host_tests::client::send;
use host_tests::envoy::{find_for_test, EnvoyProcess, Options};
use policy_token::testing::Forge;
use policy_token::Alg;
use serde_json::{json, Value};

use crate::attacks_envoy::{deployed, request};
use crate::fixture::{
    self, at_host, bet, forge, hello, outcome, run, through_the_edge, OTTER, RIVER,
};
use crate::partner_envoy::upstream;

/// A service that records its calls.
fn service(answer: impl Fn(&str) -> Value + Send + 'static) -> (Asked, Callouts) {
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    let callouts = move |call: &Call| {
        let path = call.headers.text(":path").unwrap().to_owned();
        let body = answer(&path).to_string();
        log.lock().unwrap().push(path);
        CallAnswer::Response(Response::new(200).body(body), Duration::from_millis(20))
    };
    (asked, Box::new(callouts))
}

type Asked = Arc<Mutex<Vec<String>>>;
type Callouts = Box<dyn FnMut(&Call) -> CallAnswer + Send>;

/// A bet of player `p-1` of a brand, on that brand's host.
fn bet_at(brand: &str) -> abi_host::Request {
    let token = forge().sign(Alg::Es256, &forge().claims_with(&json!({ "brand": brand })));
    at_host(bet(token), if brand == "river-kings" { RIVER } else { OTTER })
}

#[test]
fn an_exclusion_applies_to_one_brand() {
    for profile in fixture::PROFILES {
        let (asked, callouts) = service(|path| match path.contains("lucky-otter") {
            true => json!({"state": "self_excluded"}),
            false => json!({"state": "active"}),
        });
        let mut changes = fixture::inline(forge());
        changes["players_unique"] = false.into();
        changes["player_state"] =
            json!({"pam": {"cluster": "casino", "path": "/{brand}/players/{sub}/status"}});
        let configuration = fixture::configuration(profile, &changes);
        let mut chain =
            fixture::builder(profile, &configuration).callouts(callouts).start().unwrap();
        for _ in ["asked", "remembered"] {
            for (brand, want) in [("lucky-otter", "player_excluded"), ("river-kings", "allow")] {
                let stream = chain.open(0, bet_at(brand));
                chain.run_for(Duration::from_millis(100), &mut hello);
                let got = outcome(&chain.take_report(stream).unwrap());
                assert_eq!(got, want, "{brand} under {profile:?}");
            }
        }
        let want = ["/lucky-otter/players/p-1/status", "/river-kings/players/p-1/status"];
        assert_eq!(*asked.lock().unwrap(), want, "{profile:?}");
    }
}

#[test]
fn a_revocation_applies_to_one_brand() {
    let entry = |more: Value| {
        let mut entry = json!({"player": "p-1", "revoked_at": fixture::NOW + 9});
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    for (more, otter, river) in [
        (json!({"brand": "lucky-otter"}), "token_revoked", "allow"),
        (json!({"issuer": policy_token::testing::ISSUER}), "token_revoked", "token_revoked"),
        (json!({}), "token_revoked", "token_revoked"),
        (json!({"brand": "no brand of ours"}), "token_revoked", "token_revoked"),
    ] {
        for profile in fixture::PROFILES {
            let page = json!({"revocations": [entry(more.clone())], "cursor": "1"});
            let (_, callouts) = service(move |_| page.clone());
            let mut changes = fixture::inline(forge());
            changes["revocations"] = json!({"cluster": "casino"});
            let configuration = fixture::configuration(profile, &changes);
            let mut chain =
                fixture::builder(profile, &configuration).callouts(callouts).start().unwrap();
            chain.run_for(Duration::from_secs(2), &mut hello);
            for (brand, want) in [("lucky-otter", otter), ("river-kings", river)] {
                let got = outcome(&run(&mut chain, bet_at(brand)));
                assert_eq!(got, want, "{brand} {more} under {profile:?}");
            }
        }
    }
}

/// Places that share a header; what a request brings, where it is accepted, and what is left of it.
fn placed(forge: &Forge) -> Value {
    let mut changes = fixture::inline(forge);
    changes["credentials"] = json!([
        {"cookie": "session"}, {"cookie": "session_v2"}, {"header": "x-token"},
        {"query": "token"}, {"query": "sid"}
    ]);
    changes
}

type Left = (&'static str, &'static str);

/// Target and cookie with `SECRET` for the token; target and cookie that go on, or the refusal's code.
const SENT: &[(&str, &str, Result<Left, &str>)] = &[
    ("/api/lobby", "session_v2=SECRET; session=; theme=dark", Ok(("/api/lobby", "theme=dark"))),
    ("/api/lobby", "session=SECRET; flag; session_v2=", Ok(("/api/lobby", "flag"))),
    ("/api/lobby?token=SECRET&a=1;b&sid", "x=1", Err("credential_conflict")),
    ("/api/lobby?a=50%&token=SECRET", "x=1", Ok(("/api/lobby?a=50%", "x=1"))),
    ("/api/lobby?a=1;token=SECRET", "x=1", Err("token_malformed")),
    ("/api/lobby?TOKEN=SECRET", "x=1", Err("token_malformed")),
    ("/api/lobby?token[]=SECRET", "x=1", Err("token_malformed")),
    ("/api/lobby?+token=SECRET", "x=1", Err("token_malformed")),
];

#[test]
fn credentials_are_removed_in_every_spelling_in_wasmtime() {
    for profile in fixture::PROFILES {
        let mut chain = fixture::chain(profile, &placed(forge()));
        let secret = forge().good();
        for (target, cookie, want) in SENT {
            let request = through_the_edge("GET", &target.replace("SECRET", &secret))
                .header("cookie", cookie.replace("SECRET", &secret))
                .header("x_token", &secret)
                .header("x_forwarded_host", RIVER);
            let report = run(&mut chain, request);
            let case = format!("{target} {cookie} under {profile:?}");
            let (target_left, cookie_left) = match want {
                Ok(left) => left,
                Err(code) => {
                    assert_eq!(outcome(&report), *code, "{case}");
                    assert_eq!(report.upstream, None, "{case}");
                    continue;
                }
            };
            let upstream = report.upstream.as_ref().unwrap_or_else(|| panic!("{case}"));
            assert_eq!(upstream.headers.text(":path"), Some(*target_left), "{case}");
            assert_eq!(upstream.headers.text("cookie"), Some(*cookie_left), "{case}");
            for name in ["x_token", "x_forwarded_host"] {
                assert_eq!(upstream.headers.text(name), None, "{name} {case}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_removed_in_every_spelling_in_envoy() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let forge = Forge::at(now.as_secs());
    let (secret, (server, arrived)) = (forge.good(), upstream().await);
    let configuration = fixture::configuration(Profile::Envoy, &placed(&forge));
    let options = Options::new(binary, fixture::wasm_dir(), server.address);
    let envoy = EnvoyProcess::start(&deployed(&configuration), options).await.unwrap();
    for (target, cookie, want) in SENT {
        let ask = request("GET", &target.replace("SECRET", &secret))
            .header("cookie", cookie.replace("SECRET", &secret));
        let answer = send(envoy.address, Some(envoy.listener_port), &ask).await.unwrap();
        let arrived: Vec<_> = arrived.lock().unwrap().drain(..).collect();
        let (target_left, cookie_left) = match want {
            Ok(left) => left,
            Err(code) => {
                assert_eq!(
                    fixture::code(&answer.body).as_deref(),
                    Some(*code),
                    "{target} {cookie}"
                );
                assert!(arrived.is_empty(), "{target} {cookie}");
                continue;
            }
        };
        assert_eq!(answer.status, 200, "{target} {cookie}");
        assert_eq!(arrived[0].uri().to_string(), *target_left, "{target} {cookie}");
        let cookies: Vec<_> = arrived[0].headers().get_all("cookie").iter().collect();
        assert_eq!(cookies, [cookie_left], "{target} {cookie}");
    }
}

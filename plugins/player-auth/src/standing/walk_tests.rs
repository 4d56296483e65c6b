//! Whole requests of players in all kinds of states: by claim, by PAM, and where the PAM says nothing.

use super::tests::{answer, bearer, token, World, CLAIMS, NOW};
use super::*;
use serde_json::{json, Value};

use crate::policy::tests::CONFIG;
use crate::standing::PlayerState;

/// A path for each class that a player's token is asked for.
const PATHS: [(&str, &str); 12] = [
    ("content", "/lobby"),
    ("promotions", "/promotions"),
    ("history", "/history"),
    ("odds", "/odds"),
    ("account", "/balance"),
    ("launch", "/launch"),
    ("deposit", "/deposit"),
    ("withdrawal", "/withdraw"),
    ("wager", "/bets"),
    ("round", "/hit"),
    ("cashout", "/cashout"),
    ("safer-gambling", "/limits"),
];

/// The usual configuration with a path for every class, and `player_state`.
pub(super) fn configuration(state: &Value) -> Value {
    let mut document: Value = serde_json::from_str(CONFIG).unwrap();
    let endpoints = document["endpoints"].as_array_mut().unwrap();
    for class in ["history", "odds", "launch", "deposit", "round", "cashout"] {
        let path = PATHS.iter().find(|(of, _)| *of == class).unwrap().1;
        endpoints.push(json!({"path": path, "class": class, "product": "casino"}));
    }
    endpoints.push(json!({"path": "/promotions", "class": "content", "product": "promotions"}));
    endpoints.push(
        json!({"path": "/wallet/bet", "class": "wager", "caller": "partner", "product": "casino"}),
    );
    document["unclassified"] = "forward".into();
    document["player_state"] = state.clone();
    document["classes"] = json!({"withdrawal": {"max_auth_age_s": 0}});
    document
}

fn pam() -> Value {
    json!({"pam": {"cluster": "pam", "cache_s": 5, "path": "/{brand}/{sub}"}})
}

fn good() -> (&'static str, String) {
    bearer(&token(CLAIMS))
}

fn says(state: &str) -> CallReply {
    answer(200, json!({ "state": state }).to_string())
}

/// One request in a new VM whose PAM gives this answer; the outcome, and how often it was asked.
fn once(config: &Value, path: &str, reply: &CallReply) -> (String, usize, World) {
    let mut world = World::new(&config.to_string());
    let (mut driver, action) = world.start(path, &[good()]);
    let mut got = world.outcome(action);
    if got == "waits" {
        got = world.land(&mut driver, reply);
    }
    (got, world.host.flights.len(), world)
}

fn class_of(path: &str) -> &'static str {
    PATHS.iter().find(|(_, of)| *of == path).map_or("unclassified", |(class, _)| class)
}

#[test]
fn every_state_and_every_class_by_the_pam() {
    // Which classes each state stops, and with what.
    for (state, code, stopped) in [
        ("active", "", ""),
        (
            "kyc_pending",
            "kyc_required",
            "promotions launch deposit withdrawal wager round unclassified",
        ),
        (
            "cool_off",
            "player_excluded",
            "promotions launch deposit wager round cashout unclassified",
        ),
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
    ] {
        for path in PATHS.map(|(_, path)| path).into_iter().chain(["/elsewhere"]) {
            let class = class_of(path);
            let (got, asked, world) = once(&configuration(&pam()), path, &says(state));
            let stops = stopped.split(' ').any(|it| it == class);
            assert_eq!(got, if stops { code } else { "pass" }, "{state} {class}");
            let free = ["content", "history", "odds", "account", "safer-gambling"];
            assert_eq!(asked, usize::from(!free.contains(&class)), "{state} {class}");
            if asked > 0 {
                let fact = world.host.facts.get("pitboss.state").map(String::as_str);
                assert_eq!(fact, Some(state), "{class}");
                if !stops {
                    assert_eq!(world.host.upstream("x-player-state"), [state], "{class}");
                }
            }
        }
    }
}

#[test]
fn the_same_by_claim_and_by_both() {
    let mut config = configuration(&json!({"names": {"cooling_off": "cool_off"}}));
    config["issuers"][0]["claims"]["state"] = "/state".into();
    let mut both = config.clone();
    both["player_state"] = pam();
    let claims = |state: Value| {
        let mut claims: Value = serde_json::from_str(CLAIMS).unwrap();
        claims["state"] = state;
        bearer(&token(&claims.to_string()))
    };
    // The claim, the call; the outcome by the claim alone, and where the PAM says active as well.
    for (claim, path, alone, with_pam) in [
        (json!("active"), "/bets", "pass", "pass"),
        (json!("cooling_off"), "/bets", "player_excluded", "player_state_unavailable"),
        (json!("cool_off"), "/bets", "player_excluded", "player_excluded"),
        (json!(["time_limit", "active"]), "/hit", "pass", "pass"),
        (
            json!(["time_limit", "active"]),
            "/bets",
            "session_limit_reached",
            "session_limit_reached",
        ),
        (
            json!(["deposit_limit", "suspended"]),
            "/deposit",
            "account_suspended",
            "account_suspended",
        ),
        (json!("frozen"), "/bets", "player_state_unavailable", "player_state_unavailable"),
        (json!("frozen"), "/withdraw", "pass", "pass"),
        (json!(["self_excluded", "frozen"]), "/cashout", "player_excluded", "player_excluded"),
        (json!(7), "/bets", "player_state_unavailable", "player_state_unavailable"),
        (Value::Null, "/bets", "player_state_unavailable", "pass"),
    ] {
        let mut world = World::new(&config.to_string());
        assert_eq!(world.ask(path, &[claims(claim.clone())]), alone, "{claim} {path}");
        let mut world = World::new(&both.to_string());
        let (mut driver, action) = world.start(path, &[claims(claim.clone())]);
        assert_eq!(world.outcome(action), "waits");
        assert_eq!(world.land(&mut driver, &says("active")), with_pam, "{claim} {path}");
    }
}

#[test]
fn where_the_pam_says_nothing_the_class_decides() {
    let never = CallReply::Failed(Fault { call: "proxy_http_call", status: Some(2) });
    let cut = match answer(200, json!({"state": "active"}).to_string()) {
        CallReply::Response { status, headers, body, .. } => {
            CallReply::Response { status, headers, body, cut: true }
        }
        other => other,
    };
    let none = [
        answer(404, "{}".into()),
        answer(500, "".into()),
        answer(200, "{".into()),
        says("frozen"),
        CallReply::NoResponse,
        never,
        cut,
    ];
    let closed = ["launch", "deposit", "wager", "unclassified"];
    let mut turned = configuration(&pam());
    turned["player_state"]["on_error"] = json!({"wager": "allow", "withdrawal": "refuse"});
    for reply in &none {
        for path in PATHS.map(|(_, path)| path).into_iter().chain(["/elsewhere"]) {
            let class = class_of(path);
            let (got, asked, world) = once(&configuration(&pam()), path, reply);
            let want = if closed.contains(&class) { "player_state_unavailable" } else { "pass" };
            assert_eq!(got, want, "{class} {reply:?}");
            if let (true, Some(refusal)) = (asked > 0, &world.host.replied) {
                assert_eq!(refusal.status, 503);
                assert!(refusal.headers.iter().any(|(name, _)| *name == "retry-after"));
            }
            assert!(world.host.upstream("x-player-state").is_empty(), "{class}");
            let (got, ..) = once(&turned, path, reply);
            let refused = ["launch", "deposit", "withdrawal"].contains(&class);
            let want = if refused { "player_state_unavailable" } else { "pass" };
            assert_eq!(got, want, "turned: {class} {reply:?}");
        }
    }
}

#[test]
fn an_answer_counts_for_its_seconds_and_a_bad_state_for_longer() {
    let long = || bearer(&token(&CLAIMS.replace("1800000900", "1800009000")));
    let mut world = World::new(&configuration(&pam()).to_string());
    let at = |world: &mut World, seconds: u64| world.host.now = (NOW + seconds) * SECOND;
    let mut ask = |seconds: u64, path: &str, reply: Option<&CallReply>| {
        at(&mut world, seconds);
        let (mut driver, action) = world.start(path, &[long()]);
        match (world.outcome(action).as_str(), reply) {
            ("waits", Some(reply)) => world.land(&mut driver, reply),
            (got, None) => got.to_owned(),
            (got, Some(_)) => format!("{got}, unasked"),
        }
    };
    assert_eq!(ask(0, "/bets", Some(&says("active"))), "pass");
    assert_eq!(ask(4, "/bets", None), "pass");
    assert_eq!(ask(5, "/bets", Some(&says("self_excluded"))), "player_excluded");
    assert_eq!(ask(6, "/withdraw", None), "pass");
    assert_eq!(ask(6, "/bets", None), "player_excluded");
    assert_eq!(ask(20, "/cashout", Some(&CallReply::NoResponse)), "player_excluded", "remembered");
    assert_eq!(ask(20, "/cashout", None), "player_excluded", "and not asked again at once");
    assert_eq!(ask(21, "/cashout", Some(&says("frozen"))), "player_excluded");
    assert_eq!(ask(3_700, "/cashout", Some(&CallReply::NoResponse)), "pass", "for an hour");
    assert_eq!(ask(3_700, "/bets", None), "player_state_unavailable");
    assert_eq!(ask(3_701, "/bets", Some(&says("active"))), "pass");
    let result =
        |it: &str| world.host.counters.get(&format!("pitboss.player-auth.pam.result={it}"));
    assert_eq!(
        (result("ok"), result("failed"), result("unknown_state")),
        (Some(&3), Some(&2), Some(&1))
    );
    let said: Vec<_> = world.host.logs.iter().filter(|line| line.contains("PAM")).collect();
    assert_eq!(said.len(), 2, "once each time: {said:?}");
    assert!(said.iter().all(|line| !line.contains("p-1")), "{said:?}");
}

#[test]
fn nobody_is_asked_about_who_is_refused_anyway() {
    let mut config = configuration(&pam());
    config["classes"]["wager"] = json!({"scopes": ["bet"]});
    let mut world = World::new(&config.to_string());
    assert_eq!(world.ask("/bets", &[good()]), "scope_insufficient");
    assert_eq!(world.ask("/bets", &[]), "token_missing");
    let kings = CLAIMS.replace("otter", "kings");
    assert_eq!(world.ask("/deposit", &[bearer(&token(&kings))]), "brand_mismatch");
    assert_eq!(world.ask("/login", &[good()]), "pass");
    assert_eq!(world.ask("/win", &[good()]), "pass");
    assert_eq!(world.ask("/wallet/bet", &[good()]), "pass");
    let path = CLAIMS.replace("p-1", "..");
    assert_eq!(world.ask("/deposit", &[bearer(&token(&path))]), "player_state_unavailable");
    assert_eq!(world.host.flights.len(), 0);
}

#[test]
fn a_clients_own_word_for_its_state_is_none() {
    let mut world = World::new(CONFIG);
    let forged = [good(), ("x-player-state", "active".into()), ("x_player_state", "active".into())];
    assert_eq!(world.ask("/bets", &forged), "pass");
    for name in ["x-player-state", "x_player_state"] {
        assert!(world.host.upstream(name).is_empty(), "{name}");
    }
}

#[test]
fn one_url_for_many_calls_is_judged_by_what_the_body_says() {
    let json = ("content-type", "application/json".to_owned());
    for (state, body, want) in [
        ("active", r#"{"type": "debit"}"#, "pass"),
        ("self_excluded", r#"{"type": "debit"}"#, "player_excluded"),
        ("self_excluded", r#"{"type": "credit"}"#, "pass"),
        ("frozen", r#"{"type": "debit"}"#, "player_state_unavailable"),
        ("frozen", r#"{"type": "credit"}"#, "pass"),
    ] {
        let mut world = World::new(&configuration(&pam()).to_string());
        world.host.body = body.as_bytes().to_vec();
        let mut driver = world.open("/one", &[good(), json.clone()]);
        let key = world.host.flights.last().unwrap().clone();
        world.plugin.on_shared_reply(&mut world.host, &key, &says(state));
        driver.on_shared_reply(&mut world.host, &says(state));
        let told = if state == "frozen" { vec![] } else { vec![state] };
        assert_eq!(world.host.upstream("x-player-state"), told, "before the body");
        let action = driver.on_request_body(&mut world.host, body.len(), true);
        assert_eq!(world.outcome(action), want, "{state} {body}");
    }
}

#[test]
fn what_needs_no_token_is_not_stopped_by_whose_it_is() {
    let mut config = configuration(&pam());
    config["classes"]["account"] = json!({"token": "none"});
    config["player_state"]["overrides"] = json!([{"states": {"suspended": {"account": "refuse"}}}]);
    config["endpoints"].as_array_mut().unwrap().push(json!({"path": "/two", "select": {
        "pointer": "/type", "classes": {"debit": "wager", "balance": "account"}}}));
    let json = ("content-type", "application/json".to_owned());
    for (body, want) in
        [(r#"{"type": "debit"}"#, "account_suspended"), (r#"{"type": "balance"}"#, "pass")]
    {
        let mut world = World::new(&config.to_string());
        world.host.body = body.as_bytes().to_vec();
        let mut driver = world.open("/two", &[good(), json.clone()]);
        let key = world.host.flights.last().unwrap().clone();
        world.plugin.on_shared_reply(&mut world.host, &key, &says("suspended"));
        driver.on_shared_reply(&mut world.host, &says("suspended"));
        let action = driver.on_request_body(&mut world.host, body.len(), true);
        assert_eq!(world.outcome(action), want, "{body}");
    }
}

#[test]
fn what_is_closed_takes_no_new_rounds_from_anybody() {
    let closes = |closed: Value| configuration(&json!({ "closed": closed })).to_string();
    let (brand, product) = (json!({"brands": ["otter"]}), json!({"products": ["casino"]}));
    let mut brand = World::new(&closes(brand));
    let mut product = World::new(&closes(product));
    let mut other = World::new(&closes(json!({"brands": ["kings"], "products": ["promotions"]})));
    for (path, by_brand, by_product) in [
        ("/bets", "product_closed", "pass"),
        ("/launch", "product_closed", "product_closed"),
        ("/wallet/bet", "product_closed", "product_closed"),
        ("/elsewhere", "product_closed", "pass"),
        ("/hit", "pass", "pass"),
        ("/cashout", "pass", "pass"),
        ("/withdraw", "pass", "pass"),
        ("/deposit", "pass", "pass"),
        ("/limits", "pass", "pass"),
        ("/win", "pass", "pass"),
    ] {
        assert_eq!(brand.ask(path, &[good()]), by_brand, "{path}");
        assert_eq!(product.ask(path, &[good()]), by_product, "{path}");
        assert_eq!(other.ask(path, &[good()]), "pass", "{path}");
    }
}

#[test]
fn jurisdictions_come_from_the_pam_before_the_claim() {
    let mut state = pam();
    state["overrides"] = json!([{"jurisdictions": ["US-NJ"],
        "states": {"self_excluded": {"withdrawal": "refuse"}}}]);
    let config = configuration(&state).to_string();
    let claims = |place: &str| match place {
        "" => CLAIMS.to_owned(),
        place => CLAIMS.replacen('{', &format!(r#"{{"jurisdiction": "{place}","#), 1),
    };
    for (claim, told, want) in [
        ("MT", json!({"state": "self_excluded"}), "pass"),
        ("US-NJ", json!({"state": "self_excluded"}), "player_excluded"),
        ("us-nj", json!({"state": "self_excluded"}), "player_excluded"),
        ("MT", json!({"state": "self_excluded", "jurisdiction": "US-NJ"}), "player_excluded"),
        ("US-NJ", json!({"state": "self_excluded", "jurisdiction": "MT"}), "pass"),
        ("US-NJ", json!({"state": "active"}), "pass"),
        // Nobody knows where: New Jersey's law may be the player's.
        ("", json!({"state": "self_excluded"}), "player_excluded"),
        ("", json!({"state": "self_excluded", "jurisdiction": "MT"}), "pass"),
        ("New-Jersey", json!({"state": "self_excluded"}), "player_excluded"),
        ("MT", json!({"state": "self_excluded", "jurisdiction": "New Jersey"}), "player_excluded"),
        ("MT", json!({"state": "self_excluded", "jurisdiction": "NJ"}), "player_excluded"),
        ("MT", json!({"state": "self_excluded", "jurisdiction": "US"}), "player_excluded"),
        ("US", json!({"state": "self_excluded"}), "player_excluded"),
        ("UK", json!({"state": "self_excluded"}), "player_excluded"),
        ("MT", json!({"state": "self_excluded", "jurisdiction": "US-NY"}), "pass"),
        ("MT", json!({"state": "self_excluded", "jurisdiction": ["US-NJ"]}), "player_excluded"),
        ("MT", json!({"state": "active", "jurisdiction": ["US-NJ"]}), "pass"),
    ] {
        let mut world = World::new(&config);
        let (mut driver, action) = world.start("/withdraw", &[bearer(&token(&claims(claim)))]);
        assert_eq!(world.outcome(action), "waits");
        let got = world.land(&mut driver, &answer(200, told.to_string()));
        assert_eq!(got, want, "{claim} {told}");
    }
}

#[test]
fn configurations_that_are_none() {
    for (state, field) in [
        (json!({}), "player_state"),
        (json!({"names": {"x": "cool_off"}}), "player_state"),
        (json!({"closed": {"brands": ["otter"]}, "on_error": {"wager": "allow"}}), "player_state"),
        (json!({"pam": {}}), "player_state.pam.cluster"),
        (json!({"pam": {"cluster": "pam", "url": "x"}}), "player_state.pam.url"),
        (json!({"closed": {"brands": ["heron"]}}), "player_state.closed.brands[0]"),
        (json!({"pam": {"cluster": "pam"}, "names": {"x": "gone"}}), "player_state.names.x"),
        (
            json!({"pam": {"cluster": "pam"}, "on_error": {"session": "allow"}}),
            "player_state.on_error.session",
        ),
    ] {
        let config = configuration(&state).to_string();
        let error =
            PlayerAuth::configure(config.as_bytes(), &mut policy_kit::fake::FakeHost::default());
        assert_eq!(error.map(|_| ()).unwrap_err().field, field, "{state}");
    }
    let mut config: Value = serde_json::from_str(CONFIG).unwrap();
    config["issuers"][0]["claims"]["state"] = "/state".into();
    let error = PlayerAuth::configure(
        config.to_string().as_bytes(),
        &mut Default::default() as &mut policy_kit::fake::FakeHost,
    );
    assert_eq!(error.map(|_| ()).unwrap_err().field, "player_state");
    assert_eq!(PlayerState::ALL.len(), 7);
}

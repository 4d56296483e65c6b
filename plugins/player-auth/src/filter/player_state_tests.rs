//! Whole requests of players in all states: by claim, by PAM, and for closed brands and products.

use policy_kit::Plugin;
use serde_json::{json, Value};

use crate::player_state::state::PlayerState;
use crate::plugin::PlayerAuth;
use crate::tests::gateway::{bearer, token, TestGateway, CLAIMS, CONFIG};
use crate::tests::player_states::{
    class_of, configuration, good, once, pam_config, reports, PATHS,
};

#[test]
fn the_pams_report_decides_by_state_and_class() {
    // The classes that each state stops, and the code.
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
            let (got, asked, gateway) = once(&configuration(&pam_config()), path, &reports(state));
            let stops = stopped.split(' ').any(|it| it == class);
            assert_eq!(got, if stops { code } else { "pass" }, "{state} {class}");
            let free = ["content", "history", "odds", "account", "safer-gambling"];
            assert_eq!(asked, usize::from(!free.contains(&class)), "{state} {class}");
            if asked > 0 {
                let fact = gateway.host.facts.get("pitboss.state").map(String::as_str);
                assert_eq!(fact, Some(state), "{class}");
                if !stops {
                    assert_eq!(gateway.host.upstream("x-player-state"), [state], "{class}");
                }
            }
        }
    }
}

#[test]
fn the_claim_decides_alone_and_with_the_pam() {
    let mut config = configuration(&json!({"names": {"cooling_off": "cool_off"}}));
    config["issuers"][0]["claims"]["state"] = "/state".into();
    let mut both = config.clone();
    both["player_state"] = pam_config();
    let claims = |state: Value| {
        let mut claims: Value = serde_json::from_str(CLAIMS).unwrap();
        claims["state"] = state;
        bearer(&token(&claims.to_string()))
    };
    // The claim, the path; the outcome by the claim alone, and if the PAM reports active as well.
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
        let mut gateway = TestGateway::new(&config.to_string());
        assert_eq!(gateway.ask(path, &[claims(claim.clone())]), alone, "{claim} {path}");
        let mut gateway = TestGateway::new(&both.to_string());
        let (mut driver, action) = gateway.start(path, &[claims(claim.clone())]);
        assert_eq!(gateway.outcome(action), "waits");
        assert_eq!(gateway.complete(&mut driver, &reports("active")), with_pam, "{claim} {path}");
    }
}

#[test]
fn a_clients_own_state_headers_are_stripped() {
    let mut gateway = TestGateway::new(CONFIG);
    let forged = [good(), ("x-player-state", "active".into()), ("x_player_state", "active".into())];
    assert_eq!(gateway.ask("/bets", &forged), "pass");
    for name in ["x-player-state", "x_player_state"] {
        assert!(gateway.host.upstream(name).is_empty(), "{name}");
    }
}

#[test]
fn states_apply_to_the_class_that_the_body_selects() {
    let json = ("content-type", "application/json".to_owned());
    for (state, body, want) in [
        ("active", r#"{"type": "debit"}"#, "pass"),
        ("self_excluded", r#"{"type": "debit"}"#, "player_excluded"),
        ("self_excluded", r#"{"type": "credit"}"#, "pass"),
        ("frozen", r#"{"type": "debit"}"#, "player_state_unavailable"),
        ("frozen", r#"{"type": "credit"}"#, "pass"),
    ] {
        let mut gateway = TestGateway::new(&configuration(&pam_config()).to_string());
        gateway.host.body = body.as_bytes().to_vec();
        let mut driver = gateway.open("/one", &[good(), json.clone()]);
        let key = gateway.host.flights.last().unwrap().clone();
        gateway.plugin.on_shared_reply(&mut gateway.host, &key, &reports(state));
        driver.on_shared_reply(&mut gateway.host, &reports(state));
        let header = if state == "frozen" { vec![] } else { vec![state] };
        assert_eq!(gateway.host.upstream("x-player-state"), header, "before the body");
        let action = driver.on_request_body(&mut gateway.host, body.len(), true);
        assert_eq!(gateway.outcome(action), want, "{state} {body}");
    }
}

#[test]
fn states_do_not_apply_to_a_class_without_token() {
    let mut config = configuration(&pam_config());
    config["classes"]["account"] = json!({"token": "none"});
    config["player_state"]["overrides"] = json!([{"states": {"suspended": {"account": "refuse"}}}]);
    config["endpoints"].as_array_mut().unwrap().push(json!({"path": "/two", "select": {
        "pointer": "/type", "classes": {"debit": "wager", "balance": "account"}}}));
    let json = ("content-type", "application/json".to_owned());
    for (body, want) in
        [(r#"{"type": "debit"}"#, "account_suspended"), (r#"{"type": "balance"}"#, "pass")]
    {
        let mut gateway = TestGateway::new(&config.to_string());
        gateway.host.body = body.as_bytes().to_vec();
        let mut driver = gateway.open("/two", &[good(), json.clone()]);
        let key = gateway.host.flights.last().unwrap().clone();
        gateway.plugin.on_shared_reply(&mut gateway.host, &key, &reports("suspended"));
        driver.on_shared_reply(&mut gateway.host, &reports("suspended"));
        let action = driver.on_request_body(&mut gateway.host, body.len(), true);
        assert_eq!(gateway.outcome(action), want, "{body}");
    }
}

#[test]
fn a_closed_brand_or_product_takes_no_new_rounds() {
    let closes = |closed: Value| configuration(&json!({ "closed": closed })).to_string();
    let (brand, product) = (json!({"brands": ["otter"]}), json!({"products": ["casino"]}));
    let mut brand = TestGateway::new(&closes(brand));
    let mut product = TestGateway::new(&closes(product));
    let mut other =
        TestGateway::new(&closes(json!({"brands": ["kings"], "products": ["promotions"]})));
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
fn rejects_invalid_configurations() {
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

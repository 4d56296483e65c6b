//! Whole requests while the PAM is available, unavailable, or not needed.

use policy_kit::{CallReply, Fault};
use serde_json::json;

use crate::names::SECOND;
use crate::tests::gateway::{answer, bearer, token, TestGateway, CLAIMS, NOW};
use crate::tests::player_states::{
    class_of, configuration, good, once, pam_config, reports, PATHS,
};

#[test]
fn an_outage_of_the_pam_denies_by_class() {
    let failed = CallReply::Failed(Fault { call: "proxy_http_call", status: Some(2) });
    let cut = match answer(200, json!({"state": "active"}).to_string()) {
        CallReply::Response { status, headers, body, .. } => {
            CallReply::Response { status, headers, body, cut: true }
        }
        other => other,
    };
    let unusable = [
        answer(404, "{}".into()),
        answer(500, "".into()),
        answer(200, "{".into()),
        reports("frozen"),
        CallReply::NoResponse,
        failed,
        cut,
    ];
    let denied = ["launch", "deposit", "wager", "unclassified"];
    let mut changed = configuration(&pam_config());
    changed["player_state"]["on_error"] = json!({"wager": "allow", "withdrawal": "refuse"});
    for reply in &unusable {
        for path in PATHS.map(|(_, path)| path).into_iter().chain(["/elsewhere"]) {
            let class = class_of(path);
            let (got, asked, gateway) = once(&configuration(&pam_config()), path, reply);
            let want = if denied.contains(&class) { "player_state_unavailable" } else { "pass" };
            assert_eq!(got, want, "{class} {reply:?}");
            if let (true, Some(refusal)) = (asked > 0, &gateway.host.replied) {
                assert_eq!(refusal.status, 503);
                assert!(refusal.headers.iter().any(|(name, _)| *name == "retry-after"));
            }
            assert!(gateway.host.upstream("x-player-state").is_empty(), "{class}");
            let (got, ..) = once(&changed, path, reply);
            let refused = ["launch", "deposit", "withdrawal"].contains(&class);
            let want = if refused { "player_state_unavailable" } else { "pass" };
            assert_eq!(got, want, "changed: {class} {reply:?}");
        }
    }
}

#[test]
fn reports_are_cached_and_restrictions_kept_longer() {
    let long = || bearer(&token(&CLAIMS.replace("1800000900", "1800009000")));
    let mut gateway = TestGateway::new(&configuration(&pam_config()).to_string());
    let at = |gateway: &mut TestGateway, seconds: u64| gateway.host.now = (NOW + seconds) * SECOND;
    let mut ask = |seconds: u64, path: &str, reply: Option<&CallReply>| {
        at(&mut gateway, seconds);
        let (mut driver, action) = gateway.start(path, &[long()]);
        match (gateway.outcome(action).as_str(), reply) {
            ("waits", Some(reply)) => gateway.complete(&mut driver, reply),
            (got, None) => got.to_owned(),
            (got, Some(_)) => format!("{got} without a call"),
        }
    };
    assert_eq!(ask(0, "/bets", Some(&reports("active"))), "pass");
    assert_eq!(ask(4, "/bets", None), "pass");
    assert_eq!(ask(5, "/bets", Some(&reports("self_excluded"))), "player_excluded");
    assert_eq!(ask(6, "/withdraw", None), "pass");
    assert_eq!(ask(6, "/bets", None), "player_excluded");
    assert_eq!(ask(20, "/cashout", Some(&CallReply::NoResponse)), "player_excluded", "remembered");
    assert_eq!(ask(20, "/cashout", None), "player_excluded", "and no second call at once");
    assert_eq!(ask(21, "/cashout", Some(&reports("frozen"))), "player_excluded");
    assert_eq!(ask(3_700, "/cashout", Some(&CallReply::NoResponse)), "pass", "for an hour");
    assert_eq!(ask(3_700, "/bets", None), "player_state_unavailable");
    assert_eq!(ask(3_701, "/bets", Some(&reports("active"))), "pass");
    let result =
        |it: &str| gateway.host.counters.get(&format!("pitboss.player-auth.pam.result={it}"));
    assert_eq!(
        (result("ok"), result("failed"), result("unknown_state")),
        (Some(&3), Some(&2), Some(&1))
    );
    let logged: Vec<_> = gateway.host.logs.iter().filter(|line| line.contains("PAM")).collect();
    assert_eq!(logged.len(), 2, "once per outage: {logged:?}");
    assert!(logged.iter().all(|line| !line.contains("p-1")), "{logged:?}");
}

#[test]
fn a_denied_request_causes_no_call_to_the_pam() {
    let mut config = configuration(&pam_config());
    config["classes"]["wager"] = json!({"scopes": ["bet"]});
    let mut gateway = TestGateway::new(&config.to_string());
    assert_eq!(gateway.ask("/bets", &[good()]), "scope_insufficient");
    assert_eq!(gateway.ask("/bets", &[]), "token_missing");
    let kings = CLAIMS.replace("otter", "kings");
    assert_eq!(gateway.ask("/deposit", &[bearer(&token(&kings))]), "brand_mismatch");
    assert_eq!(gateway.ask("/login", &[good()]), "pass");
    assert_eq!(gateway.ask("/win", &[good()]), "pass");
    assert_eq!(gateway.ask("/wallet/bet", &[good()]), "pass");
    let path = CLAIMS.replace("p-1", "..");
    assert_eq!(gateway.ask("/deposit", &[bearer(&token(&path))]), "player_state_unavailable");
    assert_eq!(gateway.host.flights.len(), 0);
}

#[test]
fn the_pams_jurisdiction_takes_precedence_over_the_claims() {
    let mut state = pam_config();
    state["overrides"] = json!([{"jurisdictions": ["US-NJ"],
        "states": {"self_excluded": {"withdrawal": "refuse"}}}]);
    let config = configuration(&state).to_string();
    let claims = |place: &str| match place {
        "" => CLAIMS.to_owned(),
        place => CLAIMS.replacen('{', &format!(r#"{{"jurisdiction": "{place}","#), 1),
    };
    for (claim, report, want) in [
        ("MT", json!({"state": "self_excluded"}), "pass"),
        ("US-NJ", json!({"state": "self_excluded"}), "player_excluded"),
        ("us-nj", json!({"state": "self_excluded"}), "player_excluded"),
        ("MT", json!({"state": "self_excluded", "jurisdiction": "US-NJ"}), "player_excluded"),
        ("US-NJ", json!({"state": "self_excluded", "jurisdiction": "MT"}), "pass"),
        ("US-NJ", json!({"state": "active"}), "pass"),
        // An unknown jurisdiction may be New Jersey.
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
        let mut gateway = TestGateway::new(&config);
        let (mut driver, action) = gateway.start("/withdraw", &[bearer(&token(&claims(claim)))]);
        assert_eq!(gateway.outcome(action), "waits");
        let got = gateway.complete(&mut driver, &answer(200, report.to_string()));
        assert_eq!(got, want, "{claim} {report}");
    }
}

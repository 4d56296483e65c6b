//! Players with the same id at different brands or issuers are kept apart; and other spellings of headers.

use policy_kit::Plugin;
use serde_json::{json, Value};

use crate::filter::auth::AuthFilter;
use crate::plugin::PlayerAuth;
use crate::tests::gateway::{answer, bearer, token, TestGateway, CLAIMS, CONFIG, NOW};

/// The token of player `p-1` at a brand, and the brand's host.
fn of(brand: &str) -> Vec<(&'static str, String)> {
    let claims = CLAIMS.replace(r#""brand": "otter""#, &format!(r#""brand": "{brand}""#));
    vec![bearer(&token(&claims)), ("host", format!("{brand}.example"))]
}

/// Starts a request of the player at a brand.
fn start(gateway: &mut TestGateway, brand: &str) -> (policy_kit::Driver<AuthFilter>, String) {
    gateway.fill("/bets", &of(brand));
    let authority =
        gateway.host.request.iter_mut().find(|(name, _)| name == b":authority").unwrap();
    authority.1 = format!("{brand}.example").into_bytes();
    let mut driver = policy_kit::Driver::new(Some(gateway.plugin.filter()));
    let action = driver.on_request_headers(&mut gateway.host, true);
    let got = gateway.outcome(action);
    (driver, got)
}

#[test]
fn an_exclusion_applies_to_one_brand() {
    let mut config: Value = serde_json::from_str(CONFIG).unwrap();
    config["player_state"] = json!({"pam": {"cluster": "pam", "path": "/{brand}/players/{sub}"}});
    let mut gateway = TestGateway::new(&config.to_string());
    let says = |state: &str| answer(200, json!({ "state": state }).to_string());
    for (brand, state, want) in
        [("otter", "self_excluded", "player_excluded"), ("kings", "active", "pass")]
    {
        let (mut driver, got) = start(&mut gateway, brand);
        assert_eq!(got, "waits", "{brand}");
        let asked = gateway.host.flights.last().unwrap();
        assert_eq!(asked, &format!("pam /{brand}/players/p-1"));
        assert_eq!(gateway.complete(&mut driver, &says(state)), want, "{brand}");
    }
    for (brand, want) in [("otter", "player_excluded"), ("kings", "pass")] {
        assert_eq!(start(&mut gateway, brand).1, want, "{brand}, remembered");
    }
}

#[test]
fn rejects_configurations_that_mix_owners() {
    let configure = |config: &Value| {
        let mut host = policy_kit::fake::FakeHost::default();
        let made = PlayerAuth::configure(config.to_string().as_bytes(), &mut host);
        made.map(|_| "good".to_owned()).unwrap_or_else(|error| error.field)
    };
    let pam = |path: &str| json!({"pam": {"cluster": "pam", "path": path}});
    let one = json!({"otter.example": "otter", "*.otter.example": "otter"});
    let two = json!({"otter.example": "otter", "kings.example": "kings"});
    let id = json!({"cluster": "id", "path": "/x", "audiences": ["api"]});
    for (brands, introspection, path, unique, want) in [
        (&one, Value::Null, "/{sub}", false, "good"),
        (&two, Value::Null, "/{sub}", false, "player_state.pam.path"),
        (&two, Value::Null, "/{sub}", true, "good"),
        (&two, Value::Null, "/{brand}/{sub}", false, "good"),
        (&two, Value::Null, "/{issuer}/{sub}", false, "good"),
        (&one, id.clone(), "/{sub}", false, "player_state.pam.path"),
        (&one, id, "/{sub}", true, "good"),
    ] {
        let mut config: Value = serde_json::from_str(CONFIG).unwrap();
        config["brands"] = brands.clone();
        config["introspection"] = introspection.clone();
        config["player_state"] = pam(path);
        config["players_unique"] = unique.into();
        assert_eq!(configure(&config), want, "{brands} {introspection} {path} {unique}");
    }
}

#[test]
fn a_revocation_applies_to_one_brand() {
    let mut config: Value = serde_json::from_str(CONFIG).unwrap();
    config["issuers"][0]["max_lifetime_s"] = 3_600.into();
    config["revocations"] = json!({"cluster": "feed", "max_lifetime_s": 3_600});
    let at = NOW + 1;
    for (entry, otter, kings) in [
        (json!({"player": "p-1", "brand": "otter", "revoked_at": at}), "token_revoked", "pass"),
        (json!({"session": "s-1", "brand": "kings", "revoked_at": at}), "pass", "token_revoked"),
        (
            json!({"player": "p-1", "issuer": "https://id.example", "revoked_at": at}),
            "token_revoked",
            "token_revoked",
        ),
        // Without an owner, or with an unknown one: applies to every brand.
        (json!({"player": "p-1", "revoked_at": at}), "token_revoked", "token_revoked"),
        (
            json!({"player": "p-1", "brand": "Otter", "revoked_at": at}),
            "token_revoked",
            "token_revoked",
        ),
    ] {
        let mut gateway = TestGateway::new(&config.to_string());
        let page = json!({"revocations": [entry], "cursor": "1"}).to_string();
        for flight in gateway.plugin.on_tick(&mut gateway.host) {
            gateway.plugin.on_shared_reply(
                &mut gateway.host,
                &flight.key,
                &answer(200, page.clone()),
            );
        }
        assert_eq!(start(&mut gateway, "otter").1, otter, "{entry}");
        assert_eq!(start(&mut gateway, "kings").1, kings, "{entry}");
    }
}

#[test]
fn credentials_are_removed_in_every_spelling() {
    let mut config: Value = serde_json::from_str(CONFIG).unwrap();
    config["credentials"] = json!([
        {"cookie": "session"}, {"cookie": "session_v2"}, {"header": "x-token"}, {"query": "token"}
    ]);
    let mut gateway = TestGateway::new(&config.to_string());
    let secret = token(CLAIMS);
    let cookie = |text: &str| vec![("cookie", text.replace("SECRET", &secret))];
    for (path, headers, want) in [
        ("/bets", cookie("session_v2=SECRET; session=; theme=dark"), "pass"),
        ("/bets", cookie("session=SECRET; session_v2=; theme=dark; flag"), "pass"),
        ("/bets?a=1&token=SECRET", vec![], "pass"),
        ("/bets?a=1;token=SECRET", vec![], "token_malformed"),
        ("/bets?TOKEN=SECRET", vec![], "token_malformed"),
        ("/lobby?token[]=SECRET", vec![], "token_malformed"),
        ("/lobby?+token=SECRET", vec![], "token_malformed"),
        ("/bets?token=SECRET&Token=SECRET", vec![], "credential_conflict"),
        // An upstream may read this as the header, which was not checked.
        ("/lobby", vec![("x_token", secret.clone())], "pass"),
    ] {
        let path = path.replace("SECRET", &secret);
        assert_eq!(gateway.ask(&path, &headers), want, "{path} {headers:?}");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let request = gateway.host.request.iter().map(|(n, v)| (text(n), text(v)));
        let left: Vec<_> = request.filter(|(_, value)| value.contains(&secret)).collect();
        assert!(want != "pass" || left.is_empty(), "{path}: {left:?}");
    }
    gateway.ask("/bets", &cookie("session_v2=SECRET; session=; theme=dark; flag"));
    assert_eq!(gateway.host.upstream("cookie"), ["theme=dark; flag"]);
}

#[test]
fn other_spellings_of_the_edges_headers_are_stripped() {
    let names = ["x-forwarded-host", "x_forwarded_host", "x_Forwarded-Prefix", "x_host", "x-host"];
    let sent: Vec<_> = names.map(|name| (name, "river-kings.example".to_owned())).into();
    for (peer, left) in
        [("198.51.100.7:4000", vec![]), ("10.0.0.1:4000", vec!["x-forwarded-host", "x-host"])]
    {
        let mut gateway = TestGateway::new(CONFIG);
        gateway.fill("/lobby", &sent);
        gateway.host.properties.insert("source.address".into(), peer.as_bytes().to_vec());
        let mut driver = policy_kit::Driver::new(Some(gateway.plugin.filter()));
        driver.on_request_headers(&mut gateway.host, true);
        let request = gateway.host.request.iter().map(|(name, _)| String::from_utf8_lossy(name));
        let there: Vec<_> = request.filter(|name| names.contains(&&**name)).collect();
        assert_eq!(there, left, "{peer}");
    }
}

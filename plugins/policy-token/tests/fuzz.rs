//! Hostile bytes: tokens and key sets.

use policy_token::testing::{rfc, ALGORITHMS};
use policy_token::{Claims, Jws, Keys};

#[test]
fn no_changed_token_has_a_good_signature() {
    let documents = [rfc::RS256_KEY, rfc::ES256_KEY, rfc::ED25519_KEY];
    let keys: Vec<Keys> = documents
        .iter()
        .map(|key| {
            Keys::from_jwks(format!(r#"{{"keys":[{key}]}}"#).as_bytes(), &ALGORITHMS).unwrap()
        })
        .collect();
    let good = [rfc::rs256(), rfc::es256(), rfc::ED25519_TOKEN.to_owned()];
    let seeds: Vec<&[u8]> = good.iter().map(String::as_bytes).collect();
    let words = ["eyJhbGciOiJub25lIn0.", ".", "=", "-", "_", "e30"];
    fuzz::run("token", &seeds, &words, |token| {
        let Ok(jws) = Jws::parse(token) else { return };
        let verified = keys.iter().any(|keys| match keys.find(&jws.header) {
            policy_token::Found::Key(key) => key.verify(&jws).is_ok(),
            _ => false,
        });
        assert!(!verified || seeds.contains(&token));
        Claims::parse(&jws.payload).ok();
    });
}

#[test]
fn a_key_set_that_is_read_has_usable_keys() {
    let all = [rfc::RS256_KEY, rfc::ES256_KEY, rfc::ED25519_KEY];
    let set = format!(r#"{{"keys":[{}]}}"#, all.join(","));
    let words = [
        "\"kid\":\"a\",",
        "\"alg\":\"none\",",
        "\"use\":\"enc\",",
        "{\"kty\":\"oct\",\"k\":\"AA\"},",
        "=",
        "\"d\":\"AA\",",
    ];
    fuzz::run("key set", &[set.as_bytes()], &words, |document| {
        let Some(keys) = Keys::from_jwks(document, &ALGORITHMS) else { return };
        assert!(keys.len() <= 256);
        for token in [rfc::rs256(), rfc::es256()] {
            let jws = Jws::parse(token.as_bytes()).unwrap();
            if let policy_token::Found::Key(key) = keys.find(&jws.header) {
                key.verify(&jws).ok();
            }
        }
    });
}

#[test]
fn claims_that_are_read_have_readable_dates() {
    let seeds: [&[u8]; 2] = [
        br#"{"iss":"https://casino.test","sub":"p-1","exp":1300819380,"nbf":1.5e9,"aud":["a","b"]}"#,
        br#"{"exp":"soon","iat":null,"auth_time":"2026-03-02T18:00:00Z"}"#,
    ];
    fuzz::run(
        "claims",
        &seeds,
        &["1e400", "-1", "null", "\"exp\":", "[", "0.0000001"],
        |payload| {
            let Ok(claims) = Claims::parse(payload) else { return };
            for name in ["exp", "nbf", "iat", "auth_time"] {
                if let Some(moment) = claims.date(name).moment() {
                    assert!(moment.down() <= moment.up());
                }
            }
            claims.check_dates(60, rfc::NOW).ok();
        },
    );
}

//! Tokens that somebody would like to be believed. None is, and each is refused for the right reason:
//! a check that is skipped would show as another code, or as a pass.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::OnceLock;

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine;
use jwt_simple::prelude::*;
use policy_token::{Alg, Claims as Read, Found, Jws, Keys, Refusal, Rules};
use proptest::prelude::*;

const NOW: u64 = 1_800_000_000;

struct Issuer {
    es: ES256KeyPair,
    rs: RS256KeyPair,
    ps: PS256KeyPair,
    ed: Ed25519KeyPair,
    keys: Keys,
    documents: Vec<String>,
}

fn issuer() -> &'static Issuer {
    static ISSUER: OnceLock<Issuer> = OnceLock::new();
    ISSUER.get_or_init(|| {
        let es = ES256KeyPair::generate().with_key_id("es");
        let rs = RS256KeyPair::generate(2048).unwrap().with_key_id("rs");
        let ps = PS256KeyPair::from_der(&rs.to_der().unwrap()).unwrap().with_key_id("rs");
        let ed = Ed25519KeyPair::generate().with_key_id("ed");
        let documents = vec![
            es.public_key().with_key_id("es").to_jwk(),
            rs.public_key().with_key_id("rs").to_jwk(),
            ed.public_key().with_key_id("ed").to_jwk(),
        ];
        let set = format!(r#"{{"keys": [{}]}}"#, documents.join(","));
        let wanted = [Alg::Es256, Alg::Rs256, Alg::EdDsa];
        let keys = Keys::from_jwks(set.as_bytes(), &wanted).unwrap();
        Issuer { es, rs, ps, ed, keys, documents }
    })
}

/// The order of checks that every policy follows: cheap first, signature last.
fn judge(token: &[u8]) -> Result<(), Refusal> {
    let rules = Rules {
        issuer: "https://casino.test".into(),
        audiences: Some(vec!["api".into()]),
        skew: 60,
        max_lifetime: Some(86_400),
    };
    let jws = Jws::parse(token)?;
    let claims = Read::parse(&jws.payload)?;
    claims.check(&rules, NOW)?;
    match issuer().keys.find(&jws.header) {
        Found::Key(key) => key.verify(&jws),
        Found::UnknownKid => Err(Refusal::KeyUnknown),
        Found::Refused(refusal) => Err(refusal),
    }
}

fn claims() -> JWTClaims<NoCustomClaims> {
    let mut claims = Claims::create(Duration::from_secs(600))
        .with_issuer("https://casino.test")
        .with_audience("api")
        .with_subject("p-1");
    claims.issued_at = Some(Duration::from_secs(NOW));
    claims.invalid_before = None;
    claims.expires_at = Some(Duration::from_secs(NOW + 600));
    claims
}

fn good() -> String {
    issuer().es.sign(claims()).unwrap()
}

fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// A token of these parts with the signature of a good one.
fn patched(header: &str, payload: Option<&str>) -> String {
    let good = good();
    let parts: Vec<&str> = good.split('.').collect();
    let payload = payload.map_or(parts[1].to_owned(), encode);
    format!("{}.{payload}.{}", encode(header), parts[2])
}

#[test]
fn good_tokens_are_believed() {
    let issuer = issuer();
    for token in [
        issuer.es.sign(claims()).unwrap(),
        issuer.rs.sign(claims()).unwrap(),
        issuer.ed.sign(claims()).unwrap(),
    ] {
        assert_eq!(judge(token.as_bytes()), Ok(()), "{token}");
    }
}

fn attacks() -> Vec<(String, Vec<u8>, Refusal)> {
    use Refusal::{
        Algorithm, Audience, Expired, Issuer, KeyUnknown, Lifetime, Malformed, NotYetValid,
        Signature,
    };
    let issuer = issuer();
    let good = good();
    let parts: Vec<&str> = good.split('.').collect();
    let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let mut all: Vec<(String, Vec<u8>, Refusal)> = Vec::new();
    let mut add = |name: &str, token: String, refusal| {
        all.push((name.to_owned(), token.into_bytes(), refusal));
    };

    // No signature, or no algorithm.
    for alg in
        ["none", "None", "NONE", "nOnE", "", " ES256", "es256", "ES256\u{0}", "HS1", "ES256K"]
    {
        let header = format!(r#"{{"alg":{},"kid":"es"}}"#, serde_json::json!(alg));
        add(&format!("alg {alg:?}"), patched(&header, None), Algorithm);
    }
    add("no alg", patched(r#"{"kid":"es"}"#, None), Malformed);
    add("alg a list", patched(r#"{"alg":["ES256"],"kid":"es"}"#, None), Malformed);
    add("alg null", patched(r#"{"alg":null,"kid":"es"}"#, None), Malformed);
    add("no signature", format!("{}.{}.", parts[0], parts[1]), Malformed);
    add("none, no signature", format!("{}.{}.", encode(r#"{"alg":"none"}"#), parts[1]), Algorithm);

    // Another algorithm than the key's: RSA's public key as a shared secret, PSS for PKCS#1.
    for (name, secret) in [
        ("DER", issuer.rs.public_key().to_der().unwrap()),
        ("PEM", issuer.rs.public_key().to_pem().unwrap().into_bytes()),
        ("JWK", issuer.documents[1].clone().into_bytes()),
    ] {
        let forged =
            HS256Key::from_bytes(&secret).with_key_id("rs").authenticate(claims()).unwrap();
        add(&format!("HS256 with the public key as {name}"), forged, Algorithm);
    }
    let zeros = HS256Key::from_bytes(&[0; 32]).with_key_id("es").authenticate(claims()).unwrap();
    add("HS256 with a secret of zeros", zeros, Algorithm);
    add("PS256 for an RS256 key", issuer.ps.sign(claims()).unwrap(), Algorithm);
    add("RS256 for an ES256 key", patched(r#"{"alg":"RS256","kid":"es"}"#, None), Algorithm);
    add("ES384 for an ES256 key", patched(r#"{"alg":"ES384","kid":"es"}"#, None), Algorithm);
    add("EdDSA for an ES256 key", patched(r#"{"alg":"EdDSA","kid":"es"}"#, None), Algorithm);

    // Keys of the attacker's own.
    let other = ES256KeyPair::generate();
    add("another key, no kid", other.sign(claims()).unwrap(), Signature);
    add("another key, our kid", other.with_key_id("es").sign(claims()).unwrap(), Signature);
    let other = ES256KeyPair::generate();
    add("another kid", other.with_key_id("x").sign(claims()).unwrap(), KeyUnknown);
    for kid in ["ES", "es ", "", "../es", "es\u{0}", "' OR 1=1 --"] {
        let header = serde_json::json!({"alg": "ES256", "kid": kid}).to_string();
        add(&format!("kid {kid:?}"), patched(&header, None), KeyUnknown);
    }
    add("kid a number", patched(r#"{"alg":"ES256","kid":1}"#, None), Malformed);
    let long = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(257));
    add("a long kid", patched(&long, None), Malformed);
    for (name, value) in [
        ("jwk", issuer.documents[0].as_str()),
        ("jku", r#""https://evil.example/jwks.json""#),
        ("x5u", r#""https://evil.example/cert.pem""#),
        ("x5c", r#"["MIIB"]"#),
        ("crit", r#"["exp"]"#),
        ("crit", "[]"),
        ("b64", "false"),
        ("zip", r#""DEF""#),
        ("enc", r#""A256GCM""#),
        ("salt", r#""AA""#),
    ] {
        let header = format!(r#"{{"alg":"ES256","kid":"es","{name}":{value}}}"#);
        add(&format!("header {name} {value:.12}"), patched(&header, None), Malformed);
    }

    // Two readings of one token.
    add("alg twice", patched(r#"{"alg":"ES256","alg":"none"}"#, None), Malformed);
    add("alg and Alg", patched(r#"{"alg":"ES256","Alg":"none"}"#, None), Malformed);
    let twice = payload.replacen('{', r#"{"sub":"p-2","#, 1);
    add("sub twice", patched(r#"{"alg":"ES256","kid":"es"}"#, Some(&twice)), Malformed);
    add("padding", format!("{good}="), Malformed);
    add("a line break", format!("{good}\n"), Malformed);
    add("a blank in front", format!(" {good}"), Malformed);
    add("a fourth part", format!("{good}.AA"), Malformed);
    add("two parts", format!("{}.{}", parts[0], parts[1]), Malformed);
    add("an encrypted token's five parts", format!("{good}.AA.AA"), Malformed);
    add("plain base64", good.replace('-', "+").replace('_', "/") + "+/", Malformed);
    add("empty", String::new(), Malformed);
    add("only dots", "..".into(), Malformed);
    add("a header that is no JSON", format!("AAAA.{}.{}", parts[1], parts[2]), Malformed);
    add("a payload that is no JSON", format!("{}.AAAA.{}", parts[0], parts[2]), Malformed);
    add("JSON after the header", patched(r#"{"alg":"ES256","kid":"es"} {}"#, None), Malformed);
    add("over 8 KiB", format!("{good}{}", "A".repeat(8 << 10)), Malformed);
    let unused = {
        // 86 characters hold 64 bytes and four bits that encode nothing.
        let (head, last) = good.split_at(good.len() - 1);
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let at = alphabet.find(last).unwrap();
        format!("{head}{}", alphabet.chars().nth(at + 1).unwrap())
    };
    add("the same signature, spelt otherwise", unused, Malformed);

    // Signatures that are none.
    let signed = |signature: &[u8]| {
        format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode(signature))
    };
    add("r and s zero", signed(&[0; 64]), Signature);
    add("r and s all ones", signed(&[0xff; 64]), Signature);
    add("half a signature", signed(&[1; 32]), Signature);
    add("a signature in DER", signed(&[0x30, 6, 2, 1, 1, 2, 1, 1]), Signature);
    add(
        "trailing bytes",
        signed(&[&URL_SAFE_NO_PAD.decode(parts[2]).unwrap()[..], &[0]].concat()),
        Signature,
    );
    let admin = payload.replace("p-1", "p-2");
    add("another player", patched(r#"{"alg":"ES256","kid":"es"}"#, Some(&admin)), Signature);

    // Good signatures under claims that do not count.
    let sign = |change: &dyn Fn(&mut JWTClaims<NoCustomClaims>)| {
        let mut claims = claims();
        change(&mut claims);
        issuer.es.sign(claims).unwrap()
    };
    let at = |seconds: u64| Some(Duration::from_secs(seconds));
    add("expired", sign(&|c| c.expires_at = at(NOW - 60)), Expired);
    add("never expires", sign(&|c| c.expires_at = None), Expired);
    add("from the future", sign(&|c| c.issued_at = at(NOW + 61)), NotYetValid);
    add("not yet", sign(&|c| c.invalid_before = at(NOW + 61)), NotYetValid);
    add("for years", sign(&|c| c.expires_at = at(NOW + 86_401)), Lifetime);
    add("no issue date", sign(&|c| c.issued_at = None), Lifetime);
    add("another issuer", sign(&|c| c.issuer = Some("https://evil.example".into())), Issuer);
    add("no issuer", sign(&|c| c.issuer = None), Issuer);
    add("issuer with a slash", sign(&|c| c.issuer = Some("https://casino.test/".into())), Issuer);
    add("another audience", sign(&|c| c.audiences = None), Audience);
    all.push(("no UTF-8".to_owned(), vec![0xff; 40], Malformed));
    all
}

#[test]
fn no_attack_is_believed() {
    let attacks = attacks();
    assert!(attacks.len() >= 60, "{} attacks", attacks.len());
    for (name, token, refusal) in attacks {
        assert_eq!(judge(&token), Err(refusal), "{name}");
    }
}

#[test]
fn no_bad_key_is_taken() {
    let es = &issuer().documents[0];
    let with = |member: &str| format!(r#"{{{member},{}"#, es.trim_start_matches('{'));
    let small = r#"{"kty":"RSA","e":"AQAB","alg":"RS256","n":"ALx"}"#.to_owned();
    for (name, jwk) in [
        ("a shared secret", r#"{"kty":"oct","alg":"HS256","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#.to_owned()),
        ("RSA of a few bits", small),
        ("a point off the curve", r#"{"kty":"EC","crv":"P-256","alg":"ES256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1"}"#.to_owned()),
        ("the point at infinity", r#"{"kty":"EC","crv":"P-256","alg":"ES256","x":"","y":""}"#.to_owned()),
        ("a private key", issuer().es.to_jwk()),
        ("a key for encryption", es.replace("\"sig\"", "\"enc\"")),
        ("another curve", es.replace("P-256", "P-384")),
        ("another algorithm", es.replace("ES256", "RS256")),
        ("an algorithm nobody wants", es.replace("ES256", "none")),
        ("a member twice", with(r#""kty":"EC""#)),
    ] {
        let set = format!(r#"{{"keys": [{jwk}]}}"#);
        let keys = Keys::from_jwks(set.as_bytes(), &Alg::ALL);
        assert!(keys.is_none(), "{name}: {jwk}");
    }
    for document in ["", "[]", "{}", r#"{"keys": {}}"#, r#"{"keys": []}"#, r#"{"keys": [1]}"#] {
        assert!(Keys::from_jwks(document.as_bytes(), &Alg::ALL).is_none(), "{document}");
    }
    let many = vec![es.as_str(); 65].join(",");
    assert!(Keys::from_jwks(format!(r#"{{"keys": [{many}]}}"#).as_bytes(), &Alg::ALL).is_none());
}

proptest! {
    #[test]
    fn nothing_but_the_token_itself_is_believed(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let good = good();
        let mut token = good.clone().into_bytes();
        let at = at.index(token.len());
        token[at] ^= 1 << bit;
        prop_assert!(judge(&token).is_err());
    }

    #[test]
    fn no_bytes_are_believed_or_panic(token in "[A-Za-z0-9_.-]{0,200}") {
        prop_assert!(judge(token.as_bytes()).is_err());
    }
}

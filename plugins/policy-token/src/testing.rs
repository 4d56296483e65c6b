//! An issuer for tests, and a corpus of forged and malformed tokens. Each must be refused for its own reason:
//! a check that is skipped shows as another reason, or as a pass.
//!
//! Every policy that reads tokens is tested with the same corpus, natively and as `.wasm`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // for tests

pub mod rfc;

use std::collections::BTreeMap;

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine;
use jwt_simple::prelude::*;
use p256::ecdsa::signature::Signer;
use serde_json::{json, Value};

use crate::alg::Alg;
use crate::refusal::{LimitingClaim, Refusal};

/// `iss` of its tokens.
pub const ISSUER: &str = "https://casino.test";
/// `aud` of its tokens.
pub const AUDIENCE: &str = "casino-api";
/// Algorithms of its keys.
pub const ALGORITHMS: [Alg; 3] = [Alg::Es256, Alg::Rs256, Alg::EdDsa];
/// Most seconds from `iat` to `exp` that the attacks expect to be allowed.
pub const MAX_LIFETIME: u64 = 86_400;

/// An issuer with one new key per algorithm.
#[derive(Debug)]
pub struct Forge {
    now: u64,
    es: ES256KeyPair,
    rs: RS256KeyPair,
    ps: PS256KeyPair,
    ed: Ed25519KeyPair,
    kids: [String; 3],
}

/// A token that must be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    /// What it tries.
    pub name: String,
    /// The token.
    pub token: Vec<u8>,
    /// Why it is refused.
    pub refusal: Refusal,
}

fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

impl Forge {
    /// An issuer at `now`, in seconds since the epoch, with the key ids `es`, `rs` and `ed`.
    pub fn at(now: u64) -> Self {
        Self::with_suffix(now, "")
    }

    /// An issuer whose key ids have a suffix, as after a rotation.
    pub fn with_suffix(now: u64, suffix: &str) -> Self {
        let kids = ["es", "rs", "ed"].map(|kid| format!("{kid}{suffix}"));
        let rs = RS256KeyPair::generate(2048).unwrap().with_key_id(&kids[1]);
        Self {
            now,
            es: ES256KeyPair::generate().with_key_id(&kids[0]),
            ps: PS256KeyPair::from_der(&rs.to_der().unwrap()).unwrap().with_key_id(&kids[1]),
            rs,
            ed: Ed25519KeyPair::generate().with_key_id(&kids[2]),
            kids,
        }
    }

    /// Its public keys, each as a JWK.
    pub fn documents(&self) -> [String; 3] {
        let [es, rs, ed] = &self.kids;
        [
            self.es.public_key().with_key_id(es).to_jwk(),
            self.rs.public_key().with_key_id(rs).to_jwk(),
            self.ed.public_key().with_key_id(ed).to_jwk(),
        ]
    }

    /// Its key set.
    pub fn jwks(&self) -> String {
        format!(r#"{{"keys": [{}]}}"#, self.documents().join(","))
    }

    /// Its ES256 key with the private part.
    pub fn private_jwk(&self) -> String {
        self.es.to_jwk()
    }

    /// The claims of a token that is valid for ten minutes.
    pub fn claims(&self) -> Value {
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "iat": self.now, "exp": self.now + 600,
            "sub": "p-1", "brand": "lucky-otter", "sid": "s-1", "kyc_level": "full",
            "auth_time": self.now,
        })
    }

    /// The claims of a valid token with some members replaced; `null` removes one.
    pub fn claims_with(&self, changes: &Value) -> Value {
        let mut claims = self.claims();
        let members = claims.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(members.remove(name)),
                value => drop(members.insert(name.clone(), value.clone())),
            }
        }
        claims
    }

    /// A token of these claims.
    pub fn sign(&self, alg: Alg, claims: &Value) -> String {
        let claims = typed(claims);
        match alg {
            Alg::Es256 => self.es.sign(claims),
            Alg::Rs256 => self.rs.sign(claims),
            Alg::Ps256 => self.ps.sign(claims),
            Alg::EdDsa => self.ed.sign(claims),
            other => panic!("no key for {}", other.name()),
        }
        .unwrap()
    }

    /// A token of this header and this payload, byte for byte, signed with its ES256 key.
    pub fn sign_text(&self, header: &str, payload: &str) -> String {
        sign_with(&self.es, header, payload)
    }

    /// A token of these claims and further header members, signed with its ES256 key: `jwt-simple` supports
    /// neither fractional dates nor further headers.
    pub fn sign_as_is(&self, header: &Value, claims: &Value) -> String {
        let mut whole = json!({"alg": "ES256", "kid": self.kids[0], "typ": "JWT"});
        let more = header.as_object().unwrap().clone();
        whole.as_object_mut().unwrap().extend(more);
        self.sign_text(&whole.to_string(), &claims.to_string())
    }

    /// A valid token, signed with ES256.
    pub fn good(&self) -> String {
        self.sign(Alg::Es256, &self.claims())
    }

    /// A token of these parts with the signature of a valid one.
    fn patched(&self, header: &str, payload: Option<&str>) -> String {
        let good = self.good();
        let parts: Vec<&str> = good.split('.').collect();
        let payload = payload.map_or(parts[1].to_owned(), encode);
        format!("{}.{payload}.{}", encode(header), parts[2])
    }

    /// The corpus, for an issuer without a suffix.
    pub fn attacks(&self) -> Vec<Attack> {
        use Refusal::{
            Algorithm, Audience, Expired, Issuer, KeyUnknown, Lifetime, Malformed, NotYetValid,
            Signature,
        };
        let issuer = self;
        let good = self.good();
        let claims = || typed(&self.claims());
        let patched = |header: &str, payload: Option<&str>| self.patched(header, payload);
        let documents = self.documents();
        let parts: Vec<&str> = good.split('.').collect();
        let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        let mut all: Vec<Attack> = Vec::new();
        let mut add = |name: &str, token: String, refusal| {
            all.push(Attack { name: name.to_owned(), token: token.into_bytes(), refusal });
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
        add(
            "none, no signature",
            format!("{}.{}.", encode(r#"{"alg":"none"}"#), parts[1]),
            Algorithm,
        );

        // Another algorithm than the key's: RSA's public key as a shared secret, PSS for PKCS#1.
        for (name, secret) in [
            ("DER", issuer.rs.public_key().to_der().unwrap()),
            ("PEM", issuer.rs.public_key().to_pem().unwrap().into_bytes()),
            ("JWK", documents[1].clone().into_bytes()),
        ] {
            let forged =
                HS256Key::from_bytes(&secret).with_key_id("rs").authenticate(claims()).unwrap();
            add(&format!("HS256 with the public key as {name}"), forged, Algorithm);
        }
        let zeros =
            HS256Key::from_bytes(&[0; 32]).with_key_id("es").authenticate(claims()).unwrap();
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
        // Headers that contain or reference a key are ignored.
        let other = ES256KeyPair::generate();
        let own = other.public_key().with_key_id("es").to_jwk();
        for (name, value) in [
            ("jwk", own.as_str()),
            ("jku", r#""https://evil.example/jwks.json""#),
            ("x5u", r#""https://evil.example/cert.pem""#),
            ("x5c", r#"["MIIB"]"#),
            ("x5t", r#""AAAA""#),
        ] {
            for (kid, refusal) in [("es", Signature), ("x", KeyUnknown)] {
                let header = format!(r#"{{"alg":"ES256","kid":"{kid}","{name}":{value}}}"#);
                let forged = sign_with(&other, &header, &payload);
                add(&format!("header {name}, another key, kid {kid}"), forged, refusal);
            }
        }
        for (name, value) in [
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
            // 86 characters encode 64 bytes and four unused bits.
            let (head, last) = good.split_at(good.len() - 1);
            let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let at = alphabet.find(last).unwrap();
            format!("{head}{}", alphabet.chars().nth(at + 1).unwrap())
        };
        add("the same signature, spelt otherwise", unused, Malformed);

        // Invalid signatures.
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

        // Valid signatures of claims that are refused.
        let sign = |changes: Value| self.sign(Alg::Es256, &self.claims_with(&changes));
        let now = self.now;
        add("expired", sign(json!({"exp": now - 60})), Expired);
        add("never expires", sign(json!({"exp": null})), Expired);
        add("from the future", sign(json!({"iat": now + 120})), NotYetValid);
        add("not yet", sign(json!({"nbf": now + 120})), NotYetValid);
        add("for years", sign(json!({"exp": now + MAX_LIFETIME + 1})), Lifetime);
        add("no issue date", sign(json!({"iat": null})), Lifetime);
        add("another issuer", sign(json!({"iss": "https://evil.example"})), Issuer);
        add("no issuer", sign(json!({"iss": null})), Issuer);
        add("issuer with a slash", sign(json!({"iss": "https://casino.test/"})), Issuer);
        add("another audience", sign(json!({"aud": null})), Audience);
        let as_is = |changes: Value| {
            let mut claims = self.claims();
            claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            self.sign_as_is(&json!({}), &claims)
        };
        let late = now as f64 - 60.0 + 0.75;
        add("expired within a second", as_is(json!({"exp": late})), Expired);
        // Far enough in the future for tests with a real gateway, which take a while.
        let soon = now as f64 + 120.25;
        add("not yet, with a fraction", as_is(json!({"nbf": soon})), NotYetValid);
        add("from the future, with a fraction", as_is(json!({"iat": soon})), NotYetValid);
        add("expires null", as_is(json!({"exp": null})), Expired);
        add("issued null", as_is(json!({"iat": null})), Lifetime);
        add("for null", as_is(json!({"aud": null})), Audience);
        let date = "2026-09-21T12:01:01.180Z";
        for (claim, value, named) in [
            ("exp", json!(date), LimitingClaim::Exp),
            ("exp", json!(now.to_string()), LimitingClaim::Exp),
            ("exp", json!(1e99), LimitingClaim::Exp),
            ("nbf", json!(date), LimitingClaim::Nbf),
            ("iat", json!(date), LimitingClaim::Iat),
            ("aud", json!([AUDIENCE, 7]), LimitingClaim::Aud),
        ] {
            let token = as_is(json!({claim: value}));
            add(&format!("{claim} is {value}"), token, Refusal::Claim(named));
        }
        let name = "no UTF-8".to_owned();
        all.push(Attack { name, token: vec![0xff; 40], refusal: Malformed });
        all
    }
}

/// A token of this header and this payload, byte for byte.
fn sign_with(key: &ES256KeyPair, header: &str, payload: &str) -> String {
    let input = format!("{}.{}", encode(header), encode(payload));
    let key = p256::ecdsa::SigningKey::from_slice(&key.to_bytes()).unwrap();
    let signature: p256::ecdsa::Signature = key.sign(input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// jwt-simple signs claims of its own type only.
fn typed(claims: &Value) -> JWTClaims<BTreeMap<String, Value>> {
    serde_json::from_value(claims.clone()).unwrap()
}

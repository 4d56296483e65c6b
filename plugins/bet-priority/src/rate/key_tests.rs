//! Keys that must differ, and keys that must not.

use super::*;
use crate::rate::fixture::{client, endpoints, request};
use policy_kit::{BodyFormat, Content, Headers};

fn key(parts: &[KeyPart], caller: &Caller<'_, '_>) -> Vec<u8> {
    let endpoints = endpoints();
    let found = endpoints.found(endpoints.classify(caller.method, caller.target));
    let mut out = vec![9];
    assert!(write_key(parts, Absent::Client, &found, caller, &mut out));
    out
}

#[test]
fn keys_differ_as_their_parts_do() {
    let headers = |device: &[u8]| Headers::from_pairs([(&b"x-device"[..], device)]);
    let (device, other, none) = (headers(b"d"), headers(b"e"), Headers::default());
    let long = [b'x'; 300];
    let (long, longer) = (headers(&long[..290]), headers(&long));
    let part = |name: &str| KeyPart::Header(name.to_owned());
    let bare = request("POST", "/bets", &none);
    let player = Caller { player: Some(b"p"), ..bare };
    let id = || KeyPart::Variable("id".to_owned());
    let cashout = |target| request("POST", target, &none);
    use KeyPart::{Brand, Client, Partner, Player, Session};
    let v6 = |text: &str| Caller { client: Some(text.parse().unwrap()), ..bare };
    for (parts, one, other, same) in [
        (vec![Player], player, Caller { player: Some(b"q"), ..bare }, false),
        (vec![Player], player, Caller { session: Some(b"p"), player: None, ..bare }, false),
        (vec![Player], player, Caller { client: Some(client(9)), ..player }, true),
        (vec![Player], player, Caller { brand: None, ..player }, false),
        (vec![Player], bare, Caller { client: Some(client(9)), ..bare }, false),
        (vec![Player, Client], player, Caller { client: Some(client(9)), ..player }, false),
        (
            vec![Player, Session],
            Caller { player: Some(b"ab"), session: Some(b"c"), ..bare },
            Caller { player: Some(b"a"), session: Some(b"bc"), ..bare },
            false,
        ),
        (vec![Brand], bare, Caller { brand: Some("heron"), ..bare }, false),
        (
            vec![Partner],
            Caller { partner: Some(b"hub"), ..bare },
            Caller { partner: Some(b"hub"), claimed: true, ..bare },
            false,
        ),
        (vec![Partner], Caller { partner: Some(b"hub"), claimed: true, ..bare }, bare, true),
        // A client that calls itself what another's absence looks like.
        (vec![part("x-device")], Caller { headers: &device, ..bare }, bare, false),
        (
            vec![part("x-device")],
            Caller { headers: &device, ..bare },
            Caller { headers: &other, ..bare },
            false,
        ),
        (
            vec![part("x-device")],
            Caller { headers: &long, ..bare },
            Caller { headers: &longer, ..bare },
            true,
        ),
        (vec![Client], v6("2001:db8::1"), v6("2001:db8::ffff:1"), true),
        (vec![Client], v6("2001:db8::1"), v6("2001:db8:0:1::1"), false),
        (vec![Client], v6("::ffff:0.0.0.1"), bare, true),
        (vec![Client], bare, Caller { client: None, ..bare }, false),
        (vec![id()], cashout("/bets/7/cashout"), cashout("/bets/8/cashout"), false),
        (vec![id()], cashout("/bets/7/cashout?x=1"), cashout("/bets/7;v=2/cashout"), true),
        (vec![id()], cashout("/bets/a:7/cashout"), cashout("/bets/%61%3a7/cashout"), true),
    ] {
        assert_eq!(key(&parts, &one) == key(&parts, &other), same, "{parts:?} {one:?} {other:?}");
    }
    assert!(key(&[], &bare).is_empty());
}

#[test]
fn values_of_bodies_are_written_one_way() {
    let json = Headers::from_pairs([(&b"content-type"[..], &b"application/json"[..])]);
    let format = BodyFormat::by(&json);
    let of = |body: &str| {
        let content = Content::selecting(body.as_bytes(), format);
        let caller = Caller { body: Some(&content), ..request("POST", "/bets", &json) };
        body_text(&caller, "/m")
    };
    for (body, want) in [
        (r#"{"m": 7}"#, Some("7")),
        (r#"{"m": 7.0}"#, Some("7")),
        (r#"{"m": 70e-1}"#, Some("7")),
        (r#"{"m": "7"}"#, Some("7")),
        (r#"{"m": "\u0037"}"#, Some("7")),
        (r#"{"m": 7.5}"#, Some("7.5")),
        (r#"{"m": -0.0}"#, Some("0")),
        (r#"{"m": true}"#, Some("true")),
        (r#"{"m": null}"#, None),
        (r#"{"m": []}"#, None),
        (r#"{"m": 1, "m": 2}"#, None),
        (r#"{}"#, None),
        ("", None),
    ] {
        assert_eq!(of(body).as_deref(), want, "{body}");
    }
}

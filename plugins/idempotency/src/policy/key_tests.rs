//! Keys by header, by issuer and of several parts.

use super::*;

#[test]
fn reads_keys_from_headers() {
    let (long, longer) = ("k".repeat(255), "k".repeat(256));
    for (values, want) in [
        (&[][..], Err(KeyFault::Missing)),
        (&[""], Err(KeyFault::Missing)),
        (&["\"\""], Err(KeyFault::Missing)),
        (&["8e03978e-40d5-43dd-bc93-6894a57f9324"], Ok("8e03978e-40d5-43dd-bc93-6894a57f9324")),
        (&["\"8e03978e-40d5\""], Ok("8e03978e-40d5")),
        (&["  12345678  "], Ok("12345678")),
        (&[r#""a\"b\\c-1234""#], Ok(r#"a"b\c-1234"#)),
        (&[&long], Ok(&long)),
        (&[&longer], Err(KeyFault::Long)),
        (&["1234567"], Err(KeyFault::Short)),
        (&["\"12345678"], Err(KeyFault::Quotes)),
        (&["\"12345678\";a=1"], Err(KeyFault::Quotes)),
        (&[r#""12345678\n""#], Err(KeyFault::Quotes)),
        (&[r#""12345678\"#], Err(KeyFault::Quotes)),
        (&["1234 5678"], Err(KeyFault::Characters)),
        (&["12345678\u{e9}"], Err(KeyFault::Characters)),
        (&["12345678", "12345678"], Err(KeyFault::Several)),
    ] {
        let key = Key::of_header(values.iter().map(|v| v.as_bytes()));
        assert_eq!(key.as_ref().map(Key::as_str).map_err(|f| *f), want, "{values:?}");
    }
}

#[test]
fn parts_of_a_key_are_kept_apart() {
    let key = |parts: &[&str]| {
        let parts: Vec<_> = parts.iter().map(|p| p.as_bytes()).collect();
        Key::composite(&parts, KeyIssuer::Client)
    };
    assert_ne!(key(&["ab12", "c345"]), key(&["ab1", "2c345"]));
    assert_eq!(key(&["ab12", ""]), Err(KeyFault::Missing));
    assert_eq!(key(&["a b12", "c345"]), Err(KeyFault::Characters));
    assert_eq!(key(&["a", "b"]), Err(KeyFault::Short));
    assert!(key(&["ab12", "c345"]).is_ok());
}

/// A partner that numbers its transactions from one was refused, with its wins and rollbacks: the least
/// length is for clients, whose keys are random.
#[test]
fn partners_issue_keys_of_any_length() {
    let long = "k".repeat(255);
    for (text, client, partner) in [
        ("t-1", Err(KeyFault::Short), Ok("t-1")),
        ("1", Err(KeyFault::Short), Ok("1")),
        (&long, Ok(&*long), Ok(&*long)),
        ("", Err(KeyFault::Missing), Err(KeyFault::Missing)),
        (" ", Err(KeyFault::Characters), Err(KeyFault::Characters)),
        ("t 1", Err(KeyFault::Characters), Err(KeyFault::Characters)),
        ("\u{e9}", Err(KeyFault::Characters), Err(KeyFault::Characters)),
    ] {
        let issued = |issuer| Key::issued_by(issuer, text.as_bytes()).map(|key| key.0);
        assert_eq!(issued(KeyIssuer::Client), client.map(str::to_owned), "{text}");
        assert_eq!(issued(KeyIssuer::Partner), partner.map(str::to_owned), "{text}");
    }
    let parts: [&[u8]; 2] = [b"a", b"b"];
    assert!(Key::composite(&parts, KeyIssuer::Partner).is_ok());
}

//! Which names are counted as one account.

use super::*;
use policy_kit::{BodyFormat, Headers};
use proptest::prelude::*;

#[test]
fn spellings_that_a_casino_takes_for_one_are_one() {
    for (name, want) in [
        ("otter", "otter"),
        ("Otter@Example.COM", "otter@example.com"),
        (" otter\t\n", "otter"),
        ("ot ter", "otter"),
        ("\u{a0}otter\u{2003}", "otter"),
        ("ÓTTËR", "otter"),
        ("o\u{301}tter", "otter"),
        ("ot\u{200b}ter", "otter"),
        ("ot\u{ad}t\u{feff}er", "otter"),
        ("ottеr", "ottеr"), // a Cyrillic е: another account everywhere
        ("ｏｔＴｅｒ", "otter"),
        ("ŁÓDŹ", "lodz"),
        ("Straße", "strase"),
        ("strase", "strase"),
        ("Việt", "viet"),
        ("ẞ", "s"),
        ("\u{212a}elvin", "kelvin"),
        ("ſam", "sam"),
        ("İstanbul", "istanbul"),
        ("ISTANBUL", "istanbul"),
        ("ıstanbul", "istanbul"),
        ("ΣΟΦΙΑΣ", "σοφιασ"),
        ("σοφιας", "σοφιασ"),
        ("ИВАН", "иван"),
        ("Ёлка", "ёлка"),
        ("o\0tter", "otter"),
        ("王", "王"),
        ("\u{7f}\u{200d} ", ""),
    ] {
        assert_eq!(folded(name), want, "{name:?}");
    }
    assert_eq!(LATIN.len(), 0x180 - 0xc0);
    assert_eq!(LATIN_ADDITIONAL.len(), 0x100);
}

proptest! {
    /// Case never makes another account, and folding twice changes nothing.
    #[test]
    fn folding_is_stable(name in "\\PC{0,12}") {
        let once = folded(&name);
        prop_assert_eq!(&folded(&once), &once);
    }

    #[test]
    fn case_never_matters_in_ascii(name in "[ -~]{0,20}") {
        prop_assert_eq!(folded(&name.to_uppercase()), folded(&name.to_lowercase()));
    }
}

#[test]
fn accounts_are_read_from_bodies() {
    let named = |name: &str| Account::Named(name.to_owned());
    for (kind, body, want) in [
        ("application/json", &br#"{"user": {"name": "Otter"}}"#[..], named("otter")),
        ("application/json", br#"{"user": {"name": 70017}}"#, named("70017")),
        ("application/json", br#"{"user": {"name": ""}}"#, Account::Unreadable("account_missing")),
        (
            "application/json",
            br#"{"user": {"name": null}}"#,
            Account::Unreadable("account_missing"),
        ),
        (
            "application/json",
            br#"{"user": {"name": ["a"]}}"#,
            Account::Unreadable("account_missing"),
        ),
        ("application/json", br#"{"user": "otter"}"#, Account::Unreadable("account_missing")),
        (
            "application/json",
            br#"{"user": {"name": "a", "name": "b"}}"#,
            Account::Unreadable("body_twice"),
        ),
        (
            "application/json",
            br#"{"user": {"name": "a", "NAME": "b"}}"#,
            Account::Unreadable("body_twice"),
        ),
        ("application/json", b"", Account::Unreadable("body_empty")),
        ("text/html", b"<a>", Account::Unreadable("body_type")),
    ] {
        let pairs = [(&b"content-type"[..], kind.as_bytes())];
        let format = BodyFormat::by(&Headers::from_pairs(pairs));
        let got = Account::of(&Content::selecting(body, format), "/user/name");
        assert_eq!(got, want, "{}", body.escape_ascii());
    }
}

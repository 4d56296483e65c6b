//! What a table revokes, keeps and drops.

use super::*;
use crate::revocation::mark::Scope;
use proptest::prelude::*;
use std::collections::BTreeMap;

const NOW: u64 = 1_700_000_000;

fn player(id: &str, at: u64) -> Revocation {
    Revocation { mark: Scope::default().player(id), at: u32::try_from(at).unwrap() }
}

fn session(id: &str, at: u64) -> Revocation {
    Revocation { mark: Scope::default().session(id), at: u32::try_from(at).unwrap() }
}

fn token(player: &str, session: Option<&str>, issued: u64) -> TokenMarks {
    TokenMarks::new(("otter", None), player, session, issued)
}

#[test]
fn revokes_earlier_tokens_of_a_player_and_all_of_a_session() {
    let mut table = Table::default();
    table.merge(vec![player("p-1", NOW), session("s-1", NOW)], 0, 10);
    for (who, sid, issued, want) in [
        ("p-1", None, NOW - 1, true),
        ("p-1", None, NOW, false),
        ("p-1", None, NOW + 1, false),
        ("p-1", None, 0, true),
        ("p-1", Some("s-2"), NOW + 1, false),
        ("p-2", Some("s-1"), NOW - 1, true),
        ("p-2", Some("s-1"), NOW + 9, true),
        ("p-2", Some("s-2"), 0, false),
        ("s-1", Some("p-1"), 0, false),
    ] {
        assert_eq!(table.revokes(&token(who, sid, issued)), want, "{who} {sid:?} {issued}");
    }
    assert!(!Table::default().revokes(&token("p-1", Some("s-1"), 0)));
}

/// Two players of one id, and two sessions.
#[test]
fn a_scope_limits_a_revocation() {
    let (all, brand, issuer) = (Scope::default(), Some("otter"), Some("https://a.example"));
    let tokens = [
        ("otter", issuer),
        ("kings", issuer),
        ("otter", Some("https://b.example")),
        ("kings", Some("https://b.example")),
        ("otter", None),
    ];
    for (scope, dead) in [
        (all, [true; 5]),
        (Scope { brand, ..all }, [true, false, true, false, true]),
        (Scope { issuer, ..all }, [true, true, false, false, false]),
        (Scope { brand, issuer }, [true, false, false, false, false]),
    ] {
        for mark in [scope.player("42"), scope.session("s-1")] {
            let mut table = Table::default();
            table.merge(vec![Revocation { mark, at: 1_700_000_000 }], 0, 10);
            let shared = Table::read(&table.bytes()).unwrap();
            let mut other = Table::default();
            other.merge(shared, 0, 10);
            let revokes = |table: &Table| {
                tokens.map(|(brand, issuer)| {
                    table.revokes(&TokenMarks::new((brand, issuer), "42", Some("s-1"), NOW - 1))
                })
            };
            assert_eq!((revokes(&table), revokes(&other)), (dead, dead), "{scope:?}");
        }
    }
}

#[test]
fn the_later_of_two_is_kept_in_any_order() {
    for pages in [[NOW, NOW + 9], [NOW + 9, NOW]] {
        let mut table = Table::default();
        let grown = pages.map(|at| table.merge(vec![player("p", at)], 0, 10).grown);
        assert_eq!(grown, [true, pages[1] > pages[0]]);
        assert_eq!(table.revocations.len(), 1);
        assert!(table.revokes(&token("p", None, NOW + 8)));
        let mut at_once = Table::default();
        at_once.merge(pages.map(|at| player("p", at)).into(), 0, 10);
        assert_eq!(at_once, table);
    }
}

#[test]
fn revocations_before_the_horizon_are_dropped() {
    let mut table = Table::default();
    table.merge(vec![player("old", NOW - 10), player("new", NOW)], NOW - 10, 10);
    assert_eq!(table.revocations.len(), 2);
    assert_eq!(table.merge(vec![player("ancient", NOW - 11)], NOW - 9, 10), Merged::default());
    assert_eq!(table.revocations.len(), 1);
    assert!(table.revokes(&token("new", None, 0)));
}

#[test]
fn an_overflow_is_reported_and_keeps_the_latest() {
    let mut table = Table::default();
    let players: Vec<String> = (0..100).map(|n| format!("p-{n}")).collect();
    let revocations =
        players.iter().enumerate().map(|(n, id)| player(id, NOW + n as u64)).collect();
    assert_eq!(table.merge(revocations, 0, 60), Merged { grown: true, overflown: true });
    assert_eq!(table.revocations.len(), 60);
    for (n, id) in players.iter().enumerate() {
        assert_eq!(table.revokes(&token(id, None, 0)), n >= 40, "{id}");
    }
    let exactly = table.merge(vec![player("p-99", NOW + 500)], 0, 60);
    assert_eq!(exactly, Merged { grown: true, overflown: false });
}

#[test]
fn an_overflow_within_one_second_keeps_as_many_as_fit() {
    for at in [0, NOW, u64::from(u32::MAX)] {
        let mut table = Table::default();
        let revocations = (0..9).map(|n| player(&n.to_string(), at)).collect();
        assert_eq!(table.merge(revocations, 0, 4), Merged { grown: true, overflown: true });
        assert_eq!(table.revocations.len(), 4, "{at}");
    }
}

#[test]
fn rejects_tables_of_another_length() {
    for length in [1, 19, 21, 39] {
        assert_eq!(Table::read(&vec![0; length]), None, "{length}");
    }
    assert_eq!(Table::read(&[]), Some(Vec::new()));
}

proptest! {
    #[test]
    fn agrees_with_a_map(
        pages in prop::collection::vec(prop::collection::vec((0u8..20, 0u32..50), 0..20), 0..6),
        horizon in 0u64..50,
    ) {
        let (mut table, mut naive) = (Table::default(), BTreeMap::new());
        for page in pages {
            let entry = |(mark, at): &(u8, u32)| Revocation { mark: [*mark; 16], at: *at };
            table.merge(page.iter().map(entry).collect(), horizon, 100);
            for (mark, at) in page.iter().filter(|(_, at)| u64::from(*at) >= horizon) {
                let known = naive.entry(*mark).or_insert(*at);
                *known = (*known).max(*at);
            }
        }
        let want: Vec<_> = naive.iter().map(|(mark, at)| Revocation { mark: [*mark; 16], at: *at }).collect();
        prop_assert_eq!(&table.revocations, &want);
        prop_assert_eq!(Table::read(&table.bytes()), Some(want));
    }
}

/// Another module of the same VM id may write anything into shared data.
#[test]
fn fuzz_any_bytes_are_a_table_or_none() {
    fuzz::run("table", &[&[7; SIZE * 2][..], b""], &[], |bytes| {
        if let Some(revocations) = Table::read(bytes) {
            assert_eq!(revocations.len() * SIZE, bytes.len());
        }
    });
}

#[test]
fn fuzz_a_page_has_a_cursor_or_is_none() {
    use crate::revocation::owners::Owners;
    use crate::revocation::page::{read, Page};
    use policy_kit::{CallReply, Headers};
    let page = br#"{"revocations":[{"player":"p-1","revoked_at":1772470000}],"cursor":"c-2","more":false}"#;
    let words = ["\"session\":\"s\",", "1e99", "-1", "null", "\"cursor\":\"\",", "[", "{}"];
    fuzz::run("page", &[&page[..]], &words, |body| {
        let headers = Headers::default();
        let reply = CallReply::Response { status: 200, headers, body: body.to_vec(), cut: false };
        if let Page::Read { cursor, .. } = read(&reply, &Owners::default()) {
            assert!(!cursor.is_empty());
        }
    });
}

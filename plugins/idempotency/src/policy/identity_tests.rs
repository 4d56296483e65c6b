//! What belongs to a scope.

use super::*;

#[test]
fn every_part_of_a_scope_counts() {
    let key = |text: &str| Key::of_text(text.as_bytes()).unwrap();
    let owner = Owner::new("otter", "player", "p-1");
    let first = Scope::new(&owner, b"POST", "/bets", &key("12345678"));
    for (owner, method, template, text) in [
        (Owner::new("kings", "player", "p-1"), &b"POST"[..], "/bets", "12345678"),
        (Owner::new("otter", "partner", "p-1"), b"POST", "/bets", "12345678"),
        (Owner::new("otter", "player", "p-2"), b"POST", "/bets", "12345678"),
        (Owner::new("otterp", "layer", "p-1"), b"POST", "/bets", "12345678"),
        (owner, b"PUT", "/bets", "12345678"),
        (owner, b"POST", "/bets/", "12345678"),
        (owner, b"POST", "/bets", "12345679"),
    ] {
        assert_ne!(Scope::new(&owner, method, template, &key(text)), first);
    }
    assert_eq!(Scope::new(&owner, b"POST", "/bets", &key("12345678")), first);
    let of = |method, template| Scope::new(&owner, method, template, &key("12345678"));
    assert_eq!(of(b"POST", "/bets/{bet}/cashout"), of(b"POST", "/bets/{id}/cashout"));
    assert_ne!(of(b"POST", "/bets/{bet}/cashout"), of(b"POST", "/bets/{bet}/close"));
    for (kind, part) in [("player", Part::Players), ("partner", Part::Partners)] {
        for number in 0..8 {
            let owner = Owner::new("otter", kind, &number.to_string());
            let scope = Scope::new(&owner, b"POST", "/bets", &key("12345678"));
            assert_eq!((owner.part(), scope.part()), (part, part));
        }
    }
    assert_eq!(of(b"HEAD", "/bets"), of(b"GET", "/bets"));
}

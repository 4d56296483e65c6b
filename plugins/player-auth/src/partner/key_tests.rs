//! Requests with keys, from networks, and with classes that the body selects: which pass, with which proof.

use crate::tests::partner_gateway::{check, rsa, timed, BODY, HOME};

#[test]
fn keys_and_networks_pass_with_the_partners_proof() {
    let (_, text, hub) = rsa();
    let (now, late) = ("1800000000", "1799999699");
    let timed_late = timed(late);
    let (far, inside) = ("198.51.100.7", "10.1.2.3");
    check(&[
        // A key.
        (far, "/win", &[("x-api-key", "live")], BODY, "pass", "shop", "key"),
        (far, "/win", &[("x-api-key", "ended")], BODY, "partner_unknown", "", ""),
        (far, "/win", &[("x-api-key", "other")], BODY, "partner_unknown", "", ""),
        (far, "/win", &[("x-api-key", "")], BODY, "partner_unknown", "", ""),
        (
            far,
            "/win",
            &[("x-api-key", "live"), ("x-api-key", "live")],
            BODY,
            "credential_conflict",
            "",
            "",
        ),
        (far, "/wallet", &[("x-api-key", "live")], BODY, "pass", "shop", "key"),
        (far, "/psp", &[("x-api-key", "live")], BODY, "partner_not_allowed", "", ""),
        (far, "/win", &[("x-test-key", "live")], BODY, "partner_environment", "", ""),
        (
            far,
            "/win",
            &[("x-api-key", "live"), ("x-hub", &hub)],
            &text,
            "credential_conflict",
            "",
            "",
        ),
        // A key from the partner's network.
        (HOME, "/win?key=kiosk%20key", &[], BODY, "pass", "kiosk", "network"),
        (far, "/win?key=kiosk+key", &[], BODY, "partner_network", "", ""),
        (HOME, "/only?key=kiosk+key", &[], BODY, "pass", "kiosk", "network"),
        (HOME, "/only", &[("x-api-key", "live")], BODY, "partner_not_allowed", "", ""),
        (HOME, "/win?key=kiosk+key", &[("x-api-key", "live")], BODY, "credential_conflict", "", ""),
        (HOME, "/wallet?key=kiosk+key", &[], BODY, "partner_not_allowed", "", ""),
        // A network alone.
        (inside, "/win", &[], BODY, "pass", "house", "network"),
        (inside, "/psp", &[], BODY, "partner_not_allowed", "", ""),
        // The network does not make up for a refused credential.
        (
            inside,
            "/win",
            &[("x-stripe", &timed_late), ("x-time", late)],
            BODY,
            "partner_timestamp",
            "",
            "",
        ),
        (
            inside,
            "/win",
            &[("x-stripe", "v1=?"), ("x-time", now)],
            BODY,
            "partner_signature",
            "",
            "",
        ),
        (inside, "/win", &[("x-sign", "zz")], BODY, "partner_network", "", ""),
        (inside, "/win", &[("x-api-key", "other")], BODY, "partner_unknown", "", ""),
        (inside, "/win?key=other", &[], BODY, "partner_unknown", "", ""),
        // Credentials of partners with other paths are ignored.
        (inside, "/win", &[("x-psp", "zz"), ("x-one", "one-1")], BODY, "pass", "house", "network"),
        (far, "/win", &[], BODY, "partner_unknown", "", ""),
        (inside, "/win", &[("x-api-key", "live")], BODY, "pass", "shop", "key"),
        // The body selects the class.
        (HOME, "/select", &[("x-one", "one-1")], BODY, "pass", "one", "network"),
        (
            HOME,
            "/select",
            &[("x-one", "one-1")],
            r#"{"type": "balance"}"#,
            "pass",
            "one",
            "network",
        ),
        (
            HOME,
            "/select",
            &[("x-one", "one-1")],
            r#"{"type": "bet"}"#,
            "partner_not_allowed",
            "one",
            "network",
        ),
        (HOME, "/select", &[("x-one", "one-1")], "{}", "endpoint_unclassified", "one", "network"),
        (HOME, "/select", &[("x-one", "one-2")], BODY, "partner_unknown", "", ""),
        (far, "/select", &[("x-one", "one-1")], BODY, "partner_network", "", ""),
        // A player's endpoint needs a token.
        (far, "/bets", &[("x-api-key", "live")], BODY, "token_missing", "", ""),
    ]);
}

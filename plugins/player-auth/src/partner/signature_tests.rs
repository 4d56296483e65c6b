//! Requests that partners sign: which pass, with which proof.

use base64::engine::general_purpose::STANDARD;
use base64::Engine;

use crate::tests::partner_gateway::{check, digits, mac, rsa, timed, BODY, HOME};

#[test]
fn signed_requests_pass_with_the_partners_proof() {
    let (bee, second) = (digits(&mac("bee-secret", BODY)), digits(&mac("bee-secret-2", BODY)));
    let (psp, tame) = (digits(&mac("psp-secret", BODY)), digits(&mac("tame-secret", BODY)));
    let upper = bee.to_uppercase();
    let (_, text, hub) = rsa();
    let other = STANDARD.encode(mac("psp-secret", BODY));
    let (now, late) = ("1800000000", "1799999699");
    let (timed_now, timed_late) = (timed(now), timed(late));
    let (ms, edge) = ("1800000300999", "1799999700");
    let (timed_ms, timed_edge) = (timed(ms), timed(edge));
    let flipped = format!("{BODY} ");
    let far = "198.51.100.7";
    check(&[
        // A signature over the body.
        (far, "/win", &[("x-hub", &hub)], &text, "pass", "hub", "signature"),
        (far, "/win", &[("x-hub", &hub)], BODY, "partner_signature", "hub", "claimed"),
        (far, "/win", &[("x-hub", &other)], BODY, "partner_signature", "hub", "claimed"),
        (HOME, "/win", &[("x-sign", &bee)], BODY, "pass", "bee", "signature"),
        (HOME, "/win", &[("x-sign", &second)], BODY, "pass", "bee", "signature"),
        (HOME, "/win", &[("x-sign", &upper)], BODY, "pass", "bee", "signature"),
        (HOME, "/win", &[("x-sign", &bee)], &flipped, "partner_signature", "bee", "claimed"),
        (HOME, "/win", &[("x-sign", &psp)], BODY, "partner_signature", "bee", "claimed"),
        (HOME, "/win", &[("x-sign", &bee[..62])], BODY, "partner_signature", "bee", "claimed"),
        (HOME, "/win", &[("x-sign", &bee)], "", "partner_signature", "bee", "claimed"),
        (HOME, "/win", &[("x-sign", "zz")], BODY, "partner_signature", "", ""),
        (HOME, "/win", &[("x-sign", "")], BODY, "partner_signature", "", ""),
        (far, "/win", &[("x-sign", &bee)], BODY, "partner_network", "", ""),
        ("no address", "/win", &[("x-sign", &bee)], BODY, "partner_network", "", ""),
        (HOME, "/win", &[("x-sign", &bee), ("x-sign", &bee)], BODY, "credential_conflict", "", ""),
        (HOME, "/win", &[("x-sign", &bee), ("x-hub", &hub)], BODY, "credential_conflict", "", ""),
        (HOME, "/psp", &[("x-sign", &bee)], BODY, "partner_not_allowed", "", ""),
        (far, "/psp", &[("x-psp", &psp)], BODY, "pass", "psp", "signature"),
        (far, "/psp", &[("x-psp", &bee)], BODY, "partner_signature", "psp", "claimed"),
        // With a signed time.
        (
            far,
            "/win",
            &[("x-stripe", &timed_now), ("x-time", now)],
            BODY,
            "pass",
            "stripe",
            "signature",
        ),
        (
            far,
            "/win",
            &[("x-stripe", &timed_ms), ("x-time", ms)],
            BODY,
            "pass",
            "stripe",
            "signature",
        ),
        (
            far,
            "/win",
            &[("x-stripe", &timed_edge), ("x-time", edge)],
            BODY,
            "pass",
            "stripe",
            "signature",
        ),
        (
            far,
            "/win",
            &[("x-stripe", &timed_late), ("x-time", late)],
            BODY,
            "partner_timestamp",
            "",
            "",
        ),
        (far, "/win", &[("x-stripe", &timed_now)], BODY, "partner_timestamp", "", ""),
        (
            far,
            "/win",
            &[("x-stripe", &timed_now), ("x-time", "x")],
            BODY,
            "partner_timestamp",
            "",
            "",
        ),
        (
            far,
            "/win",
            &[("x-stripe", &timed_now), ("x-time", edge)],
            BODY,
            "partner_signature",
            "stripe",
            "claimed",
        ),
        (
            far,
            "/win",
            &[("x-stripe", &timed_now[3..]), ("x-time", now)],
            BODY,
            "partner_signature",
            "",
            "",
        ),
        // A key id from the partner's network is exempt, but the body must be signed all the same.
        (HOME, "/win", &[("x-tame", "tame-1"), ("x-sign", &tame)], BODY, "pass", "tame", "network"),
        (
            HOME,
            "/win",
            &[("x-tame", "tame-1"), ("x-sign", &bee)],
            BODY,
            "partner_signature",
            "tame",
            "network",
        ),
        (
            HOME,
            "/win",
            &[("x-tame", "tame-1"), ("x-sign", &tame), ("x-hub", &hub)],
            BODY,
            "credential_conflict",
            "",
            "",
        ),
        (far, "/win", &[("x-tame", "tame-1"), ("x-sign", &tame)], BODY, "partner_network", "", ""),
    ]);
}

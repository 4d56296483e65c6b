//! The status of each refusal by recipient.

use super::*;

/// The status of each refusal for a settlement and for a bet: a request that may be owed money gets no
/// final 4xx.
#[test]
fn settlement_refusals_are_retryable() {
    let mut all = Vec::new();
    for (denial, settlement, wager) in [
        (KEY_MISSING, 503, 400),
        (KEY_MALFORMED, 503, 400),
        (BODY_UNREADABLE, 503, 400),
        (BODY_UNSUPPORTED, 503, 415),
        (STREAM, 400, 400),
        (OWNER_UNKNOWN, 503, 403),
        (BRAND_UNKNOWN, 503, 503),
        (IN_PROGRESS, 503, 409),
        (OUTCOME_UNKNOWN, 503, 409),
        (ANSWER_UNAVAILABLE, 409, 409),
        (DUPLICATE_BET, 503, 409),
        (KEY_REUSED, 422, 422),
        (QUOTA, 503, 429),
        (UNAVAILABLE, 503, 503),
        (Denial::UNCLASSIFIED, 503, 403),
        (Denial::BODY_TOO_LARGE, 503, 413),
        (Denial::POLICY_UNAVAILABLE, 503, 503),
    ] {
        let of = |class, is_partner| for_recipient(denial, class, is_partner).status;
        assert_eq!(of(EndpointClass::Settlement, true), settlement, "{}", denial.code);
        assert_eq!(of(EndpointClass::Settlement, false), settlement, "{}", denial.code);
        assert_eq!(of(EndpointClass::Wager, false), wager, "{}", denial.code);
        let partners = if denial == QUOTA { 503 } else { wager };
        assert_eq!(of(EndpointClass::Wager, true), partners, "{}", denial.code);
        all.push(denial);
    }
    assert_eq!(all, ALL);
}

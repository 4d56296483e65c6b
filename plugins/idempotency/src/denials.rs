//! What this plugin can refuse, a closed set. A code never changes its meaning.

use policy_kit::{Denial, EndpointClass, Unread};

/// A call that needs a key, without one.
pub const KEY_MISSING: Denial = Denial {
    status: 400,
    code: "idempotency_key_missing",
    title: "This call needs an idempotency key.",
};
/// A key that is none, or more than one.
pub const KEY_MALFORMED: Denial = Denial {
    status: 400,
    code: "idempotency_key_malformed",
    title: "The idempotency key is not one key of visible characters, 255 at most.",
};
/// Members of the body are looked for, and it does not tell them the same to everybody.
pub const BODY_UNREADABLE: Denial = Denial {
    status: 400,
    code: "idempotency_body_unreadable",
    title: "The request body could not be read.",
};
/// Members of the body are looked for, and it is of a type, or compressed in a way, that is not read here.
pub const BODY_UNSUPPORTED: Denial = Denial {
    status: 415,
    code: "idempotency_body_unsupported",
    title: "A request body of this type cannot be read here.",
};
/// A stream (an upgrade, gRPC) where one answer belongs to one call.
pub const STREAM: Denial = Denial {
    status: 400,
    code: "idempotency_stream",
    title: "This call cannot be made on a stream.",
};
/// Neither a player nor a proven partner, so nobody whose key it could be.
pub const OWNER_UNKNOWN: Denial = Denial {
    status: 403,
    code: "idempotency_owner_unknown",
    title: "It is not known who makes this call.",
};
/// A proven partner on a host of no brand: under another brand, and under none, the same key would be
/// another one. What is refused may be owed, and the hole is in the map of brands.
pub const BRAND_UNKNOWN: Denial = Denial {
    status: 503,
    code: "idempotency_brand_unknown",
    title: "It is not known which brand this call is for.",
};
/// The first attempt is under way.
pub const IN_PROGRESS: Denial = Denial {
    status: 409,
    code: "idempotency_in_progress",
    title: "The same call is being carried out. Try again shortly.",
};
/// The first attempt may have taken effect, and nobody can tell. It is not carried out again.
pub const OUTCOME_UNKNOWN: Denial = Denial {
    status: 409,
    code: "outcome_unknown",
    title: "It is not known whether the first attempt took effect.",
};
/// The call is over, and its answer cannot be told again: too long, not kept, or in an encoding that
/// this client does not take.
pub const ANSWER_UNAVAILABLE: Denial = Denial {
    status: 409,
    code: "idempotency_answer_unavailable",
    title: "The call was carried out before. Its answer is no longer available.",
};
/// The same bet of the same player under another key, moments ago.
pub const DUPLICATE_BET: Denial =
    Denial { status: 409, code: "duplicate_bet", title: "The same bet was placed moments ago." };
/// Another call was made under this key.
pub const KEY_REUSED: Denial = Denial {
    status: 422,
    code: "idempotency_key_reused",
    title: "This idempotency key belongs to another call.",
};
/// This player or partner holds as many keys as one may.
pub const QUOTA: Denial = Denial {
    status: 429,
    code: "idempotency_quota",
    title: "Too many calls are remembered for you. Try again later.",
};
/// The store could not be used, so nothing was carried out.
pub const UNAVAILABLE: Denial = Denial {
    status: 503,
    code: "idempotency_unavailable",
    title: "The call cannot be made safely at the moment. Try again.",
};

/// Every refusal of this plugin.
pub const ALL: [Denial; 17] = [
    KEY_MISSING,
    KEY_MALFORMED,
    BODY_UNREADABLE,
    BODY_UNSUPPORTED,
    STREAM,
    OWNER_UNKNOWN,
    BRAND_UNKNOWN,
    IN_PROGRESS,
    OUTCOME_UNKNOWN,
    ANSWER_UNAVAILABLE,
    DUPLICATE_BET,
    KEY_REUSED,
    QUOTA,
    UNAVAILABLE,
    Denial::UNCLASSIFIED,
    Denial::BODY_TOO_LARGE,
    Denial::POLICY_UNAVAILABLE,
];

/// How long a call is refused for that somebody has to see to first, in seconds.
pub(crate) const UNTIL_MENDED: u64 = 60;

/// What a settlement may be told for good: another call has the key, or this one was carried out, or it
/// can never be.
const FINAL: [Denial; 3] = [KEY_REUSED, ANSWER_UNAVAILABLE, STREAM];

/// A refusal as it is told to a call of this class. What a settlement is about may be owed, and senders
/// take a 4xx for the end of it: whatever says nothing of the money is 503, also where it is the call
/// that lacks something, because where a partner's calls have their keys is the operator's word. So is a
/// partner's quota.
pub fn told(denial: Denial, class: EndpointClass, is_partner: bool) -> Denial {
    let owed = matches!(class, EndpointClass::Settlement);
    let is_final = FINAL.iter().any(|known| known.code == denial.code);
    if (is_partner && denial.code == QUOTA.code) || (owed && !is_final) {
        return Denial { status: 503, ..denial };
    }
    denial
}

/// The refusal of a body of which nothing is known.
pub const fn of_body(unread: Unread) -> Denial {
    match unread {
        Unread::Type | Unread::Coding => BODY_UNSUPPORTED,
        Unread::TooLong => Denial::BODY_TOO_LARGE,
        _ => BODY_UNREADABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each refusal is to a settlement, and to a bet: nothing that may be owed ends with a 4xx.
    #[test]
    fn what_a_settlement_is_told() {
        let mut told_so_far = Vec::new();
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
            let of = |class, is_partner| told(denial, class, is_partner).status;
            assert_eq!(of(EndpointClass::Settlement, true), settlement, "{}", denial.code);
            assert_eq!(of(EndpointClass::Settlement, false), settlement, "{}", denial.code);
            assert_eq!(of(EndpointClass::Wager, false), wager, "{}", denial.code);
            let partners = if denial == QUOTA { 503 } else { wager };
            assert_eq!(of(EndpointClass::Wager, true), partners, "{}", denial.code);
            told_so_far.push(denial);
        }
        assert_eq!(told_so_far, ALL);
    }
}

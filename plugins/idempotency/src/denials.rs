//! The refusals of this plugin: a closed set. A code never changes its meaning.

use policy_kit::{Denial, EndpointClass, Unread};

/// The request needs a key and has none.
pub const KEY_MISSING: Denial = Denial {
    status: 400,
    code: "idempotency_key_missing",
    title: "This call needs an idempotency key.",
};
/// The key is invalid, or there is more than one.
pub const KEY_MALFORMED: Denial = Denial {
    status: 400,
    code: "idempotency_key_malformed",
    title: "The idempotency key is not one key of visible characters, 255 at most.",
};
/// A member of the body is needed, and readers of the body may disagree about it.
pub const BODY_UNREADABLE: Denial = Denial {
    status: 400,
    code: "idempotency_body_unreadable",
    title: "The request body could not be read.",
};
/// A member of the body is needed, and the body's type or compression is not supported.
pub const BODY_UNSUPPORTED: Denial = Denial {
    status: 415,
    code: "idempotency_body_unsupported",
    title: "A request body of this type cannot be read here.",
};
/// An upgrade, a tunnel or gRPC, which have no single answer.
pub const STREAM: Denial = Denial {
    status: 400,
    code: "idempotency_stream",
    title: "This call cannot be made on a stream.",
};
/// Neither a player nor a proven partner: the key has no owner.
pub const OWNER_UNKNOWN: Denial = Denial {
    status: 403,
    code: "idempotency_owner_unknown",
    title: "It is not known who makes this call.",
};
/// A proven partner on a host without a brand: under another brand, and under none, the same key would be
/// another one. The map of brands has a gap, and the request may be owed money.
pub const BRAND_UNKNOWN: Denial = Denial {
    status: 503,
    code: "idempotency_brand_unknown",
    title: "It is not known which brand this call is for.",
};
/// The first attempt is being carried out.
pub const IN_PROGRESS: Denial = Denial {
    status: 409,
    code: "idempotency_in_progress",
    title: "The same call is being carried out. Try again shortly.",
};
/// The first attempt may have taken effect. The request is not carried out again.
pub const OUTCOME_UNKNOWN: Denial = Denial {
    status: 409,
    code: "outcome_unknown",
    title: "It is not known whether the first attempt took effect.",
};
/// The request is completed, and its answer cannot be replayed: it is too long, not kept, or in an encoding
/// that this client does not accept.
pub const ANSWER_UNAVAILABLE: Denial = Denial {
    status: 409,
    code: "idempotency_answer_unavailable",
    title: "The call was carried out before. Its answer is no longer available.",
};
/// The player made the same bet under another key moments ago.
pub const DUPLICATE_BET: Denial =
    Denial { status: 409, code: "duplicate_bet", title: "The same bet was placed moments ago." };
/// The key belongs to a request with another fingerprint.
pub const KEY_REUSED: Denial = Denial {
    status: 422,
    code: "idempotency_key_reused",
    title: "This idempotency key belongs to another call.",
};
/// The player or partner holds as many keys as allowed.
pub const QUOTA: Denial = Denial {
    status: 429,
    code: "idempotency_quota",
    title: "Too many calls are remembered for you. Try again later.",
};
/// The store is unavailable, so nothing was carried out.
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

/// `Retry-After` of refusals that need a change of the configuration first, in seconds.
pub(crate) const UNTIL_MENDED: u64 = 60;
/// Refusals that are final for a settlement, too: the key belongs to another request, this one is completed,
/// or it can never be carried out.
const FINAL: [Denial; 3] = [KEY_REUSED, ANSWER_UNAVAILABLE, STREAM];

/// A refusal with the status for its recipient. A settlement may be owed money, and senders take a 4xx as
/// final: every refusal that is not final is 503, also if the request lacks something, because the operator
/// configures where a partner's requests have their keys. A partner's quota is 503, too.
pub fn for_recipient(denial: Denial, class: EndpointClass, is_partner: bool) -> Denial {
    let owed = class == EndpointClass::Settlement;
    let is_final = FINAL.iter().any(|known| known.code == denial.code);
    if (is_partner && denial.code == QUOTA.code) || (owed && !is_final) {
        return Denial { status: 503, ..denial };
    }
    denial
}
/// The refusal of a body that cannot be read.
pub const fn of_body(unread: Unread) -> Denial {
    match unread {
        Unread::Type | Unread::Coding => BODY_UNSUPPORTED,
        Unread::TooLong => Denial::BODY_TOO_LARGE,
        _ => BODY_UNREADABLE,
    }
}

#[cfg(test)]
#[path = "denials_tests.rs"]
mod tests;

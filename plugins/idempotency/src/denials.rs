//! What this plugin can refuse, a closed set. A code never changes its meaning.

use policy_kit::Denial;

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
    title: "The idempotency key is not one key of 8 to 255 visible characters.",
};
/// Members of the body are to be compared, and it is no JSON that everybody reads the same.
pub const BODY_UNREADABLE: Denial = Denial {
    status: 400,
    code: "idempotency_body_unreadable",
    title: "The request body could not be read.",
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
pub const ALL: [Denial; 15] = [
    KEY_MISSING,
    KEY_MALFORMED,
    BODY_UNREADABLE,
    STREAM,
    OWNER_UNKNOWN,
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

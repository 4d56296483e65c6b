//! What this plugin can refuse, a closed set. A code never changes its meaning, and none says more of
//! keys or internals than a client needs to act on it.

use policy_kit::Denial;
use policy_token::Refusal;

/// No token where one is needed.
pub const MISSING: Denial =
    Denial { status: 401, code: "token_missing", title: "You need to log in for this." };
/// Not one token in its one form.
pub const MALFORMED: Denial =
    Denial { status: 401, code: "token_malformed", title: "The credential cannot be read." };
/// `exp` has passed.
pub const EXPIRED: Denial =
    Denial { status: 401, code: "token_expired", title: "Your session has expired. Log in again." };
/// `nbf` or `iat` lies ahead.
pub const NOT_YET: Denial =
    Denial { status: 401, code: "token_not_yet_valid", title: "The credential is not valid yet." };
/// Longer valid than this issuer's tokens may be.
pub const LIFETIME: Denial =
    Denial { status: 401, code: "token_lifetime", title: "The credential is valid for too long." };
/// Not signed with a key of the issuer. Which of algorithm, key and signature it was is told to the
/// operator alone.
pub const SIGNATURE: Denial =
    Denial { status: 401, code: "token_signature", title: "The credential is not genuine." };
/// Nobody whose tokens count here.
pub const ISSUER: Denial =
    Denial { status: 401, code: "issuer_unknown", title: "The credential is not from here." };
/// Meant for another service.
pub const AUDIENCE: Denial = Denial {
    status: 401,
    code: "audience_mismatch",
    title: "The credential is for another service.",
};
/// Issued to another client.
pub const CLIENT: Denial = Denial {
    status: 401,
    code: "client_mismatch",
    title: "The credential is for another application.",
};
/// Lacks a claim that must be there, or holds one that cannot be handed on.
pub const CLAIMS: Denial = Denial {
    status: 401,
    code: "token_claims",
    title: "The credential does not say what this service needs.",
};
/// Introspection says that it is not active.
pub const INACTIVE: Denial =
    Denial { status: 401, code: "token_inactive", title: "Your session has ended. Log in again." };
/// Good, but issued before its player or its session was revoked.
pub const REVOKED: Denial =
    Denial { status: 401, code: "token_revoked", title: "Your session has ended. Log in again." };
/// More than one credential, so that two readers may take different ones.
pub const CONFLICT: Denial = Denial {
    status: 400,
    code: "credential_conflict",
    title: "The request carries more than one credential.",
};
/// A good token without a scope that the call needs.
pub const SCOPE: Denial =
    Denial { status: 403, code: "scope_insufficient", title: "You may not do this." };
/// A good token of an authentication that is too weak or too long ago (RFC 9470).
pub const STEP_UP: Denial = Denial {
    status: 401,
    code: "step_up_required",
    title: "Confirm who you are before you do this.",
};
/// The token of another brand than the host's.
pub const BRAND: Denial =
    Denial { status: 403, code: "brand_mismatch", title: "Your account is with another brand." };
/// An upgrade where only single calls are taken.
pub const UPGRADE: Denial = Denial {
    status: 403,
    code: "upgrade_refused",
    title: "This address does not take upgraded connections.",
};
/// The issuer's keys could not be had, so nothing was decided.
pub const KEYS: Denial = Denial {
    status: 503,
    code: "keys_unavailable",
    title: "Your login cannot be checked at the moment. Try again.",
};
/// Introspection could not be had, so nothing was decided.
pub const INTROSPECTION: Denial = Denial {
    status: 503,
    code: "introspection_unavailable",
    title: "Your login cannot be checked at the moment. Try again.",
};
/// Too many opaque tokens are being asked about, in all or from this address.
pub const BUSY: Denial = Denial {
    status: 503,
    code: "introspection_busy",
    title: "Your login cannot be checked at the moment. Try again.",
};
/// The player has excluded themselves, for a while or for long.
pub const EXCLUDED: Denial =
    Denial { status: 403, code: "player_excluded", title: "Your account is excluded from this." };
/// The player's identity is not verified yet.
pub const KYC: Denial = Denial {
    status: 403,
    code: "kyc_required",
    title: "Confirm your identity before you do this.",
};
/// The player's time is used up.
pub const TIME_LIMIT: Denial = Denial {
    status: 403,
    code: "session_limit_reached",
    title: "You have reached your time limit.",
};
/// The amount that the player may deposit is used up.
pub const DEPOSIT_LIMIT: Denial = Denial {
    status: 403,
    code: "deposit_limit_reached",
    title: "You have reached your deposit limit.",
};
/// The operator has frozen the account.
pub const SUSPENDED: Denial = Denial {
    status: 403,
    code: "account_suspended",
    title: "Your account is suspended. Contact support.",
};
/// No new rounds of this brand or product.
pub const CLOSED: Denial =
    Denial { status: 403, code: "product_closed", title: "This is closed at the moment." };
/// The player's state could not be had, so nothing was decided.
pub const STATE: Denial = Denial {
    status: 503,
    code: "player_state_unavailable",
    title: "Your account cannot be checked at the moment. Try again.",
};
/// What has been revoked could not be had, so nothing was decided.
pub const REVOCATIONS: Denial = Denial {
    status: 503,
    code: "revocations_unavailable",
    title: "Your login cannot be checked at the moment. Try again.",
};
/// Too many bad tokens from this source, or from others where its network counts as one. Who hears it may
/// have done nothing, and can do nothing.
pub const FAILURES: Denial = Denial {
    status: 429,
    code: "too_many_failures",
    title: "Your login cannot be checked just now. Try again later.",
};

/// No partner's credential, or none that counts: unknown, wrong or ended, which is not told.
pub const PARTNER_UNKNOWN: Denial =
    Denial { status: 401, code: "partner_unknown", title: "The credential is not a partner's." };
/// Not the partner's signature over this body.
pub const PARTNER_SIGNATURE: Denial =
    Denial { status: 401, code: "partner_signature", title: "The signature is not genuine." };
/// Signed too long ago or ahead, or it is not told when.
pub const PARTNER_TIMESTAMP: Denial = Denial {
    status: 401,
    code: "partner_timestamp",
    title: "The signature is not of a time that counts.",
};
/// From another network than the partner's.
pub const PARTNER_NETWORK: Denial = Denial {
    status: 403,
    code: "partner_network",
    title: "The partner does not call from this network.",
};
/// A path or class that is not the partner's to call.
pub const PARTNER_NOT_ALLOWED: Denial =
    Denial { status: 403, code: "partner_not_allowed", title: "The partner may not call this." };
/// A credential for tests where money is real, or the other way round.
pub const PARTNER_ENVIRONMENT: Denial = Denial {
    status: 403,
    code: "partner_environment",
    title: "The credential is for another environment.",
};
/// Too many failures, or bodies under way, from this source. Not of 4xx: what it refuses may be money
/// that is owed, and some senders take a 4xx as the end of it.
pub const PARTNER_BUDGET: Denial = Denial {
    status: 503,
    code: "partner_budget",
    title: "The call cannot be verified just now. Try again later.",
};
/// Too many bodies wait for their signatures to be checked.
pub const PARTNER_BUSY: Denial = Denial {
    status: 503,
    code: "partner_busy",
    title: "The signature cannot be checked at the moment. Try again.",
};

/// Every refusal of this plugin.
pub const ALL: [Denial; 40] = [
    MISSING,
    MALFORMED,
    EXPIRED,
    NOT_YET,
    LIFETIME,
    SIGNATURE,
    ISSUER,
    AUDIENCE,
    CLIENT,
    CLAIMS,
    INACTIVE,
    REVOKED,
    CONFLICT,
    SCOPE,
    STEP_UP,
    BRAND,
    UPGRADE,
    KEYS,
    INTROSPECTION,
    BUSY,
    EXCLUDED,
    KYC,
    TIME_LIMIT,
    DEPOSIT_LIMIT,
    SUSPENDED,
    CLOSED,
    STATE,
    REVOCATIONS,
    FAILURES,
    PARTNER_UNKNOWN,
    PARTNER_SIGNATURE,
    PARTNER_TIMESTAMP,
    PARTNER_NETWORK,
    PARTNER_NOT_ALLOWED,
    PARTNER_ENVIRONMENT,
    PARTNER_BUDGET,
    PARTNER_BUSY,
    Denial::UNCLASSIFIED,
    Denial::BODY_TOO_LARGE,
    Denial::POLICY_UNAVAILABLE,
];

/// How long a call is refused for that somebody has to see to first, in seconds.
pub(crate) const UNTIL_MENDED: u64 = 60;

/// A refusal as it is told to a call that may be a settlement. Its money may be owed, and senders take a 4xx
/// for the end of it: what is not the call's own fault is 503. A path, a class or a brand that is not the
/// partner's, a network or an environment where its credential is good, and two credentials that a gateway on
/// the way may have made of one, are holes in a configuration; a time out of tolerance is a clock's, a limit
/// is ours, and of a class that is not readable nothing is known.
pub fn told(denial: Denial, may_settle: bool) -> Denial {
    let for_now = [
        CONFLICT,
        PARTNER_NETWORK,
        PARTNER_ENVIRONMENT,
        PARTNER_NOT_ALLOWED,
        PARTNER_TIMESTAMP,
        Denial::UNCLASSIFIED,
        Denial::BODY_TOO_LARGE,
    ];
    match may_settle && for_now.contains(&denial) {
        true => Denial { status: 503, ..denial },
        false => denial,
    }
}

/// The refusal of a token, in the client's words.
pub const fn of(refusal: Refusal) -> Denial {
    match refusal {
        Refusal::Malformed => MALFORMED,
        Refusal::Algorithm | Refusal::KeyUnknown | Refusal::Signature => SIGNATURE,
        Refusal::Issuer => ISSUER,
        Refusal::Audience => AUDIENCE,
        Refusal::Expired => EXPIRED,
        Refusal::NotYetValid => NOT_YET,
        Refusal::Lifetime => LIFETIME,
        Refusal::Claim(_) => CLAIMS,
    }
}

/// Whether a refusal asks for a partner's credential rather than a player's.
pub fn is_partners(denial: Denial) -> bool {
    denial.code.starts_with("partner_")
}

/// The `error` of a challenge (RFC 6750 section 3.1, RFC 9470 section 3), where there is one.
pub fn error(denial: Denial) -> Option<&'static str> {
    match denial {
        CONFLICT => Some("invalid_request"),
        SCOPE => Some("insufficient_scope"),
        STEP_UP => Some("insufficient_user_authentication"),
        _ if is_partners(denial) => None,
        _ if denial.status == 401 => Some("invalid_token"),
        _ => None,
    }
}

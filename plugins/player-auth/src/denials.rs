//! The denials of this plugin, a closed set. A code never changes its meaning, and none reveals more about
//! keys or internals than a client needs.

use policy_kit::Denial;
use policy_token::Refusal;

const fn denial(status: u16, code: &'static str, title: &'static str) -> Denial {
    Denial { status, code, title }
}

/// No token where one is required.
pub const MISSING: Denial = denial(401, "token_missing", "You need to log in for this.");
/// Not a token that every reader reads the same.
pub const MALFORMED: Denial = denial(401, "token_malformed", "The credential cannot be read.");
/// `exp` has passed.
pub const EXPIRED: Denial = denial(401, "token_expired", "Your session has expired. Log in again.");
/// `nbf` or `iat` is in the future.
pub const NOT_YET: Denial = denial(401, "token_not_yet_valid", "The credential is not valid yet.");
/// Valid for longer than this issuer's tokens may be.
pub const LIFETIME: Denial = denial(401, "token_lifetime", "The credential is valid for too long.");
/// Not signed with a key of the issuer. Only the evidence says whether algorithm, key or signature is wrong.
pub const SIGNATURE: Denial = denial(401, "token_signature", "The credential is not genuine.");
/// From an issuer that is not configured.
pub const ISSUER: Denial = denial(401, "issuer_unknown", "The credential is not from here.");
/// Meant for another service.
pub const AUDIENCE: Denial =
    denial(401, "audience_mismatch", "The credential is for another service.");
/// Issued to another client.
pub const CLIENT: Denial =
    denial(401, "client_mismatch", "The credential is for another application.");
/// Lacks a required claim, or has one that cannot be forwarded.
pub const CLAIMS: Denial =
    denial(401, "token_claims", "The credential does not say what this service needs.");
/// Introspection reports that it is not active.
pub const INACTIVE: Denial = denial(401, "token_inactive", "Your session has ended. Log in again.");
/// Valid, but its player or its session was revoked after it was issued.
pub const REVOKED: Denial = denial(401, "token_revoked", "Your session has ended. Log in again.");
/// More than one credential: two readers could use different ones.
pub const CONFLICT: Denial =
    denial(400, "credential_conflict", "The request carries more than one credential.");
/// A valid token without a scope that the class requires.
pub const SCOPE: Denial = denial(403, "scope_insufficient", "You may not do this.");
/// A valid token whose authentication is too weak or too long ago (RFC 9470).
pub const STEP_UP: Denial =
    denial(401, "step_up_required", "Confirm who you are before you do this.");
/// A token of another brand than the host's.
pub const BRAND: Denial = denial(403, "brand_mismatch", "Your account is with another brand.");
/// An upgrade where only single requests are accepted.
pub const UPGRADE: Denial =
    denial(403, "upgrade_refused", "This address does not take upgraded connections.");
/// The issuer's keys are unavailable.
pub const KEYS: Denial =
    denial(503, "keys_unavailable", "Your login cannot be checked at the moment. Try again.");
/// Introspection is unavailable.
pub const INTROSPECTION: Denial = denial(
    503,
    "introspection_unavailable",
    "Your login cannot be checked at the moment. Try again.",
);
/// Too many pending introspection calls, in all or from this address.
pub const BUSY: Denial =
    denial(503, "introspection_busy", "Your login cannot be checked at the moment. Try again.");
/// The player is excluded, for a while or for long.
pub const EXCLUDED: Denial = denial(403, "player_excluded", "Your account is excluded from this.");
/// The player's identity is not verified yet.
pub const KYC: Denial = denial(403, "kyc_required", "Confirm your identity before you do this.");
/// The player's time limit is reached.
pub const TIME_LIMIT: Denial =
    denial(403, "session_limit_reached", "You have reached your time limit.");
/// The player's deposit limit is reached.
pub const DEPOSIT_LIMIT: Denial =
    denial(403, "deposit_limit_reached", "You have reached your deposit limit.");
/// The operator has frozen the account.
pub const SUSPENDED: Denial =
    denial(403, "account_suspended", "Your account is suspended. Contact support.");
/// No new rounds at this brand or of this product.
pub const CLOSED: Denial = denial(403, "product_closed", "This is closed at the moment.");
/// The player's state is unknown.
pub const STATE: Denial = denial(
    503,
    "player_state_unavailable",
    "Your account cannot be checked at the moment. Try again.",
);
/// The feed of revocations is unavailable.
pub const REVOCATIONS: Denial = denial(
    503,
    "revocations_unavailable",
    "Your login cannot be checked at the moment. Try again.",
);
/// Too many invalid tokens from this source, or from another client whose network counts as the same source.
pub const FAILURES: Denial =
    denial(429, "too_many_failures", "Your login cannot be checked just now. Try again later.");

/// No valid partner's credential: absent, unknown, wrong or expired, which is not distinguished.
pub const PARTNER_UNKNOWN: Denial =
    denial(401, "partner_unknown", "The credential is not a partner's.");
/// Not the partner's signature over this body.
pub const PARTNER_SIGNATURE: Denial =
    denial(401, "partner_signature", "The signature is not genuine.");
/// The signature's time is absent, too long ago or in the future.
pub const PARTNER_TIMESTAMP: Denial =
    denial(401, "partner_timestamp", "The signature is not of a time that counts.");
/// From another network than the partner's.
pub const PARTNER_NETWORK: Denial =
    denial(403, "partner_network", "The partner does not call from this network.");
/// A path, a class or a brand that the partner may not use.
pub const PARTNER_NOT_ALLOWED: Denial =
    denial(403, "partner_not_allowed", "The partner may not call this.");
/// A sandbox credential in production, or the other way round.
pub const PARTNER_ENVIRONMENT: Denial =
    denial(403, "partner_environment", "The credential is for another environment.");
/// Too many failures or unverified bodies from this source. Not a 4xx: the money may be owed, and some
/// senders stop after a 4xx.
pub const PARTNER_BUDGET: Denial =
    denial(503, "partner_budget", "The call cannot be verified just now. Try again later.");
/// Too many bodies are held for their signatures.
pub const PARTNER_BUSY: Denial =
    denial(503, "partner_busy", "The signature cannot be checked at the moment. Try again.");

/// Every denial of this plugin.
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

/// `Retry-After` of a denial that ends only after the operator or the partner has changed something, in
/// seconds.
pub(crate) const CONFIGURATION_RETRY: u64 = 60;

/// A denial as it is sent to a request that may be a settlement. The money may be owed, and senders stop after
/// a 4xx, so a denial that is not the request's own fault is sent as 503: a path, a class, a brand, a network
/// or an environment may be missing in a configuration; a proxy may have duplicated a credential; a clock may
/// be wrong; the body limit is this gateway's; and an unclassified request may be anything.
pub fn as_sent(denial: Denial, may_settle: bool) -> Denial {
    let retryable = [
        CONFLICT,
        PARTNER_NETWORK,
        PARTNER_ENVIRONMENT,
        PARTNER_NOT_ALLOWED,
        PARTNER_TIMESTAMP,
        Denial::UNCLASSIFIED,
        Denial::BODY_TOO_LARGE,
    ];
    match may_settle && retryable.contains(&denial) {
        true => Denial { status: 503, ..denial },
        false => denial,
    }
}

/// The denial of a token that `policy_token` refuses.
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

/// Whether a denial is about a partner's credential.
pub fn is_partners(denial: Denial) -> bool {
    denial.code.starts_with("partner_")
}

/// The `error` of a challenge (RFC 6750 section 3.1, RFC 9470 section 3); `None` without a challenge.
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

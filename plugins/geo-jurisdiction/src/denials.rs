//! The denials of this plugin, a closed set. A code never changes its meaning.

use policy_kit::Denial;

/// The place is unknown, or not known well enough (GLI-19 v3.0 2.7.4(a)).
pub const UNKNOWN: Denial = Denial {
    status: 403,
    code: "jurisdiction_unknown",
    title: "Your location could not be determined.",
};
/// The brand is not licensed in the place, or the place is blocked (RFC 7725).
pub const UNLICENSED: Denial = Denial {
    status: 451,
    code: "jurisdiction_unlicensed",
    title: "This service is not licensed where you are.",
};
/// The brand is licensed there, but not for this product (RFC 7725).
pub const PRODUCT_UNLICENSED: Denial = Denial {
    status: 451,
    code: "product_unlicensed",
    title: "This product is not licensed where you are.",
};
/// The client uses a VPN, Tor or a hosting network (GLI-19 v3.0 2.7.2).
pub const ANONYMOUS: Denial = Denial {
    status: 403,
    code: "anonymous_network",
    title: "Your connection hides your location. Turn off any VPN or proxy.",
};
/// Two sources report different places.
pub const CONFLICT: Denial =
    Denial { status: 403, code: "place_conflict", title: "Your location could not be confirmed." };
/// No location token where the class needs one (GLI-19 v3.0 2.7.4(a)).
pub const REQUIRED: Denial = Denial {
    status: 403,
    code: "geo_required",
    title: "Your location has to be checked before you do this.",
};
/// A location token that no longer counts: too old, expired, due for a new check, or of another address.
pub const STALE: Denial = Denial {
    status: 403,
    code: "geo_stale",
    title: "Your location has to be checked again before you do this.",
};
/// A location token that is not genuine, not this player's, or of a check that did not pass.
pub const REJECTED: Denial =
    Denial { status: 403, code: "geo_rejected", title: "Your location was not confirmed." };
/// The location provider's keys are unavailable, so the token could not be checked.
pub const LOCATION_UNAVAILABLE: Denial = Denial {
    status: 503,
    code: "geo_unavailable",
    title: "Your location cannot be checked at the moment. Try again.",
};
/// Too many invalid location tokens from this source, or from its network where that counts as one source. The
/// client that gets it may have sent none of them.
pub const FAILURES: Denial = Denial {
    status: 429,
    code: "too_many_failures",
    title: "Your location cannot be checked just now. Try again later.",
};

/// Every refusal of this plugin.
pub const ALL: [Denial; 13] = [
    UNKNOWN,
    UNLICENSED,
    PRODUCT_UNLICENSED,
    ANONYMOUS,
    CONFLICT,
    REQUIRED,
    STALE,
    REJECTED,
    LOCATION_UNAVAILABLE,
    FAILURES,
    Denial::UNCLASSIFIED,
    Denial::BODY_TOO_LARGE,
    Denial::POLICY_UNAVAILABLE,
];

/// `Retry-After` of a refusal that the operator must mend first, in seconds.
pub(crate) const UNTIL_MENDED: u64 = 60;

/// The denial that a request gets which may be a settlement. Its money may be owed, and senders take a 4xx as
/// final, so a limit of ours and an unreadable class are 503.
pub fn as_sent(denial: Denial, may_settle: bool) -> Denial {
    match may_settle && [Denial::BODY_TOO_LARGE, Denial::UNCLASSIFIED].contains(&denial) {
        true => Denial { status: 503, ..denial },
        false => denial,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settlement_refusals_are_retryable() {
        for denial in ALL {
            let not_the_senders = [Denial::BODY_TOO_LARGE, Denial::UNCLASSIFIED].contains(&denial);
            let retryable = not_the_senders || denial.status == 503;
            assert_eq!(as_sent(denial, true).status == 503, retryable, "{}", denial.code);
            assert_eq!(as_sent(denial, false), denial);
        }
    }
}

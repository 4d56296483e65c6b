//! What this plugin can refuse, a closed set. A code never changes its meaning.

use policy_kit::Denial;

/// No readable place reached us, so where the player is cannot be told (GLI-19 v3.0 2.7.4(a)).
pub const UNKNOWN: Denial = Denial {
    status: 403,
    code: "jurisdiction_unknown",
    title: "Your location could not be determined.",
};
/// A known place that is not on the licence list of this brand, or is blocked altogether (RFC 7725).
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
/// The client hides behind a VPN, Tor or a hosting network (GLI-19 v3.0 2.7.2).
pub const ANONYMOUS: Denial = Denial {
    status: 403,
    code: "anonymous_network",
    title: "Your connection hides your location. Turn off any VPN or proxy.",
};
/// Two sources know the place, and do not agree.
pub const CONFLICT: Denial =
    Denial { status: 403, code: "place_conflict", title: "Your location could not be confirmed." };
/// No location token where one is needed (GLI-19 v3.0 2.7.4(a)).
pub const REQUIRED: Denial = Denial {
    status: 403,
    code: "geo_required",
    title: "Your location has to be checked before you do this.",
};
/// A location token that no longer counts: too old, expired, due, or of another address.
pub const STALE: Denial = Denial {
    status: 403,
    code: "geo_stale",
    title: "Your location has to be checked again before you do this.",
};
/// A location token that is not genuine, not this player's, or tells of a check that was not passed.
pub const REJECTED: Denial =
    Denial { status: 403, code: "geo_rejected", title: "Your location was not confirmed." };
/// The location provider's keys could not be had, so nothing was decided.
pub const LOCATION_UNAVAILABLE: Denial = Denial {
    status: 503,
    code: "geo_unavailable",
    title: "Your location cannot be checked at the moment. Try again.",
};
/// Too many bad location tokens from this source, or from others where its network counts as one. Who
/// hears it may have done nothing, and can do nothing.
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

/// How long a call is refused for that somebody has to see to first, in seconds.
pub(crate) const UNTIL_MENDED: u64 = 60;

/// A refusal as it is told to a call that may be a settlement. Its money may be owed, and senders take a 4xx
/// for the end of it: a limit of ours, and a class that is not readable, are 503.
pub fn told(denial: Denial, may_settle: bool) -> Denial {
    match may_settle && [Denial::BODY_TOO_LARGE, Denial::UNCLASSIFIED].contains(&denial) {
        true => Denial { status: 503, ..denial },
        false => denial,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_settlement_is_told() {
        for denial in ALL {
            let ours = [Denial::BODY_TOO_LARGE, Denial::UNCLASSIFIED].contains(&denial);
            let for_now = ours || denial.status == 503;
            assert_eq!(told(denial, true).status == 503, for_now, "{}", denial.code);
            assert_eq!(told(denial, false), denial);
        }
    }
}

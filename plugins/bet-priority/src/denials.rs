//! The denials of this plugin, a closed set. A code never changes its meaning.

use policy_kit::Denial;

/// A rate limit is exceeded (problem type `quota-exceeded` of draft-ietf-httpapi-ratelimit-headers).
pub const QUOTA: Denial = Denial {
    status: 429,
    code: "quota_exceeded",
    title: "You have sent too many requests. Try again later.",
};
/// The upstream has no capacity for this class now (problem type `temporary-reduced-capacity` of the same draft).
pub const CAPACITY: Denial = Denial {
    status: 503,
    code: "capacity_reduced",
    title: "The service is busy. Try again in a moment.",
};
/// The market is suspended.
pub const MARKET_SUSPENDED: Denial =
    Denial { status: 409, code: "market_suspended", title: "This market is suspended." };
/// Too many requests for one market are being carried out.
pub const MARKET_BUSY: Denial = Denial {
    status: 503,
    code: "market_busy",
    title: "This market is busy. Try again in a moment.",
};
/// Too many deposits of this player have failed (GLI-19 v3.0 A.3.6(b)).
pub const DEPOSITS_BLOCKED: Denial = Denial {
    status: 403,
    code: "deposits_blocked",
    title: "Deposits are blocked for a while, because several have failed.",
};
/// Too many logins to this account, or from this address, have failed (GLI-19 v3.0 2.5.3(d)). The client sees the
/// configured reply, and never this code.
pub const LOGIN_LOCKED: Denial =
    Denial { status: 401, code: "login_locked", title: "The credentials are wrong." };

/// Every refusal of this plugin.
pub const ALL: [Denial; 9] = [
    QUOTA,
    CAPACITY,
    MARKET_SUSPENDED,
    MARKET_BUSY,
    DEPOSITS_BLOCKED,
    LOGIN_LOCKED,
    Denial::UNCLASSIFIED,
    Denial::BODY_TOO_LARGE,
    Denial::POLICY_UNAVAILABLE,
];

/// `Retry-After` of a refusal that the operator must mend first, in seconds.
pub(crate) const UNTIL_MENDED: u64 = 60;

/// The denial that a request gets which may be a settlement. Its money may be owed, and senders take a 4xx as
/// final, so every refusal of one is 503.
pub fn as_sent(denial: Denial, may_settle: bool) -> Denial {
    match may_settle {
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
            assert_eq!(as_sent(denial, true).status, 503, "{}", denial.code);
            assert_eq!(as_sent(denial, false), denial);
        }
    }
}

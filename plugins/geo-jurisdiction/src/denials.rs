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

/// Every refusal of this plugin.
pub const ALL: [Denial; 8] = [
    UNKNOWN,
    UNLICENSED,
    PRODUCT_UNLICENSED,
    ANONYMOUS,
    CONFLICT,
    Denial::UNCLASSIFIED,
    Denial::BODY_TOO_LARGE,
    Denial::POLICY_UNAVAILABLE,
];

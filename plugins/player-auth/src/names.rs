//! Names that more than one file uses: the plugin's, those of facts, headers and counters.

pub use policy_kit::SECOND;

/// The plugin's name.
pub const NAME: &str = "player-auth";

/// The upstream header with the player's id.
pub const PLAYER_HEADER: &str = "x-player-id";
/// The upstream header with the brand.
pub const BRAND_HEADER: &str = "x-brand";
/// The upstream header with the session's id.
pub const SESSION_HEADER: &str = "x-session-id";
/// The upstream header with the level of identity verification.
pub const KYC_HEADER: &str = "x-kyc-level";
/// The upstream header with the states of the player's account.
pub const STATE_HEADER: &str = "x-player-state";
/// The upstream header with the partner's name.
pub const PARTNER_HEADER: &str = "x-partner-id";
/// The upstream header with the name of the partner's quota.
pub const TIER_HEADER: &str = "x-partner-tier";
/// The headers that only this plugin sets: a client's own are stripped from every request.
pub const OWN_HEADERS: [&str; 7] = [
    PLAYER_HEADER,
    BRAND_HEADER,
    SESSION_HEADER,
    KYC_HEADER,
    STATE_HEADER,
    PARTNER_HEADER,
    TIER_HEADER,
];

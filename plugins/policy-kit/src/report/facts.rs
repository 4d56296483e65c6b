//! Names of facts: what a filter publishes for later filters and for the access log.
//!
//! On Envoy a fact is an entry of filter state, which no client can set; the access log prints it as
//! `%FILTER_STATE(wasm.NAME:PLAIN)%`.

/// The endpoint class.
pub const CLASS: &str = "pitboss.class";
/// The brand.
pub const BRAND: &str = "pitboss.brand";
/// The player's id, of a valid token.
pub const PLAYER: &str = "pitboss.player";
/// The session's id, likewise.
pub const SESSION: &str = "pitboss.session";
/// The player's level of identity verification, likewise.
pub const KYC: &str = "pitboss.kyc";
/// The known states of the player's account, in alphabetical order, separated by commas.
pub const STATE: &str = "pitboss.state";
/// The partner that sends the request.
pub const PARTNER: &str = "pitboss.partner";
/// How that partner is authenticated: `certificate` or `network` (a key from a network of the partner) by the
/// headers alone, `key` by a key from any network, `signature` by a signature over the body, and `claimed` until
/// that is checked. Only `certificate` and `network` exempt a request from shedding and budgets. From location a
/// settlement is exempt by its class, and so is any other request but a launch on an endpoint of partners: the
/// filter that names a partner before it is authenticated lets no other request through.
pub const PARTNER_PROOF: &str = "pitboss.partner-proof";
/// Age of the player's location, in seconds; absent where no location token counts.
pub const LOCATION_AGE: &str = "pitboss.location-age";
/// The place the request came from, ISO 3166-1 or -2; `unknown` where it is not known.
pub const JURISDICTION: &str = "pitboss.jurisdiction";

/// The decision of one policy: `allow`, `replay`, `deny:<code>`, `shadow:<code>` or `forward:<code>`.
pub fn decision(plugin: &str) -> String {
    format!("pitboss.{plugin}.decision")
}

/// The reason of that decision: rule, and what the policy based it on.
pub fn evidence(plugin: &str) -> String {
    format!("pitboss.{plugin}.evidence")
}

//! Names of the facts that filters leave for each other and for the access log.
//!
//! On Envoy a fact is an entry of filter state, which no client can set; the access log prints it as
//! `%FILTER_STATE(wasm.NAME:PLAIN)%`.

/// The endpoint class.
pub const CLASS: &str = "pitboss.class";
/// The brand.
pub const BRAND: &str = "pitboss.brand";
/// The player's id, of a token that was found good.
pub const PLAYER: &str = "pitboss.player";
/// The session's id, likewise.
pub const SESSION: &str = "pitboss.session";
/// The player's level of identity verification, likewise.
pub const KYC: &str = "pitboss.kyc";
/// The states of the player's account as they are known, in the order of their names, with commas.
pub const STATE: &str = "pitboss.state";
/// The partner that calls.
pub const PARTNER: &str = "pitboss.partner";
/// How that partner is proven: `certificate` or `network` (a key from a network of the partner's) by
/// the headers alone, `key` by a key from anywhere, `signature` by one over the body, and `claimed`
/// until that is checked. Only `certificate` and `network` exempt a call from shedding and budgets; from
/// location a settlement is exempt by its class, and any other call but a launch on an endpoint of partners,
/// as the filter that names a partner before it is proven lets nothing through that is not.
pub const PARTNER_PROOF: &str = "pitboss.partner-proof";
/// How fresh the player's location is, in seconds; absent where none was proven.
pub const LOCATION_AGE: &str = "pitboss.location-age";
/// The place the request came from, ISO 3166-1 or -2; `unknown` where it is not known.
pub const JURISDICTION: &str = "pitboss.jurisdiction";

/// What one policy decided: `allow`, `deny:<code>` or `shadow:<code>`.
pub fn decision(plugin: &str) -> String {
    format!("pitboss.{plugin}.decision")
}

/// Why one policy decided as it did, in that policy's own words.
pub fn evidence(plugin: &str) -> String {
    format!("pitboss.{plugin}.evidence")
}

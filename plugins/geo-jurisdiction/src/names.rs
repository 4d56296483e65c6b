//! The plugin's name, and the headers that it reads and sets.

/// The plugin's name in metrics, facts and logs.
pub const NAME: &str = "geo-jurisdiction";

/// The place, ISO 3166.
pub const JURISDICTION_HEADER: &str = "x-jurisdiction";
/// The endpoint class.
pub const CLASS_HEADER: &str = "x-endpoint-class";
/// Age of the location that counts, in seconds.
pub const LOCATION_AGE_HEADER: &str = "x-location-age";
/// The provider's id of the location check.
pub const LOCATION_ID_HEADER: &str = "x-location-id";
/// Every header that this plugin sets; a client's own are stripped.
pub const OURS: [&str; 4] =
    [JURISDICTION_HEADER, CLASS_HEADER, LOCATION_AGE_HEADER, LOCATION_ID_HEADER];

/// WasmX: the player, set by the filter that authenticates requests.
pub const PLAYER_HEADER: &str = "x-player-id";
/// WasmX: the session, likewise.
pub const SESSION_HEADER: &str = "x-session-id";
/// WasmX: the partner, likewise.
pub const PARTNER_HEADER: &str = "x-partner-id";

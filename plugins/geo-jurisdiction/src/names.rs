//! Headers that this plugin sets for the upstream, and that no client may send.

/// The place.
pub const JURISDICTION_HEADER: &str = "x-jurisdiction";
/// The endpoint class.
pub const CLASS_HEADER: &str = "x-endpoint-class";
/// How old the proven location is, in seconds.
pub const LOCATION_AGE_HEADER: &str = "x-location-age";
/// The location check's own id.
pub const LOCATION_ID_HEADER: &str = "x-location-id";
/// All of them.
pub const OURS: [&str; 4] =
    [JURISDICTION_HEADER, CLASS_HEADER, LOCATION_AGE_HEADER, LOCATION_ID_HEADER];

//! Headers that filters tell each other and the upstream by, and names of facts, made once.

/// The fact that holds the decision.
pub const DECISION: &str = "pitboss.geo-jurisdiction.decision";
/// The fact that holds the reason.
pub const EVIDENCE: &str = "pitboss.geo-jurisdiction.evidence";

/// The place.
pub const JURISDICTION_HEADER: &str = "x-jurisdiction";
/// The endpoint class.
pub const CLASS_HEADER: &str = "x-endpoint-class";
/// How old the proven location is, in seconds.
pub const LOCATION_AGE_HEADER: &str = "x-location-age";
/// The location check's own id.
pub const LOCATION_ID_HEADER: &str = "x-location-id";
/// All that this plugin sets; no client may send one.
pub const OURS: [&str; 4] =
    [JURISDICTION_HEADER, CLASS_HEADER, LOCATION_AGE_HEADER, LOCATION_ID_HEADER];
/// The player, by the word of the filter that checked the login.
pub const PLAYER_HEADER: &str = "x-player-id";
/// The session, likewise.
pub const SESSION_HEADER: &str = "x-session-id";
/// The partner, likewise.
pub const PARTNER_HEADER: &str = "x-partner-id";

/// Whether a text is one that can stand in a `Link` header.
pub fn is_uri(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let safe = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'\\');
    rest.is_some_and(|r| !r.is_empty() && r.bytes().all(safe))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::GeoJurisdiction;
    use policy_kit::{facts, Plugin};

    #[test]
    fn names_are_those_that_every_plugin_has() {
        assert_eq!(DECISION, facts::decision(GeoJurisdiction::NAME));
        assert_eq!(EVIDENCE, facts::evidence(GeoJurisdiction::NAME));
    }
}

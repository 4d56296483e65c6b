//! Markets, brands, networks and devices.

/// A market and the brand that most of its players play at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Market {
    pub(super) country: &'static str,
    pub(super) region: Option<&'static str>,
    pub(super) host: &'static str,
    /// The casino opens players of this thousand at home here.
    pub(super) thousand: u64,
    /// The start of the addresses that the gateway's table knows, and the number of the first.
    pub(super) known: (&'static str, u64),
    /// The start of addresses that only the edge can place.
    pub(super) unknown: &'static str,
}

pub(super) const OTTER: &str = "play.lucky-otter.example";
pub(super) const KINGS: &str = "bet.river-kings.example";
pub(super) const HERON: &str = "go.blue-heron.example";

#[rustfmt::skip]
pub(super) const MARKETS: [Market; 6] = [
    Market { country: "MT", region: None, host: OTTER, thousand: 1, known: ("203.0.113.", 193), unknown: "198.18.1." },
    Market { country: "GB", region: Some("ENG"), host: OTTER, thousand: 2, known: ("198.51.100.", 65), unknown: "198.18.2." },
    Market { country: "US", region: Some("NJ"), host: OTTER, thousand: 3, known: ("2001:db8:1::", 1), unknown: "198.18.3." },
    Market { country: "SE", region: None, host: KINGS, thousand: 4, known: ("203.0.113.", 33), unknown: "2001:db8:4::" },
    Market { country: "DK", region: None, host: HERON, thousand: 5, known: ("203.0.113.", 65), unknown: "198.18.5." },
    Market { country: "CA", region: Some("ON"), host: HERON, thousand: 6, known: ("203.0.113.", 97), unknown: "198.18.6." },
];

pub(super) const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X)",
    "Mozilla/5.0 (Linux; Android 15)",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
    "Otter/7.2 (iOS)",
];

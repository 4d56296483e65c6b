//! Territories with a code of their own.

/// Territories with a code of their own in ISO 3166-1, each with the country that lists it among its
/// subdivisions in ISO 3166-2 (Kosovo, `XK`: Serbia's `RS-KM`). Each has its own law, also on gambling.
#[rustfmt::skip]
pub(super) const TERRITORIES: [(&str, &str); 28] = [
    ("CN", "HK"), ("CN", "MO"), ("CN", "TW"),
    ("FI", "AX"),
    ("FR", "BL"), ("FR", "GF"), ("FR", "GP"), ("FR", "MF"), ("FR", "MQ"), ("FR", "NC"),
    ("FR", "PF"), ("FR", "PM"), ("FR", "RE"), ("FR", "TF"), ("FR", "WF"), ("FR", "YT"),
    ("NL", "AW"), ("NL", "BQ"), ("NL", "CW"), ("NL", "SX"),
    ("NO", "SJ"),
    ("RS", "XK"),
    ("US", "AS"), ("US", "GU"), ("US", "MP"), ("US", "PR"), ("US", "UM"), ("US", "VI"),
];

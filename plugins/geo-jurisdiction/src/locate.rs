//! Where a request comes from: the sources, and what happens when they do not agree.

use std::net::IpAddr;

use policy_kit::{invalid, ConfigError, Headers, One, Origin};

use crate::config::{OnConflict, PlaceConfig, SourceName};
use crate::place::Place;
use crate::table::Table;
use policy_kit::header_name;

/// The sources of a configuration.
#[derive(Debug)]
pub struct Sources {
    first: SourceName,
    second: Option<SourceName>,
    on_conflict: OnConflict,
    country: String,
    region: Option<String>,
    table: Table,
}

/// What the sources say of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Located {
    /// The place that counts, if one is known.
    pub place: Option<Place>,
    /// Which source told it: `header`, `table`, or `none`.
    pub source: &'static str,
    /// What the other source said, where it knew.
    pub other: Option<Place>,
    /// Whether the sources contradict each other, and no rule says which one counts.
    pub conflict: bool,
    /// Whether none is known because the edge says that the client hides it (`T1`, Tor).
    pub hidden: bool,
}

/// The country that edges write for Tor.
const TOR: &[u8] = b"T1";

/// What one source says.
enum Opinion {
    /// It says nothing at all.
    Silent,
    /// It says something that is no place: an unknown, something broken.
    Unknown,
    /// It says that nobody can tell: Tor.
    Hidden,
    Known(Place),
}

impl Sources {
    /// Compiles the configuration's `place`.
    ///
    /// # Errors
    /// A source that is named but not given, given but not named, or named twice.
    pub fn compile(raw: PlaceConfig) -> Result<Self, ConfigError> {
        let named = |source| raw.first == source || raw.second == Some(source);
        if raw.second == Some(raw.first) {
            return Err(invalid("place.second", "must be the other source, or left out"));
        }
        for (source, given, field) in [
            (SourceName::Header, raw.header.is_some(), "place.header"),
            (SourceName::Table, raw.table.is_some(), "place.table"),
        ] {
            if named(source) && !given {
                return Err(invalid(field, "required, as `place` names it as a source"));
            }
            if given && !named(source) {
                return Err(invalid(field, "is not used: name it as `first` or `second`"));
            }
        }
        let (country, region) = match raw.header {
            Some(header) => {
                let country = header_name("place.header.country", &header.country)?;
                let region = header.region.map(|r| header_name("place.header.region", &r));
                (country, region.transpose()?)
            }
            None => (String::new(), None),
        };
        let table = raw.table.map(Table::compile).transpose()?.unwrap_or_default();
        let (first, second, on_conflict) = (raw.first, raw.second, raw.on_conflict);
        Ok(Self { first, second, on_conflict, country, region, table })
    }

    /// The headers that count only from a trusted proxy.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        let country = (!self.country.is_empty()).then_some(self.country.as_str());
        country.into_iter().chain(self.region.as_deref())
    }

    /// Whether sources that contradict each other are a reason to refuse.
    pub fn refuses_conflicts(&self) -> bool {
        self.on_conflict == OnConflict::Deny
    }

    /// Asks the sources.
    pub fn locate(&self, origin: &Origin, headers: &Headers) -> Located {
        let first = self.opinion(self.first, origin, headers);
        let second = self.second.map(|source| (source, self.opinion(source, origin, headers)));
        let hidden =
            matches!((&first, &second), (Opinion::Hidden, _) | (_, Some((_, Opinion::Hidden))));
        match (first, second) {
            (Opinion::Known(one), Some((source, Opinion::Known(two)))) => {
                self.settle(one, source, two)
            }
            (Opinion::Known(place), _) => told(self.first, place, None),
            (Opinion::Silent, Some((source, Opinion::Known(place)))) => told(source, place, None),
            // A first source that says "Tor" is not overruled by a table that knows the exit node.
            (_, Some((_, Opinion::Known(other)))) => {
                Located { other: Some(other), hidden, ..Located::unknown() }
            }
            _ => Located { hidden, ..Located::unknown() },
        }
    }

    fn settle(&self, one: Place, source: SourceName, two: Place) -> Located {
        if one.within(&two) {
            return told(self.first, one, Some(two));
        }
        if two.within(&one) {
            return told(source, two, Some(one));
        }
        match self.on_conflict {
            OnConflict::First => told(self.first, one, Some(two)),
            OnConflict::Second => told(source, two, Some(one)),
            OnConflict::Deny => Located { conflict: true, ..told(self.first, one, Some(two)) },
        }
    }

    fn opinion(&self, source: SourceName, origin: &Origin, headers: &Headers) -> Opinion {
        match source {
            SourceName::Table => match origin.client.and_then(|a| self.by_address(a)) {
                Some(place) => Opinion::Known(place),
                None => Opinion::Silent,
            },
            SourceName::Header if !origin.trusted_peer => Opinion::Silent,
            SourceName::Header => {
                let country = headers.one(&self.country);
                let region = self.region.as_deref().map_or(One::Absent, |name| headers.one(name));
                match (country, Place::from_headers(country, region)) {
                    (_, Some(place)) => Opinion::Known(place),
                    (One::Absent, None) => Opinion::Silent,
                    _ if headers.all(&self.country).any(|it| it == TOR) => Opinion::Hidden,
                    (_, None) => Opinion::Unknown,
                }
            }
        }
    }

    fn by_address(&self, address: IpAddr) -> Option<Place> {
        self.table.place(address).cloned()
    }
}

impl Located {
    fn unknown() -> Self {
        Self { source: "none", ..Self::default() }
    }
}

fn told(source: SourceName, place: Place, other: Option<Place>) -> Located {
    let source = match source {
        SourceName::Header => "header",
        SourceName::Table => "table",
    };
    Located { place: Some(place), source, other, conflict: false, hidden: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(on_conflict: &str, order: (&str, &str)) -> Sources {
        let json = format!(
            r#"{{"first": "{}", "second": "{}", "on_conflict": "{on_conflict}",
                "header": {{"country": "c", "region": "r"}},
                "table": {{"MT": ["203.0.113.0/24"], "US-NJ": ["198.51.100.0/24"],
                           "US": ["198.51.0.0/16"]}}}}"#,
            order.0, order.1
        );
        policy_kit::parse(json.as_bytes()).and_then(Sources::compile).unwrap()
    }

    #[test]
    fn sources_and_conflicts() {
        const HEADER: (&str, &str) = ("header", "table");
        const TABLE: (&str, &str) = ("table", "header");
        // Country header, client, rule, order; place, source, conflict.
        for (country, client, rule, order, place, source, conflict) in [
            ("MT", "203.0.113.1", "deny", HEADER, "MT", "header", false),
            ("MT", "192.0.2.1", "deny", HEADER, "MT", "header", false),
            ("", "203.0.113.1", "deny", HEADER, "MT", "table", false),
            ("SE", "203.0.113.1", "deny", HEADER, "SE", "header", true),
            ("SE", "203.0.113.1", "first", HEADER, "SE", "header", false),
            ("SE", "203.0.113.1", "second", HEADER, "MT", "table", false),
            ("SE", "203.0.113.1", "first", TABLE, "MT", "table", false),
            ("SE", "192.0.2.1", "deny", TABLE, "SE", "header", false),
            // Country and its subdivision agree; the finer one counts.
            ("US", "198.51.100.1", "deny", HEADER, "US-NJ", "table", false),
            ("US-NJ", "198.51.0.1", "deny", HEADER, "US-NJ", "header", false),
            ("US-NY", "198.51.100.1", "deny", HEADER, "US-NY", "header", true),
            // Tor, by its header, is not where its exit node stands.
            ("T1", "203.0.113.1", "deny", HEADER, "", "none", false),
            ("T1", "203.0.113.1", "second", HEADER, "", "none", false),
            ("T1", "203.0.113.1", "deny", TABLE, "MT", "table", false),
            ("", "192.0.2.1", "deny", HEADER, "", "none", false),
        ] {
            let pairs = (!country.is_empty()).then_some((&b"c"[..], country.as_bytes()));
            let origin = Origin { client: client.parse().ok(), trusted_peer: true };
            let got = sources(rule, order).locate(&origin, &Headers::from_pairs(pairs));
            let at = got.place.as_ref().map_or("", Place::as_str);
            let case = format!("{country} {client} {rule} {order:?}");
            assert_eq!((at, got.source, got.conflict), (place, source, conflict), "{case}");
            assert_eq!(got.hidden, country == "T1" && place.is_empty(), "{case}");
        }
    }

    /// The country headers, and whether they tell of Tor.
    #[test]
    fn tor_is_not_an_unknown() {
        for (sent, hidden) in [
            (&["T1"][..], true),
            (&["MT", "T1"], true),
            (&["XX"], false),
            (&["t1"], false),
            (&["T1 "], false),
            (&["MT", "MT"], false),
            (&[""], false),
            (&[], false),
        ] {
            let pairs = sent.iter().map(|value| (&b"c"[..], value.as_bytes()));
            let headers = Headers::from_pairs(pairs);
            let sources = sources("deny", ("header", "table"));
            let client = "192.0.2.1".parse().ok();
            let got = sources.locate(&Origin { client, trusted_peer: true }, &headers);
            assert_eq!((got.place, got.hidden), (None, hidden), "{sent:?}");
            let got = sources.locate(&Origin { client, trusted_peer: false }, &headers);
            assert!(!got.hidden, "{sent:?}: only the edge says so");
        }
    }

    #[test]
    fn an_untrusted_peer_has_no_say() {
        let headers = Headers::from_pairs([(&b"c"[..], &b"SE"[..])]);
        let origin = |client: &str| Origin { client: client.parse().ok(), trusted_peer: false };
        let sources = sources("deny", ("header", "table"));
        let at = |client| sources.locate(&origin(client), &headers).place;
        assert_eq!(at("203.0.113.1"), Place::parse(b"MT"));
        assert_eq!(at("192.0.2.1"), None);
    }

    #[test]
    fn refused_documents() {
        let header = r#""header": {"country": "c"}"#;
        let table = r#""table": {"MT": ["203.0.113.0/24"]}"#;
        for (json, field) in [
            (r#""first": "header""#.to_owned(), "place.header"),
            (r#""first": "table""#.to_owned(), "place.table"),
            (format!(r#""first": "table", {header}, {table}"#), "place.header"),
            (format!(r#""first": "header", {header}, {table}"#), "place.table"),
            (format!(r#""first": "header", "second": "header", {header}"#), "place.second"),
            (r#""first": "header", "header": {"country": ""}"#.to_owned(), "place.header.country"),
            (
                r#""first": "header", "header": {"country": "c", "region": "R"}"#.to_owned(),
                "place.header.region",
            ),
        ] {
            let raw = policy_kit::parse(format!("{{{json}}}").as_bytes());
            assert_eq!(
                raw.and_then(Sources::compile).map(|_| ()).unwrap_err().field,
                field,
                "{json}"
            );
        }
    }
}

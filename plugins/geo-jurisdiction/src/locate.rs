//! Where a request comes from: the sources, and what happens when they do not agree.

use std::net::IpAddr;

use policy_kit::{
    invalid, ConfigError, Headers, One, Origin, Place, PlaceDoubt, PlaceReading, Relation,
};

use crate::config::{OnConflict, PlaceConfig, SourceName};
use crate::table::Table;
use policy_kit::header_name;

/// What is said of a subdivision that no source can tell.
const UNTOLD: &str =
    "no source can tell this subdivision: name `place.header.region` (the header of \
    `country` once more, where it holds both), or list networks of it in `place.table`";

/// The sources of a configuration.
#[derive(Debug)]
pub struct Sources {
    first: SourceName,
    second: Option<SourceName>,
    on_conflict: OnConflict,
    country: String,
    region: Option<String>,
    /// Whether the headers can tell a subdivision.
    parts: bool,
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
    /// Why no place is known, or only its country, source by source.
    pub why: [Option<&'static str>; 2],
}

/// What one source says.
enum Opinion {
    /// It says nothing at all.
    Silent(&'static str),
    /// It says something that is no place: an unknown, something broken.
    Unknown(&'static str),
    /// It says that nobody can tell: Tor.
    Hidden,
    /// It says where, and why it is not said better where that could not be read.
    Known(Place, Option<&'static str>),
}

impl Opinion {
    /// Why it tells no place.
    fn why(&self) -> Option<&'static str> {
        match self {
            Self::Silent(why) | Self::Unknown(why) => Some(why),
            Self::Hidden => Some(PlaceDoubt::Anonymous.as_str()),
            Self::Known(_, why) => *why,
        }
    }
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
        let parts = region.is_some();
        // One header that holds both is read once.
        let region = region.filter(|region| *region != country);
        Ok(Self { first, second, on_conflict, country, region, parts, table })
    }

    /// Checks the places that the configuration names at path `at`. One that no source can tell would
    /// never count, or would leave all of its country in doubt.
    ///
    /// # Errors
    /// A subdivision where no header tells subdivisions and the table has no network of it.
    pub fn check(&self, places: &[Place], at: &str) -> Result<(), ConfigError> {
        let told = |place: &Place| {
            let mut known = self.table.places();
            self.parts || known.any(|known| known.relation(place) == Relation::Inside)
        };
        match places.iter().position(|place| place.is_part() && !told(place)) {
            Some(j) => Err(invalid(format!("{at}[{j}]"), UNTOLD)),
            None => Ok(()),
        }
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
            (Opinion::Known(one, why), Some((source, Opinion::Known(two, other)))) => {
                self.settle((one, why), source, (two, other))
            }
            (Opinion::Known(place, why), _) => told(self.first, place, why),
            (Opinion::Silent(_), Some((source, Opinion::Known(place, why)))) => {
                told(source, place, why)
            }
            // A first source that says "Tor" is not overruled by a table that knows the exit node.
            (first, second) => {
                let why = [first.why(), second.as_ref().and_then(|(_, opinion)| opinion.why())];
                let other = match second {
                    Some((_, Opinion::Known(other, _))) => Some(other),
                    _ => None,
                };
                Located { source: "none", other, hidden, why, ..Located::default() }
            }
        }
    }

    /// Both sources know. Where one place lies within the other, the finer one counts.
    fn settle(
        &self,
        (one, why): (Place, Option<&'static str>),
        source: SourceName,
        (two, other_why): (Place, Option<&'static str>),
    ) -> Located {
        let first = || Located { other: Some(two), ..told(self.first, one, why) };
        let second = || Located { other: Some(one), ..told(source, two, other_why) };
        if one.is_within(&two) {
            return first();
        }
        if two.is_within(&one) {
            return second();
        }
        match self.on_conflict {
            OnConflict::First => first(),
            OnConflict::Second => second(),
            OnConflict::Deny => Located { conflict: true, ..first() },
        }
    }

    fn opinion(&self, source: SourceName, origin: &Origin, headers: &Headers) -> Opinion {
        match source {
            SourceName::Table => match origin.client.map(|address| self.by_address(address)) {
                Some(Some(place)) => Opinion::Known(place, None),
                Some(None) => Opinion::Silent("not_in_table"),
                None => Opinion::Silent("address_unreadable"),
            },
            SourceName::Header if !origin.trusted_peer => Opinion::Silent("peer_untrusted"),
            SourceName::Header => {
                let country = headers.one(&self.country);
                let region = self.region.as_deref().map_or(One::Absent, |name| headers.one(name));
                match PlaceReading::headers(country, region) {
                    PlaceReading { place: Some(place), why: PlaceDoubt::Read } => {
                        Opinion::Known(place, None)
                    }
                    PlaceReading { place: Some(place), why } => {
                        Opinion::Known(place, Some(why.as_str()))
                    }
                    PlaceReading { why: PlaceDoubt::Absent, .. } => {
                        Opinion::Silent(PlaceDoubt::Absent.as_str())
                    }
                    PlaceReading { why: PlaceDoubt::Anonymous, .. } => Opinion::Hidden,
                    // Tor among several: whichever counts, nobody can tell where the client is.
                    _ if headers.all(&self.country).any(PlaceReading::is_hidden) => Opinion::Hidden,
                    PlaceReading { why, .. } => Opinion::Unknown(why.as_str()),
                }
            }
        }
    }

    fn by_address(&self, address: IpAddr) -> Option<Place> {
        self.table.place(address).copied()
    }
}

impl Located {
    /// Why no place is known, or only its country, as a piece of evidence.
    pub fn evidence(&self) -> String {
        match self.why {
            [None, None] => String::new(),
            [Some(one), Some(two)] => format!(" why={one},{two}"),
            [Some(one), None] | [None, Some(one)] => format!(" why={one}"),
        }
    }
}

fn told(source: SourceName, place: Place, why: Option<&'static str>) -> Located {
    let source = match source {
        SourceName::Header => "header",
        SourceName::Table => "table",
    };
    Located { place: Some(place), source, why: [why, None], ..Located::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(on_conflict: &str, order: (&str, &str)) -> Sources {
        let json = format!(
            r#"{{"first": "{}", "second": "{}", "on_conflict": "{on_conflict}",
                "header": {{"country": "c", "region": "r"}},
                "table": {{"MT": ["203.0.113.0/24"], "US-NJ": ["198.51.100.0/24"],
                           "US": ["198.51.0.0/16"], "US-PR": ["192.0.2.128/25"],
                           "UA-43": ["192.0.2.64/26"]}}}}"#,
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
            // Two codes of one place agree; a territory lies in its country.
            ("PR", "192.0.2.129", "deny", HEADER, "PR", "header", false),
            ("PR", "192.0.2.129", "deny", TABLE, "PR", "table", false),
            ("US", "192.0.2.129", "deny", HEADER, "PR", "table", false),
            ("US-NJ", "192.0.2.129", "deny", HEADER, "US-NJ", "header", true),
            // Two countries claim it: that they do is no agreement.
            ("RU", "192.0.2.65", "deny", HEADER, "RU", "header", true),
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

    /// What the edge sends, the client, whether the edge sends it; why no place is known, or only its
    /// country.
    #[test]
    fn why_no_place_is_known() {
        let (edge, stranger) = (true, false);
        for (country, region, client, peer, want) in [
            (&["MT"][..], &[][..], "192.0.2.1", edge, ""),
            (&["US"], &["NJ"], "192.0.2.1", edge, ""),
            (&[], &[], "192.0.2.1", edge, " why=absent,not_in_table"),
            (&[], &[], "nowhere", edge, " why=absent,address_unreadable"),
            (&["MT"], &[], "192.0.2.1", stranger, " why=peer_untrusted,not_in_table"),
            (&[""], &[], "192.0.2.1", edge, " why=empty,not_in_table"),
            (&["XX"], &[], "192.0.2.1", edge, " why=unsaid,not_in_table"),
            (&["UK"], &[], "192.0.2.1", edge, " why=not_a_place,not_in_table"),
            (&["T1"], &[], "192.0.2.1", edge, " why=anonymous,not_in_table"),
            (&["T1"], &[], "203.0.113.1", edge, " why=anonymous"),
            (&["MT", "MT"], &[], "192.0.2.1", edge, " why=twice,not_in_table"),
            (&["US"], &["GB-ENG"], "192.0.2.1", edge, " why=contradiction,not_in_table"),
            (&["GB"], &["England"], "192.0.2.1", edge, " why=region_not_a_place"),
            (&["US"], &["NJ", "NY"], "192.0.2.1", edge, " why=region_twice"),
            // The table knows better, or the header is not asked.
            (&["US"], &["Jersey"], "198.51.100.1", edge, ""),
            (&[], &[], "203.0.113.1", edge, ""),
        ] {
            let country = country.iter().map(|value| (&b"c"[..], value.as_bytes()));
            let region = region.iter().map(|value| (&b"r"[..], value.as_bytes()));
            let headers = Headers::from_pairs(country.chain(region));
            let origin = Origin { client: client.parse().ok(), trusted_peer: peer };
            let got = sources("deny", ("header", "table")).locate(&origin, &headers);
            assert_eq!(got.evidence(), want, "{headers:?} {client} {peer}");
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

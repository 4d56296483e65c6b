//! The sources of the place by address, and which one counts.

use policy_kit::{
    header_name, invalid, ConfigError, Headers, One, Origin, Place, PlaceDoubt, PlaceReading,
    Relation,
};

use crate::config::place::{OnConflict, PlaceConfig, SourceName};
use crate::config::table::Table;
use crate::place::located::Located;

/// The error for a subdivision that no source can report.
const UNREPORTED: &str =
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
    /// Whether the headers can hold a subdivision.
    parts: bool,
    table: Table,
}

/// What one source reports.
enum SourceReading {
    /// Nothing at all.
    Silent(&'static str),
    /// That the place is unknown, or something that cannot be read.
    Unknown(&'static str),
    /// That the client hides its place: Tor.
    Hidden,
    /// A place, and why no more of it is known where a part cannot be read.
    Known(Place, Option<&'static str>),
}

impl SourceReading {
    /// Why it reports no place, or only a part of one.
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
    /// A source that is named but not configured, configured but not named, or named twice.
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

    /// Checks the places that the configuration names at path `at`. One that no source can report would never
    /// match, or would leave all of its country in doubt.
    ///
    /// # Errors
    /// A subdivision where no header holds subdivisions and the table has no network of it.
    pub fn check(&self, places: &[Place], at: &str) -> Result<(), ConfigError> {
        let reported = |place: &Place| {
            let mut known = self.table.places();
            self.parts || known.any(|known| known.relation(place) == Relation::Inside)
        };
        match places.iter().position(|place| place.is_part() && !reported(place)) {
            Some(j) => Err(invalid(format!("{at}[{j}]"), UNREPORTED)),
            None => Ok(()),
        }
    }

    /// The headers that count only from a trusted proxy.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        let country = (!self.country.is_empty()).then_some(self.country.as_str());
        country.into_iter().chain(self.region.as_deref())
    }

    /// Whether a contradiction of sources is a reason to refuse.
    pub fn refuses_conflicts(&self) -> bool {
        self.on_conflict == OnConflict::Deny
    }

    /// The place of a request by its address.
    pub fn locate(&self, origin: &Origin, headers: &Headers) -> Located {
        let first = self.read(self.first, origin, headers);
        let second = self.second.map(|source| (source, self.read(source, origin, headers)));
        let hidden = matches!(
            (&first, &second),
            (SourceReading::Hidden, _) | (_, Some((_, SourceReading::Hidden)))
        );
        match (first, second) {
            (SourceReading::Known(one, why), Some((source, SourceReading::Known(two, other)))) => {
                self.reconcile((one, why), source, (two, other))
            }
            (SourceReading::Known(place, why), _) => Located::by(self.first, place, why),
            (SourceReading::Silent(_), Some((source, SourceReading::Known(place, why)))) => {
                Located::by(source, place, why)
            }
            // A first source that reports Tor is not overruled by a table that has the exit node.
            (first, second) => {
                let why = [first.why(), second.as_ref().and_then(|(_, reading)| reading.why())];
                let other = match second {
                    Some((_, SourceReading::Known(other, _))) => Some(other),
                    _ => None,
                };
                Located { source: "none", other, hidden, why, ..Located::default() }
            }
        }
    }

    /// Both sources report a place. Where one lies within the other, the finer one counts.
    fn reconcile(
        &self,
        (one, why): (Place, Option<&'static str>),
        source: SourceName,
        (two, other_why): (Place, Option<&'static str>),
    ) -> Located {
        let first = || Located { other: Some(two), ..Located::by(self.first, one, why) };
        let second = || Located { other: Some(one), ..Located::by(source, two, other_why) };
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

    fn read(&self, source: SourceName, origin: &Origin, headers: &Headers) -> SourceReading {
        match source {
            SourceName::Table => match origin.client.map(|address| self.table.place(address)) {
                Some(Some(place)) => SourceReading::Known(*place, None),
                Some(None) => SourceReading::Silent("not_in_table"),
                None => SourceReading::Silent("address_unreadable"),
            },
            SourceName::Header if !origin.trusted_peer => SourceReading::Silent("peer_untrusted"),
            SourceName::Header => {
                let country = headers.one(&self.country);
                let region = self.region.as_deref().map_or(One::Absent, |name| headers.one(name));
                match PlaceReading::headers(country, region) {
                    PlaceReading { place: Some(place), why: PlaceDoubt::Read } => {
                        SourceReading::Known(place, None)
                    }
                    PlaceReading { place: Some(place), why } => {
                        SourceReading::Known(place, Some(why.as_str()))
                    }
                    PlaceReading { why: PlaceDoubt::Absent, .. } => {
                        SourceReading::Silent(PlaceDoubt::Absent.as_str())
                    }
                    PlaceReading { why: PlaceDoubt::Anonymous, .. } => SourceReading::Hidden,
                    // Tor among several: whichever counts, the client hides its place.
                    _ if headers.all(&self.country).any(PlaceReading::is_hidden) => {
                        SourceReading::Hidden
                    }
                    PlaceReading { why, .. } => SourceReading::Unknown(why.as_str()),
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "sources_tests.rs"]
mod tests;

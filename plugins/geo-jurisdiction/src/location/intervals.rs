//! How long a location check counts, by where the device is.

use policy_kit::{invalid, within, ConfigError, Place, Relation};

use crate::config::location::LocationConfig;

/// Default intervals, for places that the document gives no interval, and no shorter one for an area around
/// them: Maine 16-633 ch. 62.
const KNOWN: [(&str, u64); 1] = [("US-ME", 1_200)];
/// Longest interval, in seconds.
const MAX: u64 = 86_400;

/// The intervals of a configuration.
#[derive(Debug)]
pub struct Intervals {
    default: u64,
    places: Vec<(Place, u64)>,
    border_m: f64,
    near_border: u64,
}

/// How long a check counts, and the field that sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval<'a> {
    /// Seconds.
    pub seconds: u64,
    field: IntervalField<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IntervalField<'a> {
    Default,
    Place(&'a Place),
    Border,
}

impl Interval<'_> {
    /// The field, for evidence.
    pub fn rule(&self) -> String {
        match self.field {
            IntervalField::Default => "location.interval_s".to_owned(),
            IntervalField::Place(named) => format!("location.intervals.{}", named.as_str()),
            IntervalField::Border => "location.border_interval_s".to_owned(),
        }
    }
}

impl Intervals {
    /// Compiles the intervals of `location`.
    ///
    /// # Errors
    /// Names the field: an invalid place, an interval of 0 or of more than a day.
    pub fn compile(raw: &LocationConfig) -> Result<Self, ConfigError> {
        let mut places: Vec<(Place, u64)> = Vec::with_capacity(raw.intervals.len() + KNOWN.len());
        for (position, (code, seconds)) in raw.intervals.iter().enumerate() {
            let at = format!("location.intervals (entry {} in alphabetical order)", position + 1);
            let place = Place::parse(code.as_bytes());
            let place = place.ok_or_else(|| invalid(&at, Place::EXPECTED))?;
            if places.iter().any(|(named, _)| *named == place) {
                return Err(invalid(at, "is a place that another code here names already"));
            }
            places.push((place, checked(*seconds, &at)?));
        }
        for (code, seconds) in KNOWN {
            let Some(place) = Place::parse(code.as_bytes()) else { continue };
            let exact = places.iter().any(|(named, _)| *named == place);
            let given = closest(&places, &place).map_or(raw.interval_s, |(_, seconds)| *seconds);
            if !exact && seconds < given {
                places.push((place, seconds));
            }
        }
        Ok(Self {
            default: checked(raw.interval_s, "location.interval_s")?,
            places,
            border_m: f64::from(raw.border_m),
            near_border: checked(raw.border_interval_s, "location.border_interval_s")?,
        })
    }

    /// The interval of the closest place around `place`.
    pub fn around(&self, place: Option<&Place>) -> Interval<'_> {
        match place.and_then(|place| closest(&self.places, place)) {
            Some((named, seconds)) => {
                Interval { seconds: *seconds, field: IntervalField::Place(named) }
            }
            None => Interval { seconds: self.default, field: IntervalField::Default },
        }
    }

    /// The interval at `place`, at a distance from a border in metres, where either is known: that of the closest
    /// place around it, or a shorter one of a place that it may lie in. Near a border the shorter one counts.
    pub fn of(&self, place: Option<&Place>, border: Option<f64>) -> Interval<'_> {
        let Interval { mut seconds, mut field } = self.around(place);
        for (named, shorter) in self.places.iter().filter(|_| place.is_some()) {
            let maybe = place.is_some_and(|it| it.relation(named) == Relation::MayBe);
            if maybe && *shorter < seconds {
                (seconds, field) = (*shorter, IntervalField::Place(named));
            }
        }
        let near = self.border_m > 0.0 && border.is_some_and(|metres| metres <= self.border_m);
        match near && self.near_border < seconds {
            true => Interval { seconds: self.near_border, field: IntervalField::Border },
            false => Interval { seconds, field },
        }
    }
}

/// The closest of the named places that `place` lies in.
fn closest<'a>(places: &'a [(Place, u64)], place: &Place) -> Option<&'a (Place, u64)> {
    let mut around = places.iter().filter(|(it, _)| place.relation(it) == Relation::Inside);
    let first = around.next()?;
    Some(around.fold(first, |best, it| if it.0.is_within(&best.0) { it } else { best }))
}

fn checked(seconds: u64, at: &str) -> Result<u64, ConfigError> {
    within(seconds, (1, MAX), || at.to_owned())
}

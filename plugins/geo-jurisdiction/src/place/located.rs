//! The place of a request by its address.

use policy_kit::Place;

use crate::config::place::SourceName;

/// What the sources report about a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Located {
    /// The place that counts, if one is known.
    pub place: Option<Place>,
    /// Which source reported it: `header`, `table`, or `none`.
    pub source: &'static str,
    /// The place that the other source reported.
    pub other: Option<Place>,
    /// Whether the sources contradict each other, and the operator has named none that counts.
    pub conflict: bool,
    /// Whether no place is known because the edge reports that the client hides it (`T1`, Tor).
    pub hidden: bool,
    /// Why no place is known, or only its country, source by source.
    pub why: [Option<&'static str>; 2],
}

impl Located {
    /// The place that one source reports.
    pub(super) fn by(source: SourceName, place: Place, why: Option<&'static str>) -> Self {
        let source = match source {
            SourceName::Header => "header",
            SourceName::Table => "table",
        };
        Self { place: Some(place), source, why: [why, None], ..Self::default() }
    }

    /// Why no place is known, or only its country, as part of the evidence.
    pub fn evidence(&self) -> String {
        match self.why {
            [None, None] => String::new(),
            [Some(one), Some(two)] => format!(" why={one},{two}"),
            [Some(one), None] | [None, Some(one)] => format!(" why={one}"),
        }
    }
}

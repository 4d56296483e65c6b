//! Places from where next to nothing passes.

use policy_kit::{Place, Relation};

use crate::licence::Licence;
use crate::locate::Located;

/// The configuration's `blocked`.
#[derive(Debug)]
pub(crate) struct Blocked(Vec<Area>);

#[derive(Debug)]
struct Area {
    place: Place,
    /// Markets that may count to it and that a licence names: Hong Kong where China is blocked.
    named: Vec<Place>,
}

impl Blocked {
    /// Compiles `blocked`. What a licence names is not blocked with a country that it only may count to.
    pub(crate) fn compile(places: Vec<Place>, licences: &[Licence]) -> Self {
        let markets = || licences.iter().flat_map(Licence::markets);
        let area = |place: Place| {
            let named = |market: &&Place| market.may_count_to(&place);
            Area { place, named: markets().filter(named).copied().collect() }
        };
        Self(places.into_iter().map(area).collect())
    }

    /// Whether a place lies in a blocked one.
    pub(crate) fn relation(&self, place: &Place) -> Relation {
        let mut most = Relation::Outside;
        for area in &self.0 {
            let here = place.relation(&area.place);
            let named = || area.named.iter().any(|it| place.relation(it) == Relation::Inside);
            if here == Relation::Inside || (here == Relation::MayBe && !named()) {
                most = most.max(here);
            }
        }
        most
    }

    /// Whether somebody whom the sources find here, and the device where that is known, is in a blocked
    /// place. What one source or the device knows better clears the doubt about what another source says;
    /// about a device an address clears none.
    pub(crate) fn of(&self, located: &Located, device: Option<&Place>) -> Relation {
        let sources = || located.place.iter().chain(&located.other);
        let mut most = device.map_or(Relation::Outside, |place| self.relation(place));
        for place in sources() {
            let here = self.relation(place);
            let mut known = sources().chain(device);
            let mut cleared = || known.any(|other| other != place && other.is_within(place));
            if here == Relation::Inside || (here == Relation::MayBe && !cleared()) {
                most = most.max(here);
            }
        }
        most
    }
}

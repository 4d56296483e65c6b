//! Blocked places, from which only `safer-gambling` and `settlement` pass.

use policy_kit::{Place, Relation};

use crate::place::located::Located;
use crate::policy::licence::Licence;

/// The configuration's `blocked`.
#[derive(Debug)]
pub(crate) struct Blocked(Vec<Area>);

#[derive(Debug)]
struct Area {
    place: Place,
    /// Markets of licences that may count to it: Hong Kong where China is blocked.
    markets: Vec<Place>,
}

impl Blocked {
    /// Compiles `blocked`. A market of a licence is not blocked with a country that it only may count to.
    pub(crate) fn compile(places: Vec<Place>, licences: &[Licence]) -> Self {
        let licensed = || licences.iter().flat_map(Licence::markets);
        let area = |place: Place| {
            let counts = |market: &&Place| market.may_count_to(&place);
            Area { place, markets: licensed().filter(counts).copied().collect() }
        };
        Self(places.into_iter().map(area).collect())
    }

    /// Whether a place lies in a blocked one.
    pub(crate) fn relation(&self, place: &Place) -> Relation {
        let mut most = Relation::Outside;
        for area in &self.0 {
            let here = place.relation(&area.place);
            let licensed = || area.markets.iter().any(|it| place.relation(it) == Relation::Inside);
            if here == Relation::Inside || (here == Relation::MayBe && !licensed()) {
                most = most.max(here);
            }
        }
        most
    }

    /// Whether a player is in a blocked place, by the sources and, where it is known, by the device. A finer place
    /// of one source or of the device clears the doubt about another source's place; no address clears doubt
    /// about a device.
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

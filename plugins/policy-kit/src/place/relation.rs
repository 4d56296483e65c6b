//! Whether a place lies in another.

use crate::place::code::Place;
use crate::place::country::NONE;
use crate::place::subdivision;

/// Whether a place that a source reports lies in an area that a configuration names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// Certainly not in the area.
    Outside,
    /// Perhaps in it: the place contains the area, is claimed by the area's country, or is a territory of it
    /// with a code and a law of its own.
    MayBe,
    /// Certainly in it.
    Inside,
}

impl Place {
    /// Whether this place lies in `area`. A licence, and any rule that permits, needs [`Relation::Inside`]; a rule
    /// that restricts applies unless it is [`Relation::Outside`].
    pub fn relation(&self, area: &Self) -> Relation {
        // Called for every market and every blocked place, and mostly with two countries.
        if self.root != area.root && self.alternative & area.alternative == NONE {
            return Relation::Outside;
        }
        self.related(area)
    }

    #[inline(never)]
    fn related(&self, area: &Self) -> Relation {
        if self == area {
            return Relation::Inside;
        }
        if self.root != area.root {
            return maybe(self.is_claimed_by(area) || area.is_claimed_by(self));
        }
        match (self.is_part(), area.is_part()) {
            (_, false) if self.country == area.country => Relation::Inside,
            // A territory's own law is not its country's. Parts of the country are no territories.
            (_, false) if area.country == area.root => Relation::MayBe,
            (false, _) => maybe(self.country == area.country || self.country == area.root),
            (true, true) if self.country == area.country && area.holds(self) => Relation::Inside,
            (true, true) => maybe(self.country == area.country && self.holds(area)),
            (true, false) => Relation::Outside,
        }
    }

    /// Whether this place may count to a country that it is no plain part of: a territory with a law of its
    /// own to its country, a claimed place to the country that claims it.
    pub fn may_count_to(&self, country: &Self) -> bool {
        let territory = self.country != country.country && self.root == country.country;
        !country.is_part() && territory || self.is_claimed_by(country)
    }

    fn is_claimed_by(&self, country: &Self) -> bool {
        self.alternative != NONE && self.alternative == country.country && !country.is_part()
    }

    /// Whether all of this place lies within `area` on the map, whatever law holds there: Puerto Rico lies within
    /// the United States.
    #[inline(never)]
    pub fn is_within(&self, area: &Self) -> bool {
        let territory = || area.country == self.root && !area.is_part();
        self.relation(area) == Relation::Inside || territory()
    }

    /// The finer of two places of which one lies within the other; `None` where neither does.
    pub fn finer<'a>(&'a self, other: &'a Self) -> Option<&'a Self> {
        match self.is_within(other) {
            true => Some(self),
            false => other.is_within(self).then_some(other),
        }
    }

    /// Whether a subdivision of the same country lies in this one.
    fn holds(&self, inner: &Self) -> bool {
        let mut parent = inner.parent;
        while parent != 0 && parent != self.part {
            parent = subdivision::parent(self.country, parent).unwrap_or(0);
        }
        parent != 0
    }
}

fn maybe(so: bool) -> Relation {
    match so {
        true => Relation::MayBe,
        false => Relation::Outside,
    }
}

//! Lanes: one line of waiting requests for each position in the shedding order.

use policy_kit::EndpointClass;

use crate::queue::admission::Arrival;

/// Lanes in which requests wait: one for each position in the catalogue's shedding order, then unproven settlement.
pub const WAITING_LANES: usize = 12;
/// Lanes in all: those in which requests wait, and two whose requests never wait.
pub const LANES: usize = WAITING_LANES + 2;

/// What a request counts as. `unclassified` counts as `content`: both are shed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane(u8);

impl Lane {
    /// Settlement that is not proven yet.
    pub const UNPROVEN: Self = Self(11);
    /// Proven settlement. It never waits.
    pub const SETTLEMENT: Self = Self(12);
    /// It never waits.
    pub const SAFER_GAMBLING: Self = Self(13);

    /// The lane of a class. A settlement's is the one of proven settlement.
    pub fn of(class: EndpointClass) -> Self {
        match (class, class.defaults().shed_order) {
            (EndpointClass::SaferGambling, _) => Self::SAFER_GAMBLING,
            (_, Some(order)) => Self(order.saturating_sub(1).min(10)),
            (_, None) => Self::SETTLEMENT,
        }
    }

    /// The lane of a request.
    pub fn of_request(request: Arrival) -> Self {
        match Self::of(request.class) {
            Self::SETTLEMENT if request.unproven => Self::UNPROVEN,
            lane => lane,
        }
    }

    /// Whether requests of this lane are never shed.
    pub fn is_exempt(self) -> bool {
        self > Self::UNPROVEN
    }

    /// Whether a refusal costs money or trust: deposits and everything that is kept longer.
    pub fn is_costly(self) -> bool {
        self >= Self::of(EndpointClass::Deposit)
    }

    /// The lanes in which requests wait, what is shed first first.
    pub fn waiting() -> impl DoubleEndedIterator<Item = Self> {
        (0..WAITING_LANES as u8).map(Self)
    }

    /// The number of the lane, below [`LANES`].
    pub fn index(self) -> usize {
        self.0.into()
    }
}

/// One value for each lane.
#[derive(Clone, Copy, Debug, Default)]
pub struct PerLane<T>([T; LANES]);

impl<T> PerLane<T> {
    /// The value of each lane, by its number.
    pub fn new(value: impl FnMut(usize) -> T) -> Self {
        Self(std::array::from_fn(value))
    }

    /// The value of a lane.
    pub fn of(&self, lane: Lane) -> &T {
        let [first, ..] = &self.0;
        self.0.get(lane.index()).unwrap_or(first)
    }

    /// The value of a lane, to be changed.
    pub fn of_mut(&mut self, lane: Lane) -> &mut T {
        let [first, rest @ ..] = &mut self.0;
        lane.index().checked_sub(1).and_then(|index| rest.get_mut(index)).unwrap_or(first)
    }

    /// All values.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// All values, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut()
    }
}

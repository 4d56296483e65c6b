//! Which state stops which kind of call. The default is that of GLI-19 v3.0 A.3.6 to A.3.8 and 2.5.5;
//! licences differ, so every cell of it that is not about safer gambling can be turned.

use policy_kit::{invalid, Brands, ConfigError, EndpointClass, Place, Relation, SortedMap};
use serde::Deserialize;

use super::config::OverrideConfig;
use super::lapse::Cell;
use super::PlayerState;

/// The product of `content` endpoints that advertise.
const PROMOTIONS: &str = "promotions";

/// A kind of call, as far as states are concerned: a class, or `promotions`, which is `content` that
/// must not reach everybody.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "String")]
pub enum Column {
    /// A class.
    Class(EndpointClass),
    /// `content` of the product `promotions`.
    Promotions,
}

impl TryFrom<String> for Column {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name == PROMOTIONS {
            true => Ok(Self::Promotions),
            false => {
                EndpointClass::try_from(name).map(Self::Class).map_err(|e| e + " or `promotions`")
            }
        }
    }
}

impl std::fmt::Display for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Class(class) => class.fmt(f),
            Self::Promotions => f.write_str(PROMOTIONS),
        }
    }
}

impl Column {
    /// The column of a call. One that nobody classified may be a wager.
    pub fn of(class: EndpointClass, product: Option<&str>) -> Self {
        match class {
            EndpointClass::Content if product == Some(PROMOTIONS) => Self::Promotions,
            EndpointClass::Unclassified => Self::Class(EndpointClass::Wager),
            class => Self::Class(class),
        }
    }
}

/// The matrix of a configuration.
#[derive(Debug, Default)]
pub struct Matrix(Vec<Override>);

#[derive(Debug)]
struct Override {
    jurisdictions: Option<Vec<Place>>,
    brands: Option<Vec<String>>,
    states: SortedMap<PlayerState, SortedMap<Column, Cell>>,
}

impl Override {
    /// Whether its word on a cell counts at a place. Where the place is not known, any place may be
    /// it, and where only its country is, any part of that: what refuses counts, what allows does not.
    /// `CA` may be somebody's word for `US-CA`.
    fn counts(&self, cell: Cell, place: Option<&Place>) -> bool {
        let (Some(listed), Some(place)) = (&self.jurisdictions, place) else {
            return self.jurisdictions.is_none() || cell == Cell::Refuse;
        };
        let least = match cell {
            Cell::Refuse => Relation::MayBe,
            Cell::Allow => Relation::Inside,
        };
        let short = |one: &Place| cell == Cell::Refuse && one.is_short(place.as_str());
        listed.iter().any(|one| place.relation(one) >= least || short(one))
    }

    fn is_of(&self, brand: &str) -> bool {
        self.brands.as_ref().is_none_or(|all| all.iter().any(|one| one == brand))
    }
}

impl Matrix {
    /// Compiles the configuration's `overrides`.
    ///
    /// # Errors
    /// An entry for nobody or about nothing, a brand that is none, a call that may never be refused.
    pub fn compile(raw: Vec<OverrideConfig>, brands: &Brands) -> Result<Self, ConfigError> {
        let mut overrides = Vec::with_capacity(raw.len());
        for (i, entry) in raw.into_iter().enumerate() {
            let at = |field: &str| format!("player_state.overrides[{i}].{field}");
            let read = |code: &String| Place::parse(code.as_bytes());
            let places: Option<Vec<Place>> =
                entry.jurisdictions.iter().flatten().map(read).collect();
            let places = places.ok_or_else(|| invalid(at("jurisdictions"), Place::EXPECTED))?;
            let jurisdictions = entry.jurisdictions.map(|_| places);
            if jurisdictions.as_ref().is_some_and(Vec::is_empty) {
                return Err(invalid(at("jurisdictions"), "must name at least one place"));
            }
            let known = |brand: &String| brands.names().any(|name| name == brand);
            if !entry.brands.iter().flatten().all(known)
                || entry.brands.as_ref().is_some_and(Vec::is_empty)
            {
                return Err(invalid(at("brands"), "expected at least one brand of `brands`"));
            }
            for (state, cells) in entry.states.iter() {
                let at = |column: &Column| at(&format!("states.{}.{column}", state.as_str()));
                if *state == PlayerState::Active {
                    let problem = "an active player is stopped by nothing; `closed` closes brands";
                    return Err(invalid(
                        format!("player_state.overrides[{i}].states.active"),
                        problem,
                    ));
                }
                for (column, cell) in cells.iter() {
                    check(*column, *cell).map_err(|problem| invalid(at(column), problem))?;
                }
            }
            if entry.states.values().all(SortedMap::is_empty) {
                return Err(invalid(at("states"), "must name at least one state and one class"));
            }
            overrides.push(Override { jurisdictions, brands: entry.brands, states: entry.states });
        }
        Ok(Self(overrides))
    }

    /// Whether a player in a state may make a call. The first override decides that is for the
    /// player's jurisdiction and brand and names the cell; without one, the default. Of overrides that
    /// may be for a player whose jurisdiction is not known, or not known that well, those count that
    /// refuse: the stricter wins (GLI-19 v3.0 2.5.5(b)).
    pub fn cell(
        &self,
        state: PlayerState,
        column: Column,
        place: Option<&Place>,
        brand: &str,
    ) -> Cell {
        let ours = self.0.iter().filter(|entry| entry.is_of(brand));
        let mut named = ours.filter_map(|entry| {
            let cell = *entry.states.get(&state)?.get(&column)?;
            entry.counts(cell, place).then_some(cell)
        });
        named.next().unwrap_or_else(|| default(state, column))
    }

    /// Whether any state stops such a call anywhere: else nobody need be asked about the player.
    pub fn may_refuse(&self, column: Column) -> bool {
        let refused = |cells: &SortedMap<Column, Cell>| cells.get(&column) == Some(&Cell::Refuse);
        let turned = self.0.iter().any(|entry| entry.states.values().any(refused));
        turned || PlayerState::ALL.iter().any(|state| default(*state, column) == Cell::Refuse)
    }
}

fn check(column: Column, cell: Cell) -> Result<(), &'static str> {
    use EndpointClass::{SaferGambling, Session, Settlement};
    match column {
        Column::Class(Session | Settlement) => {
            Err("has no effect: the class needs no player's token")
        }
        Column::Class(SaferGambling) if cell == Cell::Refuse => {
            Err("must work whenever a player wants it")
        }
        _ => Ok(()),
    }
}

fn default(state: PlayerState, column: Column) -> Cell {
    use EndpointClass as C;
    use PlayerState::{Active, CoolOff, DepositLimit, KycPending, SelfExcluded, TimeLimit};
    let allowed: &[PlayerState] = match column {
        Column::Promotions | Column::Class(C::Wager | C::Launch | C::Unclassified) => {
            &[Active, DepositLimit]
        }
        Column::Class(C::Deposit) => &[Active],
        // A round that is paid for goes on when the time is up (58 Pa. Code 814a.2).
        Column::Class(C::Round) => &[Active, DepositLimit, TimeLimit],
        // An excluded player's open bets settle by themselves.
        Column::Class(C::Cashout) => &[Active, KycPending, TimeLimit, DepositLimit],
        // The player's own money, once it is known whose it is (GLI-19 v3.0 A.3.6(c), A.3.8).
        Column::Class(C::Withdrawal) => &[Active, CoolOff, SelfExcluded, TimeLimit, DepositLimit],
        Column::Class(
            C::Content
            | C::History
            | C::Odds
            | C::Account
            | C::Session
            | C::SaferGambling
            | C::Settlement,
        ) => &PlayerState::ALL,
    };
    if allowed.contains(&state) {
        Cell::Allow
    } else {
        Cell::Refuse
    }
}

#[cfg(test)]
#[path = "matrix_tests.rs"]
mod tests;

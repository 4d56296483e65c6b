//! Which state stops which class. The default follows GLI-19 v3.0 A.3.6 to A.3.8 and 2.5.5; licences
//! differ, so every cell can be changed, except that safer gambling is never refused.

use policy_kit::{invalid, Brands, ConfigError, EndpointClass, Place, Relation, SortedMap};

use super::column::Column;
use super::config::OverrideConfig;
use super::fallback::Cell;
use super::state::PlayerState;

/// The default matrix, with the configuration's `overrides`.
#[derive(Debug, Default)]
pub struct Matrix(Vec<Override>);

#[derive(Debug)]
struct Override {
    jurisdictions: Option<Vec<Place>>,
    brands: Option<Vec<String>>,
    states: SortedMap<PlayerState, SortedMap<Column, Cell>>,
}

impl Override {
    /// Whether its `cell` applies to a player at `place`. An unknown place may be any, and a country may
    /// be any of its subdivisions: then a cell that refuses applies, and one that allows does not. `CA`
    /// may be short for `US-CA`.
    fn applies(&self, cell: Cell, place: Option<&Place>) -> bool {
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

    fn is_for(&self, brand: &str) -> bool {
        self.brands.as_ref().is_none_or(|all| all.iter().any(|one| one == brand))
    }
}

impl Matrix {
    /// Compiles the configuration's `overrides`.
    ///
    /// # Errors
    /// An entry that applies to no player or changes no cell, an unknown brand, a class that must always
    /// pass.
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
                    let problem = "`active` restricts nothing; use `closed` to close brands";
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

    /// Whether a player in a state may make a request. The first override that applies to the player's
    /// jurisdiction and brand and names the cell decides; without one, the default. If the jurisdiction is
    /// unknown, or known less precisely than the override's, only overrides that refuse apply: the
    /// stricter wins (GLI-19 v3.0 2.5.5(b)).
    pub fn cell(
        &self,
        state: PlayerState,
        column: Column,
        place: Option<&Place>,
        brand: &str,
    ) -> Cell {
        let ours = self.0.iter().filter(|entry| entry.is_for(brand));
        let mut named = ours.filter_map(|entry| {
            let cell = *entry.states.get(&state)?.get(&column)?;
            entry.applies(cell, place).then_some(cell)
        });
        named.next().unwrap_or_else(|| default(state, column))
    }

    /// Whether any state stops requests of this column anywhere: if not, the player's states need not be
    /// known.
    pub fn may_refuse(&self, column: Column) -> bool {
        let refused = |cells: &SortedMap<Column, Cell>| cells.get(&column) == Some(&Cell::Refuse);
        let changed = self.0.iter().any(|entry| entry.states.values().any(refused));
        changed || PlayerState::ALL.iter().any(|state| default(*state, column) == Cell::Refuse)
    }
}

fn check(column: Column, cell: Cell) -> Result<(), &'static str> {
    use EndpointClass::{SaferGambling, Session, Settlement};
    match column {
        Column::Class(Session | Settlement) => {
            Err("has no effect: the class needs no player's token")
        }
        Column::Class(SaferGambling) if cell == Cell::Refuse => Err("must never be refused"),
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
        // A round that is paid for continues after the time limit (58 Pa. Code 814a.2).
        Column::Class(C::Round) => &[Active, DepositLimit, TimeLimit],
        // An excluded player's open bets settle without a cash-out.
        Column::Class(C::Cashout) => &[Active, KycPending, TimeLimit, DepositLimit],
        // The player's own money, once the identity is verified (GLI-19 v3.0 A.3.6(c), A.3.8).
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

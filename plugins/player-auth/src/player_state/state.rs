//! The states of a player's account, and what is known of one player.

use policy_kit::{Denial, SortedMap};
use serde::Deserialize;

use super::jurisdiction::Jurisdiction;
use crate::denials::{DEPOSIT_LIMIT, EXCLUDED, KYC, SUSPENDED, TIME_LIMIT};

/// A state of a player's account. A player may be in several at once.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum PlayerState {
    /// No restriction.
    Active,
    /// Identity not verified yet.
    KycPending,
    /// A break of the player's own choosing, with an end.
    CoolOff,
    /// Excluded for long or for good, by the player or a register.
    SelfExcluded,
    /// The time that the player may play is used up.
    TimeLimit,
    /// The amount that the player may deposit is used up.
    DepositLimit,
    /// Frozen by the operator.
    Suspended,
}

impl PlayerState {
    /// All states. The last of them that stops a request gives the denial.
    pub const ALL: [PlayerState; 7] = [
        Self::Active,
        Self::DepositLimit,
        Self::TimeLimit,
        Self::KycPending,
        Self::CoolOff,
        Self::SelfExcluded,
        Self::Suspended,
    ];

    /// The name used in configurations, headers and facts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::KycPending => "kyc_pending",
            Self::CoolOff => "cool_off",
            Self::SelfExcluded => "self_excluded",
            Self::TimeLimit => "time_limit",
            Self::DepositLimit => "deposit_limit",
            Self::Suspended => "suspended",
        }
    }

    /// The denial of a request that the state stops; `None` for [`PlayerState::Active`], which stops
    /// none.
    pub const fn denial(self) -> Option<Denial> {
        match self {
            Self::Active => None,
            Self::KycPending => Some(KYC),
            Self::CoolOff | Self::SelfExcluded => Some(EXCLUDED),
            Self::TimeLimit => Some(TIME_LIMIT),
            Self::DepositLimit => Some(DEPOSIT_LIMIT),
            Self::Suspended => Some(SUSPENDED),
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct States(u8);

impl States {
    /// The union of both sets.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The states that restrict.
    pub const fn restrictive(self) -> Self {
        Self(self.0 & !PlayerState::Active.bit())
    }

    /// Whether the set contains a state.
    pub const fn contains(self, state: PlayerState) -> bool {
        self.0 & state.bit() != 0
    }

    /// The names in alphabetical order, separated by commas; `active` only where it is the only one.
    /// `None` for the empty set.
    pub fn names(self) -> Option<String> {
        let shown = if self.restrictive().0 == 0 { self } else { self.restrictive() };
        let shown = PlayerState::ALL.into_iter().filter(|state| shown.contains(*state));
        let names: SortedMap<_, _> = shown.map(|state| (state.as_str(), ())).collect();
        let names: Vec<_> = names.keys().copied().collect();
        (!names.is_empty()).then(|| names.join(","))
    }
}

impl FromIterator<PlayerState> for States {
    fn from_iter<I: IntoIterator<Item = PlayerState>>(states: I) -> Self {
        Self(states.into_iter().fold(0, |set, state| set | state.bit()))
    }
}

/// The states that a source reports of a player. The default is an unknown player.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlayerStates {
    /// States that the player is in.
    pub states: States,
    /// Whether the player is in no other state.
    pub certain: bool,
}

/// The player as a verified token reports them.
#[derive(Clone, Copy, Debug)]
pub struct TokenPlayer<'a> {
    /// The brand the player is with.
    pub brand: &'a str,
    /// The states of the account; `None` if the token does not report any.
    pub states: Option<PlayerStates>,
    /// Where the player is licensed to play.
    pub jurisdiction: Jurisdiction,
}

/// The player as the PAM reports them. The default is a player of whom nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PamPlayer {
    /// The states of the account.
    pub states: PlayerStates,
    /// Where the player is licensed to play.
    pub jurisdiction: Jurisdiction,
}

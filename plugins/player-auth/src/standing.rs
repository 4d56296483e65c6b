//! The states that a player's account can be in, and what is known of a player's.

use policy_kit::{invalid, ConfigError, Denial, SortedMap};
use serde::Deserialize;
use serde_json::Value;

use crate::denials::{DEPOSIT_LIMIT, EXCLUDED, KYC, SUSPENDED, TIME_LIMIT};

pub mod closed;
pub mod config;
pub mod judge;
pub mod jurisdiction;
pub mod lapse;
pub mod matrix;

/// Most states that one source may name at once.
const MOST: usize = 16;

/// A state of a player's account. A player may be in several at once.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum PlayerState {
    /// Nothing in the way.
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
    /// All of them; of those that restrict, what the client is told of first comes last.
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

    /// What a call that the state stops is refused with; nothing stops an active player's.
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
    /// The states of both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that restrict.
    pub const fn restrictive(self) -> Self {
        Self(self.0 & !PlayerState::Active.bit())
    }

    /// Whether a state is one of them.
    pub const fn contains(self, state: PlayerState) -> bool {
        self.0 & state.bit() != 0
    }

    /// Their names in alphabetical order, with commas. `active` only stands alone; `None` where there
    /// is nothing to tell.
    pub fn names(self) -> Option<String> {
        let told = if self.restrictive().0 == 0 { self } else { self.restrictive() };
        let named = PlayerState::ALL.into_iter().filter(|state| told.contains(*state));
        let names: SortedMap<_, _> = named.map(|state| (state.as_str(), ())).collect();
        let names: Vec<_> = names.keys().copied().collect();
        (!names.is_empty()).then(|| names.join(","))
    }
}

impl FromIterator<PlayerState> for States {
    fn from_iter<I: IntoIterator<Item = PlayerState>>(states: I) -> Self {
        Self(states.into_iter().fold(0, |set, state| set | state.bit()))
    }
}

/// What is known of a player's states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// States that the player is in.
    pub states: States,
    /// Whether that is all there is: nobody who could say more failed to.
    pub certain: bool,
}

/// The words that a system of the operator's has for the states.
#[derive(Clone, Debug, Default)]
pub struct Words(SortedMap<String, PlayerState>);

impl Words {
    /// Compiles the configuration's `names`, which come before our own.
    ///
    /// # Errors
    /// An empty word.
    pub fn compile(names: SortedMap<String, PlayerState>) -> Result<Self, ConfigError> {
        match names.contains_key("") {
            true => Err(invalid("player_state.names", "an empty word is no name of a state")),
            false => Ok(Self(names)),
        }
    }

    /// What a text or a list of texts says. `None` where nothing is said at all; not certain where
    /// part of it is not understood, or a list names no state.
    pub fn read(&self, said: Option<&Value>) -> Option<Told> {
        let words: Vec<Option<PlayerState>> = match said {
            None | Some(Value::Null) => return None,
            Some(Value::Array(items)) => items.iter().take(MOST + 1).map(|i| self.one(i)).collect(),
            Some(other) => vec![self.one(other)],
        };
        let understood = words.iter().all(Option::is_some);
        let certain = understood && !words.is_empty() && words.len() <= MOST;
        Some(Told { states: words.into_iter().flatten().collect(), certain })
    }

    fn one(&self, word: &Value) -> Option<PlayerState> {
        let word = word.as_str()?;
        let ours = || PlayerState::ALL.into_iter().find(|state| state.as_str() == word);
        self.0.get(word).copied().or_else(ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_words_say() {
        let names = [("cooling_off".to_owned(), PlayerState::CoolOff)].into_iter();
        let words = Words::compile(names.collect()).unwrap();
        // What is said; the states in words, and whether that is all.
        for (said, names, certain) in [
            (json!("active"), Some("active"), true),
            (json!("cooling_off"), Some("cool_off"), true),
            (json!("cool_off"), Some("cool_off"), true),
            (json!(["time_limit", "deposit_limit"]), Some("deposit_limit,time_limit"), true),
            (json!(["active", "suspended"]), Some("suspended"), true),
            (json!(["self_excluded", "frozen"]), Some("self_excluded"), false),
            (json!("Active"), None, false),
            (json!("active "), None, false),
            (json!(""), None, false),
            (json!([]), None, false),
            (json!(0), None, false),
            (json!(true), None, false),
            (json!({"active": true}), None, false),
            (json!([["active"]]), None, false),
            (json!(vec!["active"; 17]), Some("active"), false),
        ] {
            let told = words.read(Some(&said)).unwrap();
            assert_eq!((told.states.names().as_deref(), told.certain), (names, certain), "{said}");
        }
        assert_eq!(words.read(None), None);
        assert_eq!(words.read(Some(&Value::Null)), None);
    }

    #[test]
    fn an_operators_word_comes_before_ours() {
        let names = [("active".to_owned(), PlayerState::Suspended)].into_iter();
        let words = Words::compile(names.collect()).unwrap();
        let told = words.read(Some(&json!("active"))).unwrap();
        assert_eq!(told.states.names().as_deref(), Some("suspended"));
        let empty = [(String::new(), PlayerState::Active)].into_iter();
        assert_eq!(Words::compile(empty.collect()).unwrap_err().field, "player_state.names");
    }
}

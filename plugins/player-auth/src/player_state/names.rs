//! The names that the operator's systems have for player states.

use policy_kit::{invalid, ConfigError, SortedMap};
use serde_json::Value;

use super::state::{PlayerState, PlayerStates};

/// Most states that one source may report at once.
const MAX_STATES: usize = 16;

/// The operator's names for the states, in addition to this plugin's own.
#[derive(Clone, Debug, Default)]
pub struct StateNames(SortedMap<String, PlayerState>);

impl StateNames {
    /// Compiles the configuration's `names`. They take precedence over the plugin's own names.
    ///
    /// # Errors
    /// A name that is empty.
    pub fn compile(names: SortedMap<String, PlayerState>) -> Result<Self, ConfigError> {
        match names.contains_key("") {
            true => Err(invalid("player_state.names", "a name must not be empty")),
            false => Ok(Self(names)),
        }
    }

    /// Reads a text or a list of texts. `None` if the value is absent or `null`; not certain if a name
    /// is unknown, the list is empty, or it has more than 16 names.
    pub fn read(&self, value: Option<&Value>) -> Option<PlayerStates> {
        let names: Vec<Option<PlayerState>> = match value {
            None | Some(Value::Null) => return None,
            Some(Value::Array(items)) => {
                items.iter().take(MAX_STATES + 1).map(|item| self.state(item)).collect()
            }
            Some(other) => vec![self.state(other)],
        };
        let known = names.iter().all(Option::is_some);
        let certain = known && !names.is_empty() && names.len() <= MAX_STATES;
        Some(PlayerStates { states: names.into_iter().flatten().collect(), certain })
    }

    fn state(&self, name: &Value) -> Option<PlayerState> {
        let name = name.as_str()?;
        let own = || PlayerState::ALL.into_iter().find(|state| state.as_str() == name);
        self.0.get(name).copied().or_else(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_names_and_lists_of_names() {
        let names = [("cooling_off".to_owned(), PlayerState::CoolOff)].into_iter();
        let state_names = StateNames::compile(names.collect()).unwrap();
        // The value; the names of the states, and whether they are certain.
        for (value, names, certain) in [
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
            let read = state_names.read(Some(&value)).unwrap();
            assert_eq!((read.states.names().as_deref(), read.certain), (names, certain), "{value}");
        }
        assert_eq!(state_names.read(None), None);
        assert_eq!(state_names.read(Some(&Value::Null)), None);
    }

    #[test]
    fn the_operators_names_take_precedence() {
        let names = [("active".to_owned(), PlayerState::Suspended)].into_iter();
        let state_names = StateNames::compile(names.collect()).unwrap();
        let read = state_names.read(Some(&json!("active"))).unwrap();
        assert_eq!(read.states.names().as_deref(), Some("suspended"));
        let empty = [(String::new(), PlayerState::Active)].into_iter();
        assert_eq!(StateNames::compile(empty.collect()).unwrap_err().field, "player_state.names");
    }
}

//! The decision per endpoint class while data about the player is unavailable.

use policy_kit::{invalid, ConfigError, EndpointClass, SortedMap};
use serde::Deserialize;

/// Whether a request may pass.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Cell {
    /// It may pass.
    Allow,
    /// It is denied.
    Refuse,
}

/// The choice for each class. By default requests that put money at risk are denied, and others pass.
#[derive(Clone, Debug, Default)]
pub struct Fallback(SortedMap<EndpointClass, Cell>);

impl Fallback {
    /// Compiles the `on_error` at path `at`.
    ///
    /// # Errors
    /// A class that must always pass, or that needs no player's token.
    pub fn compile(raw: SortedMap<EndpointClass, Cell>, at: &str) -> Result<Self, ConfigError> {
        for (class, cell) in raw.iter() {
            let at = || format!("{at}.{class}");
            match class {
                EndpointClass::Session | EndpointClass::Settlement => {
                    return Err(invalid(at(), "has no effect: the class needs no player's token"));
                }
                EndpointClass::SaferGambling if *cell == Cell::Refuse => {
                    return Err(invalid(at(), "must never be refused"));
                }
                _ => {}
            }
        }
        Ok(Self(raw))
    }

    /// Whether a request of this class is denied meanwhile.
    pub fn refuses(&self, class: EndpointClass) -> bool {
        use EndpointClass::{Deposit, Launch, Unclassified, Wager};
        // An unclassified request may be a wager.
        let class = if class == Unclassified { Wager } else { class };
        match self.0.get(&class) {
            Some(cell) => *cell == Cell::Refuse,
            None => matches!(class, Wager | Launch | Deposit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fallback(json: &str) -> Result<Fallback, ConfigError> {
        Fallback::compile(policy_kit::parse(json.as_bytes())?, "on_error")
    }

    #[test]
    fn denies_requests_that_put_money_at_risk() {
        let default = fallback("{}").unwrap();
        let changed = fallback(
            r#"{"wager": "allow", "launch": "allow", "deposit": "allow",
            "account": "refuse", "withdrawal": "refuse", "round": "refuse"}"#,
        );
        let changed = changed.unwrap();
        for class in EndpointClass::ALL {
            let name = class.as_str();
            let risk = ["wager", "launch", "deposit", "unclassified"].contains(&name);
            assert_eq!(default.refuses(class), risk, "{name}");
            let refused = ["account", "withdrawal", "round"].contains(&name);
            assert_eq!(changed.refuses(class), refused, "{name}");
        }
    }

    #[test]
    fn rejects_invalid_choices() {
        for (json, field) in [
            (r#"{"safer-gambling": "refuse"}"#, "on_error.safer-gambling"),
            (r#"{"settlement": "allow"}"#, "on_error.settlement"),
            (r#"{"session": "refuse"}"#, "on_error.session"),
        ] {
            assert_eq!(fallback(json).unwrap_err().field, field, "{json}");
        }
        assert!(fallback(r#"{"safer-gambling": "allow"}"#).is_ok());
    }
}

//! What becomes of a call while something that has to be known of its player is not to be had.

use policy_kit::{invalid, ConfigError, EndpointClass, SortedMap};
use serde::Deserialize;

/// Whether a call may pass.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Cell {
    /// It may.
    Allow,
    /// It may not.
    Refuse,
}

/// The choice for each class: closed for what puts money at risk, open for the rest.
#[derive(Clone, Debug, Default)]
pub struct Lapse(SortedMap<EndpointClass, Cell>);

impl Lapse {
    /// Compiles the `on_error` at path `at`.
    ///
    /// # Errors
    /// A class that may never be refused for it, or is never asked.
    pub fn compile(raw: SortedMap<EndpointClass, Cell>, at: &str) -> Result<Self, ConfigError> {
        for (class, cell) in raw.iter() {
            let at = || format!("{at}.{class}");
            match class {
                EndpointClass::Session | EndpointClass::Settlement => {
                    return Err(invalid(at(), "has no effect: the class needs no player's token"));
                }
                EndpointClass::SaferGambling if *cell == Cell::Refuse => {
                    return Err(invalid(at(), "must work whenever a player wants it"));
                }
                _ => {}
            }
        }
        Ok(Self(raw))
    }

    /// Whether a call of this class is refused meanwhile.
    pub fn refuses(&self, class: EndpointClass) -> bool {
        use EndpointClass::{Deposit, Launch, Unclassified, Wager};
        // What nobody classified may be a wager.
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

    fn lapse(json: &str) -> Result<Lapse, ConfigError> {
        Lapse::compile(policy_kit::parse(json.as_bytes())?, "on_error")
    }

    #[test]
    fn closed_where_money_is_put_at_risk() {
        let default = lapse("{}").unwrap();
        let turned = lapse(
            r#"{"wager": "allow", "launch": "allow", "deposit": "allow",
            "account": "refuse", "withdrawal": "refuse", "round": "refuse"}"#,
        );
        let turned = turned.unwrap();
        for class in EndpointClass::ALL {
            let name = class.as_str();
            let risk = ["wager", "launch", "deposit", "unclassified"].contains(&name);
            assert_eq!(default.refuses(class), risk, "{name}");
            let refused = ["account", "withdrawal", "round"].contains(&name);
            assert_eq!(turned.refuses(class), refused, "{name}");
        }
    }

    #[test]
    fn choices_that_are_none() {
        for (json, field) in [
            (r#"{"safer-gambling": "refuse"}"#, "on_error.safer-gambling"),
            (r#"{"settlement": "allow"}"#, "on_error.settlement"),
            (r#"{"session": "refuse"}"#, "on_error.session"),
        ] {
            assert_eq!(lapse(json).unwrap_err().field, field, "{json}");
        }
        assert!(lapse(r#"{"safer-gambling": "allow"}"#).is_ok());
    }
}

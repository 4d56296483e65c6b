//! The use a token was issued for: to which client, and as which kind of the issuer's tokens.

use policy_kit::{invalid, ConfigError, Denial};
use policy_token::Claims;
use serde_json::Value;

use crate::denials::{CLIENT, MALFORMED};

/// The accepted clients and kinds; any if `None`.
#[derive(Clone, Debug, Default)]
pub struct TokenUse {
    clients: Option<Vec<String>>,
    payload_types: Option<Vec<String>>,
}

impl TokenUse {
    /// Compiles `clients` and `payload_types` at path `at`.
    ///
    /// # Errors
    /// Names the list that is empty, or holds an empty text.
    pub fn compile(
        clients: Option<Vec<String>>,
        payload_types: Option<Vec<String>>,
        at: &str,
    ) -> Result<Self, ConfigError> {
        for (name, list) in [("clients", &clients), ("payload_types", &payload_types)] {
            let names = |list: &Vec<String>| !list.is_empty() && list.iter().all(|n| !n.is_empty());
            if !list.as_ref().is_none_or(names) {
                let problem = "must name at least one, and none that is empty";
                return Err(invalid(format!("{at}.{name}"), problem));
            }
        }
        Ok(Self { clients, payload_types })
    }

    /// Checks the use of a token.
    ///
    /// # Errors
    /// The denial and its evidence. A claim that is not a text does not match.
    pub fn check(&self, claims: &Claims) -> Result<(), (Denial, &'static str)> {
        let present = |name: &str| claims.at(name).filter(|value| !value.is_null());
        let is_one = |value: &Value, of: &[String]| {
            value.as_str().is_some_and(|text| of.iter().any(|one| one == text))
        };
        if let Some(kinds) = &self.payload_types {
            if !present("/typ").is_some_and(|kind| is_one(kind, kinds)) {
                return Err((MALFORMED, "token_type"));
            }
        }
        if let Some(ours) = &self.clients {
            let mut named = ["/client_id", "/azp"].into_iter().filter_map(present).peekable();
            if named.peek().is_none() || !named.all(|client| is_one(client, ours)) {
                return Err((CLIENT, CLIENT.code));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_clients_and_payload_types() {
        let list = |names: &[&str]| Some(names.iter().map(|n| (*n).to_owned()).collect());
        let clients = TokenUse::compile(list(&["web", "app"]), None, "at").unwrap();
        let types = TokenUse::compile(None, list(&["Bearer"]), "at").unwrap();
        let both = TokenUse::compile(list(&["web"]), list(&["Bearer"]), "at").unwrap();
        let any = TokenUse::default();
        let (client, kind) = (Err("client_mismatch"), Err("token_type"));
        for (uses, json, want) in [
            (&any, r#"{}"#, Ok(())),
            (&any, r#"{"azp": "evil", "typ": "ID"}"#, Ok(())),
            (&clients, r#"{"client_id": "web"}"#, Ok(())),
            (&clients, r#"{"azp": "app"}"#, Ok(())),
            (&clients, r#"{"azp": "app", "client_id": "web"}"#, Ok(())),
            (&clients, r#"{"azp": "app", "client_id": null}"#, Ok(())),
            (&clients, r#"{}"#, client),
            (&clients, r#"{"azp": null}"#, client),
            (&clients, r#"{"azp": "evil"}"#, client),
            (&clients, r#"{"azp": "app", "client_id": "evil"}"#, client),
            (&clients, r#"{"azp": "evil", "client_id": "web"}"#, client),
            (&clients, r#"{"azp": ["app"]}"#, client),
            (&clients, r#"{"azp": "APP"}"#, client),
            (&types, r#"{"typ": "Bearer"}"#, Ok(())),
            (&types, r#"{"typ": "ID"}"#, kind),
            (&types, r#"{"typ": "bearer"}"#, kind),
            (&types, r#"{"typ": 1}"#, kind),
            (&types, r#"{}"#, kind),
            (&both, r#"{"typ": "Bearer", "azp": "web"}"#, Ok(())),
            (&both, r#"{"typ": "Bearer", "azp": "app"}"#, client),
        ] {
            let claims = Claims::parse(json.as_bytes()).unwrap();
            assert_eq!(uses.check(&claims).map_err(|(_, detail)| detail), want, "{json}");
        }
    }

    #[test]
    fn rejects_empty_lists() {
        for list in [vec![], vec![String::new()]] {
            let error = TokenUse::compile(Some(list.clone()), None, "at").unwrap_err();
            assert_eq!(error.field, "at.clients");
            let error = TokenUse::compile(None, Some(list), "at").unwrap_err();
            assert_eq!(error.field, "at.payload_types");
        }
    }
}

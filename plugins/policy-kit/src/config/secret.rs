//! A secret of the operator.

use policy_wire::Host;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::Deserialize;

use crate::config::error::{invalid, ConfigError};
use crate::config::field::{Field, FieldError};
use crate::config::setting::Setting;

/// As the operator writes it: the text itself, which a dump of the gateway's configuration shows, or
/// `{"env": NAME}`, a variable of the VM's environment, whose value the dump does not show.
#[derive(Clone)]
pub enum Secret {
    /// The secret itself.
    Literal(String),
    /// A variable that holds it.
    Variable(Variable),
}

crate::settings! {
    /// A variable of the VM's environment.
    #[derive(Clone, Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Variable {
        /// Its name.
        pub env: String,
    }
}

impl Secret {
    /// The secret.
    ///
    /// # Errors
    /// Names `at`: an empty secret, or a variable that is not there.
    pub fn read(&self, host: &mut dyn Host, at: &str) -> Result<String, ConfigError> {
        let found = match self {
            Self::Literal(text) => Some(text.clone()),
            Self::Variable(variable) => host.env(&variable.env),
        };
        match found {
            None => Err(invalid(format!("{at}.env"), "no such variable in the VM's environment")),
            Some(text) if text.is_empty() => Err(invalid(at, "is empty")),
            Some(text) => Ok(text),
        }
    }
}

impl Default for Secret {
    fn default() -> Self {
        Self::Literal(String::new())
    }
}

impl Setting for Secret {
    fn read(&mut self, field: Field<'_, '_>) -> Result<(), FieldError> {
        *self = match field.text() {
            Some(text) => Self::Literal(text.to_owned()),
            None if field.is_object() => {
                let mut variable = Variable::default();
                variable.read(field)?;
                Self::Variable(variable)
            }
            None => return Err(FieldError::expected("a text or `{\"env\": NAME}`")),
        };
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(SecretVisitor)
    }
}

/// Reads either form. Not serde's `untagged`, which keeps a copy of the value and shows it in errors.
struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text or `{\"env\": NAME}`")
    }

    fn visit_str<E>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::Literal(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Secret, A::Error> {
        Variable::deserialize(MapAccessDeserializer::new(members)).map(Secret::Variable)
    }
}

/// Never shows the secret.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Literal(_) => "Secret(literal)",
            Self::Variable(_) => "Secret(env)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeHost;

    #[test]
    fn secrets_are_literals_or_variables() {
        let env = [("KEY".to_owned(), "s3cret".to_owned())].into();
        let mut host = FakeHost { env, ..FakeHost::default() };
        for (json, want) in [
            (r#""s3cret""#, Ok("s3cret".to_owned())),
            (r#"{"env": "KEY"}"#, Ok("s3cret".to_owned())),
            (r#"{"env": "OTHER"}"#, Err("secret.env".to_owned())),
            (r#""""#, Err("secret".to_owned())),
        ] {
            let secret: Secret = serde_json::from_str(json).unwrap();
            assert_eq!(secret.read(&mut host, "secret").map_err(|e| e.field), want, "{json}");
            assert!(!format!("{secret:?}").contains("s3cret"));
        }
        for json in ["1", "{}", r#"{"env": "A", "file": "b"}"#, r#"{"env": 1}"#, "null"] {
            assert!(serde_json::from_str::<Secret>(json).is_err(), "{json}");
        }
    }
}

//! A JSON value with its path. Errors name the field and never its value.
use serde_json::Value;

/// What is wrong with a document, and where. The value itself is never repeated: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct FieldError {
    /// Path of the field, as in `static_resources.listeners[0].name`.
    pub path: String,
    /// What is wrong with it.
    pub problem: String,
}

/// A value and its path.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Node<'a> {
    /// The whole document, called `name` in errors.
    pub fn root(value: &'a Value, name: &str) -> Self {
        Self { value, path: name.to_owned() }
    }

    /// The value itself.
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// Its path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// An error about this value.
    pub fn fail(&self, problem: impl Into<String>) -> FieldError {
        FieldError { path: self.path.clone(), problem: problem.into() }
    }

    /// The field of this name, in snake_case or, as protobuf's JSON allows, in camelCase.
    pub fn get(&self, name: &str) -> Option<Node<'a>> {
        let value = self.value.get(name).or_else(|| self.value.get(camel(name)))?;
        if value.is_null() {
            return None;
        }
        let path =
            if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Some(Node { value, path })
    }

    /// As [`Self::get`]; an absent field is an error.
    pub fn need(&self, name: &str) -> Result<Node<'a>, FieldError> {
        self.get(name).ok_or_else(|| self.fail(format!("`{name}` is missing")))
    }

    /// The string.
    pub fn str(&self) -> Result<&'a str, FieldError> {
        self.value.as_str().ok_or_else(|| self.fail("must be a string"))
    }

    /// The boolean.
    pub fn bool(&self) -> Result<bool, FieldError> {
        self.value.as_bool().ok_or_else(|| self.fail("must be true or false"))
    }

    /// The whole number, also where it is written as a string, as protobuf's JSON allows.
    pub fn number(&self) -> Result<u64, FieldError> {
        let number = match self.value {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => {
                number.as_u64().or_else(|| number.as_f64().and_then(whole_number))
            }
            _ => None,
        };
        number.ok_or_else(|| self.fail("must be a whole number, not negative"))
    }

    /// Number and name of an enumeration value. As in Envoy, the case does not matter, `-` stands for `_`,
    /// and the number is valid too.
    pub fn choice<'n>(&self, names: &[&'n str]) -> Result<(usize, &'n str), FieldError> {
        let found = match self.value {
            Value::String(text) => {
                let text = text.replace('-', "_");
                names.iter().position(|name| name.eq_ignore_ascii_case(&text))
            }
            _ => self.number().ok().and_then(|number| usize::try_from(number).ok()),
        };
        found
            .and_then(|number| Some((number, *names.get(number)?)))
            .ok_or_else(|| self.fail(format!("must be one of {}", names.join(", "))))
    }

    /// The members of the list.
    pub fn items(&self) -> Result<Vec<Node<'a>>, FieldError> {
        let items = self.value.as_array().ok_or_else(|| self.fail("must be a list"))?;
        Ok(items
            .iter()
            .enumerate()
            .map(|(index, value)| Node { value, path: format!("{}[{index}]", self.path) })
            .collect())
    }

    /// The members of the field `name`; none where it is missing.
    pub fn list(&self, name: &str) -> Result<Vec<Node<'a>>, FieldError> {
        self.get(name).map_or_else(|| Ok(Vec::new()), |list| list.items())
    }

    /// The fields of the object.
    pub fn fields(&self) -> Result<Vec<(&'a str, Node<'a>)>, FieldError> {
        let object = self.value.as_object().ok_or_else(|| self.fail("must be an object"))?;
        Ok(object
            .iter()
            .map(|(name, value)| {
                let path = match self.path.as_str() {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                (name.as_str(), Node { value, path })
            })
            .collect())
    }

    /// The boolean `name`, false where it is missing.
    pub fn flag(&self, name: &str) -> Result<bool, FieldError> {
        self.get(name).map_or(Ok(false), |node| node.bool())
    }

    /// The string `name`, empty where it is missing.
    pub fn text(&self, name: &str) -> Result<String, FieldError> {
        self.get(name).map_or(Ok(String::new()), |node| node.str().map(str::to_owned))
    }

    /// The one member of the list `name`; more or fewer is an error.
    pub fn only_member(&self, name: &str) -> Result<Node<'a>, FieldError> {
        let list = self.need(name)?;
        let mut items = list.items()?;
        match (items.len(), items.pop()) {
            (1, Some(item)) => Ok(item),
            (count, _) => Err(list.fail(format!("must have exactly one member, has {count}"))),
        }
    }

    /// Refuses every field that is not among `known`.
    pub fn known(&self, known: &[&str]) -> Result<(), FieldError> {
        for (name, field) in self.fields()? {
            if !known.iter().any(|it| *it == name || camel(it) == name) {
                return Err(field.fail("the replayer does not emulate this field"));
            }
        }
        Ok(())
    }

    /// The type name of a `typed_config`, and the node with its fields, also inside a TypedStruct.
    pub fn typed(&self) -> Result<(&'a str, Node<'a>), FieldError> {
        let name = self.type_name()?;
        if name != "TypedStruct" {
            return Ok((name, self.clone()));
        }
        self.known(&["@type", "type_url", "value"])?;
        let url = self.need("type_url")?.str()?;
        Ok((last_part(url), self.need("value")?))
    }

    /// The last part of the `@type`, as in `HttpConnectionManager`.
    pub fn type_name(&self) -> Result<&'a str, FieldError> {
        let url = self.need("@type")?.str()?;
        Ok(last_part(url))
    }
}

fn last_part(url: &str) -> &str {
    url.rsplit(['/', '.']).next().unwrap_or(url)
}

fn whole_number(number: f64) -> Option<u64> {
    // Struct numbers are doubles; a YAML 1e3 arrives as one too.
    (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as u64)
}

fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for letter in name.chars() {
        if letter == '_' {
            upper = true;
        } else if upper {
            out.extend(letter.to_uppercase());
            upper = false;
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_have_the_field_and_not_the_value() {
        let document = json!({"a": [{"b": "hunter2"}], "hops": "3", "useIt": true});
        let root = Node::root(&document, "bootstrap");
        let b = root.only_member("a").unwrap().need("b").unwrap();
        let cases = [
            (b.bool().unwrap_err(), "bootstrap.a[0].b: must be true or false"),
            (b.number().unwrap_err(), "bootstrap.a[0].b: must be a whole number, not negative"),
            (b.items().unwrap_err(), "bootstrap.a[0].b: must be a list"),
            (root.need("z").unwrap_err(), "bootstrap: `z` is missing"),
            (
                root.known(&["a", "use_it"]).unwrap_err(),
                "bootstrap.hops: the replayer does not emulate this field",
            ),
        ];
        for (error, text) in cases {
            assert_eq!(error.to_string(), text);
            assert!(!error.to_string().contains("hunter2"));
        }
        assert_eq!(root.need("hops").unwrap().number(), Ok(3));
        assert_eq!(root.flag("use_it"), Ok(true), "camelCase is the same field");
    }
}

//! Reading a configuration document, and saying what is wrong with one without showing it.

use serde::de::DeserializeOwned;

use crate::json::given_twice;

/// Longest field path that is printed. A path can hold operator text (an unknown field's name), so
/// it is bounded like any other foreign text.
const MAX_FIELD: usize = 120;

/// A configuration the operator must fix, naming the field at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Path of the offending field, such as `licences[2].markets`; `$` for the whole document.
    pub field: String,
    /// What is wrong. Never contains the rejected value: it may be a secret.
    pub problem: String,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}

impl std::error::Error for ConfigError {}

/// Shorthand for a [`ConfigError`].
pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> ConfigError {
    ConfigError { field: field.into(), problem: problem.into() }
}

/// Parses a configuration document.
///
/// # Errors
/// Names the path of the field and the kind of fault. Serde's own text is not passed on, because it
/// quotes the rejected value.
pub fn parse<C: DeserializeOwned>(document: &[u8]) -> Result<C, ConfigError> {
    let mut json = serde_json::Deserializer::from_slice(document);
    let parsed = serde_path_to_error::deserialize::<_, C>(&mut json).map_err(|e| {
        let path = e.path().to_string();
        let field = if path == "." || path == "?" { "$".to_owned() } else { path };
        explain(field, e.inner())
    })?;
    json.end().map_err(|e| explain("$".to_owned(), &e))?;
    // A map would keep the last of two, and the operator may have meant the first.
    if let Some((name, line)) = given_twice(document) {
        return Err(invalid(printable(&name), format!("given twice, at line {line}")));
    }
    Ok(parsed)
}

fn explain(field: String, error: &serde_json::Error) -> ConfigError {
    let at = format!("at line {} column {}", error.line(), error.column());
    if error.is_syntax() {
        return invalid("$", format!("not JSON, {at}"));
    }
    if error.is_eof() {
        return invalid("$", format!("the document ends too early, {at}"));
    }
    let text = error.to_string();
    let mut field = printable(&field);
    let problem = if text.starts_with("unknown field") {
        format!("unknown field, {at}")
    } else if let Some(name) = quoted_after(&text, "missing field `") {
        field = if field == "$" { name.to_owned() } else { format!("{field}.{name}") };
        format!("required, but missing, {at}")
    } else if let Some(name) = quoted_after(&text, "duplicate field `") {
        field = name.to_owned();
        format!("given twice, {at}")
    } else if text.starts_with("unknown variant") {
        match text.rsplit_once(", expected ") {
            // What follows the last `expected` is our own list of names.
            Some((_, ours)) => format!("not one of the known names, expected {ours}"),
            None => format!("not one of the known names, {at}"),
        }
    } else {
        match text.rsplit_once(", expected ") {
            // What follows the last `expected` is our own, whatever stands before it is not.
            Some((_, ours)) => format!("wrong type or value, expected {ours}"),
            None => format!("wrong type or value, {at}"),
        }
    };
    invalid(field, problem)
}

fn quoted_after<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    text.strip_prefix(prefix)?.split('`').next()
}

fn printable(field: &str) -> String {
    let clean = field.chars().map(|c| if c.is_control() { '?' } else { c });
    let mut out: String = clean.take(MAX_FIELD).collect();
    if field.chars().count() > MAX_FIELD {
        out.push_str("...");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[allow(dead_code)]
        list: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[allow(dead_code)]
        key: String,
        #[allow(dead_code)]
        mode: Option<Mode>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Mode {
        Enforce,
    }

    #[test]
    fn errors_name_the_field_and_never_the_value() {
        let garbage = "S3CRET".repeat(200_000);
        let cases: &[(&str, &str)] = &[
            ("", "$"),
            ("{", "$"),
            (&garbage, "$"),
            // Serde reads an array as the fields in order.
            ("[\"S3CRET\"]", "[0]"),
            (r#"{"list": []} S3CRET"#, "$"),
            (r#"{"lists": "S3CRET"}"#, "lists"),
            (r#"{"list": "S3CRET"}"#, "list"),
            (r#"{"list": [{"key": "k"}, {"key": "S3CRET", "kee": "S3CRET"}]}"#, "list[1].kee"),
            (r#"{"list": [{"key": 7}]}"#, "list[0].key"),
            (
                r#"{"list": [{"key": "S3CRET", "mode": "S3CRET, expected S3CRET2"}]}"#,
                "list[0].mode",
            ),
            (r#"{"list": [{"mode": "enforce"}]}"#, "list[0].key"),
            (r#"{}"#, "list"),
        ];
        for (document, field) in cases {
            let e = parse::<Outer>(document.as_bytes()).unwrap_err();
            let shown = &document[..document.len().min(60)];
            assert_eq!(e.field, *field, "{shown}: {e}");
            assert!(!e.to_string().contains("S3CRET"), "{shown}: {e}");
        }
    }

    #[test]
    fn a_member_given_twice_is_named() {
        type Map = std::collections::BTreeMap<String, u8>;
        assert!(parse::<Map>(br#"{"a": 1, "b": 1}"#).is_ok());
        for document in [r#"{"a": 1, "b": 1, "a": 2}"#, r#"{"A": 1, "a": 2}"#] {
            let error = parse::<Map>(document.as_bytes()).unwrap_err();
            assert_eq!(
                (error.field.as_str(), error.problem.as_str()),
                ("a", "given twice, at line 1")
            );
        }
    }

    #[test]
    fn a_huge_unknown_name_is_cut() {
        let e = parse::<Outer>(format!("{{\"{}\": 1}}", "n".repeat(1 << 20)).as_bytes());
        assert!(e.unwrap_err().to_string().len() < 300);
    }
}

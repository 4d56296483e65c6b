//! Reading a configuration document. Errors name the field and never show its value, which may be a secret.

use serde::de::DeserializeOwned;

use crate::body::json::{read, Found, Unreadable, MAX_DEPTH};
use crate::config::document::not_json;
use crate::config::error::{invalid, ConfigError};
use crate::config::field::{Field, FieldError, Path};
use crate::config::tree::{Node, Tree};

/// Longest field path that is printed. A path can hold operator text (an unknown field's name), so
/// it is bounded like any other foreign text.
const MAX_FIELD: usize = 120;

/// Parses a configuration document: JSON, in which no member is given twice.
///
/// ```
/// #[derive(Debug, serde::Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Config {
///     header: String,
/// }
///
/// let config: Config = policy_kit::parse(br#"{"header": "x-tenant"}"#)?;
/// assert_eq!(config.header, "x-tenant");
///
/// let error = policy_kit::parse::<Config>(br#"{"header": 7}"#).unwrap_err();
/// assert_eq!(error.field, "header");
/// assert!(!error.problem.contains('7'), "the rejected value is not shown");
/// # Ok::<(), policy_kit::ConfigError>(())
/// ```
///
/// # Errors
/// Names the path of the field and the kind of fault. Serde's own text is not passed on, because it
/// quotes the rejected value.
pub fn parse<C: DeserializeOwned>(document: &[u8]) -> Result<C, ConfigError> {
    let value = tree(document)?;
    C::deserialize(Field { value: &value, path: &Path::Root }).map_err(located)
}

/// The document as a tree.
pub(crate) fn tree(document: &[u8]) -> Result<Node<'_>, ConfigError> {
    let found = Found::default();
    let seed = Tree { depth: MAX_DEPTH, found: &found };
    read(seed, &found, document).map_err(|error| match not_json(document) {
        Some(problem) => invalid("$", problem),
        None => unreadable(&error),
    })
}

/// An error with its field; `$` for the whole document.
pub(crate) fn located(error: FieldError) -> ConfigError {
    let (field, problem) = error.at(&Path::Root).into_parts();
    let field = field.filter(|field| !field.is_empty());
    let field = field.map_or("$".to_owned(), |field| printable(&field));
    invalid(field, problem)
}

/// A document that is not JSON, or in which a member is given twice: a map would keep the last of
/// two, and the operator may have meant the first.
fn unreadable(error: &Unreadable) -> ConfigError {
    let (field, what, line, column) = match error {
        Unreadable::Twice(name, line, column) => (printable(name), "given twice", *line, *column),
        Unreadable::Deep => {
            return invalid("$", format!("nested more than {MAX_DEPTH} levels deep"));
        }
        Unreadable::Syntax(error) => {
            let what = if error.is_eof() { "the document ends too early" } else { "not JSON" };
            ("$".to_owned(), what, error.line(), error.column())
        }
    };
    invalid(field, format!("{what}, at line {line} column {column}"))
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
            ("[\"S3CRET\"]", "$"),
            (r#"{"list": []} S3CRET"#, "$"),
            (r#"{"lists": "S3CRET"}"#, "lists"),
            (r#"{"list": "S3CRET"}"#, "list"),
            (r#"{"list": [{"key": "k"}, {"key": "S3CRET", "kee": "S3CRET"}]}"#, "list[1].kee"),
            (r#"{"list": [{"key": 7}]}"#, "list[0].key"),
            (r#"{"list": [["S3CRET"]]}"#, "list[0]"),
            (r#"{"list": [{"key": "k", "mode": {"enforce": "S3CRET"}}]}"#, "list[0].mode"),
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
            assert_eq!(error.field, "a");
            assert!(error.problem.starts_with("given twice, at line 1"), "{error}");
        }
    }

    #[test]
    fn a_huge_unknown_name_is_cut() {
        let e = parse::<Outer>(format!("{{\"{}\": 1}}", "n".repeat(1 << 20)).as_bytes());
        assert!(e.unwrap_err().to_string().len() < 300);
    }
}

//! Reading a configuration document, and saying what is wrong with one without showing it.

use serde::de::DeserializeOwned;

use crate::document::not_json;
use crate::field::{Field, Path};
use crate::json::{given_twice, read, MAX_DEPTH};
use crate::node::Tree;
use crate::Profile;

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

/// Shorthand for a [`ConfigError`]. Made in one place, since every module makes dozens of them.
#[cold]
#[inline(never)]
pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> ConfigError {
    ConfigError { field: field.into(), problem: problem.into() }
}

/// Reads the name of a header as the operator writes it.
///
/// # Errors
/// Names `at`.
#[inline]
pub fn header_name(at: &str, name: &str) -> Result<String, ConfigError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if name.is_empty() || !name.bytes().all(allowed) {
        return Err(invalid(at, "expected a header name in lower case"));
    }
    Ok(name.to_owned())
}

/// Checks a configuration's `version`, which is told in metrics and logs.
///
/// # Errors
/// Anything that could not stand there.
#[inline]
pub fn version(text: &str) -> Result<(), ConfigError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    match text.len() <= 32 && text.bytes().all(plain) {
        true => Ok(()),
        false => Err(invalid("version", "expected up to 32 letters, digits, `-` and `_`")),
    }
}

/// Checks who strips the headers in which WasmX tells facts of a caller: such a header is only as good as
/// whoever strips what clients send. `at` is the field, `member` the one in it that names the filter
/// (`name`), `told` of whom facts are told.
///
/// # Errors
/// Names the field.
#[inline]
pub fn stripped_by(
    profile: Profile,
    (at, member): (&str, &str),
    told: &str,
    name: Option<&str>,
) -> Result<(), ConfigError> {
    match (profile, name) {
        (Profile::Envoy, None) => Ok(()),
        (Profile::Envoy, Some(_)) => {
            Err(invalid(at, "is for `wasmx`: elsewhere no client can say who it is"))
        }
        (Profile::Wasmx, None) => {
            let problem = "are told in headers there, and somebody has to strip what clients send";
            Err(invalid(at, format!("required: {told} {problem}")))
        }
        (Profile::Wasmx, Some(name)) => {
            match !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()) {
                true => Ok(()),
                false => Err(invalid(format!("{at}.{member}"), "expected a filter's name")),
            }
        }
    }
}

/// Parses a configuration document.
///
/// # Errors
/// Names the path of the field and the kind of fault. Serde's own text is not passed on, because it
/// quotes the rejected value.
pub fn parse<C: DeserializeOwned>(document: &[u8]) -> Result<C, ConfigError> {
    let value = read(Tree(MAX_DEPTH), document).map_err(|error| match not_json(document) {
        Some(problem) => invalid("$", problem),
        None => unreadable(&error),
    })?;
    let field = Field { value: &value, path: &Path::Root };
    C::deserialize(field).map_err(|wrong| wrong.at(&Path::Root)).map_err(|wrong| {
        let (field, problem) = wrong.told();
        let field = field.filter(|field| !field.is_empty());
        let field = field.map_or("$".to_owned(), |field| printable(&field));
        invalid(field, problem)
    })
}

/// A document that is no JSON, or in which a member is given twice: a map would keep the last of
/// two, and the operator may have meant the first.
fn unreadable(error: &serde_json::Error) -> ConfigError {
    let at = format!("at line {} column {}", error.line(), error.column());
    if let Some(name) = given_twice(error) {
        return invalid(printable(&name), format!("given twice, {at}"));
    }
    match error.is_eof() {
        true => invalid("$", format!("the document ends too early, {at}")),
        false => invalid("$", format!("not JSON, {at}")),
    }
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

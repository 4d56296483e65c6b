//! The field of a document that is malformed.

/// The path of a malformed field and what is wrong with it; for a missing member, the path of the member.
pub(crate) fn problem(
    error: &serde_path_to_error::Error<serde_json::Error>,
    otherwise: &'static str,
) -> (String, &'static str) {
    let path = error.path().to_string();
    let said = error.inner().to_string();
    match said.strip_prefix("missing field `").and_then(|it| it.split('`').next()) {
        Some(member) if path == "." => (member.to_owned(), "is missing"),
        Some(member) => (format!("{path}.{member}"), "is missing"),
        None => (path, otherwise),
    }
}

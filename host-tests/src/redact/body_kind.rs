//! The kind of a body by its content.

/// True for one or several JSON documents, also truncated, also after the prefix `)]}'` against script
/// inclusion.
pub(super) fn looks_like_json(text: &str) -> bool {
    let starts = text.starts_with(['{', '[', '"']) && text.contains('"');
    starts || text.split('"').skip(1).any(|after| after.trim_start().starts_with(':'))
}

/// True for the parts of a form with files.
pub(super) fn looks_like_parts(text: &str) -> bool {
    text.starts_with("--") && text.to_ascii_lowercase().contains("content-disposition:")
}

pub(super) fn looks_like_a_url(text: &str) -> bool {
    !text.contains(char::is_whitespace) && (text.contains("://") || text.starts_with('/'))
}

/// True for `a=1&b=2`, which hostile and broken clients send under any content type.
pub(super) fn looks_like_a_form(text: &str) -> bool {
    let pair = |pair: &str| {
        let name = pair.split_once('=').map_or("", |(name, _)| name);
        !name.is_empty()
            && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-.[]%+".contains(&it))
    };
    !text.contains(char::is_whitespace) && text.split('&').all(pair)
}

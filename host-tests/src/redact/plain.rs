//! Values that are replaced where they stand by name, and nowhere else: as part of an address or as a word
//! they mean something other than the person.
use serde_json::Value;
use std::collections::HashSet;

/// Hosts of the recording, and their labels.
pub(super) fn hosts(documents: &[Value]) -> HashSet<String> {
    let mut hosts = HashSet::new();
    let mut learn = |authority: &str| {
        let host = authority.rsplit('@').next().unwrap_or(authority).to_ascii_lowercase();
        let name = host.split(':').next().unwrap_or_default();
        hosts.extend(name.split('.').map(str::to_owned));
        let domains = name.match_indices('.').filter_map(|(at, _)| name.get(at + 1..));
        hosts.extend(domains.map(str::to_owned));
        hosts.insert(name.to_owned());
        hosts.insert(host);
    };
    for document in documents {
        let entries = document.pointer("/log/entries").and_then(Value::as_array);
        for entry in entries.into_iter().flatten() {
            let url = entry.pointer("/request/url").and_then(Value::as_str).unwrap_or_default();
            if let Some((_, rest)) = url.split_once("://") {
                learn(rest.split(['/', '?', '#']).next().unwrap_or_default());
            }
        }
        let headers = document.pointer("/http_buffered_trace/request/headers");
        for header in headers.and_then(Value::as_array).into_iter().flatten() {
            if header["key"] == ":authority" || header["key"] == "host" {
                learn(header["value"].as_str().unwrap_or_default());
            }
        }
    }
    hosts
}

/// True for such a value: a host or a label of one, a URL without a query, a path, or letters only. One with an id in it
/// tells of somebody all the same.
pub(super) fn is_plain(value: &str, hosts: &HashSet<String>) -> bool {
    let is_host = hosts.contains(&value.to_ascii_lowercase());
    if is_host && (value.contains('.') || !has_id(value)) {
        return true;
    }
    if value.split(|it: char| !it.is_ascii_alphanumeric() && !"-_+=".contains(it)).any(has_id) {
        return false;
    }
    let bare = value.trim_end_matches(['=', '?', '&']);
    let path = bare.starts_with('/') || bare.contains("://");
    is_word(value)
        || (path && !bare.contains(['?', '#', ';', '@', '=']))
        || (path && is_empty_query(bare))
}

/// True for `/a?b`, the start of a query that has no value yet.
fn is_empty_query(url: &str) -> bool {
    url.split_once('?').is_some_and(|(path, query)| {
        !path.contains(['#', ';', '@', '=']) && query.bytes().all(|it| it.is_ascii_alphabetic())
    })
}

/// True for letters only, unless they change between cases as in a random text.
fn is_word(value: &str) -> bool {
    let pairs = value.as_bytes().windows(2);
    let changes =
        pairs.filter(|it| matches!(it, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase()));
    value.bytes().all(|it| it.is_ascii_alphabetic())
        && (value.len() < 16 || changes.count() <= value.len() / 7)
}

/// True for a part that looks like an id.
fn has_id(part: &str) -> bool {
    part.len() >= 12 && part.bytes().filter(u8::is_ascii_digit).count() >= 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hosts_paths_and_words_are_plain() {
        let url = json!({"request": {"url": "https://www.Press.example:8443/a?b"}});
        let hosts = hosts(&[json!({"log": {"entries": [url]}})]);
        for (value, plain) in [
            ("www.press.example", true),
            ("Press.example", true),
            ("press", true),
            ("gazette", true),
            ("/dot.gif", true),
            ("/Elm?ucode=", true),
            ("http://other.example/", true),
            ("http://other.example/a?b=c", false),
            ("https://u:pw@other.example/", false),
            ("/reset/4fQz81LmWk07Tb", false),
            ("p-alice", false),
            ("Sesame7042q", false),
            ("dkXwQzRtYpLmNbVcHsGf", false),
            ("Alice Vella", false),
        ] {
            assert_eq!(is_plain(value, &hosts), plain, "{value}");
        }
    }
}

//! Entries that no gateway saw, or that cannot be sent again.
use super::shape::{Entry, Field};

/// Why this entry is not replayed.
pub(super) fn never_sent(entry: &Entry<'_>) -> Option<&'static str> {
    by_scheme(entry).or_else(|| by_browser(entry)).or_else(|| unanswered(entry)).or_else(|| {
        is_variable(entry).then_some("uses a variable of a load test, whose value is not recorded")
    })
}

fn by_scheme(entry: &Entry<'_>) -> Option<&'static str> {
    let request = &entry.request;
    let scheme = request.url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("http" | "https") => {}
        Some("ws" | "wss") => return Some("a WebSocket"),
        Some("data") => return Some("a data: URL, which never leaves the browser"),
        _ => return Some("not http or https"),
    }
    let connect = request.method.eq_ignore_ascii_case("CONNECT");
    connect.then_some("a tunnel through a proxy")
}

/// Answers of the browser without the network.
fn by_browser(entry: &Entry<'_>) -> Option<&'static str> {
    if entry.from_cache.is_true() {
        return Some("answered from the browser's cache");
    }
    let response = entry.response.as_ref();
    if entry.by_service_worker.is_true()
        || response.is_some_and(|it| it.by_service_worker.is_true())
    {
        return Some("answered by a service worker, whose own requests are entries of their own");
    }
    let response = response?;
    if response.status.number() != Some(307) {
        return None;
    }
    // Chrome's own redirect to https (HSTS) is recorded like an answer.
    let headers = response.headers.map(|it| serde_json::from_str::<Vec<Field<'_>>>(it.get()));
    let headers = headers.and_then(Result::ok).unwrap_or_default();
    let reason = |it: &Field<'_>| it.name.word().eq_ignore_ascii_case("non-authoritative-reason");
    let internal = response.status_text.word() == "Internal Redirect" || headers.iter().any(reason);
    internal.then_some("redirected by the browser itself, before anything was sent")
}

/// A request without an answer was blocked, failed or aborted. Its entry may lack cookies and credentials,
/// which browsers add last.
fn unanswered(entry: &Entry<'_>) -> Option<&'static str> {
    let response = entry.response.as_ref()?;
    // Our own recordings hold all requests that reached the gateway, answered or not.
    if entry.client.is_some() || response.status.number().is_none_or(|it| it > 0) {
        return None;
    }
    let error = [&entry.error, &response.error].map(|it| it.word().to_ascii_uppercase()).concat();
    Some(match () {
        () if error.contains("BLOCKED") => "never sent: blocked in the browser",
        () if error.contains("ABORTED") || error.contains("CANCEL") => {
            "given up by the client: what it had sent by then is not recorded"
        }
        () => "has no answer: never sent, or not recorded as it was sent",
    })
}

fn is_variable(entry: &Entry<'_>) -> bool {
    let request = &entry.request;
    let variable = |text: &str| text.contains("${");
    let data = request.post_data.as_ref().map(|it| it.text.word());
    entry.started_date_time.word().is_empty()
        && (variable(&request.url)
            || request.headers.iter().map(|it| it.value.word()).chain(data).any(variable))
}

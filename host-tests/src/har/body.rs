//! The body of a recorded request, and the length it needs on the wire.
use super::shape::{PostData, Request};
use crate::traffic::{values, Fields};
use base64::Engine as _;

/// A field, and what is wrong with it.
type Problem = (&'static str, &'static str);

const TEXT: &str = "request.postData.text";

/// The body, with `content-length` put right; nothing where the recorder left the body out.
pub(super) fn body(request: &Request, headers: &mut Fields) -> Result<Option<Vec<u8>>, Problem> {
    let recorded = request.post_data.as_ref().map_or(Ok(Some(Vec::new())), read)?;
    let Some(recorded) = recorded else { return Ok(None) };
    if values(headers, "transfer-encoding").next().is_some() {
        return Ok(Some(recorded));
    }
    let told: Vec<Option<usize>> = values(headers, "content-length").map(number).collect();
    let told = match told.as_slice() {
        [] => {
            if !recorded.is_empty() {
                let length = recorded.len().to_string().into_bytes();
                headers.push((b"content-length".to_vec(), length));
            }
            return Ok(Some(recorded));
        }
        [Some(told)] => *told,
        // Two lengths, or one that is no number: what a hostile client sent is sent again.
        _ => return Ok(Some(recorded)),
    };
    if told == recorded.len() {
        return Ok(Some(recorded));
    }
    if recorded.is_empty() {
        return Ok(None);
    }
    // A proxy writes bytes as characters where the body is not UTF-8.
    let text = std::str::from_utf8(&recorded).ok();
    if let Some(bytes) = text.and_then(super::to_bytes).filter(|it| it.len() == told) {
        return Ok(Some(bytes));
    }
    // It also writes a compressed body unpacked, beside the length of the packed one.
    if values(headers, "content-encoding").next().is_some() {
        headers.retain(|(name, _)| !is(name, "content-encoding") && !is(name, "content-length"));
        let length = recorded.len().to_string().into_bytes();
        headers.push((b"content-length".to_vec(), length));
        return Ok(Some(recorded));
    }
    Err((TEXT, "is not as long as content-length"))
}

fn read(data: &PostData) -> Result<Option<Vec<u8>>, Problem> {
    let encoding = data.encoding.as_ref().map(|it| it.as_str().unwrap_or_default());
    match (&data.text, encoding) {
        (Some(text), Some("base64")) => base64::engine::general_purpose::STANDARD
            .decode(text)
            .map(Some)
            .map_err(|_| (TEXT, "must be base64")),
        (Some(text), None) if !text.is_empty() => Ok(Some(text.clone().into_bytes())),
        (_, Some(_)) => Err(("request.postData._encoding", "must be base64")),
        (_, None) => Ok(form(data)),
    }
}

/// A form whose fields were recorded and whose text was not. Only of a simple one do the fields tell
/// the bytes: a multipart one has files, heads and a boundary besides.
fn form(data: &PostData) -> Option<Vec<u8>> {
    let params = data.params.as_deref().unwrap_or_default();
    if params.is_empty() {
        return Some(Vec::new());
    }
    if !data.mime_type.starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    let pairs: Vec<String> =
        params.iter().map(|it| format!("{}={}", escape(&it.name), escape(&it.value))).collect();
    Some(pairs.join("&").into_bytes())
}

/// As browsers encode a form.
fn escape(text: &str) -> String {
    let byte = |it: u8| match it {
        b' ' => "+".to_owned(),
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
            char::from(it).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn is(name: &[u8], wanted: &str) -> bool {
    name.eq_ignore_ascii_case(wanted.as_bytes())
}

fn number(value: &[u8]) -> Option<usize> {
    std::str::from_utf8(value).ok().and_then(|it| it.parse().ok())
}

//! The body of a recorded request, and the length it needs on the wire.
use super::latin1::to_bytes;
use super::shape::{Field, PostData, Request};
use super::surrogates;
use crate::intake::recording::Reason;
use crate::traffic::{values, Fields};
use base64::Engine as _;

/// The body is not in the recording, so the request cannot be sent again.
const MISSING: &str = "its body was not recorded";

/// Playwright's `attach` keeps it beside the recording.
const ELSEWHERE: &str = "its body is in another file";

const NOT_BASE64: &str = "request.postData.text: must be base64";

/// The body, with `content-length` corrected; or why it cannot be sent. `own` is a complete recording of
/// this tool; in a `mended` one some characters stand for bytes.
pub(super) fn body(
    request: &Request<'_>,
    headers: &mut Fields,
    own: bool,
    mended: bool,
) -> Result<Vec<u8>, Reason> {
    let lengths: Vec<Option<usize>> = values(headers, "content-length").map(number).collect();
    let wanted = match lengths.as_slice() {
        [Some(length)] => Some(*length),
        _ => None,
    };
    let recorded = match &request.post_data {
        None => Vec::new(),
        Some(data) => read(data, wanted, mended)?,
    };
    let chunked = values(headers, "transfer-encoding").next().is_some();
    // Browsers omit the bodies of a DELETE over HTTP/2 and of streams, and record at best their size.
    let more = request.body_size.number().is_some_and(|it| it > 0) || (chunked && !own);
    if recorded.is_empty() && more && wanted != Some(0) {
        return Err(MISSING.into());
    }
    if chunked {
        return Ok(recorded);
    }
    let length = match (lengths.as_slice(), wanted) {
        ([], _) => {
            if !recorded.is_empty() {
                let length = recorded.len().to_string().into_bytes();
                headers.push((b"content-length".to_vec(), length));
            }
            return Ok(recorded);
        }
        (_, Some(length)) => length,
        // Two or invalid lengths of a hostile client are sent again.
        (_, None) => return Ok(recorded),
    };
    if length == recorded.len() {
        return Ok(recorded);
    }
    if recorded.is_empty() {
        return Err(MISSING.into());
    }
    // A proxy writes bytes as characters where the body is not UTF-8.
    let text = std::str::from_utf8(&recorded).ok();
    let bytes = text.and_then(|it| to_bytes(it, mended));
    if let Some(bytes) = bytes.filter(|it| it.len() == length) {
        return Ok(bytes);
    }
    // It also writes a compressed body unpacked, with the length of the packed one.
    if values(headers, "content-encoding").next().is_some() {
        headers.retain(|(name, _)| !is(name, "content-encoding") && !is(name, "content-length"));
        let length = recorded.len().to_string().into_bytes();
        headers.push((b"content-length".to_vec(), length));
        return Ok(recorded);
    }
    Err("request.postData.text: is not as long as content-length".into())
}

fn read(data: &PostData<'_>, wanted: Option<usize>, mended: bool) -> Result<Vec<u8>, Reason> {
    let Some(text) = data.text.text() else {
        return Err("request.postData.text: not as HAR has it".into());
    };
    let encoding = match (data.encoding.word(), data.own_encoding.word()) {
        ("", own) => own,
        (theirs, _) => theirs,
    };
    match encoding {
        "base64" => base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_err(|_| Reason::from(NOT_BASE64)),
        "" if !text.is_empty() => Ok(surrogates::to_utf8(text, mended)),
        "" if data.file.is_some() || data.digest.is_some() => Err(ELSEWHERE.into()),
        "" => form(data, wanted),
        _ => Err("request.postData._encoding: must be base64".into()),
    }
}

/// The body of a form from its recorded fields. Only a simple form can be rebuilt: a multipart one also has
/// files, heads and a boundary. Some recorders write the fields encoded, others decoded; the length, if
/// recorded, shows which.
fn form(data: &PostData<'_>, wanted: Option<usize>) -> Result<Vec<u8>, Reason> {
    if data.params.is_empty() {
        return Ok(Vec::new());
    }
    let kind = data.mime_type.word().to_ascii_lowercase();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(MISSING.into());
    }
    let encoded = pairs(&data.params, escape);
    let raw = || pairs(&data.params, str::to_owned).filter(|it| it.is_ascii());
    let fits = |it: &String| wanted.is_none_or(|wanted| it.len() == wanted);
    let form = encoded.filter(fits).or_else(|| raw().filter(fits));
    form.map(String::into_bytes)
        .ok_or_else(|| "request.postData.params: do not tell the bytes that were sent".into())
}

fn pairs(params: &[Field<'_>], write: impl Fn(&str) -> String) -> Option<String> {
    let pair =
        |it: &Field<'_>| Some(format!("{}={}", write(it.name.text()?), write(it.value.text()?)));
    Some(params.iter().map(pair).collect::<Option<Vec<_>>>()?.join("&"))
}

/// As browsers encode a form.
pub(crate) fn escape(text: &str) -> String {
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

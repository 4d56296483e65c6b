//! The request target and the host: where a request says it goes.
use super::Refusal;
use crate::gateway::Hcm;
use crate::traffic::Fields;

/// Path and authority of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) path: Vec<u8>,
    pub(super) authority: Option<Vec<u8>>,
    /// The scheme of an absolute target.
    pub(super) scheme: Option<Vec<u8>>,
}

/// Splits the target; the authority of an absolute target replaces the host header.
pub(super) fn split(method: &[u8], target: &[u8], fields: &mut Fields) -> Result<Target, Refusal> {
    let host = take_host(fields);
    if target.starts_with(b"/") || (target == b"*" && method == b"OPTIONS") {
        return Ok(Target { path: target.to_vec(), authority: host, scheme: None });
    }
    if target == b"*" {
        return Err(Refusal::bad_request("http1.invalid_url"));
    }
    let Some(at) = target.windows(3).position(|it| it == b"://") else {
        return Err(Refusal::bad_request("http1.codec_error"));
    };
    let (scheme, rest) = target.split_at_checked(at).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
        return Err(Refusal::bad_request("http1.invalid_scheme"));
    }
    let rest = rest.get(3..).unwrap_or_default();
    let end = rest.iter().position(|it| b"/?#".contains(it)).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or_default();
    // Who the client says it is does not belong to the host.
    let authority = authority.rsplit(|it| *it == b'@').next().unwrap_or_default();
    if path.starts_with(b"#") || !authority_is_valid(authority) {
        return Err(Refusal::bad_request("http1.codec_error"));
    }
    if authority.is_empty() || !port_is_right(authority) {
        return Err(Refusal::bad_request("http1.invalid_url"));
    }
    let path = if path.is_empty() { b"/".to_vec() } else { path.to_vec() };
    let scheme = Some(scheme.to_ascii_lowercase());
    Ok(Target { path, authority: Some(authority.to_vec()), scheme })
}

fn take_host(fields: &mut Fields) -> Option<Vec<u8>> {
    let at = fields.iter().position(|(name, _)| name == b"host")?;
    Some(fields.remove(at).1)
}

fn port_is_right(authority: &[u8]) -> bool {
    let after = authority.rsplit(|it| *it == b']').next().unwrap_or(authority);
    match after.iter().position(|it| *it == b':') {
        None => true,
        Some(colon) => {
            let port = after.get(colon + 1..).unwrap_or_default();
            std::str::from_utf8(port).is_ok_and(|it| it.parse::<u16>().is_ok())
        }
    }
}

/// True for what Envoy takes as an authority.
pub(super) fn authority_is_valid(authority: &[u8]) -> bool {
    authority.iter().all(|it| {
        it.is_ascii_graphic()
            && !matches!(it, b'"' | b'#' | b'/' | b'<' | b'>' | b'?' | b'\\' | b'^' | b'`')
            && !matches!(it, b'{' | b'|' | b'}')
    })
}

/// The authority without what the options strip from it.
pub(super) fn strip(hcm: &Hcm, authority: &[u8], listener_port: u16) -> Vec<u8> {
    let (mut host, mut port) = match port_at(authority) {
        Some(at) => authority.split_at_checked(at).unwrap_or((authority, &[])),
        None => (authority, &[][..]),
    };
    if hcm.strip_trailing_dot {
        host = host.strip_suffix(b".").unwrap_or(host);
    }
    let matches = port == format!(":{listener_port}").as_bytes();
    if hcm.strip_any_port || (hcm.strip_matching_port && matches) {
        port = &[];
    }
    [host, port].concat()
}

/// Where a numeric port begins, with its colon.
fn port_at(authority: &[u8]) -> Option<usize> {
    let colon = authority.iter().rposition(|it| *it == b':')?;
    let (host, port) = authority.split_at_checked(colon)?;
    let inside_brackets = host.starts_with(b"[") && !host.ends_with(b"]");
    let digits = port.get(1..)?;
    let numeric = std::str::from_utf8(digits).is_ok_and(|it| it.parse::<u32>().is_ok());
    (numeric && !inside_brackets).then_some(colon)
}

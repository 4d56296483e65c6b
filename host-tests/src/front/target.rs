//! The request target and the host.
use super::refusal::Refusal;
use super::url;
use crate::gateway::Hcm;
use crate::traffic::Fields;

/// Path and authority of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// A CONNECT has none.
    pub(super) path: Option<Vec<u8>>,
    pub(super) authority: Option<Vec<u8>>,
    /// The scheme of an absolute target.
    pub(super) scheme: Option<Vec<u8>>,
}

/// Splits the target; the authority in it replaces the host header.
pub(super) fn split(method: &[u8], target: &[u8], fields: &mut Fields) -> Result<Target, Refusal> {
    let host = take_host(fields);
    let connect = method == b"CONNECT";
    let whole_server = target.starts_with(b"*") && method == b"OPTIONS";
    if !connect && (target.starts_with(b"/") || whole_server) {
        return Ok(Target { path: Some(target.to_vec()), authority: host, scheme: None });
    }
    let Some(url) = url::parse(target, connect) else {
        return Err(Refusal::bad_request("http1.invalid_url"));
    };
    let authority = Some(url.host.to_vec());
    if connect {
        return Ok(Target { path: None, authority, scheme: None });
    }
    let scheme = url.scheme.to_ascii_lowercase();
    if scheme != b"http" && scheme != b"https" {
        return Err(Refusal::bad_request("http1.invalid_scheme"));
    }
    let path = if url.path.is_empty() { b"/" } else { url.path };
    Ok(Target { path: Some(path.to_vec()), authority, scheme: Some(scheme) })
}

fn take_host(fields: &mut Fields) -> Option<Vec<u8>> {
    let at = fields.iter().position(|(name, _)| name == b"host")?;
    Some(fields.remove(at).1)
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

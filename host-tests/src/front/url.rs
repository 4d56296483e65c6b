//! URLs and authorities in a request line. Envoy parses them twice: for valid characters, and later into
//! host and port.
use std::net::Ipv6Addr;

/// Scheme, host with port, and path of a URL; an authority has only the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Url<'a> {
    pub(super) scheme: &'a [u8],
    pub(super) host: &'a [u8],
    pub(super) path: &'a [u8],
}

/// Whether the parser of the request line accepts a target of visible characters.
pub(super) fn is_well_formed(target: &[u8], connect: bool) -> bool {
    if target.starts_with(b"/") || target.starts_with(b"*") {
        return true;
    }
    let rest = if connect { Some(target) } else { scheme(target).map(|(_, rest)| rest) };
    rest.is_some_and(|rest| {
        let (authority, _) = split_authority(rest);
        let known = |it: &u8| it.is_ascii_alphanumeric() || b"!$%&'()*+,-.:;=@[]_~".contains(it);
        authority.iter().all(known) && !authority.windows(2).any(|it| it == b"@@")
    })
}

/// Splits a URL, or the `host:port` of a CONNECT.
pub(super) fn parse(target: &[u8], connect: bool) -> Option<Url<'_>> {
    let (scheme, rest) = if connect { (&[][..], target) } else { scheme(target)? };
    let (authority, path) = split_authority(rest);
    // The user information is not part of the host.
    let host = match authority.iter().position(|it| *it == b'@') {
        Some(at) if !connect => {
            let (user, host) = authority.split_at_checked(at)?;
            if user.iter().any(|it| b"[]".contains(it)) {
                return None;
            }
            host.get(1..)?
        }
        _ => authority,
    };
    let port = port_of(host)?;
    let port_is_right = match port {
        [] => !connect,
        [b':', digits @ ..] => {
            // Parsing alone would accept a sign.
            let digits = std::str::from_utf8(digits).ok()?;
            digits.bytes().all(|it| it.is_ascii_digit()) && digits.parse::<u16>().is_ok()
        }
        _ => false,
    };
    let whole = !connect || path.is_empty();
    (port_is_right && whole).then_some(Url { scheme, host, path })
}

/// What follows a good host: nothing, or a colon and something.
fn port_of(host: &[u8]) -> Option<&[u8]> {
    if let Some(inside) = host.strip_prefix(b"[") {
        let end = inside.iter().position(|it| *it == b']')?;
        std::str::from_utf8(inside.get(..end)?).ok()?.parse::<Ipv6Addr>().ok()?;
        return inside.get(end + 1..);
    }
    let end = host.iter().position(|it| *it == b':').unwrap_or(host.len());
    let (name, port) = host.split_at_checked(end)?;
    let known = |it: &u8| it.is_ascii_alphanumeric() || b".-".contains(it);
    (!name.is_empty() && name.iter().all(known)).then_some(port)
}

/// A scheme and what follows `://`.
fn scheme(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = target.windows(3).position(|it| it == b"://")?;
    let (scheme, rest) = target.split_at_checked(at)?;
    let known = |it: &u8| it.is_ascii_alphanumeric() || b"+-.".contains(it);
    let good = scheme.first().is_some_and(u8::is_ascii_alphabetic) && scheme.iter().all(known);
    good.then_some((scheme, rest.get(3..)?))
}

fn split_authority(rest: &[u8]) -> (&[u8], &[u8]) {
    let end = rest.iter().position(|it| b"/?".contains(it)).unwrap_or(rest.len());
    rest.split_at_checked(end).unwrap_or((rest, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A target, and what becomes of it: no line at all, no URL, or this host.
    #[test]
    fn urls_are_parsed_as_in_envoy() {
        for (target, connect, wanted) in [
            ("http://h:80/x", false, Ok("h:80")),
            ("http://user:pw@h/x", false, Ok("h")),
            ("http://@[::1]:80?x", false, Ok("[::1]:80")),
            ("http://h:00080", false, Ok("h:00080")),
            ("http://h:+80/x", false, Err(true)),
            ("http://a_b/x", false, Err(true)),
            ("http://a@b@c/x", false, Err(true)),
            ("http://a@@b/x", false, Err(false)),
            ("http://[::1/x", false, Err(true)),
            ("http://[::1%25eth0]/x", false, Err(true)),
            ("http://a|b/x", false, Err(false)),
            ("http:/x", false, Err(false)),
            ("a_b://h/x", false, Err(false)),
            ("h:80", true, Ok("h:80")),
            ("h", true, Err(true)),
            ("u@h:80", true, Err(true)),
            ("h:80?x", true, Err(true)),
            ("h:80#x", true, Err(false)),
        ] {
            let bytes = target.as_bytes();
            let host = parse(bytes, connect).map(|it| it.host.escape_ascii().to_string());
            let found = host.filter(|_| is_well_formed(bytes, connect));
            let found = found.ok_or_else(|| is_well_formed(bytes, connect));
            assert_eq!(found, wanted.map(str::to_owned), "{target}");
        }
    }
}

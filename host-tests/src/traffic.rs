//! One recorded request, as bytes: what a client sent, from where, and when.
use std::net::SocketAddr;
use std::time::Duration;

/// Header fields in order, as bytes.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// The header that ties a request to its line in the gateway's access log.
pub const REPLAY_HEADER: &str = "x-pitboss-replay";

/// A recorded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its number in the recording, from 1.
    pub number: usize,
    /// When it was sent, in nanoseconds since the Unix epoch.
    pub at: u64,
    /// Time since the first request of the recording.
    pub offset: Duration,
    /// The peer that sent it.
    pub client: SocketAddr,
    /// The method, verbatim.
    pub method: Vec<u8>,
    /// The request target, verbatim.
    pub target: Vec<u8>,
    /// The header fields, verbatim and in order.
    pub headers: Fields,
    /// The body, without transfer coding.
    pub body: Vec<u8>,
    /// It was sent as HTTP/1.0; as HTTP/1.1 otherwise.
    pub http10: bool,
}

impl Request {
    /// A request without headers but `host`, at the epoch. For tests and tables.
    pub fn new(method: &str, target: impl AsRef<[u8]>) -> Self {
        Self {
            number: 1,
            at: 0,
            offset: Duration::ZERO,
            client: SocketAddr::from(([203, 0, 113, 9], 5555)),
            method: method.as_bytes().to_vec(),
            target: target.as_ref().to_vec(),
            headers: vec![(b"host".to_vec(), b"casino.example".to_vec())],
            body: Vec::new(),
            http10: false,
        }
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Gives it a body and the `content-length` that goes with it.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        let length = self.body.len().to_string();
        self.header("content-length", length)
    }

    /// Sets its peer.
    #[must_use]
    pub fn from(mut self, client: SocketAddr) -> Self {
        self.client = client;
        self
    }

    /// The values of the header fields of this name.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        values(&self.headers, name)
    }

    /// The client by the edge: the last entry of X-Forwarded-For, else the peer.
    pub fn origin(&self) -> String {
        let said =
            self.values("x-forwarded-for").last().and_then(|it| it.rsplit(|b| *b == b',').next());
        let said = said.map(|it| it.trim_ascii().escape_ascii().to_string());
        said.unwrap_or_else(|| self.client.ip().to_string())
    }

    /// The target for output: names in its query stay, values are replaced by `*`, since they may be
    /// credentials. The same applies to parameters of path segments, a user and a password.
    pub fn shown_target(&self) -> String {
        let target = self.target.escape_ascii().to_string();
        let (rest, fragment) = match target.split_once('#') {
            Some((rest, _)) => (rest, "#*"),
            None => (target.as_str(), ""),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let (scheme, path) = path.split_once("://").unwrap_or(("", path));
        let (authority, path) = match scheme {
            "" => ("", path),
            _ => path.split_at(path.find('/').unwrap_or(path.len())),
        };
        let mut out = String::with_capacity(target.len());
        if !scheme.is_empty() {
            out.extend([scheme, "://"]);
        }
        match authority.rsplit_once('@') {
            Some((_, host)) => out.extend(["*@", host]),
            None => out.push_str(authority),
        }
        for (index, part) in path.split(';').enumerate() {
            // What a parameter is followed by is a path again.
            let (parameter, rest) = part.split_at(part.find('/').unwrap_or(part.len()));
            match index {
                0 => out.push_str(part),
                _ => out.extend([";", &shown_pair(parameter), rest]),
            }
        }
        if let Some(query) = query {
            let pairs: Vec<String> = query.split('&').map(shown_pair).collect();
            out.extend(["?", &pairs.join("&")]);
        }
        out + fragment
    }

    /// True when the body goes out in chunks.
    pub fn is_chunked(&self) -> bool {
        self.values("transfer-encoding").any(|it| it.eq_ignore_ascii_case(b"chunked"))
    }

    /// The request with its number in [`REPLAY_HEADER`], replacing a recorded one.
    #[must_use]
    pub fn marked(&self) -> Self {
        let mut marked = self.clone();
        marked.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(REPLAY_HEADER.as_bytes()));
        marked.header(REPLAY_HEADER, self.number.to_string())
    }
}

/// A pair with its value hidden; a pair without `=` that is not a word may be a secret itself.
fn shown_pair(pair: &str) -> String {
    let word = |it: u8| it.is_ascii_alphabetic() || b"_-.[]".contains(&it);
    match pair.split_once('=') {
        Some((name, "")) => format!("{name}="),
        Some((name, _)) => format!("{name}=*"),
        None if pair.len() <= 24 && pair.bytes().all(word) => pair.to_owned(),
        None => "*".to_owned(),
    }
}

/// The values of the header fields of this name.
pub(crate) fn values<'a>(fields: &'a Fields, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
    fields
        .iter()
        .filter(move |(it, _)| it.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, value)| value.as_slice())
}

/// An answer as the client gets it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header fields, names in lower case.
    pub headers: Fields,
    /// The body, without transfer coding.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first value of this header field, as text.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers
            .iter()
            .find(|(it, _)| it.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_targets_hide_query_values() {
        for (target, shown) in [
            ("/api/odds", "/api/odds"),
            ("/api/odds?format=decimal&limit=5", "/api/odds?format=*&limit=*"),
            ("/a?token=S=S&b=&c", "/a?token=*&b=&c"),
            ("/a?Sesame7042q", "/a?*"),
            ("/a?", "/a?"),
            ("/a?x=1#token=S", "/a?x=*#*"),
            ("/a;jsessionid=S/b;v=1;x", "/a;jsessionid=*/b;v=*;x"),
            ("http://user:S@h.example/a?b=S", "http://*@h.example/a?b=*"),
            ("h.example:443", "h.example:443"),
            ("*", "*"),
        ] {
            assert_eq!(Request::new("GET", target).shown_target(), shown, "{target}");
        }
        assert_eq!(Request::new("GET", b"/a\xff?b=\xff").shown_target(), "/a\\xff?b=*");
    }
}

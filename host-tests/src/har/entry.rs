//! From HAR to requests: one entry, as browsers, proxies and load testers write it.
use super::body::body;
use super::latin1::to_bytes;
use super::sent::never_sent;
use super::shape::{self, Field, Said};
use super::surrogates;
use crate::intake::problem::problem;
use crate::intake::recording::{Defaults, Reason};
use crate::traffic::{Fields, Request};
use serde_json::Value;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use time::format_description::well_known::Rfc3339;
use time::OffsetDateTime;

/// Fields of HTTP/2 and HTTP/3 that a recorder may write among the headers, under any version.
const PSEUDO: &[&str] = &[":authority", ":method", ":path", ":protocol", ":scheme", ":status"];

const BROKEN: &str = "must not hold a line break";

/// How far apart requests without a time are, in nanoseconds.
const STEP: u64 = 100_000_000;

/// An entry to be read.
pub(super) struct Entry<'a> {
    /// Its number, from 1.
    pub(super) number: usize,
    /// The entry, as JSON.
    pub(super) json: &'a str,
    /// Defaults for missing values.
    pub(super) defaults: &'a Defaults,
}

impl Entry<'_> {
    /// Reads it, or returns why it is skipped; `last` is the time of the entry before, for entries without a
    /// time.
    pub(super) fn read(&self, last: Option<u64>) -> Result<Request, Reason> {
        let mended = surrogates::mend(self.json);
        let entry = match serde_json::from_str(&mended) {
            Ok(entry) => entry,
            Err(_) => return Err(self.odd(&mended)),
        };
        let read = Read { number: self.number, defaults: self.defaults, entry };
        read.request(last, matches!(mended, Cow::Owned(_)))
    }

    /// The malformed field of an entry.
    fn odd(&self, json: &str) -> Reason {
        let mut reader = serde_json::Deserializer::from_str(json);
        let entry: Result<shape::Entry<'_>, _> = serde_path_to_error::deserialize(&mut reader);
        let (field, problem) = match entry {
            Err(error) => problem(&error, "not as HAR has it"),
            Ok(_) => ("entry".to_owned(), "not as HAR has it"),
        };
        fail(if field == "." { "entry".to_owned() } else { field }, problem)
    }
}

/// A well-formed entry.
struct Read<'a> {
    number: usize,
    defaults: &'a Defaults,
    entry: shape::Entry<'a>,
}

impl Read<'_> {
    fn request(&self, last: Option<u64>, mended: bool) -> Result<Request, Reason> {
        let entry = &self.entry;
        if let Some(reason) = never_sent(entry) {
            return Err(reason.into());
        }
        let at = match &entry.started_date_time {
            Said::Nothing => last.map_or(self.defaults.start, |last| last + STEP),
            said => time(said.word())?,
        };
        if is_broken(&entry.request.url) {
            return Err(fail("request.url", BROKEN));
        }
        let (authority, derived) = split_url(&entry.request.url);
        let target = match &entry.target {
            // A URL may hold any character, and is sent as UTF-8.
            None => surrogates::to_utf8(&derived, mended),
            Some(raw) => match raw.text() {
                Some(raw) => bytes(raw, mended, || "_target".to_owned())?,
                None => return Err(fail("_target", "must hold one byte per character")),
            },
        };
        let mut headers = self.headers(authority, mended)?;
        let body = body(&entry.request, &mut headers, self.is_own(), mended)?;
        let method = bytes(&entry.request.method, mended, || "request.method".to_owned())?;
        let (number, client, offset) = (self.number, self.client()?, Duration::ZERO);
        let http10 = entry.request.http_version.word().eq_ignore_ascii_case("HTTP/1.0");
        Ok(Request { number, at, offset, client, method, target, headers, body, http10 })
    }

    /// True for a complete recording of this tool.
    fn is_own(&self) -> bool {
        self.entry.client.is_some()
    }

    fn headers(&self, authority: &str, mended: bool) -> Result<Fields, Reason> {
        let request = &self.entry.request;
        let mut headers = Fields::with_capacity(request.headers.len() + 2);
        for (index, header) in request.headers.iter().enumerate() {
            let part = |said: &Said<'_>, part: &str| {
                let field = || format!("request.headers[{index}].{part}");
                let text = said.text().ok_or_else(|| fail(field(), "not as HAR has it"))?;
                bytes(text, mended, field)
            };
            let name = part(&header.name, "name")?;
            match &header.value {
                Said::List(values) => {
                    for value in values {
                        headers.push((name.clone(), part(value, "value")?));
                    }
                }
                value => headers.push((name, part(value, "value")?)),
            }
        }
        let is = |name: &[u8], wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        // Browsers record HTTP/2 with its pseudo headers; on the wire to the gateway it is HTTP/1.1.
        let pseudo = |name: &[u8]| PSEUDO.iter().any(|it| is(name, it));
        let version = request.http_version.word().to_ascii_lowercase();
        let binary = version.contains('2') || version.contains('3');
        if binary || headers.iter().any(|(name, _)| pseudo(name)) {
            headers.retain(|(name, _)| !pseudo(name));
            join_cookies(&mut headers);
        }
        // Our own recordings are complete; one without a host was sent without a host.
        if (binary || !self.is_own()) && !headers.iter().any(|(name, _)| is(name, "host")) {
            if authority.is_empty() {
                return Err(fail("request.url", "has no host"));
            }
            headers.insert(0, (b"host".to_vec(), authority.as_bytes().to_vec()));
        }
        if !self.is_own() && !headers.iter().any(|(name, _)| is(name, "cookie")) {
            if let Some(cookies) = request.cookies.and_then(|it| cookies(it.get())) {
                let cookies = bytes(&cookies, mended, || "request.cookies".to_owned())?;
                headers.push((b"cookie".to_vec(), cookies));
            }
        }
        Ok(headers)
    }

    fn client(&self) -> Result<SocketAddr, Reason> {
        let port = 20_000 + u16::try_from(self.number % 40_000).unwrap_or_default();
        let Some(address) = &self.entry.client else {
            return Ok(SocketAddr::new(self.defaults.client, port));
        };
        // A zone is the recorder's name for its own link.
        let text = address.word();
        let text = text.split_once('%').map_or(Cow::Borrowed(text), |(address, rest)| {
            let end = rest.find(']').and_then(|end| rest.get(end..)).unwrap_or_default();
            Cow::Owned(address.to_owned() + end)
        });
        let ip = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, port));
        ip.or_else(|_| text.parse())
            .map_err(|_| fail("_clientAddress", "must be an address, or address:port"))
    }
}

fn fail(field: impl Into<String>, problem: &'static str) -> Reason {
    format!("{}: {problem}", field.into()).into()
}

fn bytes(text: &str, mended: bool, field: impl FnOnce() -> String) -> Result<Vec<u8>, Reason> {
    match to_bytes(text, mended) {
        // On the wire it would become another header or another request.
        Some(_) if is_broken(text) => Err(fail(field(), BROKEN)),
        Some(bytes) => Ok(bytes),
        None => Err(fail(field(), "must hold one byte per character")),
    }
}

/// A time of RFC 3339; some recorders leave the colon of the offset out.
fn time(text: &str) -> Result<u64, Reason> {
    let colon = |text: &str| {
        let (rest, minutes) = text.split_at_checked(text.len().checked_sub(2)?)?;
        let sign = rest.len().checked_sub(3).and_then(|at| rest.get(at..))?.starts_with(['+', '-']);
        sign.then(|| format!("{rest}:{minutes}"))
    };
    let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    parse(text)
        .or_else(|| parse(&colon(text)?))
        .and_then(|it| u64::try_from(it.unix_timestamp_nanos()).ok())
        .ok_or_else(|| fail("startedDateTime", "no time of RFC 3339 since 1970"))
}

fn is_broken(text: &str) -> bool {
    text.contains(['\r', '\n'])
}

/// HTTP/2 may send the crumbs of a cookie one by one; HTTP/1.1 has one field.
fn join_cookies(headers: &mut Fields) {
    let is = |name: &[u8]| name.eq_ignore_ascii_case(b"cookie");
    let crumbs: Vec<Vec<u8>> =
        headers.iter().filter(|(name, _)| is(name)).map(|(_, value)| value.clone()).collect();
    if crumbs.len() > 1 {
        headers.retain(|(name, _)| !is(name));
        headers.push((b"cookie".to_vec(), crumbs.join(&b"; "[..])));
    }
}

/// The cookie field of a recorder that lists cookies, or has them as members of an object, and leaves
/// the header out.
fn cookies(json: &str) -> Option<String> {
    let pairs: Vec<String> = match serde_json::from_str(json) {
        Ok(Value::Object(members)) => {
            let text = |it: &Value| it.as_str().map_or_else(|| it.to_string(), str::to_owned);
            members.iter().map(|(name, value)| format!("{name}={}", text(value))).collect()
        }
        _ => {
            let list: Vec<Field<'_>> = serde_json::from_str(json).ok()?;
            list.iter().map(|it| format!("{}={}", it.name.word(), it.value.word())).collect()
        }
    };
    (!pairs.is_empty()).then(|| pairs.join("; "))
}

/// Authority and target of a URL, both verbatim; a user and password before the host are no part of it.
fn split_url(url: &str) -> (&str, String) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split('#').next().unwrap_or(rest);
    let cut = rest.find(['/', '?']).and_then(|at| rest.split_at_checked(at));
    let (authority, target) = cut.unwrap_or((rest, "/"));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    if target.starts_with('?') {
        return (host, format!("/{target}"));
    }
    (host, target.to_owned())
}

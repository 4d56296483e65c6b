//! From HAR to requests: one entry, as browsers, proxies and load testers write it.
use super::body::body;
use super::shape::{self, Field};
use super::{to_bytes, HarError};
use crate::intake::{Defaults, Reading};
use crate::traffic::{Fields, Request};
use serde_json::Value;
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
    /// The entry.
    pub(super) value: &'a Value,
    /// What holds where it says nothing.
    pub(super) defaults: &'a Defaults,
}

impl Entry<'_> {
    /// Reads it; `last` is the moment of the entry before, for entries without one.
    pub(super) fn read(&self, last: Option<u64>) -> Result<Reading, HarError> {
        let entry: shape::Entry =
            serde_path_to_error::deserialize(self.value).map_err(|error| {
                let (field, problem) = crate::intake::problem(&error, "not as HAR 1.2 has it");
                self.fail(field, problem)
            })?;
        if let Some(reason) = self.never_sent(&entry) {
            return Ok(Reading::Skip(reason));
        }
        let at = match &entry.started_date_time {
            Some(text) => self.time(text)?,
            None => last.map_or(self.defaults.start, |last| last + STEP),
        };
        if is_broken(&entry.request.url) {
            return Err(self.fail("request.url", BROKEN));
        }
        let (authority, derived) = split_url(&entry.request.url);
        let target = match self.value.get("_target") {
            None => derived.into_bytes(),
            Some(raw) => self.bytes(raw.as_str(), || "_target".to_owned())?,
        };
        let mut headers = self.headers(&entry, authority)?;
        let body = match body(&entry.request, &mut headers) {
            Ok(Some(body)) => body,
            Ok(None) => return Ok(Reading::Skip("its body was not recorded")),
            Err((field, problem)) => return Err(self.fail(field, problem)),
        };
        let method =
            self.bytes(Some(entry.request.method.as_str()), || "request.method".to_owned())?;
        let client = self.client()?;
        let number = self.number;
        let offset = Duration::ZERO;
        Ok(Reading::Request(Box::new(Request {
            number,
            at,
            offset,
            client,
            method,
            target,
            headers,
            body,
            http10: entry.request.http_version.eq_ignore_ascii_case("HTTP/1.0"),
        })))
    }

    fn fail(&self, field: impl Into<String>, problem: &'static str) -> HarError {
        HarError::Entry { entry: self.number, field: field.into(), problem }
    }

    fn bytes(
        &self,
        text: Option<&str>,
        field: impl FnOnce() -> String,
    ) -> Result<Vec<u8>, HarError> {
        match text.and_then(to_bytes) {
            // On the wire it would become another header, or another request.
            Some(_) if text.is_some_and(is_broken) => Err(self.fail(field(), BROKEN)),
            Some(bytes) => Ok(bytes),
            None => Err(self.fail(field(), "must hold one byte per character")),
        }
    }

    fn time(&self, text: &str) -> Result<u64, HarError> {
        OffsetDateTime::parse(text, &Rfc3339)
            .ok()
            .and_then(|it| u64::try_from(it.unix_timestamp_nanos()).ok())
            .ok_or_else(|| self.fail("startedDateTime", "no time of RFC 3339 since 1970"))
    }

    /// Why this entry is no request that a gateway saw, or none that can be sent again.
    fn never_sent(&self, entry: &shape::Entry) -> Option<&'static str> {
        let request = &entry.request;
        let scheme = request.url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            Some("http" | "https") => {}
            Some("ws" | "wss") => return Some("a WebSocket"),
            Some("data") => return Some("a data: URL, which never leaves the browser"),
            _ => return Some("not http or https"),
        }
        if request.method.eq_ignore_ascii_case("CONNECT") {
            return Some("a tunnel through a proxy");
        }
        if self.value.get("_fromCache").is_some_and(|it| it.is_string() || *it == Value::Bool(true))
        {
            return Some("answered from the browser's cache");
        }
        let sent = request.headers.iter().map(|it| it.value.as_str());
        let data = request.post_data.as_ref().and_then(|it| it.text.as_deref());
        let load_test = entry.started_date_time.is_none();
        let variable = |text: &str| text.contains("${");
        if load_test && (variable(&request.url) || sent.chain(data).any(variable)) {
            return Some("uses a variable of a load test, whose value is not recorded");
        }
        None
    }

    fn headers(&self, entry: &shape::Entry, authority: &str) -> Result<Fields, HarError> {
        let request = &entry.request;
        let mut headers = Fields::new();
        for (index, header) in request.headers.iter().enumerate() {
            let part = |text: &str, part: &str| {
                self.bytes(Some(text), || format!("request.headers[{index}].{part}"))
            };
            headers.push((part(&header.name, "name")?, part(&header.value, "value")?));
        }
        let is = |name: &[u8], wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        // Browsers record HTTP/2 with its pseudo headers; on the wire to the gateway it is HTTP/1.1.
        let pseudo = |name: &[u8]| PSEUDO.iter().any(|it| is(name, it));
        let version = request.http_version.to_ascii_lowercase();
        let binary = version.contains('2') || version.contains('3');
        let foreign = self.value.get("_clientAddress").is_none();
        if binary || headers.iter().any(|(name, _)| pseudo(name)) {
            headers.retain(|(name, _)| !pseudo(name));
            join_cookies(&mut headers);
        }
        // Our own recordings say everything; one without a host was sent without a host.
        if (binary || foreign) && !headers.iter().any(|(name, _)| is(name, "host")) {
            if authority.is_empty() {
                return Err(self.fail("request.url", "has no host"));
            }
            headers.insert(0, (b"host".to_vec(), authority.as_bytes().to_vec()));
        }
        if foreign && !headers.iter().any(|(name, _)| is(name, "cookie")) {
            if let Some(cookies) = cookies(&request.cookies) {
                let cookies = self.bytes(Some(&cookies), || "request.cookies".to_owned())?;
                headers.push((b"cookie".to_vec(), cookies));
            }
        }
        Ok(headers)
    }

    fn client(&self) -> Result<SocketAddr, HarError> {
        let port = 20_000 + u16::try_from(self.number % 40_000).unwrap_or_default();
        let Some(address) = self.value.get("_clientAddress") else {
            return Ok(SocketAddr::new(self.defaults.client, port));
        };
        let text = address.as_str().unwrap_or_default();
        // A zone is the recorder's name for its own link.
        let zone = text.split_once('%');
        let text = zone.map_or(text.to_owned(), |(address, rest)| {
            address.to_owned() + rest.find(']').and_then(|end| rest.get(end..)).unwrap_or_default()
        });
        let ip = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, port));
        ip.or_else(|_| text.parse())
            .map_err(|_| self.fail("_clientAddress", "must be an address, or address:port"))
    }
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

/// The cookie field of a recorder that lists cookies and leaves the header out.
fn cookies(list: &[Field]) -> Option<String> {
    let pairs: Vec<String> = list.iter().map(|it| format!("{}={}", it.name, it.value)).collect();
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

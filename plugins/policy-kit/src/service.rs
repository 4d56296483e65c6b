//! Services that a policy asks over the gateway: what a configuration says of one.

use std::time::Duration;

use percent_encoding::{utf8_percent_encode, AsciiSet, NON_ALPHANUMERIC};

use crate::{header_name, invalid, CallReply, ConfigError, Host, HttpCall, Secret, SortedMap};

/// Longest a stream may be made to wait for anybody, in milliseconds.
const MAX_TIMEOUT: u64 = 5_000;

/// All but the unreserved characters of RFC 3986 section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Headers that say what the gateway or this crate says, or that belong to one connection.
const TAKEN: [&str; 11] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A service that is asked, as the operator describes it.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    /// Where the configuration says it.
    pub at: &'a str,
    /// Envoy: a cluster. WasmX: `host:port`.
    pub cluster: &'a str,
    /// `:authority`; the cluster's name when left out.
    pub authority: Option<&'a str>,
    /// `:path`.
    pub path: &'a str,
    /// The gateway's own `Authorization` header.
    pub authorization: Option<&'a Secret>,
    /// Further headers of the question, such as the `user-agent` without which some services refuse it.
    pub headers: Option<&'a SortedMap<String, String>>,
    /// Longest anybody waits, in milliseconds.
    pub timeout_ms: u64,
    /// Longest answer that is read, in bytes.
    pub max_reply: usize,
}

impl Service<'_> {
    /// The call that asks it for JSON, without a body.
    ///
    /// # Errors
    /// Names the field.
    pub fn call(&self, method: &str, host: &mut dyn Host) -> Result<HttpCall, ConfigError> {
        service(self.cluster, self.authority, self.path, self.at)?;
        let mut headers = Vec::new();
        for (name, value) in [
            (":method", method),
            (":path", self.path),
            (":authority", self.authority.unwrap_or(self.cluster)),
            ("accept", "application/json"),
        ] {
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut add = |name: &str, value: String, at: &str| match visible(&value) {
            true => {
                headers.push((name.to_owned(), value));
                Ok(())
            }
            false => Err(invalid(format!("{}.{at}", self.at), "expected visible ASCII")),
        };
        if let Some(secret) = self.authorization {
            let value = secret.read(host, &format!("{}.authorization", self.at))?;
            add("authorization", value, "authorization")?;
        }
        for (name, value) in self.headers.into_iter().flat_map(|headers| headers.iter()) {
            let name = header_name(&format!("{}.headers", self.at), name)?;
            let at = format!("headers.{name}");
            let twice = name == "authorization" && self.authorization.is_some();
            if twice || TAKEN.contains(&name.as_str()) {
                let problem = "is a header with a meaning of its own, or given twice";
                return Err(invalid(format!("{}.{at}", self.at), problem));
            }
            add(&name, value.clone(), &at)?;
        }
        Ok(HttpCall {
            target: self.cluster.to_owned(),
            headers,
            body: Vec::new(),
            timeout: timeout(self.timeout_ms, self.at)?,
            max_reply: self.max_reply,
        })
    }
}

/// Whether a text may stand in a header.
fn visible(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| (b' '..=b'~').contains(&b))
}

/// A timeout in milliseconds: neither none at all, nor longer than any player waits.
fn timeout(millis: u64, at: &str) -> Result<Duration, ConfigError> {
    match (1..=MAX_TIMEOUT).contains(&millis) {
        true => Ok(Duration::from_millis(millis)),
        false => Err(invalid(format!("{at}.timeout_ms"), "expected 1 to 5000")),
    }
}

/// Checks what makes the address of a service that is called.
fn service(
    cluster: &str,
    authority: Option<&str>,
    path: &str,
    at: &str,
) -> Result<(), ConfigError> {
    let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    if !word(cluster) {
        return Err(invalid(format!("{at}.cluster"), "expected a cluster's name"));
    }
    if !authority.is_none_or(word) {
        return Err(invalid(format!("{at}.authority"), "expected a host, with or without a port"));
    }
    if !path.starts_with('/') || !word(path) {
        return Err(invalid(format!("{at}.path"), "expected a path from `/` on"));
    }
    Ok(())
}

/// A text as one segment of a path or one value of a query.
pub fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).collect()
}

impl HttpCall {
    /// The same for another path.
    #[must_use]
    pub fn with_path(&self, path: String) -> Self {
        let mut call = self.clone();
        if let Some((_, there)) = call.headers.iter_mut().find(|(name, _)| name == ":path") {
            *there = path;
        }
        call
    }
}

impl CallReply {
    /// The document that was asked for: the whole body of a 200.
    ///
    /// # Errors
    /// There is none; says why in a few words.
    pub fn document(&self) -> Result<&[u8], String> {
        match self {
            Self::Response { status: 200, cut: false, body, .. } => Ok(body),
            Self::Response { status: 200, .. } => Err("an answer that is too long".to_owned()),
            Self::Response { status, .. } => Err(format!("status {status}")),
            Self::NoResponse => Err("no answer".to_owned()),
            Self::Failed(fault) => Err(fault.to_string()),
            Self::TooManyWaiting => Err("too many wait for it".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeHost;
    use crate::{Fault, Headers};

    const SERVICE: Service<'_> = Service {
        at: "pam",
        cluster: "casino",
        authority: None,
        path: "/a",
        authorization: None,
        headers: None,
        timeout_ms: 250,
        max_reply: 9,
    };

    #[test]
    fn what_is_sent() {
        let secret: Secret = serde_json::from_str(r#""Basic eA==""#).unwrap();
        let service =
            Service { authority: Some("pam.internal"), authorization: Some(&secret), ..SERVICE };
        let call = service.call("POST", &mut FakeHost::default()).unwrap();
        let sent = |call: &HttpCall| -> Vec<String> {
            call.headers.iter().map(|(name, value)| format!("{name} {value}")).collect()
        };
        // Names of entries that workers share are made of these in this order.
        let mut want = [
            ":method POST",
            ":path /a",
            ":authority pam.internal",
            "accept application/json",
            "authorization Basic eA==",
        ];
        assert_eq!(sent(&call), want);
        assert_eq!((&*call.target, &*call.body, call.max_reply), ("casino", &b""[..], 9));
        assert_eq!(call.timeout, Duration::from_millis(250));
        want[1] = ":path /b?c=d";
        assert_eq!(sent(&call.with_path("/b?c=d".to_owned())), want);
        let more = r#"{"user-agent": "pitboss/1", "x-tenant": "t-1"}"#;
        let more: SortedMap<String, String> = serde_json::from_str(more).unwrap();
        let call = Service { headers: Some(&more), ..service }
            .call("GET", &mut FakeHost::default())
            .unwrap();
        assert_eq!(sent(&call)[5..], ["user-agent pitboss/1", "x-tenant t-1"]);
        let plain = SERVICE.call("GET", &mut FakeHost::default()).unwrap();
        let want = [":method GET", ":path /a", ":authority casino", "accept application/json"];
        assert_eq!(sent(&plain), want);
    }

    #[test]
    fn what_is_no_service() {
        let secret: Secret = serde_json::from_str(r#""a\nb""#).unwrap();
        for (service, field) in [
            (Service { cluster: "", ..SERVICE }, "cluster"),
            (Service { cluster: "a b", ..SERVICE }, "cluster"),
            (Service { authority: Some(""), ..SERVICE }, "authority"),
            (Service { authority: Some("a b"), ..SERVICE }, "authority"),
            (Service { path: "a", ..SERVICE }, "path"),
            (Service { path: "/a b", ..SERVICE }, "path"),
            (Service { authorization: Some(&secret), ..SERVICE }, "authorization"),
            (Service { timeout_ms: 0, ..SERVICE }, "timeout_ms"),
            (Service { timeout_ms: 5_001, ..SERVICE }, "timeout_ms"),
        ] {
            let error = service.call("GET", &mut FakeHost::default()).unwrap_err();
            assert_eq!(error.field, format!("pam.{field}"), "{service:?}");
        }
        let secret: Secret = serde_json::from_str(r#""Basic eA==""#).unwrap();
        for (headers, field) in [
            (r#"{"User-Agent": "a"}"#, "headers"),
            (r#"{":path": "/b"}"#, "headers"),
            (r#"{"host": "a"}"#, "headers.host"),
            (r#"{"authorization": "a"}"#, "headers.authorization"),
            (r#"{"user-agent": "a\nb"}"#, "headers.user-agent"),
            (r#"{"user-agent": ""}"#, "headers.user-agent"),
        ] {
            let headers: SortedMap<String, String> = serde_json::from_str(headers).unwrap();
            let authorization = Some(&secret);
            let service = Service { headers: Some(&headers), authorization, ..SERVICE };
            let error = service.call("GET", &mut FakeHost::default()).unwrap_err();
            assert_eq!(error.field, format!("pam.{field}"), "{headers:?}");
        }
    }

    #[test]
    fn what_is_a_document() {
        let answer = |status, cut| {
            let (headers, body) = (Headers::default(), b"{}".to_vec());
            CallReply::Response { status, headers, body, cut }
        };
        let fault = Fault { call: "proxy_http_call", status: Some(2) };
        let told = fault.to_string();
        for (reply, want) in [
            (answer(200, false), Ok(&b"{}"[..])),
            (answer(200, true), Err("an answer that is too long")),
            (answer(204, false), Err("status 204")),
            (answer(503, true), Err("status 503")),
            (CallReply::NoResponse, Err("no answer")),
            (CallReply::Failed(fault), Err(&*told)),
            (CallReply::TooManyWaiting, Err("too many wait for it")),
        ] {
            assert_eq!(reply.document(), want.map_err(str::to_owned), "{reply:?}");
        }
    }

    #[test]
    fn texts_in_a_path() {
        for (text, want) in [
            ("aZ09-._~", "aZ09-._~"),
            ("a/../b?c=d&e#f", "a%2F..%2Fb%3Fc%3Dd%26e%23f"),
            ("%2f +{}\u{7f}", "%252f%20%2B%7B%7D%7F"),
            ("é\0", "%C3%A9%00"),
            ("", ""),
        ] {
            assert_eq!(percent_encoded(text), want, "{text}");
        }
    }
}

//! A service that a policy calls through the gateway, as the operator describes it.

use std::time::Duration;

use percent_encoding::{utf8_percent_encode, AsciiSet, NON_ALPHANUMERIC};
use policy_wire::Host;

use crate::call::http::HttpCall;
use crate::config::check::{header_name, within};
use crate::config::error::{invalid, ConfigError};
use crate::config::secret::Secret;
use crate::config::sorted::SortedMap;

/// Longest wait of a stream for one call, in milliseconds.
const MAX_TIMEOUT: u64 = 5_000;

/// What [`percent_encoded`] encodes.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Headers that the gateway or this crate sets, or that belong to one connection.
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

/// A service that is called, as the operator describes it.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    /// The field of the configuration that describes it.
    pub at: &'a str,
    /// Envoy: a cluster. WasmX: `host:port`.
    pub cluster: &'a str,
    /// `:authority`; the cluster's name when left out.
    pub authority: Option<&'a str>,
    /// `:path`.
    pub path: &'a str,
    /// The gateway's own `Authorization` header.
    pub authorization: Option<&'a Secret>,
    /// Further headers of the call, such as the `user-agent` without which some services refuse it.
    pub headers: Option<&'a SortedMap<String, String>>,
    /// Longest wait, in milliseconds: 1 to 5000.
    pub timeout_ms: u64,
    /// Longest response body that is read, in bytes.
    pub max_reply: usize,
}

impl Service<'_> {
    /// The call that requests JSON from it, without a body.
    ///
    /// # Errors
    /// Names the field.
    pub fn call(&self, method: &str, host: &mut dyn Host) -> Result<HttpCall, ConfigError> {
        self.check_address()?;
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
            timeout: Duration::from_millis(within(self.timeout_ms, (1, MAX_TIMEOUT), || {
                format!("{}.timeout_ms", self.at)
            })?),
            max_reply: self.max_reply,
        })
    }

    fn check_address(&self) -> Result<(), ConfigError> {
        let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        let (field, problem) = if !word(self.cluster) {
            ("cluster", "expected a cluster's name")
        } else if !self.authority.is_none_or(word) {
            ("authority", "expected a host, with or without a port")
        } else if !self.path.starts_with('/') || !word(self.path) {
            ("path", "expected a path from `/` on")
        } else {
            return Ok(());
        };
        Err(invalid(format!("{}.{field}", self.at), problem))
    }
}

/// Whether a text may stand in a header.
fn visible(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| (b' '..=b'~').contains(&b))
}

/// Encodes a text as one segment of a path or one value of a query: all but the unreserved characters of
/// RFC 3986 section 2.3.
pub fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeHost;

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
    fn calls_carry_the_configured_headers() {
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
    fn rejects_invalid_services() {
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
    fn reserved_characters_are_percent_encoded() {
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

//! Anonymous networks (VPN, Tor, hosting), as a trusted proxy reports them.

use policy_kit::{header_name, invalid, ConfigError, EndpointClass, Headers, One, SortedMap};

use crate::config::place::AnonymousConfig;

/// The headers that report kinds of anonymous network, and the kinds that each class refuses.
#[derive(Debug, Default)]
pub struct Anonymous {
    headers: Vec<(String, String)>,
    refuse: SortedMap<EndpointClass, Vec<String>>,
}

impl Anonymous {
    /// Compiles the configuration's `anonymous`.
    ///
    /// # Errors
    /// No header, an invalid header name, a refused kind that no header reports.
    pub fn compile(raw: AnonymousConfig) -> Result<Self, ConfigError> {
        if raw.headers.is_empty() {
            return Err(invalid("anonymous.headers", "must name at least one header"));
        }
        let is_reported = |kind: &String| raw.headers.values().any(|it| it == kind);
        for (class, refused) in raw.refuse.iter() {
            if let Some(j) = refused.iter().position(|kind| !is_reported(kind)) {
                let at = format!("anonymous.refuse.{class}[{j}]");
                return Err(invalid(at, "is not a kind of `anonymous.headers`"));
            }
        }
        let mut headers = Vec::with_capacity(raw.headers.len());
        for (position, (name, kind)) in raw.headers.iter().enumerate() {
            let at = format!("anonymous.headers (entry {} in alphabetical order)", position + 1);
            headers.push((header_name(&at, name)?, kind.clone()));
        }
        Ok(Self { headers, refuse: raw.refuse })
    }

    /// The kinds that are reported for a request. A header that is neither yes nor no, or that is sent twice,
    /// counts as yes: a client that tampers with it hides its network.
    pub fn kinds<'a>(&'a self, headers: &'a Headers) -> impl Iterator<Item = &'a str> {
        let is_reported = |name: &str| match headers.one(name) {
            One::Absent => false,
            One::Value(value) => !matches!(value, b"" | b"0" | b"false"),
            One::Many => true,
        };
        self.headers
            .iter()
            .filter(move |(name, _)| is_reported(name))
            .map(|(_, kind)| kind.as_str())
    }

    /// Whether a class refuses a kind; `by_default` for a class that is not named.
    pub fn refuses(&self, class: EndpointClass, kind: &str, by_default: bool) -> bool {
        self.refuse.get(&class).map_or(by_default, |kinds| kinds.iter().any(|it| it == kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reported_kinds_are_refused_by_class() {
        let raw =
            r#"{"headers": {"x-vpn": "vpn", "x-tor": "tor"}, "refuse": {"account": ["tor"]}}"#;
        let anonymous = policy_kit::parse(raw.as_bytes()).and_then(Anonymous::compile).unwrap();
        type Sent = &'static [(&'static str, &'static str)];
        let cases: &[(Sent, &[&str])] = &[
            (&[], &[]),
            (&[("x-vpn", "false"), ("x-tor", "0")], &[]),
            (&[("x-vpn", "")], &[]),
            (&[("x-vpn", "true")], &["vpn"]),
            (&[("x-vpn", "1"), ("x-tor", "true")], &["tor", "vpn"]),
            (&[("x-vpn", "perhaps")], &["vpn"]),
            (&[("x-vpn", "false"), ("x-vpn", "false")], &["vpn"]),
        ];
        for (sent, want) in cases {
            let pairs = sent.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
            let headers = Headers::from_pairs(pairs);
            assert_eq!(anonymous.kinds(&headers).collect::<Vec<_>>(), *want, "{sent:?}");
        }
        for (class, kind, by_default, want) in [
            (EndpointClass::Account, "tor", false, true),
            (EndpointClass::Account, "vpn", true, false),
            (EndpointClass::Wager, "vpn", true, true),
            (EndpointClass::History, "vpn", false, false),
        ] {
            assert_eq!(anonymous.refuses(class, kind, by_default), want, "{class} {kind}");
        }
    }

    #[test]
    fn rejects_invalid_documents() {
        for (json, field) in [
            (r#"{"headers": {}}"#, "anonymous.headers"),
            (
                r#"{"headers": {"X-Vpn": "vpn"}}"#,
                "anonymous.headers (entry 1 in alphabetical order)",
            ),
            (
                r#"{"headers": {"x-vpn": "vpn"}, "refuse": {"wager": ["vpn", "tor"]}}"#,
                "anonymous.refuse.wager[1]",
            ),
        ] {
            let error = policy_kit::parse(json.as_bytes()).and_then(Anonymous::compile);
            assert_eq!(error.map(|_| ()).unwrap_err().field, field, "{json}");
        }
    }
}
